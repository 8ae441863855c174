"""The fixed recipe of python -m benchmarks.transfer: batches, augmentation, losses and optimizer."""

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F
from tqdm import tqdm

from benchmarks.transfer.config import TransferConfig
from benchmarks.transfer.images import HEIGHT, WIDTH, Images
from benchmarks.transfer.network import MEAN, Network
from reid.data.transforms.background import replace_background
from reid.functional.losses import batch_hard_ranking_loss

PEOPLE, IMAGES = 12, 4
"""Identities per batch and images per identity, half of them from each camera."""
RATE, WEIGHT_DECAY, WARM_UP = 4e-4, 5e-4, 100
"""Learning rate, weight decay, and steps of linear warm-up."""
SMOOTHING, MARGIN = 0.1, 0.3
"""Label smoothing of the cross-entropy loss, and margin of the triplet loss."""


def train(
    network: Network, source: Images, config: TransferConfig, device: torch.device, people: int = PEOPLE
) -> dict[str, float]:
    """Train for `steps` batches; returns the mean losses of the last hundred steps."""
    rng = np.random.default_rng(config.seed)
    labels_of_pid = {pid: label for label, pid in enumerate(np.unique(source.pids))}
    labels = torch.tensor([labels_of_pid[pid] for pid in source.pids])
    weights = [weight for weight in network.parameters() if weight.requires_grad]
    optimizer = torch.optim.Adam(weights, lr=RATE, weight_decay=WEIGHT_DECAY)
    last: list[tuple[float, float]] = []
    network.train()
    with tqdm(range(config.steps), desc="train", unit="step") as bar:
        for step in bar:
            decay = 0.5 * (1 + np.cos(np.pi * step / config.steps))
            optimizer.param_groups[0]["lr"] = RATE * min(1.0, (step + 1) / WARM_UP) * decay
            batch = draw_batch(source, rng, people)
            seen = with_new_backgrounds(source, batch, config.new_place, rng)
            pixels = augmented(seen.float() / 255, rng).to(device, memory_format=torch.channels_last)
            pooled, necked = network(pixels)
            target = labels[batch].to(device)
            identity = F.cross_entropy(network.classifier(necked), target, label_smoothing=SMOOTHING)
            ranking = batch_hard_ranking_loss(F.normalize(pooled), target, MARGIN)
            optimizer.zero_grad()
            (identity + ranking).backward()
            optimizer.step()
            last = [*last[-99:], (identity.item(), ranking.item())]
            if step % 20 == 0:
                bar.set_postfix_str(f"identity {identity.item():.2f} ranking {ranking.item():.3f}")
    identity_mean, ranking_mean = np.mean(last, axis=0)
    return {"identity": round(float(identity_mean), 4), "ranking": round(float(ranking_mean), 4)}


def draw_batch(source: Images, rng: np.random.Generator, people: int = PEOPLE) -> Tensor:
    """Positions (people * IMAGES,) of a batch in `source`: equally many images per identity and camera."""
    chosen = []
    for pid in rng.choice(np.unique(source.pids), people, replace=False):
        for camera in np.unique(source.cameras[source.pids == pid]):
            here = np.flatnonzero((source.pids == pid) & (source.cameras == camera))
            chosen.append(rng.choice(here, IMAGES // 2, replace=len(here) < IMAGES // 2))
    return torch.from_numpy(np.concatenate(chosen))


def with_new_backgrounds(source: Images, batch: Tensor, chance: float, rng: np.random.Generator) -> Tensor:
    """The batch's pixels (N, 3, H, W) uint8, each with probability `chance` with another image's background."""
    pixels = source.pixels[batch]
    if source.masks is None or chance == 0:
        return pixels
    moved = np.flatnonzero(rng.random(len(batch)) < chance)
    others = rng.integers(len(source.pixels), size=len(moved))
    frames, behind = (found.permute(0, 2, 3, 1).numpy() for found in (pixels[moved], source.pixels[others]))
    mixed = replace_background(frames, source.masks[batch[moved]], behind, source.masks[others])
    pixels[moved] = torch.from_numpy(mixed).permute(0, 3, 1, 2)
    return pixels


def augmented(pixels: Tensor, rng: np.random.Generator) -> Tensor:
    """Augment pixels (N, 3, H, W) in 0..1: random flip, shift by up to 8 pixels, random erasing."""
    padded = F.pad(pixels, (8, 8, 8, 8))
    out = torch.empty_like(pixels)
    for number in range(len(pixels)):
        top, left = rng.integers(0, 17, 2)
        picture = padded[number, :, top : top + HEIGHT, left : left + WIDTH]
        out[number] = picture.flip(-1) if rng.random() < 0.5 else picture
        if rng.random() < 0.5:
            area, ratio = rng.uniform(0.02, 0.3) * HEIGHT * WIDTH, np.exp(rng.uniform(np.log(0.4), np.log(2.5)))
            height, width = min(HEIGHT - 1, int(np.sqrt(area * ratio))), min(WIDTH - 1, int(np.sqrt(area / ratio)))
            y, x = rng.integers(0, HEIGHT - height), rng.integers(0, WIDTH - width)
            out[number, :, y : y + height, x : x + width] = torch.tensor(MEAN)[:, None, None]
    return out
