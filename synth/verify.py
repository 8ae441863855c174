"""Check a rendered set against its plan and its hashes: `python -m synth.verify data/synthetic`."""

import shlex
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tqdm import tqdm

from alignnet_common.cli import JobError, UserError, run
from alignnet_common.files import rows_of_jsonl, write_json
from synth.dataset.manifest import known_rows
from synth.dataset.writer import RenderedSet, fault_of
from synth.planning.plan import row_hash

SHOWN = 20
"""Faults that are printed one by one; --json has them all."""


@dataclass(frozen=True)
class VerifyConfig:
    """Find what a rendered set lacks, what has changed in it since it was rendered, and what does not belong to it.

    Decodes every frame. Exit code 0 where all is as it was rendered, 1 where it is not.
    """

    out: Path = field(default=Path("data/synthetic"), metadata={"positional": True})
    """Folder of the set."""

    json: Path | None = None
    """Where the findings go as JSON, if they are to."""


def verify(config: VerifyConfig) -> None:
    """Print what is wrong, clip by clip, and how to mend it."""
    target = RenderedSet(config.out)
    planned = planned_clips(target)
    rows = {row["clip"]: row for row in known_rows(target)}
    faults = clip_faults(target, planned, rows)
    surplus = surplus_files(target, planned)
    lines = [f"{clip}: {what}" for clip, what in faults.items()] + [f"{path}: no part of the set" for path in surplus]
    print("".join(f"{line}\n" for line in lines[:SHOWN]), end="")
    if len(lines) > SHOWN:
        print(f"and {len(lines) - SHOWN} more")
    if config.json:
        write_json(
            config.json,
            {
                "command": "python -m synth.verify",
                "out": str(config.out),
                "clips": len(planned),
                "sound": len(planned) - len(faults),
                "faults": faults,
                "surplus": [str(path) for path in surplus],
            },
        )
    if lines:
        raise JobError(
            f"{config.out}: {len(faults)} of {len(planned)} clips are not sound, {len(surplus)} files are no part of "
            f"the set: {mending(target, bool(faults), bool(surplus))}"
        )
    frames = sum(row["frames"] for row in rows.values())
    print(f"{config.out}: all {len(planned)} clips are as they were rendered ({frames} frames)")


def mending(target: RenderedSet, faulty: bool, surplus: bool) -> str:
    """What to do about it."""
    command = (
        f"python -m synth.render --config {shlex.quote(str(target.config))} --out {shlex.quote(str(target.out))}"
        if target.config.is_file()
        else "the command that rendered the set"
    )
    steps = [f"{command} renders those clips, and no others, again"] * faulty
    steps += ["delete what is no part of the set"] * surplus
    return "; ".join(steps)


def planned_clips(target: RenderedSet) -> dict[str, str]:
    """The hash of each planned clip's row, by the clip's name. Raises UserError where there is no plan."""
    shards = [path for path in target.of_shards() if path.name.startswith("plan")]
    plans = [path for path in (target.plan, *shards) if path.is_file()]
    if not plans:
        raise UserError(f"{target.out} holds no plan.jsonl: name the folder of a rendered set")
    try:
        return {row["clip"]: row_hash(row) for path in plans for row in rows_of_jsonl(path)}
    except (ValueError, KeyError, TypeError):
        raise UserError(f"{plans[0]} is not a plan: the command that rendered the set writes it again") from None


def clip_faults(target: RenderedSet, planned: dict[str, str], rows: dict[str, dict[str, Any]]) -> dict[str, str]:
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
    found = (path for kind in ("multi_shot", "annotations") for path in (target.out / kind).glob("*/*"))
    return sorted(path for path in found if path not in wanted)


if __name__ == "__main__":
    run(verify, VerifyConfig, "python -m synth.verify")
