"""Look at what a pose network finds: joints, limbs, and where the three parts' attention lies.

python -m reid.pose show --images DIR --weights W --out F.png
python -m reid.pose show --data OUT --weights W --out F.png         the true joints beside
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from alignnet_common.coco18 import JOINTS, LIMBS
from alignnet_common.files import replacing
from reid.configs.checks import check_pose_scale, require
from reid.data.datasets.annotations import read_joints
from reid.data.datasets.synthetic import read_clips
from reid.data.loading.frame_store import FrameStore
from reid.functional.pose_decoding import joints_of_maps
from reid.models.alignnet import part_attention
from reid.pose.inference import SMALL_WEIGHTS, maps_of_frames, read_pose_net
from reid.pose.predict import images_in
from reid.runtime.device import pick_device

SCALE = 3
PART_COLOURS = np.array([[240, 96, 80], [80, 200, 120], [90, 140, 250]], np.float32)
"""Upper, middle, lower."""
LIMB, JOINT, TRUE = (90, 200, 255), (255, 220, 0), (255, 255, 255)
PAPER = (24, 26, 30)
COLUMNS = 8

Item = TypeVar("Item")


@dataclass(frozen=True)
class PoseSheetConfig:
    """Draw the joints that a pose network finds on a sheet of crops, beside the attention of the three parts.

    Joints are yellow, as sure as they are filled; true ones are white rings. Attention: head red, trunk and arms green,
    legs blue.
    """

    images: Path | None = None
    """Folder of images, one person each."""

    data: Path | None = None
    """Rendered set, in place of --images."""

    weights: Path = SMALL_WEIGHTS
    """Weights: of reid.pose train, an OpenPose COCO-18 file, or a run's model.pt. Default: the small network that comes
    with the code."""

    out: Path = Path("poses.png")
    """The sheet."""

    count: int = 24
    """Crops on it, evenly spread over all."""

    confidence: float = 0.15
    """Joints with a lower map are not drawn, 0..1."""

    part_gain: float = 30.0
    """Factor on the part maps before the softmax, as in reid.pretrain."""

    limb_fields: Literal["signed", "magnitude"] = "magnitude"
    """Limb fields in the part maps, as in reid.pretrain."""

    height: int = 128
    """Height of the frames before --scale, pixels."""

    width: int = 64
    """Width of the frames before --scale, pixels."""

    scale: float = 1.0
    """Frames of this size are enlarged so many times before the network sees them, at least 1, as --pose-scale does."""

    device: Literal["auto", "cpu", "cuda"] = "auto"
    """Where the network runs; auto = a CUDA GPU where there is one."""

    def __post_init__(self) -> None:
        """Refuse values out of range."""
        require((self.images is None) != (self.data is None), "name either --images or --data")
        require(self.count >= 1, f"--count must be at least 1, not {self.count}")
        require(min(self.height, self.width) >= 16, "--height and --width must be at least 16 pixels")
        check_pose_scale("--scale", self.scale, self.height, self.width)
        require(self.out.suffix == ".png", f"--out must end in .png, not {self.out.name}")


def show(config: PoseSheetConfig) -> None:
    """Find the joints of some crops and draw them."""
    net, device = read_pose_net(config.weights), pick_device(config.device)
    paths, true = crops_of(config)
    frames = FrameStore((), config.height, config.width, 0).read(paths)[0]
    maps = maps_of_frames(net.to(device), frames, device, config.scale)
    joints, confidence = (found.cpu().numpy() for found in joints_of_maps(maps, config.scale))
    height, width = maps.shape[2:]
    attention = part_attention(maps, height, width, config.part_gain, config.limb_fields).cpu().numpy()
    tiles = [
        tile(frame, found, sure >= config.confidence, of_parts, where)
        for frame, found, sure, of_parts, where in zip(frames, joints, confidence, attention, true, strict=True)
    ]
    config.out.parent.mkdir(parents=True, exist_ok=True)
    with replacing(config.out) as partial:
        sheet_of(tiles).save(partial, format="PNG")
    print(f"{config.out}: {len(tiles)} crops")


def crops_of(config: PoseSheetConfig) -> tuple[list[Path], list[NDArray[np.float32] | None]]:
    """The crops that are drawn, and the true joints (18, 2) of each in the network's pixels, NaN where hidden."""
    if config.images is not None:
        paths = spread(images_in(config.images), config.count)
        return paths, [None] * len(paths)
    assert config.data is not None
    chosen = spread([(clip, n) for clip in read_clips(config.data) for n in range(len(clip.frames))], config.count)
    paths = [clip.frames[number] for clip, number in chosen]
    scales = FrameStore((), config.height, config.width, 0).read(paths)[1]
    true: list[NDArray[np.float32] | None] = []
    for (clip, number), scale in zip(chosen, scales, strict=True):
        joints = read_joints(clip)
        where = (joints.positions[number] + 0.5) * scale - 0.5
        true.append(np.where(joints.visible[number][:, None], where, np.nan).astype(np.float32))
    return paths, true


