"""Contact sheets: tiles, captions and skeletons drawn on frames."""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from alignnet_common.arrays import Bytes
from alignnet_common.coco18 import JOINTS, LIMBS

GAP, WIDTH = 2, 1600
"""Pixels between tiles, and about across a sheet."""


CAPTION = 14
"""Pixels of height of a line of text."""


PAPER, INK = (24, 26, 30), (214, 218, 224)


SEEN, HIDDEN = (255, 220, 0), (255, 60, 200)


def spread_over(items: Any, count: int) -> list[Any]:
    """At most `count` items of a sequence, evenly spread."""
    chosen = np.unique(np.linspace(0, len(items) - 1, min(count, len(items))).round().astype(int))
    return [items[i] for i in chosen]


def draw_skeleton(draw: ImageDraw.ImageDraw, joints: NDArray[np.float64], seen: NDArray[np.bool_]) -> None:
    """Limbs and joints (18, 2) in the picture's own pixels."""
    for first, second in LIMBS:
        a, b = JOINTS.index(first), JOINTS.index(second)
        draw.line([*joints[a], *joints[b]], fill=(90, 200, 255), width=1)
    for (x, y), visible in zip(joints, seen, strict=True):
        draw.ellipse([x - 2, y - 2, x + 2, y + 2], fill=SEEN if visible else HIDDEN)


def enlarged(picture: Bytes, scale: int) -> Bytes:
    """The picture, each pixel a square of `scale` × `scale`."""
    return np.kron(picture, np.ones((scale, scale, 1), np.uint8))


def captioned(picture: Bytes, text: str) -> Bytes:
    """The picture under a line of text."""
    line = Image.new("RGB", (picture.shape[1], CAPTION), PAPER)
    ImageDraw.Draw(line).text((3, 1), text, fill=INK, font=ImageFont.load_default())
    return np.concatenate([np.asarray(line), picture])


def beside(tiles: list[Bytes], gap: int) -> Bytes:
    """Tiles of one height next to each other."""
    spacer = np.full((tiles[0].shape[0], gap, 3), PAPER, np.uint8)
    parts = [part for tile in tiles for part in (tile, spacer)][:-1] if gap else tiles
    return np.concatenate(parts, axis=1)


def page_of(tiles: list[Bytes]) -> Bytes:
    """Tiles in as many columns as there is room for."""
    return grid(tiles, max(1, min(len(tiles), WIDTH // max(tile.shape[1] for tile in tiles))))


def grid(tiles: list[Bytes], columns: int) -> Bytes:
    """Tiles of one size in rows of `columns`."""
    height, width = max(tile.shape[0] for tile in tiles), max(tile.shape[1] for tile in tiles)
    count = -(-len(tiles) // columns)
    sheet = np.full((count * (height + GAP) + GAP, columns * (width + GAP) + GAP, 3), PAPER, np.uint8)
    for number, tile in enumerate(tiles):
        top, left = GAP + number // columns * (height + GAP), GAP + number % columns * (width + GAP)
        sheet[top : top + tile.shape[0], left : left + tile.shape[1]] = tile
    return sheet
