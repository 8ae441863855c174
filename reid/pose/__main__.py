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
    """Do what the first word says with the options behind it."""
    verb = sys.argv[1] if len(sys.argv) > 1 else "--help"
    if verb in ("-h", "--help"):
        print(f"{__doc__.strip()}\n\n{PROG} VERB --help says each one's options.")
        return
    del sys.argv[1]
    match verb:
        case "train":
            run_command(train, PoseTrainConfig, f"{PROG} train")
        case "evaluate":
            run_command(evaluate, PoseEvaluationConfig, f"{PROG} evaluate")
        case "predict":
            run_command(predict, PosePredictionConfig, f"{PROG} predict")
        case "show":
            run_command(show, PoseSheetConfig, f"{PROG} show")
        case "parts":
            run_command(parts, PartMassConfig, f"{PROG} parts")
        case _:
            exit_with_line(2, f"{verb}: not one of train, evaluate, predict, show, parts (see {PROG} --help)")


if __name__ == "__main__":
    main()
