"""Contact sheets: pictures of a rendered set, made of its frames, annotations and plan."""

import json
from collections.abc import Mapping
from typing import Any

import imageio.v3 as iio
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from alignnet_common.coco18 import JOINTS, LIMBS
from synth.dataset.writer import RenderedSet, read_truth
from synth.planning.plan import CAMERAS
from synth.report.statistics import at, company

Bytes = NDArray[np.uint8]
Rows = Mapping[str, Mapping[str, Any]]
"""Rows of the manifest or the plan by their clip."""

GAP, WIDTH = 2, 1600
"""Pixels between tiles, and about across a sheet."""
CAPTION = 14
"""Pixels of height of a line of text."""
CLEARLY = 0.98
"""Less than this is seen, on average, of a person of whom something is clearly hidden."""
PAPER, INK = (24, 26, 30), (214, 218, 224)
PART_COLOURS = np.array([[240, 96, 80], [80, 200, 120], [90, 140, 250]])
SEEN, HIDDEN = (255, 220, 0), (255, 60, 200)


def people_sheet(source: RenderedSet, rows: Rows, people: list[int], columns: int = 12) -> Bytes:
    """Each person once by each camera, the pair side by side."""
    pairs = [pair(source, rows, person) for person in people]
    return grid(pairs, min(columns, len(pairs)))


def time_sheet(source: RenderedSet, rows: Rows, clips: list[str], moments: int = 12) -> Bytes:
    """Clips over time, two side by side: camera a, then camera b of the same person."""
    strips = [strip(source, rows, clip, moments) for clip in clips]
    return page_of([beside(strips[first : first + 2], GAP) for first in range(0, len(strips), 2)])


def truth_sheet(source: RenderedSet, rows: Rows, clips: list[str], scale: int = 3) -> Bytes:
    """For each clip its middle frame, the part masks over it, and the joints (hidden ones in pink)."""
    tiles = []
    for clip in clips:
        number = rows[clip]["frames"] // 2
        frame = frame_of(source, clip, number)
        truth = read_truth(source, clip, ("part_masks", "joints2d", "joints_visible", "box", "visible_ratio"))
        masked = frame.astype(float)
        for mask, colour in zip(truth["part_masks"][number], PART_COLOURS, strict=True):
            masked[mask] = 0.45 * masked[mask] + 0.55 * colour
        big = [enlarged(frame, scale), enlarged(masked.astype(np.uint8), scale)]
        skeleton = Image.fromarray(enlarged(frame, scale))
        draw = ImageDraw.Draw(skeleton)
        draw_skeleton(draw, (truth["joints2d"][number] + 0.5) * scale, truth["joints_visible"][number])
        box = truth["box"][number]
        draw.rectangle([*(box[:2] * scale), *((box[2:] + 1) * scale)], outline=(255, 255, 255))
        words = f"{truth['visible_ratio'][number]:.2f}"
        draw.rectangle(draw.textbbox((3, 3), words), fill=(0, 0, 0))
        draw.text((3, 3), words, fill=(255, 255, 255))
        tiles.append(beside([*big, np.asarray(skeleton)], 0))
    return grid(tiles, min(4, len(tiles)))


def motion_sheet(source: RenderedSet, rows: Rows, groups: Mapping[str, list[str]], moments: int = 12) -> Bytes:
    """Two clips over time of each group, side by side, under the group's name."""
    strips = []
    for name, clips in groups.items():
        shown = [strip(source, rows, clip, moments) for clip in spread_over(clips, 2)]
        strips.append(captioned(beside(shown, GAP), name))
    return page_of(strips)


def places_sheet(source: RenderedSet, rows: Rows, groups: Mapping[str, list[str]], clips: int = 24) -> Bytes:
    """Middle frames of clips of each group, under the group's name."""
    return grid(
        [
            captioned(beside([middle(source, rows, clip) for clip in spread_over(group, clips)], 0), name)
            for name, group in groups.items()
        ],
        1,
    )


