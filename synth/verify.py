"""Check a rendered set against its plan and its hashes: `python -m synth.verify data/synthetic`."""

import shlex
from dataclasses import dataclass, field
from pathlib import Path

from alignnet_common.cli import run_command
from alignnet_common.errors import JobError
from alignnet_common.files import write_json
from synth.dataset.integrity import clip_faults, planned_clips, surplus_files
from synth.dataset.layout import RenderedSet
from synth.dataset.manifest import known_rows

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


if __name__ == "__main__":
    run_command(verify, VerifyConfig, "python -m synth.verify")
