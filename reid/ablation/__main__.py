"""The command python -m reid.ablation."""

from alignnet_common.cli import run_command
from reid.ablation.run import PROG, AblationConfig, ablation

if __name__ == "__main__":
    run_command(ablation, AblationConfig, PROG, goes_on=True)
