"""Tiles, captions and skeletons for contact sheets. Images are (H, W, 3) uint8."""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from alignnet_common.arrays import Bytes
from alignnet_common.coco18 import JOINTS, LIMBS

GAP, WIDTH = 2, 1600
"""Pixels between tiles, and approximate width of a sheet in pixels."""

CAPTION = 14
"""Height of a line of text in pixels."""

PAPER, INK = (24, 26, 30), (214, 218, 224)
"""Colours of the background and of text."""

LARGEST_SIDE = 8192
"""Width and height of a picture that is read, at most, pixels: its file may state any size."""

SEEN, HIDDEN = (255, 220, 0), (255, 60, 200)
"""Colours of visible and of hidden joints."""


def spread_over(items: Any, count: int) -> list[Any]:
    """At most `count` items of a sequence, evenly spread, both ends included."""
    chosen = np.unique(np.linspace(0, len(items) - 1, min(count, len(items))).round().astype(int))
    return [items[i] for i in chosen]


def draw_skeleton(draw: ImageDraw.ImageDraw, joints: NDArray[np.float64], seen: NDArray[np.bool_]) -> None:
    """Draw limbs and joints: `joints` (18, 2) x, y in pixels of the image, `seen` (18,) bool."""
    for first, second in LIMBS:
        a, b = JOINTS.index(first), JOINTS.index(second)
        draw.line([*joints[a], *joints[b]], fill=(90, 200, 255), width=1)
    for (x, y), visible in zip(joints, seen, strict=True):
        draw.ellipse([x - 2, y - 2, x + 2, y + 2], fill=SEEN if visible else HIDDEN)


def enlarged(picture: Bytes, scale: int) -> Bytes:
    """The image with each pixel repeated `scale` × `scale` times."""
    return np.kron(picture, np.ones((scale, scale, 1), np.uint8))


def captioned(picture: Bytes, text: str) -> Bytes:
    """The image under a line of text."""
    line = Image.new("RGB", (picture.shape[1], CAPTION), PAPER)
    ImageDraw.Draw(line).text((3, 1), text, fill=INK, font=ImageFont.load_default())
    return np.concatenate([np.asarray(line), picture])


def beside(tiles: list[Bytes], gap: int) -> Bytes:
    """Tiles of equal height side by side, `gap` pixels apart."""
    spacer = np.full((tiles[0].shape[0], gap, 3), PAPER, np.uint8)
    parts = [part for tile in tiles for part in (tile, spacer)][:-1] if gap else tiles
    return np.concatenate(parts, axis=1)


def page_of(tiles: list[Bytes]) -> Bytes:
    """Tiles in as many columns as fit into WIDTH."""
    return grid(tiles, max(1, min(len(tiles), WIDTH // max(tile.shape[1] for tile in tiles))))


def grid(tiles: list[Bytes], columns: int) -> Bytes:
    """Tiles in rows of `columns`, each in a cell of the size of the largest tile."""
    height, width = max(tile.shape[0] for tile in tiles), max(tile.shape[1] for tile in tiles)
    count = -(-len(tiles) // columns)
    sheet = np.full((count * (height + GAP) + GAP, columns * (width + GAP) + GAP, 3), PAPER, np.uint8)
    for number, tile in enumerate(tiles):
        top, left = GAP + number // columns * (height + GAP), GAP + number % columns * (width + GAP)
        sheet[top : top + tile.shape[0], left : left + tile.shape[1]] = tile
    return sheet


def check_size(image: Image.Image) -> None:
    """Raise ValueError where a picture that is opened, and not decoded yet, is larger than `LARGEST_SIDE`."""
    if max(image.size) > LARGEST_SIDE:
        width, height = image.size
        raise ValueError(f"{width} x {height} pixels, more than {LARGEST_SIDE} x {LARGEST_SIDE}: make it smaller")
