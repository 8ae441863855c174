"""reid ablation: the paper's Tables 1a, 1b and 2."""

from reid.commands import PROGRAM

if __name__ == "__main__":
    PROGRAM.run("ablation")
