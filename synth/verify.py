"""Check a rendered set against its plan and its hashes: `python -m synth.verify data/synthetic`."""

import shlex
from dataclasses import dataclass
from pathlib import Path

from alignnet_common.errors import JobError
from alignnet_common.files import write_json
from alignnet_common.options import option
from synth.commands import PROGRAM
from synth.dataset.integrity import clip_errors, planned_clips, unexpected_files
from synth.dataset.layout import RenderedSet
from synth.dataset.manifest import known_rows

SHOWN = 20
"""Largest number of errors that are printed; --json has all."""


@dataclass(frozen=True)
class VerifyConfig:
    """Find missing, damaged and unexpected files of a rendered set.

    Decodes every frame. Exit code: 0 if all files are as they were rendered, else 1.
    """

    data: Path = option(Path("data/synthetic"), first_word=True, formerly="out")
    """Folder of the data set."""

    json: Path | None = None
    """File for the findings as JSON; none by default."""


def verify(config: VerifyConfig) -> None:
    """Print the errors clip by clip; raise JobError with the way to repair them."""
    target = RenderedSet(config.data)
    planned = planned_clips(target)
    rows = {row["clip"]: row for row in known_rows(target)}
    errors = clip_errors(target, planned, rows)
    unexpected = unexpected_files(target, planned)
    lines = [f"{clip}: {error}" for clip, error in errors.items()]
    lines += [f"{path}: unexpected file" for path in unexpected]
    print("".join(f"{line}\n" for line in lines[:SHOWN]), end="")
    if len(lines) > SHOWN:
        print(f"and {len(lines) - SHOWN} more")
    if config.json:
        write_json(
            config.json,
            {
                "command": "python -m synth.verify",
                "out": str(config.data),
                "clips": len(planned),
                "sound": len(planned) - len(errors),
                "faults": errors,
                "surplus": [str(path) for path in unexpected],
            },
        )
    if lines:
        raise JobError(
            f"{config.data}: {len(errors)} of {len(planned)} clips are missing or damaged, {len(unexpected)} files are "
            f"unexpected: {repair(target, bool(errors), bool(unexpected))}"
        )
    frames = sum(row["frames"] for row in rows.values())
    print(f"{config.data}: all {len(planned)} clips are as they were rendered ({frames} frames)")


def repair(target: RenderedSet, has_errors: bool, has_unexpected: bool) -> str:
    """Instructions that repair the set."""
    command = (
        f"python -m synth.render --config {shlex.quote(str(target.config))} --out {shlex.quote(str(target.out))}"
        if target.config.is_file()
        else "the command that rendered the set"
    )
    steps = [f"{command} renders only those clips again"] * has_errors
    steps += ["delete the unexpected files"] * has_unexpected
    return "; ".join(steps)


if __name__ == "__main__":
    PROGRAM.run("verify")
