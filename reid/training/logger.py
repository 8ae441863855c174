"""What is written down of each step: a row of RUN/metrics.jsonl, and curves that TensorBoard draws."""

import json
import os
from pathlib import Path
from types import TracebackType
from typing import Any

from tensorboardX import SummaryWriter

CURVES = "tensorboard"
"""Folder below the run's, for `tensorboard --logdir`."""


class StepLog:
    """Both logs, open from `step` (done so far) on; a context manager.

    Rows of steps that are done again after a crash take the place of what the curves had there.
    """

    def __init__(self, run: Path, step: int) -> None:
        self._rows = (run / "metrics.jsonl").open("a")
        self._curves = SummaryWriter(str(run / CURVES), purge_step=step + 1, flush_secs=30)

    def __enter__(self) -> "StepLog":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, failure: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._rows.close()
        self._curves.close()

    def add(self, row: dict[str, Any]) -> None:
        """One step: numbers, and numbers by name, by their names; `step` counts from 1."""
        self._rows.write(json.dumps(row) + "\n")
        self._rows.flush()
        for name, value in row.items():
            if isinstance(value, dict):
                for part, number in value.items():
                    self._curves.add_scalar(f"{name}/{part}", number, row["step"])
            elif name not in ("step", "epoch"):
                self._curves.add_scalar(name, value, row["step"])

    def sync(self) -> None:
        """Have all rows on the disk: a checkpoint is never ahead of its metrics."""
        os.fsync(self._rows.fileno())
        self._curves.flush()
