"""A plan as a file that people read, compare and edit: `plan.jsonl`, a clip a line, as `synth.planning.clip.plan_row`
has it."""

import json
from collections import Counter
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from alignnet_common.errors import UserError
from alignnet_common.files import read_jsonl
from synth.planning.clip import CAMERAS, Clip, Sighting, plan_row, row_hash
from synth.planning.config import SLOWEST

if TYPE_CHECKING:
    from pydantic import TypeAdapter


def read_plan(file: Path) -> list[Clip]:
    """The clips of a plan.

    Raises UserError, naming the line and the field, for what no clip can be rendered of, and without pydantic.
    """
    if not file.is_file():
        raise UserError(f"--plan {file}: there is no such file; every rendered set has one, OUT/plan.jsonl")
    try:
        rows = read_jsonl(file, strict=True)  # people write it: an odd last line is a slip, not a crash
    except ValueError as broken:
        raise UserError(f"--plan: {broken}") from None
    reader = _reader()
    clips = [_clip_of(reader, row, f"--plan {file}, line {number}") for number, row in enumerate(rows, 1)]
    twice = [name for name, count in Counter(clip.name for clip in clips).items() if count > 1]
    if twice:
        raise UserError(f"--plan {file}: {twice[0]} is there twice: a person has one clip a camera")
    if not clips:
        raise UserError(f"--plan {file} is empty")
    return sorted(clips, key=lambda clip: (clip.identity.person, CAMERAS.index(clip.camera_name)))


def _reader() -> "TypeAdapter[Clip]":
    try:
        from pydantic import TypeAdapter  # what people may have edited is checked by it, and nothing else
    except ImportError:
        raise UserError("not installed: pydantic: run make install, or pip install -e '.[synth]'") from None
    return TypeAdapter(Clip)


def _clip_of(reader: "TypeAdapter[Clip]", row: Any, where: str) -> Clip:
    try:
        json.dumps(row, allow_nan=False)
        clip = reader.validate_python({name: value for name, value in row.items() if name != "clip"})
    except (ValueError, AttributeError) as bad:
        raise UserError(f"{where}: {_first_of(bad)}") from None
    found = plan_row(clip)
    if row_hash(found) != row_hash(row):
        # What the reader does not know it leaves out: a misspelt field must not pass for one left alone.
        raise UserError(f"{where}: {_difference(row, found)}")
    if not (1 <= clip.identity.person <= 9999 and clip.samples >= 1 and clip.sightings):
        raise UserError(f"{where}: identity.person must be 1 to 9999, samples 1 or more, sightings not empty")
    if not all(sighting.frames >= 1 and sighting.fps >= SLOWEST for sighting in clip.sightings):
        raise UserError(f"{where}: each sighting must have 1 frame or more, and fps of {SLOWEST} or more")
    if impossible := _impossible(clip):
        raise UserError(f"{where}: {impossible}")
    return clip


def _impossible(clip: Clip) -> str | None:
    """Which number cannot be rendered, and what it must be; none of these would be noticed as plainly later."""
    trackers = [sighting.tracker for sighting in clip.sightings]
    for name, possible, needed in (
        ("seed", clip.seed >= 0, "0 or more"),
        ("camera.distance", clip.camera.distance > 0, "above 0"),
        ("sensor.loss", 0 <= clip.sensor.loss <= 51, "0 to 51"),
        ("tracker.margin", all(tracker.margin > 0 for tracker in trackers), "above 0 in each sighting"),
        ("tracker.jitter", all(tracker.jitter >= 0 for tracker in trackers), "0 or more in each sighting"),
        ("walk.pace", all(sighting.walk.pace >= 0 for sighting in clip.sightings), "0 or more in each sighting"),
        ("identity.gait.cadence", clip.identity.gait.cadence > 0, "above 0"),
        ("place", all(map(_has_scales, clip.sightings)), "of surfaces whose scale is above 0 in each sighting"),
        ("tracker.aspect", all(tracker.aspect > 0 for tracker in trackers), "above 0 in each sighting"),
        ("identity.phenotype", all(0 <= v <= 1 for v in asdict(clip.identity.phenotype).values()), "0 to 1 in each"),
    ):
        if not possible:
            return f"{name} must be {needed}"
    return None


def _has_scales(sighting: Sighting) -> bool:
    """Whether every pattern at a sighting's place has a size."""
    place = sighting.place
    solids = (*place.solids, *place.occluders, *place.shades)
    return all(surface.scale > 0 for surface in (place.ground, *(solid.surface for solid in solids)))


def _first_of(bad: Exception) -> str:
    """The first complaint, as "field.field: what is wrong"."""
    from pydantic import ValidationError

    if not isinstance(bad, ValidationError):
        return "a number is NaN or infinite" if isinstance(bad, ValueError) else "is not a clip"
    first = bad.errors()[0]
    return f"{'.'.join(map(str, first['loc']))}: {first['msg'][:1].lower()}{first['msg'][1:]}"


def _difference(row: Any, known: Any, at: str = "") -> str:
    """Where a row says what no clip knows of."""
    if isinstance(row, dict) and isinstance(known, dict):
        for name in row:
            if name not in known:
                return f"{at}{name}: no clip has such a field"
            if row_hash({"": row[name]}) != row_hash({"": known[name]}):
                return _difference(row[name], known[name], f"{at}{name}.")
        return f"{at[:-1]}: {', '.join(set(known) - set(row))} is missing"
    if isinstance(row, list) and isinstance(known, (list, tuple)) and len(row) == len(known):
        for number, (one, other) in enumerate(zip(row, known, strict=True)):
            if row_hash({"": one}) != row_hash({"": other}):
                return _difference(one, other, f"{at}{number}.")
    return f"{at[:-1]}: {row!r} should be {known!r}"
