"""Contact sheets (image grids) of a rendered set, from its frames, annotations and plan.

Sheets are (H, W, 3) uint8. `rows` are those of the manifest, `plan` those of the plan, by clip; clips and people are
names and numbers in them.
"""

import json
from collections.abc import Mapping
from typing import Any

import numpy as np
from PIL import Image, ImageDraw

from alignnet_common.arrays import Bytes
from alignnet_common.errors import UserError
from alignnet_common.images import GAP, PAPER, beside, captioned, draw_skeleton, enlarged, grid, page_of, spread_over
from alignnet_common.set_format import CAMERAS, clip_name, frame_file
from synth.dataset.layout import RenderedSet
from synth.dataset.reader import read_png, read_truth
from synth.report.statistics import placed_labels, value_at

Rows = Mapping[str, Mapping[str, Any]]
"""Rows of the manifest or the plan, by clip."""

OCCLUDED_BELOW = 0.98
"""A clip with a mean visible ratio below this counts as occluded."""
PART_COLOURS = np.array([[240, 96, 80], [80, 200, 120], [90, 140, 250]])
"""8-bit sRGB of the upper, middle and lower part."""


def people_sheet(source: RenderedSet, rows: Rows, people: list[int], columns: int = 12) -> Bytes:
    """The middle frame of each person by camera a and by camera b, side by side."""
    pairs = [pair(source, rows, person) for person in people]
    return grid(pairs, min(columns, len(pairs)))


def outfits_sheet(source: RenderedSet, rows: Rows, people: list[int], scale: int = 2) -> Bytes:
    """A row a person: under the number of each outfit, a frame by each camera that saw it, the least hidden one."""
    shown = {person: frames_by_outfit(source, rows, person) for person in people}
    cameras = max(len(frames) for outfits in shown.values() for frames in outfits.values())
    nothing = np.full((128, 64, 3), PAPER, np.uint8)
    strips = []
    for person, outfits in shown.items():
        tiles = [
            captioned(enlarged(beside([*frames, *[nothing] * (cameras - len(frames))], 0), scale), f"outfit {number}")
            for number, frames in outfits.items()
        ]
        strips.append(captioned(beside(tiles, GAP), f"person {person}"))
    return grid(strips, 1)


def frames_by_outfit(source: RenderedSet, rows: Rows, person: int) -> dict[int, list[Bytes]]:
    """By number of a person's outfit, ascending: of each clip that shows it, the frame with the most visible person."""
    found: dict[int, list[Bytes]] = {}
    for clip in (clip_name(camera, person) for camera in CAMERAS):
        if clip in rows:
            truth = read_truth(source, clip, ("outfit", "visible_ratio"))
            for outfit in np.unique(truth["outfit"]).tolist():
                frames = np.flatnonzero(truth["outfit"] == outfit)
                best = int(frames[truth["visible_ratio"][frames].argmax()])
                found.setdefault(outfit, []).append(frame_of(source, clip, best))
    return dict(sorted(found.items()))


def time_sheet(source: RenderedSet, rows: Rows, clips: list[str], moments: int = 12) -> Bytes:
    """Frames of clips over time, two clips side by side: camera a, then camera b of the same person."""
    strips = [strip(source, rows, clip, moments) for clip in clips]
    return page_of([beside(strips[first : first + 2], GAP) for first in range(0, len(strips), 2)])


def truth_sheet(source: RenderedSet, rows: Rows, clips: list[str], scale: int = 3) -> Bytes:
    """For each clip: its middle frame, the part masks over it, and its joints (hidden ones in pink), box and ratio."""
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
    """Frames over time of two clips of each group, under the group's name."""
    strips = []
    for name, clips in groups.items():
        shown = [strip(source, rows, clip, moments) for clip in spread_over(clips, 2)]
        strips.append(captioned(beside(shown, GAP), name))
    return page_of(strips)


def places_sheet(source: RenderedSet, rows: Rows, groups: Mapping[str, list[str]], clips: int = 24) -> Bytes:
    """Middle frames of up to `clips` clips of each group, under the group's name."""
    return grid(
        [
            captioned(beside([middle(source, rows, clip) for clip in spread_over(group, clips)], 0), name)
            for name, group in groups.items()
        ],
        1,
    )


