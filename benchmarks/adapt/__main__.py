"""python -m benchmarks.adapt."""

from alignnet_common.cli import run_command
from benchmarks.adapt.run import AdaptBenchmarkConfig, adapt_market

if __name__ == "__main__":
    run_command(adapt_market, AdaptBenchmarkConfig, "python -m benchmarks.adapt")
