"""What an adaptation leaves in its folder while it runs: rows of rounds, curves, clusters, checkpoints."""

import csv
import io
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, NoReturn, Self

from tensorboardX import SummaryWriter
from tqdm import tqdm

from alignnet_common.arrays import Singles
from alignnet_common.cli.progress import progress
from alignnet_common.files import write_jsonl, write_text
from reid.adapt.clustering.agreement import Choice
from reid.adapt.clustering.neighbours import nearest_elsewhere, shown_tracklets
from reid.adapt.state import AdaptState, save_state
from reid.adapt.unlabelled import Unlabelled
from reid.configs.adapt import AdaptConfig
from reid.models.checkpoint import save_model
from reid.runtime.run_dir import METRICS
from reid.training.logger import CURVES

CLUSTERS = "clusters.csv"

BEST_ROUND = "best-round.safetensors"
"""The network of the round with the highest score so far."""


class RoundLog:
    """Context manager that shows the progress and writes the files of a run.

    facts -- plain values that a run that resumes must have as well. metadata -- what model files keep.
    """

    def __init__(
        self,
        folder: Path,
        config: AdaptConfig,
        data: Unlabelled,
        facts: Mapping[str, Any],
        metadata: Mapping[str, Any],
        step: int,
    ) -> None:
        self._folder, self._config, self._data, self._facts, self._metadata = folder, config, data, facts, metadata
        self._curves = SummaryWriter(str(folder / CURVES), purge_step=step + 1, flush_secs=30)
        self._bar: tqdm[NoReturn] = progress(
            total=config.last_step, initial=step, desc="adaptation", unit="step", smoothing=0
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, failure: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._bar.close()
        self._curves.close()

    def note(self, line: str) -> None:
        """Print a line above the progress bar."""
        self._bar.write(f"note: {line}")

    def add_round(self, state: AdaptState, row: dict[str, Any], choice: Choice, descriptors: Singles) -> None:
        """Add the row of a round to metrics.jsonl; write clusters.csv, and the network if its score is the highest.

        descriptors -- (N, D) of all tracklets.
        """
        best = max((earlier["score"] for earlier in state.rows), default=-1.0)
        state.rows.append(row)
        if row["score"] >= best:
            state.after = nearest_elsewhere(
                descriptors, self._data.camera_of, shown_tracklets(len(self._data.tracklets))
            )
            state.before = state.before or state.after
            save_model(state.averaged_model, self._folder / BEST_ROUND, self._metadata, classifier=False)
        write_jsonl(self._folder / METRICS, state.rows)
        write_clusters(self._folder / CLUSTERS, self._data, choice)
        for name in ("clusters", "outliers", "across_cameras", "eps", "score"):
            self._curves.add_scalar(f"round/{name}", row[name], row["round"])
        self._bar.write(
            f"round {row['round']}: {row['clusters']} clusters, {row['across_cameras']} of them across cameras, "
            f"{row['outliers']} of {len(self._data.tracklets)} tracklets in none; "
            f"score {row['score']:.3f} (eps {row['eps']:g})"
        )

    def add_step(self, step: int, row: Mapping[str, float]) -> None:
        """Count a step, and add its losses to the curves."""
        for name, value in row.items():
            self._curves.add_scalar(name, value, step)
        self._bar.set_postfix(loss=f"{row['loss']:.3f}", refresh=False)
        self._bar.update()

    def save(self, state: AdaptState) -> None:
        """Write the checkpoint."""
        self._curves.flush()
        save_state(state, self._folder, self._config, self._facts)


def write_clusters(path: Path, data: Unlabelled, choice: Choice) -> None:
    """Write camera, track and cluster of each tracklet as CSV; -1: in none."""
    text = io.StringIO()
    table = csv.writer(text, lineterminator="\n")
    table.writerow(("camera", "track", "cluster"))
    labels = choice.clusters.labels.tolist()
    table.writerows((*name, label) for name, label in zip(data.names, labels, strict=True))
    write_text(path, text.getvalue())
