"""Draw the output of a pose network: joints, limbs, and the attention of the three parts.

python -m reid.pose show --images DIR --weights W --out F.png
python -m reid.pose show --data OUT --weights W --out F.png         with the ground-truth joints
"""

from collections.abc import Sequence
from pathlib import Path
from typing import TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from alignnet_common.coco18 import JOINTS, LIMBS
from alignnet_common.files import replacing
from reid.configs.pose import PoseSheetConfig
from reid.data.datasets.annotations import read_joints
from reid.data.datasets.synthetic import read_clips
from reid.data.loading.frame_store import FrameStore
from reid.functional.pose_decoding import joints_of_maps
from reid.models.alignnet import part_attention
from reid.pose.inference import maps_of_frames, read_pose_net
from reid.pose.predict import images_in
from reid.runtime.device import pick_device

SCALE = 3
PART_COLOURS = np.array([[240, 96, 80], [80, 200, 120], [90, 140, 250]], np.float32)
"""Upper, middle, lower."""
LIMB, JOINT, TRUE = (90, 200, 255), (255, 220, 0), (255, 255, 255)
PAPER = (24, 26, 30)
COLUMNS = 8

Item = TypeVar("Item")


def show(config: PoseSheetConfig) -> None:
    """Predict the joints of some crops and draw them."""
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
    """The crops to draw, and the ground-truth joints (18, 2) of each in pixels of the network's input, NaN if hidden.

    The joints are None with --images.
    """
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
    """At most `count` of the items, evenly spaced."""
    return [items[i] for i in np.unique(np.linspace(0, len(items) - 1, min(count, len(items))).round().astype(int))]


def tile(
    frame: NDArray[np.uint8],
    joints: NDArray[np.float32],
    drawn: NDArray[np.bool_],
    attention: NDArray[np.float32],
    true: NDArray[np.float32] | None,
) -> NDArray[np.uint8]:
    """The crop with its skeleton, beside the crop tinted by the attention (3, h, w) of the three parts.

    joints -- (18, 2) pixels of the crop. drawn -- (18,) joints to draw. true -- ground-truth joints (18, 2) or None.
    """
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
    """The crop in gray, with the attention (3, h, w) of each part in its color, scaled to its maximum."""
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
    """An image grid of tiles of one size."""
    height, width = tiles[0].shape[:2]
    columns = min(COLUMNS, len(tiles))
    rows = -(-len(tiles) // columns)
    sheet = Image.new("RGB", (columns * (width + 4), rows * (height + 4)), PAPER)
    for number, picture in enumerate(tiles):
        sheet.paste(Image.fromarray(picture), ((number % columns) * (width + 4), (number // columns) * (height + 4)))
    return sheet
