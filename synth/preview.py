"""See a set: `python -m synth.preview --data data/synthetic` writes contact sheets as PNG files."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import imageio.v3 as iio
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from kit.coco18 import JOINTS, LIMBS
from kit.command import UserError, run
from kit.files import read_jsonl, replacing
from synth.plan import CAMERAS
from synth.store import RenderedSet

Bytes = NDArray[np.uint8]
GAP = 2
PAPER = (24, 26, 30)
PART_COLOURS = np.array([[240, 96, 80], [80, 200, 120], [90, 140, 250]])
SEEN, HIDDEN = (255, 220, 0), (255, 60, 200)


@dataclass(frozen=True)
class PreviewConfig:
    """Make contact sheets of a rendered set: people by both cameras, clips over time, joints and masks."""

    data: Path = Path("data/synthetic")
    """Folder of the set."""

    out: Path | None = None
    """Folder of the sheets; by default DATA/preview."""

    people: int = 60
    """Identities on the first sheet, evenly spread over the set."""

    clips: int = 12
    """Clips on the sheets over time and with joints."""

    def __post_init__(self) -> None:
        """Refuse values that cannot be meant."""
        if self.people < 1 or self.clips < 1:
            raise ValueError("--people and --clips must be at least 1")


def preview(config: PreviewConfig) -> None:
    """Write the three sheets."""
    source = RenderedSet(config.data)
    if not source.manifest.is_file():
        raise UserError(
            f"{config.data} holds no manifest.jsonl: render a set with python -m synth.render --out {config.data}"
        )
    rows = {row["clip"]: row for row in read_jsonl(source.manifest)}
    people = sorted({row["person"] for row in rows.values()})
    if not people:
        raise UserError(f"{source.manifest} names no clip yet: let python -m synth.render finish")
    out = config.out or config.data / "preview"
    save(people_sheet(source, rows, spread(people, config.people)), out / "people.png")
    clips = [
        f"{camera}/person_{person:04d}" for person in spread(people, (config.clips + 1) // 2) for camera in CAMERAS
    ]
    clips = [clip for clip in clips if clip in rows][: config.clips]
    save(time_sheet(source, rows, clips), out / "over-time.png")
    save(truth_sheet(source, rows, clips), out / "truth.png")
    print(f"{out}: people.png, over-time.png, truth.png")


def spread(items: list[Any], count: int) -> list[Any]:
    """At most `count` items, evenly spread."""
    chosen = np.unique(np.linspace(0, len(items) - 1, min(count, len(items))).round().astype(int))
    return [items[i] for i in chosen]


def frame_of(source: RenderedSet, clip: str, number: int) -> Bytes:
    """One frame (128, 64, 3) of a clip; `number` counts from 0."""
    return iio.imread(source.frames(clip) / f"{number + 1:04d}.png")


def people_sheet(source: RenderedSet, rows: dict[str, Any], people: list[int], columns: int = 12) -> Bytes:
    """Each person once by each camera, the pair side by side."""
    pairs = []
    for person in people:
        clips = [f"{camera}/person_{person:04d}" for camera in CAMERAS]
        tiles = [frame_of(source, clip, rows[clip]["frames"] // 2) for clip in clips if clip in rows]
        tiles += [np.full((128, 64, 3), PAPER, np.uint8)] * (len(CAMERAS) - len(tiles))
        pairs.append(beside(tiles, 0))
    return grid(pairs, min(columns, len(pairs)))


def time_sheet(source: RenderedSet, rows: dict[str, Any], clips: list[str], moments: int = 12) -> Bytes:
    """Clips over time, two a row: camera a, then camera b of the same person."""
    strips = []
    for clip in clips:
        numbers = spread(list(range(rows[clip]["frames"])), moments)
        strips.append(beside([frame_of(source, clip, number) for number in numbers], 0))
    return grid(strips, min(2, len(strips)))


def truth_sheet(source: RenderedSet, rows: dict[str, Any], clips: list[str], scale: int = 3) -> Bytes:
    """For each clip its middle frame, the part masks over it, and the joints (hidden ones in pink)."""
    tiles = []
    for clip in clips:
        number = rows[clip]["frames"] // 2
        frame = frame_of(source, clip, number)
        with np.load(source.annotation(clip)) as truth:
            masks, joints = truth["part_masks"][number], truth["joints2d"][number]
            seen, box = truth["joints_visible"][number], truth["box"][number]
            ratio = float(truth["visible_ratio"][number])
        masked = frame.astype(float)
        for mask, colour in zip(masks, PART_COLOURS, strict=True):
            masked[mask] = 0.45 * masked[mask] + 0.55 * colour
        big = [enlarged(frame, scale), enlarged(masked.astype(np.uint8), scale)]
        skeleton = Image.fromarray(enlarged(frame, scale))
        draw_skeleton(ImageDraw.Draw(skeleton), (joints + 0.5) * scale, seen)
        draw = ImageDraw.Draw(skeleton)
        draw.rectangle([*(box[:2] * scale), *((box[2:] + 1) * scale)], outline=(255, 255, 255))
        draw.text((3, 3), f"{ratio:.2f}", fill=(255, 255, 255))
        tiles.append(beside([*big, np.asarray(skeleton)], 0))
    return grid(tiles, min(4, len(tiles)))


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


def beside(tiles: list[Bytes], gap: int) -> Bytes:
    """Tiles of one height next to each other."""
    spacer = np.full((tiles[0].shape[0], gap, 3), PAPER, np.uint8)
    parts = [part for tile in tiles for part in (tile, spacer)][:-1] if gap else tiles
    return np.concatenate(parts, axis=1)


def grid(tiles: list[Bytes], columns: int) -> Bytes:
    """Tiles of one size in rows of `columns`."""
    height, width = max(tile.shape[0] for tile in tiles), max(tile.shape[1] for tile in tiles)
    count = -(-len(tiles) // columns)
    sheet = np.full((count * (height + GAP) + GAP, columns * (width + GAP) + GAP, 3), PAPER, np.uint8)
    for number, tile in enumerate(tiles):
        top, left = GAP + number // columns * (height + GAP), GAP + number % columns * (width + GAP)
        sheet[top : top + tile.shape[0], left : left + tile.shape[1]] = tile
    return sheet


def save(picture: Bytes, path: Path) -> None:
    """Write a PNG, all of it or nothing."""
    with replacing(path) as partial, partial.open("wb") as stream:
        Image.fromarray(picture).save(stream, format="PNG")


if __name__ == "__main__":
    run(preview, PreviewConfig, "python -m synth.preview")