def cameras_sheet(source: RenderedSet, rows: Rows, plan: Rows, pairs: int = 12, people: int = 6) -> Bytes:
    """A few people before each of some pairs of cameras, each pair's crops side by side, under the cameras' places.

    Where each person has cameras of their own, there are as many more pairs.
    """
    groups: dict[str, list[int]] = {}
    for person in sorted({row["person"] for row in rows.values()}):
        groups.setdefault(pair_of_cameras(plan, person), []).append(person)
    own = max(map(len, groups.values())) == 1
    tiles = []
    for members in spread_over(list(groups.values()), pairs * people // 2 if own else pairs):
        shown = beside([pair(source, rows, person) for person in spread_over(members, people)], GAP)
        tiles.append(captioned(shown, camera_words(plan, members[0])))
    return page_of(tiles)


def occlusion_sheet(source: RenderedSet, rows: Rows, clips: list[str], moments: int = 10) -> Bytes:
    """Clips over time, each frame under its true visible ratio."""
    strips = []
    for clip in clips:
        ratios = read_truth(source, clip, ("visible_ratio",))["visible_ratio"]
        numbers = spread_over(list(range(rows[clip]["frames"])), moments)
        frames = [captioned(frame_of(source, clip, number), f"{ratios[number]:.2f}") for number in numbers]
        strips.append(beside(frames, 0))
    return page_of(strips)


def twins_sheet(source: RenderedSet, rows: Rows, plan: Rows, twins: list[int], columns: int = 5) -> Bytes:
    """Near-duplicates: who they look like by both cameras, then they, under what they differ in."""
    tiles = []
    for person in twins:
        identity = plan[f"{CAMERAS[0]}/person_{person:04d}"]["identity"]
        both = beside([pair(source, rows, identity["twin_of"]), pair(source, rows, person)], GAP)
        tiles.append(captioned(both, str(identity["differs_in"])))
    return grid(tiles, min(columns, len(tiles)))


def grouped(plan: Rows, rows: Rows, path: str) -> dict[str, list[str]]:
    """Finished clips by the name that the plan has at a dotted path, most frequent first; {} where it has none."""
    groups: dict[str, list[str]] = {}
    for clip in rows:
        name = at(plan.get(clip), path)
        if name is not None:
            groups.setdefault(name if isinstance(name, str) else ", ".join(map(str, name)), []).append(clip)
    return dict(sorted(groups.items(), key=lambda item: (-len(item[1]), item[0])))


def occluded(plan: Rows, rows: Rows) -> list[str]:
    """Finished clips of which something is hidden, and that have things or people about in one of their sightings."""
    accompanied = [clip for clip in rows if set(company(plan.get(clip, {}))) != {"nothing"}]
    return [clip for clip in accompanied if rows[clip]["visible_ratio"] < CLEARLY]


def twins_in(plan: Rows, rows: Rows) -> list[int]:
    """People who are another's near-duplicate, where both are finished by camera a."""
    identities = [at(plan.get(clip), "identity") or {} for clip, row in rows.items() if row["camera"] == CAMERAS[0]]
    finished = {identity.get("person") for identity in identities}
    return sorted(identity["person"] for identity in identities if identity.get("twin_of", ...) in finished)


def pair_of_cameras(plan: Rows, person: int) -> str:
    """What tells one pair of cameras from another."""
    clips = [plan.get(f"{camera}/person_{person:04d}", {}) for camera in CAMERAS]
    return json.dumps([[clip.get("camera"), clip.get("sensor")] for clip in clips])


def camera_words(plan: Rows, person: int) -> str:
    """Where each of a person's cameras stands: distance, and how far it looks down."""
    cameras = [at(plan.get(f"{camera}/person_{person:04d}"), "camera") for camera in CAMERAS]
    return " | ".join(f"{camera['distance']:.1f} m {camera['pitch']:.0f}°" for camera in cameras if camera)


def pair(source: RenderedSet, rows: Rows, person: int) -> Bytes:
    """A person's middle frame by each camera; dark where a clip is not there."""
    clips = [f"{camera}/person_{person:04d}" for camera in CAMERAS]
    nothing = np.full((128, 64, 3), PAPER, np.uint8)
    return beside([middle(source, rows, clip) if clip in rows else nothing for clip in clips], 0)


def strip(source: RenderedSet, rows: Rows, clip: str, moments: int) -> Bytes:
    """A clip over time."""
    return beside([frame_of(source, clip, number) for number in spread_over(range(rows[clip]["frames"]), moments)], 0)


def middle(source: RenderedSet, rows: Rows, clip: str) -> Bytes:
    """A clip's middle frame."""
    return frame_of(source, clip, rows[clip]["frames"] // 2)


def frame_of(source: RenderedSet, clip: str, number: int) -> Bytes:
    """One frame (128, 64, 3) of a clip; `number` counts from 0."""
    return iio.imread(source.frames(clip) / f"{number + 1:04d}.png")


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
