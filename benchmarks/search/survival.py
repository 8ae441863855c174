"""An index that is killed again and again while it is written, compared with one that is left alone.

    python -m benchmarks.search.survival --kills 20 --out runs/search-survival

Half of the kills (SIGKILL) fall on `reid index` while it adds tracklets, the other half while it replaces every block,
because a tracklet of each camera is gone. Each falls at a random time after the process has begun to write. Both
indexes are then compared by content: tracklets, descriptors bit for bit, times, pictures, false match rates.
"""

import json
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from alignnet_common.cli import run_command
from alignnet_common.errors import JobError
from alignnet_common.files import PROJECT_ROOT, write_json
from alignnet_common.options import bounded, check_ranges
from reid.index.calibration import TABLES
from reid.index.store import BLOCKS, Store

TRACKLETS, FRAMES = 3, 2
"""Of a camera, and of a tracklet."""

BLOCKS_PER_KILL = 4
"""Cameras, each of which has one block, per kill: enough for all kills before the work is done."""

DESCRIBING, REPLACING = 0.3, 0.03
"""Seconds after the first sign of writing within which a kill falls: while tracklets are described, and while blocks
are written again with descriptors that are known."""

POLL = 0.002
"""Seconds between two looks at the index."""


@dataclass(frozen=True)
class SurvivalConfig:
    """Kill reid index while it writes, and compare the result with that of an undisturbed one."""

    kills: int = bounded(20, at_least=2)
    """Number of kills."""

    out: Path = Path("runs/search-survival")
    """Folder, which is made anew, for tracklets, both indexes and survival.json."""

    weights: str = "small"
    """Network that describes."""

    seed: int = bounded(0, at_least=0)
    """Of the pictures and of the times of the kills."""

    def __post_init__(self) -> None:
        check_ranges(self)


def survive(config: SurvivalConfig) -> None:
    """Print and write the outcome. Raises JobError where the two indexes differ or a run fails by itself."""
    shutil.rmtree(config.out, ignore_errors=True)
    rng = np.random.default_rng(config.seed)
    tracks, whole, killed = (config.out / name for name in ("tracks", "whole", "killed"))
    cameras = BLOCKS_PER_KILL * config.kills
    write_tracks(tracks, cameras, rng)
    finished(config, tracks, whole)
    kills = kill_while_writing(config, tracks, killed, config.kills // 2, DESCRIBING, rng)
    finished(config, tracks, killed)
    if differences(whole, killed):
        raise JobError(f"after {kills} kills while adding: {differences(whole, killed)}")
    for camera in sorted(tracks.iterdir()):
        shutil.rmtree(min(camera.iterdir()))
    finished(config, tracks, whole)
    kills += kill_while_writing(config, tracks, killed, config.kills - kills, REPLACING, rng)
    finished(config, tracks, killed)
    differing = differences(whole, killed)
    outcome = {"kills": kills, "tracklets": len(content(whole)), "blocks": cameras, "differences": differing}
    write_json(config.out / "survival.json", outcome)
    print(f"{kills} kills: {outcome['tracklets']} tracklets in {cameras} blocks, {len(differing)} differ")
    if differing:
        raise JobError(f"the index is not the same: {differing[:3]}")


def write_tracks(folder: Path, cameras: int, rng: np.random.Generator) -> None:
    """Tracklets of coloured noise: camera/track/frame.png."""
    for camera in range(cameras):
        for track in range(TRACKLETS):
            place = folder / f"c{camera:03d}" / f"{track:04d}"
            place.mkdir(parents=True)
            colours = rng.integers(0, 256, (4, 2, 3), np.uint8)
            for frame in range(FRAMES):
                noise = rng.integers(-20, 20, (128, 64, 3))
                image = np.clip(np.kron(colours, np.ones((32, 32, 1))) + noise, 0, 255).astype(np.uint8)
                Image.fromarray(image).save(place / f"{frame:06d}.png")


def words(config: SurvivalConfig, tracks: Path, index: Path) -> list[str]:
    """The command."""
    options = [str(tracks), f"--index={index}", f"--weights={config.weights}", "--device=cpu", "--workers=0"]
    return [sys.executable, "-m", "reid.index", *options]


def finished(config: SurvivalConfig, tracks: Path, index: Path) -> None:
    """Index until the end. Raises JobError where it fails."""
    command = words(config, tracks.absolute(), index.absolute())
    ended = subprocess.run(command, cwd=PROJECT_ROOT, capture_output=True, text=True, check=False)
    if ended.returncode != 0:
        raise JobError(f"{' '.join(command)}: {ended.stderr.strip()}")


def kill_while_writing(
    config: SurvivalConfig, tracks: Path, index: Path, kills: int, within: float, rng: np.random.Generator
) -> int:
    """Start the command and kill it `within` seconds after it has begun to write, `kills` times; returns how many.

    Raises JobError where it ended before it could be killed.
    """
    for number in range(kills):
        before = names(index)
        process = subprocess.Popen(
            words(config, tracks.absolute(), index.absolute()),
            cwd=PROJECT_ROOT,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
        )
        while process.poll() is None and names(index) <= before:
            time.sleep(POLL)
        time.sleep(rng.uniform(0, within))
        process.send_signal(signal.SIGKILL)
        if process.wait() != -signal.SIGKILL:
            errors = b"" if process.stderr is None else process.stderr.read()
            raise JobError(f"kill {number + 1}: the command had ended before ({errors.decode().strip() or 'finished'})")
    return kills


def names(index: Path) -> set[str]:
    """Names in the folder of blocks, finished and not."""
    folder = index / BLOCKS
    return {path.name for path in folder.iterdir()} if folder.is_dir() else set()


def content(index: Path) -> dict[str, Any]:
    """What an index holds, by tracklet."""
    found: dict[str, Any] = {}
    for block in Store(index).blocks():
        for row, vector, times in zip(block.rows, block.vectors(), block.times(), strict=True):
            facts = (row.source, row.digest, row.frames, row.start, row.end)
            found[row.name] = (facts, vector.tobytes(), times.tobytes(), block.thumbnail(row))
    return found


def differences(first: Path, second: Path) -> Sequence[str]:
    """Names of tracklets and files in which two indexes differ, and of what is left over."""
    one, other = content(first), content(second)
    found = sorted(name for name in one.keys() | other.keys() if one.get(name) != other.get(name))
    if names(first) != names(second):
        found.append(BLOCKS)
    if json.loads((first / TABLES).read_text()) != json.loads((second / TABLES).read_text()):
        found.append(TABLES)
    return found


if __name__ == "__main__":
    run_command(survive, SurvivalConfig, "python -m benchmarks.search.survival")