def spread(items: Sequence[Item], count: int) -> list[Item]:
    """At most `count` of the items, evenly spread."""
    return [items[i] for i in np.unique(np.linspace(0, len(items) - 1, min(count, len(items))).round().astype(int))]


def tile(
    frame: NDArray[np.uint8],
    joints: NDArray[np.float32],
    drawn: NDArray[np.bool_],
    attention: NDArray[np.float32],
    true: NDArray[np.float32] | None,
) -> NDArray[np.uint8]:
    """The crop with its skeleton, and beside it under the three parts' attention (3, h, w)."""
    picture = Image.fromarray(np.kron(frame, np.ones((SCALE, SCALE, 1), np.uint8)))
    pen = ImageDraw.Draw(picture)
    places = [((x + 0.5) * SCALE, (y + 0.5) * SCALE) for x, y in joints]
    for first, second in LIMBS:
        a, b = JOINTS.index(first), JOINTS.index(second)
        if drawn[a] and drawn[b]:
            pen.line([*places[a], *places[b]], fill=LIMB, width=2)
    for (x, y), wanted in zip(places, drawn, strict=True):
        if wanted:
            pen.ellipse([x - 3, y - 3, x + 3, y + 3], fill=JOINT)
    if true is not None:
        for x, y in (true[~np.isnan(true[:, 0])] + 0.5) * SCALE:
            pen.ellipse([x - 4, y - 4, x + 4, y + 4], outline=TRUE)
    return np.concatenate([np.asarray(picture), tinted(frame, attention)], axis=1)


def tinted(frame: NDArray[np.uint8], attention: NDArray[np.float32]) -> NDArray[np.uint8]:
    """The crop in grey, each part's attention (3, h, w) over it in its colour, strongest where it is highest."""
    height, width = frame.shape[:2]
    big = torch.nn.functional.interpolate(torch.from_numpy(attention)[None], (height, width), mode="bilinear")[
        0
    ].numpy()
    share = 0.75 * big / np.maximum(attention.max(axis=(1, 2)), 1e-6)[:, None, None]
    grey = frame.mean(axis=2, keepdims=True).repeat(3, axis=2)
    for part, colour in zip(share, PART_COLOURS, strict=True):
        grey = grey * (1 - part[..., None]) + colour * part[..., None]
    return np.kron(grey.astype(np.uint8), np.ones((SCALE, SCALE, 1), np.uint8))


def sheet_of(tiles: Sequence[NDArray[np.uint8]]) -> Image.Image:
    """Tiles of one size in rows."""
    height, width = tiles[0].shape[:2]
    columns = min(COLUMNS, len(tiles))
    rows = -(-len(tiles) // columns)
    sheet = Image.new("RGB", (columns * (width + 4), rows * (height + 4)), PAPER)
    for number, picture in enumerate(tiles):
        sheet.paste(Image.fromarray(picture), ((number % columns) * (width + 4), (number // columns) * (height + 4)))
    return sheet
