"""Commands of this project as subprocesses, and mean and standard deviation of results over seeds."""

import os
import statistics
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from alignnet_common.errors import JobError, UserError
from alignnet_common.files import PROJECT_ROOT


def call(module: str, words: Sequence[str], threads: int | None = None) -> None:
    """Run `python -m module words…` from the checkout, with OMP_NUM_THREADS set to `threads` if given.

    Raises JobError with the last line of its errors if the command fails.
    """
    environment = None if threads is None else {**os.environ, "OMP_NUM_THREADS": str(threads)}
    finished = subprocess.run(
        [sys.executable, "-m", module, *words],
        cwd=PROJECT_ROOT,
        env=environment,
        capture_output=True,
        text=True,
    )
    if finished.returncode != 0:
        last = (finished.stderr.strip().splitlines() or [f"exit code {finished.returncode}"])[-1]
        raise JobError(f"python -m {module} {' '.join(words)}: {last}")


def check_market(root: Path) -> None:
    """Raise UserError if `root` is not Market-1501, before hours of work that needs it."""
    if not (root / "bounding_box_train").is_dir():
        raise UserError(f"--market {root}: has no folder bounding_box_train: name the folder of Market-1501")


def mean_and_spread(values: Sequence[float]) -> str:
    """The mean to one decimal; for several values with the standard deviation (n - 1).

    >>> mean_and_spread([20.0, 22.0])
    '21.0 ± 1.4'
    """
    spread = f" ± {statistics.stdev(values):.1f}" if len(values) > 1 else ""
    return f"{statistics.mean(values):.1f}{spread}"
