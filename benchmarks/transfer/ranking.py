"""Ranking by the network that was trained here."""

import numpy as np
import torch
from torch.nn import functional as F
from tqdm import tqdm

from benchmarks.transfer.images import Images
from benchmarks.transfer.network import Network
from reid.metrics.labels import Labels
from reid.metrics.ranking import Ranking, evaluate_protocol


def rank(network: Network, query: Images, gallery: Images, device: torch.device) -> dict[str, float]:
    """Rank-1 and mAP in percent; gallery images with the query's camera and identity are ignored."""
    asked, among = describe(network, query, device), describe(network, gallery, device)
    distances = 1 - asked @ among.T
    found = evaluate_protocol(distances, Labels(query.pids, query.cameras), Labels(gallery.pids, gallery.cameras))
    return in_percent(found)


def in_percent(found: Ranking) -> dict[str, float]:
    """Rank-1 and mAP in percent."""
    return {"rank1": round(100 * found.rank1, 2), "mAP": round(100 * found.mAP, 2)}


@torch.no_grad()
def describe(network: Network, images: Images, device: torch.device) -> np.ndarray:
    """L2-normalised features (N, 1280) float32."""
    network.eval()
    parts = [
        F.normalize(network(pixels.to(device).float().to(memory_format=torch.channels_last) / 255)[1]).cpu().numpy()
        for pixels in tqdm(images.pixels.split(128), desc="describe", unit="batch", leave=False)
    ]
    return np.concatenate(parts)
