"""Checks of a whole rendered set against its plan, manifest and hashes."""

from pathlib import Path

from tqdm import tqdm

from alignnet_common.errors import UserError
from alignnet_common.files import rows_of_jsonl
from alignnet_common.set_format import ANNOTATIONS_FOLDER, FRAMES_FOLDER, PLAN, ManifestRow
from synth.dataset.layout import RenderedSet
from synth.dataset.reader import fault_of
from synth.planning.clip import row_hash


def planned_clips(target: RenderedSet) -> dict[str, str]:
    """The hash of each planned clip's row, by the clip's name. Raises UserError where there is no plan."""
    plans = [path for path in (target.plan, *target.of_shards(PLAN)) if path.is_file()]
    if not plans:
        raise UserError(f"{target.out} holds no {PLAN}: name the folder of a rendered set")
    try:
        return {row["clip"]: row_hash(row) for path in plans for row in rows_of_jsonl(path)}
    except (ValueError, KeyError, TypeError):
        raise UserError(f"{plans[0]} is not a plan: the command that rendered the set writes it again") from None


def clip_faults(target: RenderedSet, planned: dict[str, str], rows: dict[str, ManifestRow]) -> dict[str, str]:
    """What is wrong with each clip that is not as it was rendered, by its name, in the plan's order."""
    faults = {}
    for clip, digest in tqdm(planned.items(), desc=f"check {target.out}", unit="clip", delay=1.0, leave=False):
        if clip not in rows:
            there = target.frames(clip).exists() or target.annotation(clip).exists()
            faults[clip] = "files, but no row in the manifest" if there else "not rendered"
        elif rows[clip]["plan_sha256"] != digest:
            faults[clip] = "rendered by another plan"
        elif what := fault_of(target, rows[clip]):
            faults[clip] = what
    return faults | {clip: "in the manifest, but not in the plan" for clip in rows if clip not in planned}


def surplus_files(target: RenderedSet, planned: dict[str, str]) -> list[Path]:
    """Files and folders beside those of the planned clips; what is in a clip's own folder `fault_of` looks at."""
    wanted = {target.frames(clip) for clip in planned} | {target.annotation(clip) for clip in planned}
    found = (path for kind in (FRAMES_FOLDER, ANNOTATIONS_FOLDER) for path in (target.out / kind).glob("*/*"))
    return sorted(path for path in found if path not in wanted)
