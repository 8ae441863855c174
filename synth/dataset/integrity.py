"""Checks of a whole rendered set against its plan, manifest and hashes."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from alignnet_common.checked.set_rows import plan_rows
from alignnet_common.cli.progress import progress
from alignnet_common.errors import UserError
from alignnet_common.set_format import ANNOTATIONS_FOLDER, FRAMES_FOLDER, PLAN, ManifestRow
from synth.dataset.layout import RenderedSet
from synth.dataset.reader import clip_error, read_truth
from synth.planning.clip import row_hash


@dataclass(frozen=True)
class PlannedClip:
    """What a clip's files are compared with."""

    sha256: str
    """Hash of its row of the plan."""
    outfits: tuple[int, ...]
    """Number of the outfit in each sighting."""
    frames: tuple[int, ...]
    """Number of frames of each sighting."""


def planned_clips(target: RenderedSet) -> dict[str, PlannedClip]:
    """What the plan says of each clip, by the clip's name. Raises UserError if there is no valid plan."""
    plans = [path for path in (target.plan, *target.of_shards(PLAN)) if path.is_file()]
    if not plans:
        raise UserError(f"{target.out} holds no {PLAN}: name the folder of a rendered set")
    try:
        return {row["clip"]: _planned(row) for path in plans for row in plan_rows(path)}
    except (ValueError, KeyError, TypeError, AttributeError):
        raise UserError(f"{plans[0]} is not a plan: the command that rendered the set writes it again") from None


def _planned(row: dict[str, Any]) -> PlannedClip:
    sightings = row.get("sightings", ())  # older plans have none
    outfits = tuple(int(sighting.get("outfit", 0)) for sighting in sightings)
    return PlannedClip(row_hash(row), outfits, tuple(int(sighting["frames"]) for sighting in sightings))


def clip_errors(target: RenderedSet, planned: dict[str, PlannedClip], rows: dict[str, ManifestRow]) -> dict[str, str]:
    """An error message for each clip that is missing or not as it was rendered, by its name, in the plan's order.

    `planned` is what `planned_clips` returns, `rows` the manifest's rows by clip.
    """
    errors = {}
    for clip, plan in progress(planned.items(), desc=f"check {target.out}", unit="clip", delay=1.0, leave=False):
        if clip not in rows:
            exists = target.frames(clip).exists() or target.annotation(clip).exists()
            errors[clip] = "files, but no row in the manifest" if exists else "not rendered"
        elif rows[clip].get("plan_sha256") != plan.sha256:
            errors[clip] = "rendered by another plan"
        elif error := clip_error(target, rows[clip]) or outfit_error(target, rows[clip], plan):
            errors[clip] = error
    return errors | {clip: "in the manifest, but not in the plan" for clip in rows if clip not in planned}


def outfit_error(target: RenderedSet, row: ManifestRow, plan: PlannedClip) -> str | None:
    """A message if the annotations or the manifest name other outfits than the plan; None if they agree."""
    if "outfits" not in row and not any(plan.outfits):
        return None  # rendered by a generator without outfits
    if row.get("outfits") != list(plan.outfits):
        return f"{target.manifest} has outfits {row.get('outfits')}, the plan {list(plan.outfits)}"
    found = read_truth(target, row["clip"], ("outfit",))["outfit"]
    if not np.array_equal(found, np.repeat(plan.outfits, plan.frames)):
        return f"{target.annotation(row['clip'])} has other outfits than the plan"
    return None


def unexpected_files(target: RenderedSet, planned: dict[str, PlannedClip]) -> list[Path]:
    """Files and folders that belong to no planned clip. `clip_error` checks the files inside a clip's folder."""
    wanted = {target.frames(clip) for clip in planned} | {target.annotation(clip) for clip in planned}
    found = (path for kind in (FRAMES_FOLDER, ANNOTATIONS_FOLDER) for path in (target.out / kind).glob("*/*"))
    return sorted(path for path in found if path not in wanted)