def cameras_sheet(source: RenderedSet, rows: Rows, plan: Rows, pairs: int = 12, people: int = 6) -> Bytes:
    """People by pairs of cameras: both middle frames of up to `people` people per pair, under the cameras' geometry.

    If each person has cameras of their own, `pairs` × `people` / 2 people are shown.
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
    """Frames of clips over time, each under its visible ratio."""
    strips = []
    for clip in clips:
        ratios = read_truth(source, clip, ("visible_ratio",))["visible_ratio"]
        numbers = spread_over(list(range(rows[clip]["frames"])), moments)
        frames = [captioned(frame_of(source, clip, number), f"{ratios[number]:.2f}") for number in numbers]
        strips.append(beside(frames, 0))
    return page_of(strips)


def twins_sheet(source: RenderedSet, rows: Rows, plan: Rows, twins: list[int], columns: int = 5) -> Bytes:
    """Near-duplicates: the person they were copied from and they, by both cameras, under the attribute that differs."""
    tiles = []
    for person in twins:
        identity = plan[clip_name(CAMERAS[0], person)]["identity"]
        both = beside([pair(source, rows, identity["twin_of"]), pair(source, rows, person)], GAP)
        tiles.append(captioned(both, str(identity["differs_in"])))
    return grid(tiles, min(columns, len(tiles)))


def grouped(plan: Rows, rows: Rows, path: str) -> dict[str, list[str]]:
    """Finished clips by the plan's value at a dotted path, most frequent value first; {} if the plan has none."""
    groups: dict[str, list[str]] = {}
    for clip in rows:
        name = value_at(plan.get(clip), path)
        if name is not None:
            groups.setdefault(name if isinstance(name, str) else ", ".join(map(str, name)), []).append(clip)
    return dict(sorted(groups.items(), key=lambda item: (-len(item[1]), item[0])))


def occluded(plan: Rows, rows: Rows) -> list[str]:
    """Finished clips with a placed bystander or occluder in a sighting, and a visible ratio below OCCLUDED_BELOW."""
    accompanied = [clip for clip in rows if set(placed_labels(plan.get(clip, {}))) != {"nothing"}]
    return [clip for clip in accompanied if rows[clip]["visible_ratio"] < OCCLUDED_BELOW]


def changing(rows: Rows) -> list[int]:
    """People who wear more than one outfit in their finished clips."""
    worn: dict[int, set[int]] = {}
    for row in rows.values():
        worn.setdefault(row["person"], set()).update(row.get("outfits", ()))
    return sorted(person for person, outfits in worn.items() if len(outfits) > 1)


def twins_in(plan: Rows, rows: Rows) -> list[int]:
    """People who are near-duplicates, if they and their originals are finished by camera a."""
    identities = [
        value_at(plan.get(clip), "identity") or {} for clip, row in rows.items() if row["camera"] == CAMERAS[0]
    ]
    finished = {identity.get("person") for identity in identities}
    return sorted(identity["person"] for identity in identities if identity.get("twin_of", ...) in finished)


def pair_of_cameras(plan: Rows, person: int) -> str:
    """Text that is equal for equal pairs of cameras and sensors."""
    clips = [plan.get(clip_name(camera, person), {}) for camera in CAMERAS]
    return json.dumps([[clip.get("camera"), clip.get("sensor")] for clip in clips])


def camera_words(plan: Rows, person: int) -> str:
    """Distance and pitch of each of a person's cameras, as a caption."""
    cameras = [value_at(plan.get(clip_name(camera, person)), "camera") for camera in CAMERAS]
    return " | ".join(f"{camera['distance']:.1f} m {camera['pitch']:.0f}°" for camera in cameras if camera)


def pair(source: RenderedSet, rows: Rows, person: int) -> Bytes:
    """A person's middle frames by both cameras; dark for a missing clip."""
    clips = [clip_name(camera, person) for camera in CAMERAS]
    nothing = np.full((128, 64, 3), PAPER, np.uint8)
    return beside([middle(source, rows, clip) if clip in rows else nothing for clip in clips], 0)


def strip(source: RenderedSet, rows: Rows, clip: str, moments: int) -> Bytes:
    """Frames of a clip, evenly spread over time, side by side."""
    return beside([frame_of(source, clip, number) for number in spread_over(range(rows[clip]["frames"]), moments)], 0)


def middle(source: RenderedSet, rows: Rows, clip: str) -> Bytes:
    """A clip's middle frame."""
    return frame_of(source, clip, rows[clip]["frames"] // 2)


def frame_of(source: RenderedSet, clip: str, number: int) -> Bytes:
    """One frame (128, 64, 3) of a clip; `number` counts from 0. Raises UserError where it is missing or unreadable."""
    path = source.frames(clip) / frame_file(number + 1)
    try:
        frame = read_png(path)
    except Exception as broken:  # damaged bytes raise various exceptions in Pillow
        reason = " ".join(str(broken).split())[:200] or type(broken).__name__
        raise UserError(f"{path}: unreadable frame ({reason}): repeat the command that rendered the set") from broken
    if frame.ndim != 3 or frame.shape[2] != 3:
        raise UserError(f"{path}: not the frame that was rendered: repeat the command that rendered the set")
    return frame
