"""Fail the n-th call: for n = 1, 2, 3 … the n-th call of a command on its files fails, until none is left to fail.

    python -m benchmarks.faults.nth_call --commands pack unpack --out runs/faults
    python -m benchmarks.faults.nth_call --every 7 --commands render-ray      every seventh call

A preloaded library (Linux, a C compiler) fails open, write, fsync, rename, unlink, mkdir, mmap and their kin on files
of the command's folder: a full disk from the n-th call on, an input/output error or a refusal of one call, or the death
of the process at it. A case is right if the command ends well, in one line, or killed as it was told to, and the same
command again ends well and leaves what an undisturbed one leaves, nothing lost and nothing left over.
"""

import importlib
import os
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from tqdm import tqdm

from alignnet_common.cli import as_plain, run_command
from alignnet_common.errors import JobError, UserError
from alignnet_common.files import write_json
from benchmarks.faults import preload
from benchmarks.faults.case import Ending, fresh, in_fork, run_words
from benchmarks.faults.content import Leaves, differences, leaves, steady
from benchmarks.faults.preload import FAULTS, Fault, Plan
from benchmarks.faults.scenarios import SCENARIOS, Scenario
from reid.reporting.markdown import markdown_table

IN_PROCESS = [name for name in SCENARIOS if name != "render-ray"]


@dataclass(frozen=True)
class NthCallConfig:
    """Let the n-th call of commands on their files fail, for every n."""

    commands: list[str] = field(default_factory=lambda: list(IN_PROCESS))
    """Commands, of benchmarks/faults/scenarios.py. Default: all but render-ray, where Ray and Blender start anew."""

    faults: list[str] = field(default_factory=lambda: list(FAULTS))
    """Kinds of faults: full, io, denied, kill."""

    every: int = 1
    """Distance of the calls that fail: 1 is every one."""

    first: int = 1
    """First call that fails."""

    out: Path = Path("runs/faults")
    """Folder of the cases; it is replaced."""

    json: Path = Path("runs/faults.json")
    """File for the result."""

    def __post_init__(self) -> None:
        """Check the names."""
        for name in self.commands:
            if name not in SCENARIOS:
                raise ValueError(f"--commands {name}: choose from {', '.join(SCENARIOS)}")
        for name in self.faults:
            if name not in FAULTS:
                raise ValueError(f"--faults {name}: choose from {', '.join(FAULTS)}")
        if min(self.every, self.first) < 1:
            raise ValueError("--every and --first: must be 1 or more")


@dataclass(frozen=True)
class Case:
    """What the failure of one call has led to."""

    command: str
    fault: Fault
    call: int
    """Number of the call, from 1."""
    at: str
    """Function and path."""
    first: Ending
    second: Ending
    """End of the same command afterwards."""
    differences: list[str]
    """Where the files then differ from those of an undisturbed command."""

    @property
    def verdict(self) -> str:
        """right, or what is wrong."""
        killed = self.fault == "kill" and self.first.kind == "killed"
        if not (killed or self.first.kind in ("well", "one line")):
            return self.first.kind
        if self.second.kind != "well":
            return f"again: {self.second.kind}"
        return "again: other files" if self.differences else "right"


def nth_call(config: NthCallConfig) -> None:
    """Run the cases, print and write the counts. Raises JobError if a case is wrong."""
    config.out.mkdir(parents=True, exist_ok=True)
    page, library = config.out.resolve() / "page", config.out.resolve() / "failing_calls.so"
    if preload.VARIABLE not in os.environ:
        preload.build(library)
        words = [sys.executable, "-m", "benchmarks.faults.nth_call", *sys.argv[1:]]
        os.execve(sys.executable, words, preload.environment(library, page) | {"OMP_NUM_THREADS": "1"})
    cases = [case for name in config.commands for case in sweep(name, config, Plan(page))]
    rows = counts(cases)
    said = [told(case) for case in wrong(cases)]
    write_json(config.json, {"config": as_plain(config), "counts": rows, "wrong": said})
    print(markdown_table(list(rows[0]), [[str(value) for value in row.values()] for row in rows]))
    if bad := wrong(cases):
        raise JobError(f"{len(bad)} of {len(cases)} cases are wrong: more in {config.json}")


