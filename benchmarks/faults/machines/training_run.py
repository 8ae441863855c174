"""A training run: start, kill, resume, ask for other options, damage and remove in any order.

The model is a run that was never disturbed: whatever happened, the finished run has its losses and its weights.
"""

import functools
import shutil
import tempfile
from pathlib import Path
from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from alignnet_common.files import asset, read_jsonl, sha256_of_file
from benchmarks.faults.content import Leaves, leaves
from benchmarks.faults.machines.forked import KILLED, fresh_place, in_fork, said
from benchmarks.faults.steps import STEPS
from reid.configs.pretrain import PretrainConfig
from reid.recipes.pretrain import pretrain

OPTIMIZER_STEPS = 4

OPTIONS: dict[str, Any] = {
    "appearance": "mobilenetv2_035",
    "appearance_weights": "none",
    "pose_stages": 1,
    "pose_width": 0.05,
    "tap_channels": 8,
    "height": 48,
    "width": 32,
    "chunk": 2,
    "overlap": 1,
    "ids_per_batch": 2,
    "chunks_per_id": 2,
    "warmup_steps": 0,
    "max_steps": OPTIMIZER_STEPS,
    "checkpoint_every": 1,
    "held_out": 4,
    "workers": 0,
    "device": "cpu",
}
"""A small network, for seconds on a CPU."""


def train(run: Path, **options: Any) -> None:
    """reid pretrain on the sample set."""
    pretrain(PretrainConfig(data=asset("sample"), run=run, **OPTIONS | options))


@functools.cache
def undisturbed() -> tuple[list[float], str]:
    """Losses, and SHA-256 of the weights, of a run without disturbance."""
    with tempfile.TemporaryDirectory(prefix="machine-") as place:
        run = Path(place) / "run"
        assert in_fork(lambda: train(run)) == 0
        return [row["loss"] for row in read_jsonl(run / "metrics.jsonl")], sha256_of_file(run / "model.safetensors")


class TrainingRunMachine(RuleBasedStateMachine):
    """Steps on a run of four optimizer steps."""

    @initialize()
    def begin(self) -> None:
        """No run."""
        self.place = fresh_place()
        self.run = self.place / "run"
        self.finished = False

    def teardown(self) -> None:
        """Remove the folder."""
        shutil.rmtree(self.place, ignore_errors=True)

    def _rows(self) -> list[dict[str, Any]]:
        path = self.run / "metrics.jsonl"
        return read_jsonl(path) if path.is_file() else []

    def _checkpointed(self) -> bool:
        return (self.run / "checkpoint.pt").is_file()

    @rule(dies_at=st.none() | st.integers(1, 120))
    def go_on(self, dies_at: int | None) -> None:
        """The command with --resume."""
        code = in_fork(lambda: train(self.run, resume=True), dies_at)
        assert code in (0, KILLED), f"resuming is refused: {code} {said()}"
        if code == 0:
            losses, weights = undisturbed()
            assert [row["loss"] for row in self._rows()] == losses
            assert [row["step"] for row in self._rows()] == list(range(1, OPTIMIZER_STEPS + 1))
            assert sha256_of_file(self.run / "model.safetensors") == weights
            assert not list(self.run.rglob("*.partial"))
            self.finished = True

    @precondition(lambda self: self._checkpointed())
    @rule()
    def start_again_is_refused(self) -> None:
        """The command without --resume names the run, and leaves it as it is."""
        before = leaves(self.run)
        assert in_fork(lambda: train(self.run)) == 2
        assert leaves(self.run) == before

    @precondition(lambda self: self._checkpointed())
    @rule(other=st.sampled_from((("lr_tap", 0.5), ("margin", 0.1), ("seed", 7), ("height", 64), ("tap_channels", 16))))
    def other_options_are_refused(self, other: tuple[str, Any]) -> None:
        """Resuming with another option is refused, and leaves the run as it is."""
        before = leaves(self.run)
        assert in_fork(lambda: train(self.run, resume=True, **dict([other]))) == 2
        assert leaves(self.run) == before

    @precondition(lambda self: self._checkpointed() and not self.finished)
    @rule(share=st.sampled_from((0.0, 0.5, 0.99)))
    def damage_is_told(self, share: float) -> None:
        """A checkpoint that was cut short is refused in one line, and is whole again when it is copied back."""
        checkpoint = self.run / "checkpoint.pt"
        whole = checkpoint.read_bytes()
        checkpoint.write_bytes(whole[: int(share * len(whole))])
        before: Leaves = {path.name: sha256_of_file(path) for path in self.run.iterdir() if path.is_file()}
        assert in_fork(lambda: train(self.run, resume=True)) == 2
        assert {path.name: sha256_of_file(path) for path in self.run.iterdir() if path.is_file()} == before
        checkpoint.write_bytes(whole)

    @precondition(lambda self: self.run.exists())
    @rule()
    def remove(self) -> None:
        """Begin anew."""
        shutil.rmtree(self.run)
        self.finished = False

    @invariant()
    def losses_are_those_of_the_undisturbed_run(self) -> None:
        """As far as the run has come."""
        STEPS["training_run"] += 1
        if hasattr(self, "run"):
            rows, losses = self._rows(), undisturbed()[0]
            assert [row["loss"] for row in rows] == losses[: len(rows)]
