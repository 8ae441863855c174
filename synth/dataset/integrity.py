"""Checks of a whole rendered set against its plan, manifest and hashes."""

from pathlib import Path

from tqdm import tqdm

from alignnet_common.checked.set_rows import plan_rows
from alignnet_common.errors import UserError
from alignnet_common.set_format import ANNOTATIONS_FOLDER, FRAMES_FOLDER, PLAN, ManifestRow
from synth.dataset.layout import RenderedSet
from synth.dataset.reader import clip_error
from synth.planning.clip import row_hash


def planned_clips(target: RenderedSet) -> dict[str, str]:
    """Hash of the plan's row of each clip, by the clip's name. Raises UserError if there is no valid plan."""
    plans = [path for path in (target.plan, *target.of_shards(PLAN)) if path.is_file()]
    if not plans:
        raise UserError(f"{target.out} holds no {PLAN}: name the folder of a rendered set")
    try:
        return {row["clip"]: row_hash(row) for path in plans for row in plan_rows(path)}
    except ValueError:
        raise UserError(f"{plans[0]} is not a plan: the command that rendered the set writes it again") from None


def clip_errors(target: RenderedSet, planned: dict[str, str], rows: dict[str, ManifestRow]) -> dict[str, str]:
    """An error message for each clip that is missing or not as it was rendered, by its name, in the plan's order.

    `planned` has the hashes of `planned_clips`, `rows` the manifest's rows by clip.
    """
    errors = {}
    for clip, digest in tqdm(planned.items(), desc=f"check {target.out}", unit="clip", delay=1.0, leave=False):
        if clip not in rows:
            exists = target.frames(clip).exists() or target.annotation(clip).exists()
            errors[clip] = "files, but no row in the manifest" if exists else "not rendered"
        elif rows[clip].get("plan_sha256") != digest:
            errors[clip] = "rendered by another plan"
        elif error := clip_error(target, rows[clip]):
            errors[clip] = error
    return errors | {clip: "in the manifest, but not in the plan" for clip in rows if clip not in planned}


def unexpected_files(target: RenderedSet, planned: dict[str, str]) -> list[Path]:
    """Files and folders that belong to no planned clip. `clip_error` checks the files inside a clip's folder."""
    wanted = {target.frames(clip) for clip in planned} | {target.annotation(clip) for clip in planned}
    found = (path for kind in (FRAMES_FOLDER, ANNOTATIONS_FOLDER) for path in (target.out / kind).glob("*/*"))
    return sorted(path for path in found if path not in wanted)