def sweep(name: str, config: NthCallConfig, plan: Plan) -> Iterator[Case]:
    """All cases of a command."""
    scenario = SCENARIOS[name]
    for module in scenario.imports:
        importlib.import_module(module)
    template, folder = config.out.resolve() / "inputs", config.out.resolve() / "case"
    fresh_inputs(scenario, template)
    wanted = undisturbed(name, scenario, template, folder)
    for kind in config.faults:
        fault: Fault = kind  # type: ignore[assignment]  # checked by the configuration
        fresh(template, folder)
        run_words(scenario, folder, plan.armed(folder, fault, 0))
        total = plan.counted().calls
        calls = range(config.first, total + 1, config.every)
        bar = tqdm(calls, desc=f"{name}, {fault}", unit="case", file=sys.stdout)
        for call in bar:
            case = one_case(name, fault, call, plan, template, folder, wanted)
            if case is None:
                break
            if case.verdict != "right":
                bar.write(f"{name} {fault} {call}: {case.verdict} at {case.at}")
            yield case


def fresh_inputs(scenario: Scenario, template: Path) -> None:
    """Write the inputs of a scenario. Raises JobError if that fails."""
    empty = template.with_name("empty")
    empty.mkdir(exist_ok=True)
    fresh(empty, template)
    ending = in_fork(scenario.prepare, template)
    if ending.kind != "well":
        raise JobError(f"the inputs cannot be made: {ending.said}")


def undisturbed(name: str, scenario: Scenario, template: Path, folder: Path) -> Leaves:
    """What two undisturbed runs of the commands have in common. Raises UserError if they do not end well."""
    found = []
    for _ in range(2):
        fresh(template, folder)
        ending = run_words(scenario, folder)
        if ending.kind != "well":
            raise UserError(f"{name} does not end well undisturbed: {ending.said}")
        found.append(leaves(folder))
    return steady(*found)


def one_case(
    name: str, fault: Fault, call: int, plan: Plan, template: Path, folder: Path, wanted: Leaves
) -> Case | None:
    """Let one call fail and run the command again; None if the command makes fewer calls."""
    fresh(template, folder)
    first = run_words(SCENARIOS[name], folder, plan.armed(folder, fault, call))
    happened = plan.counted()
    if not happened.failed:
        return None
    second = run_words(SCENARIOS[name], folder)
    other = differences(wanted, leaves(folder)) if second.kind == "well" else []
    return Case(name, fault, call, happened.first.replace(f"{folder}/", ""), first, second, other)


def wrong(cases: Sequence[Case]) -> list[Case]:
    """The cases that are not right."""
    return [case for case in cases if case.verdict != "right"]


def told(case: Case) -> dict[str, object]:
    """A case as plain data."""
    return {
        "command": case.command,
        "fault": case.fault,
        "call": case.call,
        "at": case.at,
        "verdict": case.verdict,
        "said": case.first.said[-2000:],
        "again": case.second.said[-2000:],
        "differences": case.differences[:20],
    }


def counts(cases: Sequence[Case]) -> list[dict[str, object]]:
    """A row a command: its faults, how they ended, and how many are wrong."""
    rows = []
    for name in dict.fromkeys(case.command for case in cases):
        ours = [case for case in cases if case.command == name]
        ends, bad = Counter(case.first.kind for case in ours), Counter(case.verdict for case in wrong(ours))
        rows.append(
            {
                "command": name,
                "faults": len(ours),
                **{end: ends.get(end, 0) for end in ("one line", "well", "killed")},
                "wrong": len(wrong(ours)),
                "kinds": ", ".join(f"{kind} ({count})" for kind, count in bad.most_common()) or "none",
            }
        )
    return rows


if __name__ == "__main__":
    run_command(nth_call, NthCallConfig, "python -m benchmarks.faults.nth_call")
