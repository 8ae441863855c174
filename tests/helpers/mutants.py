"""A sample of the mutants of `benchmarks.faults.fuzz`."""

from benchmarks.faults.fuzzing import of_sets
from synth_runs import python

OF_SYNTH = tuple(reader.name for reader in of_sets.READERS)
"""Readers of synth."""


def fuzzed(folder, readers, mutants):
    """Read mutants by the command, in a process of its own: none may end badly."""
    words = ["--reader", ",".join(readers), "--mutants", str(mutants), "--out", str(folder)]
    done = python("-m", "benchmarks.faults.fuzz", *words)
    table = (folder / "table.md").read_text() if (folder / "table.md").is_file() else ""
    assert done.returncode == 0, f"{done.stderr[-1000:]}\n{table}"
    assert table.count("\n") == 2 + len(readers), table
