"""reid pose: training, evaluation, prediction and drawing of the pose network."""

from reid.commands import PROGRAM

if __name__ == "__main__":
    PROGRAM.run_subcommand("pose")
