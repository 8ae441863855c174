"""python -m benchmarks.search."""

from alignnet_common.cli import run_command
from benchmarks.search.false_matches import FalseMatchConfig, measure

if __name__ == "__main__":
    run_command(measure, FalseMatchConfig, "python -m benchmarks.search")
