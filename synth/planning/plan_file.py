"""Reads and validates plan.jsonl, which users may edit: one row of `synth.planning.clip.plan_row` a line."""

import json
from collections import Counter
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from alignnet_common.checked.forms import ANY
from alignnet_common.checked.json_file import rows_of
from alignnet_common.errors import UserError
from alignnet_common.set_format import CAMERAS
from synth.planning.clip import Clip, Sighting, clip_record, defaults_implied, row_hash
from synth.planning.config import MIN_FPS

if TYPE_CHECKING:
    from pydantic import TypeAdapter


def read_plan(file: Path) -> list[Clip]:
    """The clips of a plan, ordered by person and then camera.

    Raises UserError, with the line and the field, for a value that cannot be rendered, and if pydantic is missing.
    """
    if not file.is_file():
        raise UserError(f"--plan {file}: no such file: name the plan.jsonl of a rendered set")
    try:
        rows = list(rows_of(file, ANY))  # an incomplete last line is an error of the editor
    except ValueError as broken:
        raise UserError(f"--plan: {broken}") from None
    reader = _reader()
    clips = [_clip_of(reader, row, f"--plan {file}, line {number}") for number, row in enumerate(rows, 1)]
    twice = [name for name, count in Counter(clip.name for clip in clips).items() if count > 1]
    if twice:
        raise UserError(f"--plan {file}: {twice[0]} is there twice: keep one clip a person and camera")
    if not clips:
        raise UserError(f"--plan {file} is empty: it needs at least one clip")
    return sorted(clips, key=lambda clip: (clip.identity.person, CAMERAS.index(clip.camera_name)))


def _reader() -> "TypeAdapter[Clip]":
    try:
        from pydantic import TypeAdapter  # needed for edited plans only
    except ImportError:
        raise UserError("not installed: pydantic: run make install, or pip install -e '.[synth]'") from None
    return TypeAdapter(Clip)


def _clip_of(reader: "TypeAdapter[Clip]", row: Any, where: str) -> Clip:
    try:
        json.dumps(row, allow_nan=False)
        # The version of the generator that wrote a row does not matter: this one renders it.
        row = {name: value for name, value in row.items() if name != "generator"}
        clip = reader.validate_python({name: value for name, value in row.items() if name != "clip"})
    except (ValueError, AttributeError) as bad:
        raise UserError(f"{where}: {_first_error(bad)}") from None
    found, row = clip_record(clip), defaults_implied(row)
    if row_hash(found) != row_hash(row):
        # pydantic drops unknown fields: a misspelt field must not count as a missing one.
        raise UserError(f"{where}: {_difference(row, found)}")
    if not (1 <= clip.identity.person <= 9999 and clip.samples >= 1 and clip.sightings):
        raise UserError(f"{where}: identity.person must be 1 to 9999, samples 1 or more, sightings not empty")
    if not all(sighting.frames >= 1 and sighting.fps >= MIN_FPS for sighting in clip.sightings):
        raise UserError(f"{where}: each sighting must have 1 frame or more, and fps of {MIN_FPS} or more")
    if reason := _out_of_range(clip):
        raise UserError(f"{where}: {reason}")
    return clip


def _out_of_range(clip: Clip) -> str | None:
    """The first number out of range, with its range: rendering would fail later, or with a worse message."""
    trackers = [sighting.tracker for sighting in clip.sightings]
    for name, valid, expected in (
        ("seed", clip.seed >= 0, "0 or more"),
        ("noise_samples", _keeps_noise(clip), "0, or more than samples in a clip with denoise"),
        ("camera.distance", clip.camera.distance > 0, "above 0"),
        ("sensor.loss", 0 <= clip.sensor.loss <= 51, "0 to 51"),
        ("tracker.margin", all(tracker.margin > 0 for tracker in trackers), "above 0 in each sighting"),
        ("tracker.jitter", all(tracker.jitter >= 0 for tracker in trackers), "0 or more in each sighting"),
        ("walk.pace", all(sighting.walk.pace >= 0 for sighting in clip.sightings), "0 or more in each sighting"),
        ("identity.gait.cadence", clip.identity.gait.cadence > 0, "above 0"),
        ("place", all(map(_has_scales, clip.sightings)), "of surfaces whose scale is above 0 in each sighting"),
        ("outfit", all(0 <= worn <= len(clip.identity.changes) for worn in clip.outfits), _outfits_of(clip)),
        ("tracker.aspect", all(tracker.aspect > 0 for tracker in trackers), "above 0 in each sighting"),
        ("identity.phenotype", all(0 <= v <= 1 for v in asdict(clip.identity.phenotype).values()), "0 to 1 in each"),
    ):
        if not valid:
            return f"{name} must be {expected}"
    return None


def _keeps_noise(clip: Clip) -> bool:
    """Whether the noise that the frames keep is less than that of their samples, or none."""
    return clip.noise_samples == 0 or (clip.denoise and clip.noise_samples > clip.samples)


def _outfits_of(clip: Clip) -> str:
    """The range of numbers of outfits that the person has."""
    last = len(clip.identity.changes)
    return f"0 to {last} in each sighting, as identity.changes has {last}" if last else "0 without identity.changes"


def _has_scales(sighting: Sighting) -> bool:
    """Whether the pattern of every surface of the scene has a positive scale."""
    place = sighting.place
    solids = (*place.solids, *place.occluders, *place.shades)
    return all(surface.scale > 0 for surface in (place.ground, *(solid.surface for solid in solids)))


def _first_error(bad: Exception) -> str:
    """The first error of pydantic as "field.field: message"."""
    from pydantic import ValidationError

    if not isinstance(bad, ValidationError):
        return "a number is NaN or infinite" if isinstance(bad, ValueError) else "is not a clip"
    first = bad.errors()[0]
    return f"{'.'.join(map(str, first['loc']))}: {first['msg'][:1].lower()}{first['msg'][1:]}"


def _difference(row: Any, known: Any, at: str = "") -> str:
    """The first field in which a row differs from the clip `known` that was read from it."""
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
