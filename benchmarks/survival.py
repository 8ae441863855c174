"""Robustness of rendering: kill the command and its workers again and again, and compare with an undisturbed set.

    python -m benchmarks.survival --ids 100 --frames 2 --samples 1 --blows 20

A blow is one of: kill -9 of a worker; kill -9 of the command and all its processes, as when the machine dies; Ctrl-C.
After a blow to the command, the same command is started again.
"""

import os
import random
import re
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from alignnet_common.checked.set_rows import read_manifest
from alignnet_common.cli import as_plain, run_command
from alignnet_common.errors import JobError, UserError
from alignnet_common.files import write_json
from alignnet_common.set_format import ANNOTATIONS_FOLDER, MANIFEST
from benchmarks.workers.sessions import end_session, session_of

Blow = Literal["worker", "machine", "interrupt"]
BLOWS: tuple[Blow, ...] = ("worker", "machine", "interrupt")


@dataclass(frozen=True)
class SurvivalConfig:
    """Render a set while killing processes, and compare it with an undisturbed set. Linux only: reads /proc."""

    ids: int = 100
    """Number of identities, of two clips each."""

    frames: int = 2
    """Frames per clip."""

    samples: int = 1
    """Cycles samples per pixel."""

    outfits: int = 1
    """Outfits of each person."""

    noise_samples: int = 16
    """Noise that frames keep: that of so many samples per pixel. Up to --samples, they are not denoised."""

    workers: int = 2
    """Number of rendering processes."""

    blows: int = 20
    """Number of blows."""

    seed: int = 0
    """Seed of the times and kinds of the blows."""

    out: Path = Path("runs/survival")
    """Folder for both sets."""

    json: Path = Path("runs/survival.json")
    """File for the result."""

    def __post_init__(self) -> None:
        """Check the ranges of the values."""
        if not 0 <= self.blows <= 2 * self.ids - 3:
            raise ValueError(f"--blows {self.blows}: {2 * self.ids} clips can take 0 to {2 * self.ids - 3}")


@dataclass
class Ordeal:
    """The blows to a set, and their consequences."""

    struck: list[Blow]
    """The blows in order."""
    starts: int
    """Number of starts of the command."""
    forgotten: int
    """Number of finished clips that a later start did not recognise."""
    unlisted: int
    """Number of clips on the disk but not in the manifest when the command died, which were rendered twice."""


def survival(config: SurvivalConfig) -> None:
    """Render both sets, compare and verify them, write the result.

    Raises UserError if --out holds sets already, JobError if the sets differ.
    """
    names = ("ids", "frames", "samples", "noise_samples", "workers", "outfits")
    named = {name.replace("_", "-"): getattr(config, name) for name in names}
    options = [word for name, value in named.items() for word in (f"--{name}", value)]
    command = [sys.executable, "-m", "synth.render", *map(str, options), "--out"]
    struck, peace = config.out / "struck", config.out / "peace"
    if struck.exists() or peace.exists():
        raise UserError(f"{config.out} holds sets already: remove it, or name another folder with --out")
    started = time.monotonic()
    ordeal = strike([*command, str(struck)], struck, 2 * config.ids, config.blows, random.Random(config.seed))
    subprocess.run([*command, str(peace)], check=True)
    found, wanted = hashes(struck), hashes(peace)
    clean = subprocess.run([sys.executable, "-m", "synth.verify", str(struck)]).returncode == 0
    result = {
        "command": "python -m benchmarks.survival",
        "config": as_plain(config),
        "blows": {kind: ordeal.struck.count(kind) for kind in BLOWS},
        "starts": ordeal.starts,
        "finished_clips_forgotten": ordeal.forgotten,
        "clips_rendered_twice": ordeal.unlisted,
        "clips": len(found),
        "clips_of_other_pixels": sum(found[clip] != wanted[clip] for clip in wanted),
        "verify_clean": clean,
        "seconds": round(time.monotonic() - started),
    }
    write_json(config.json, result)
    print(result)
    if found != wanted or not clean or ordeal.forgotten:
        raise JobError(f"{struck} is not the set that {peace} is: more in {config.json}")


def hashes(out: Path) -> dict[str, Any]:
    """Pixel hash of each clip in the manifest."""
    return {clip: row["pixels_sha256"] for clip, row in read_manifest(out / MANIFEST).items()}


def strike(command: Sequence[str], out: Path, clips: int, blows: int, rng: random.Random) -> Ordeal:
    """Run `command`, which renders `clips` clips to `out`, to its end, with `blows` blows spread over the set."""
    ordeal = Ordeal([], 0, 0, 0)
    marks = sorted(rng.sample(range(1, clips - 2), blows))
    kinds = [BLOWS[number % len(BLOWS)] for number in range(blows)]
    rng.shuffle(kinds)
    running, known = begin(command, ordeal, 0), 0
    for mark, kind in zip(marks, kinds, strict=True):
        while (known := finished(out)) < mark and running.poll() is None:
            time.sleep(0.02)
        if running.poll() is not None:
            raise JobError(f"the command ended with {known} of {clips} clips: {running.communicate()}")
        time.sleep(rng.uniform(0, 0.3))
        if kind == "worker":
            kill_a_worker(running, rng)
            ordeal.struck.append(kind)
            continue
        ordeal.struck.append(kind)
        if kind == "interrupt":
            os.killpg(running.pid, signal.SIGINT)
            running.communicate(timeout=120)
        end_session(running.pid)
        known = finished(out)
        ordeal.unlisted += sum(1 for _ in out.glob(f"{ANNOTATIONS_FOLDER}/*/person_*.npz")) - known
        running = begin(command, ordeal, known)
    printed, complaint = running.communicate()
    if running.returncode != 0:
        raise JobError(f"the command failed: {printed} {complaint}")
    return ordeal


def kill_a_worker(running: "subprocess.Popen[str]", rng: random.Random) -> None:
    """kill -9 one of the command's workers, once there is one. Raises JobError if the command ends first."""
    while running.poll() is None:
        workers = sorted(pid for pid, words in session_of(running.pid).items() if "Renderer" in words)
        if workers:
            try:
                os.kill(rng.choice(workers), signal.SIGKILL)
            except ProcessLookupError:  # it has ended meanwhile
                continue
            return
        time.sleep(0.02)
    raise JobError(f"the command ended before a worker could be killed: {running.communicate()}")


def begin(command: Sequence[str], ordeal: Ordeal, known: int) -> "subprocess.Popen[str]":
    """Start the command in a new session, and count those of the `known` finished clips that it does not recognise."""
    running = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True
    )
    assert running.stdout is not None
    outlook = running.stdout.readline()
    found = re.search(r"planned, (\d+) there", outlook)
    if found is None:
        raise JobError(f"the command does not begin: {outlook} {running.communicate()}")
    ordeal.starts += 1
    ordeal.forgotten += max(0, known - int(found[1]))
    return running


def finished(out: Path) -> int:
    """Number of clips in the manifest."""
    return len(hashes(out)) if (out / MANIFEST).is_file() else 0


if __name__ == "__main__":
    run_command(survival, SurvivalConfig, "python -m benchmarks.survival")
