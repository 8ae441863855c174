"""The pose network by itself.

python -m reid.pose train      on rendered people            python -m reid.pose evaluate   PCKh and OKS-AP
python -m reid.pose predict    joints of a folder's images    python -m reid.pose show       a sheet to look at
python -m reid.pose parts      how much attention lies on the parts
"""

import sys

from alignnet_common.cli import exit_with_line, run_command
from reid.pose.evaluate import PoseEvaluationConfig, evaluate
from reid.pose.part_attention import PartMassConfig, parts
from reid.pose.predict import PosePredictionConfig, predict
from reid.pose.show import PoseSheetConfig, show
from reid.pose.train import PoseTrainConfig, train

PROG = "python -m reid.pose"


def main() -> None:
    """Run the subcommand that is the first argument, with the options after it."""
    subcommand, *options = sys.argv[1:] or ["--help"]
    prog = f"{PROG} {subcommand}"
    match subcommand:
        case "-h" | "--help":
            print(f"{__doc__.strip()}\n\n{PROG} SUBCOMMAND --help prints the options of a subcommand.")
        case "train":
            run_command(train, PoseTrainConfig, prog, argv=options)
        case "evaluate":
            run_command(evaluate, PoseEvaluationConfig, prog, argv=options)
        case "predict":
            run_command(predict, PosePredictionConfig, prog, argv=options)
        case "show":
            run_command(show, PoseSheetConfig, prog, argv=options)
        case "parts":
            run_command(parts, PartMassConfig, prog, argv=options)
        case _:
            exit_with_line(2, f"{subcommand}: not one of train, evaluate, predict, show, parts (see {PROG} --help)")


if __name__ == "__main__":
    main()
