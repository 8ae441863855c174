"""Commands of this project as subprocesses, several at a time; mean and standard deviation of results over seeds."""

import functools
import os
import statistics
import subprocess
import sys
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

from tqdm import tqdm

from alignnet_common.errors import JobError, UserError
from alignnet_common.files import PROJECT_ROOT

Training = TypeVar("Training")
Result = TypeVar("Result")

Start = Callable[[str, Sequence[str]], None]
"""Runs a module with arguments, as `call` does."""


def call(module: str, words: Sequence[str], threads: int | None = None) -> None:
    """Run `python -m module words…` of the checkout, with OMP_NUM_THREADS set to `threads` if given.

    It runs in the current folder, so that relative paths among the words mean the same there as here. Raises JobError
    with the last line of its errors if the command fails.
    """
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(PROJECT_ROOT), *python_path()])}
    if threads is not None:
        environment["OMP_NUM_THREADS"] = str(threads)
    finished = subprocess.run(
        [sys.executable, "-m", module, *words],
        env=environment,
        capture_output=True,
        text=True,
    )
    if finished.returncode != 0:
        last = (finished.stderr.strip().splitlines() or [f"exit code {finished.returncode}"])[-1]
        raise JobError(f"python -m {module} {' '.join(words)}: {last}")


def python_path() -> list[str]:
    """Folders of PYTHONPATH."""
    return [folder for folder in os.environ.get("PYTHONPATH", "").split(os.pathsep) if folder]


call_on_one_thread: Start = functools.partial(call, threads=1)


def side_by_side(
    trainings: Sequence[Training],
    train: Callable[[Training], Result],
    finish: Callable[[Training, Result], None],
    at_once: int,
    name: str,
) -> None:
    """Run `train` on each training in a thread of its own, and `finish` on each result in this one, in their order.

    Args:
        at_once: number of simultaneous trainings; 0: as many as there are cores.
        name: of the progress bar.

    After an exception of either function, which is raised, no further training starts.
    """
    with ThreadPoolExecutor(at_once or len(os.sched_getaffinity(0))) as trainer:
        trained = [trainer.submit(train, training) for training in trainings]
        try:
            for training, one in zip(tqdm(trainings, desc=name, unit="training"), trained, strict=True):
                finish(training, one.result())
        except BaseException:
            trainer.shutdown(wait=False, cancel_futures=True)
            raise


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
