"""Log of a training: a row of RUN/metrics.jsonl for each step, and curves for TensorBoard."""

import json
import os
from pathlib import Path
from types import TracebackType
from typing import Any

from tensorboardX import SummaryWriter

CURVES = "tensorboard"
"""Folder of the curves below the run's folder, for `tensorboard --logdir`."""


class StepLogger:
    """Context manager that appends to both logs, after `step` steps that are done.

    After a crash, steps since the last checkpoint are repeated: their curves replace those from before the crash.
    """

    def __init__(self, run: Path, step: int) -> None:
        self._rows = (run / "metrics.jsonl").open("a")
        self._curves = SummaryWriter(str(run / CURVES), purge_step=step + 1, flush_secs=30)

    def __enter__(self) -> "StepLogger":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, failure: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._rows.close()
        self._curves.close()

    def add(self, row: dict[str, Any]) -> None:
        """Append the values of one step: numbers, and dictionaries of numbers; "step" counts from 1."""
        self._rows.write(json.dumps(row) + "\n")
        self._rows.flush()
        for name, value in row.items():
            if isinstance(value, dict):
                for part, number in value.items():
                    self._curves.add_scalar(f"{name}/{part}", number, row["step"])
            elif name not in ("step", "epoch"):
                self._curves.add_scalar(name, value, row["step"])

    def sync(self) -> None:
        """Flush both logs to the disk, before a checkpoint is written: no checkpoint is ahead of its metrics."""
        os.fsync(self._rows.fileno())
        self._curves.flush()
