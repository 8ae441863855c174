"""The command python -m benchmarks.transfer."""

from alignnet_common.cli import run_command
from benchmarks.transfer.config import TransferConfig
from benchmarks.transfer.run import transfer

if __name__ == "__main__":
    run_command(transfer, TransferConfig, "python -m benchmarks.transfer")
