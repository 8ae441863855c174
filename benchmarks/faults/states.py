"""State machines: commands, kills and damage in any order, until something is not as it must be.

    python -m benchmarks.faults.states --steps 10000
    python -m benchmarks.faults.states --machines index_of_tracks --steps 2000 --seed 3

The machines are in benchmarks/faults/machines; Hypothesis draws the steps and prints those that led to a failure.
"""

import importlib
import time
from dataclasses import dataclass, field
from pathlib import Path

from alignnet_common.cli import as_plain, run_command
from alignnet_common.errors import JobError, UserError
from alignnet_common.files import write_json
from alignnet_common.run_record import versions
from benchmarks.faults.steps import STEPS

MACHINES = {
    "rendered_set": "RenderedSetMachine",
    "index_of_tracks": "IndexMachine",
    "training_run": "TrainingRunMachine",
}
"""Module and class of each machine."""

EXAMPLE = 25
"""Steps of an example at most: each starts with empty folders."""


@dataclass(frozen=True)
class StatesConfig:
    """Take steps with state machines. Linux: forks processes."""

    machines: list[str] = field(default_factory=lambda: list(MACHINES))
    """Machines. Default: all."""

    steps: int = 10_000
    """Steps of each machine, about."""

    seed: int = 0
    """Seed of the steps."""

    json: Path = Path("runs/states.json")
    """File for the result."""

    def __post_init__(self) -> None:
        """Check the names."""
        for name in self.machines:
            if name not in MACHINES:
                raise ValueError(f"--machines {name}: choose from {', '.join(MACHINES)}")


def states(config: StatesConfig) -> None:
    """Take the steps, and write how many there were. Raises JobError where a step fails; its story is printed."""
    found = {}
    for name in config.machines:
        started = time.monotonic()
        failure = take_steps(name, config.steps, config.seed)
        seconds = time.monotonic() - started
        found[name] = {"steps": steps_taken(name), "seconds": round(seconds), "failure": failure}
        print(f"{name}: {steps_taken(name)} steps, {seconds:.0f} s, {'a failure' if failure else 'no failure'}")
    packages = versions(["hypothesis", "torch", "numpy"])
    write_json(config.json, {"config": as_plain(config), "machines": found, "versions": packages})
    bad = [name for name, result in found.items() if result["failure"]]
    if bad:
        raise JobError(f"{' and '.join(bad)}: a step has failed: the steps that led to it are above")


def take_steps(name: str, steps: int, seed: int) -> str | None:
    """Take about `steps` steps with a machine; returns what failed, or None. Raises UserError without Hypothesis."""
    try:
        from hypothesis import HealthCheck, Phase, settings
        from hypothesis import seed as seeded
        from hypothesis.stateful import run_state_machine_as_test
    except ImportError:
        raise UserError('Hypothesis is missing: pip install "alignnet-reid[test]"') from None

    machine = getattr(importlib.import_module(f"benchmarks.faults.machines.{name}"), MACHINES[name])
    how = settings(
        max_examples=max(1, round(steps / EXAMPLE)),
        stateful_step_count=EXAMPLE,
        deadline=None,
        database=None,
        phases=[Phase.generate],  # shrinking takes minutes
        suppress_health_check=list(HealthCheck),
    )
    try:
        run_state_machine_as_test(seeded(seed)(machine), settings=how)
    except AssertionError as failure:
        print("\n".join([str(failure), *getattr(failure, "__notes__", [])]))
        return str(failure)
    return None


def steps_taken(name: str) -> int:
    """Steps that a machine has taken in this process."""
    return STEPS[name]


if __name__ == "__main__":
    run_command(states, StatesConfig, "python -m benchmarks.faults.states")
