"""reid pretrain: pre-train on a synthetic data set. The steps are in reid/recipes/pretrain.py."""

from reid.commands import PROGRAM

if __name__ == "__main__":
    PROGRAM.run("pretrain")
