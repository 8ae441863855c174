"""reid index: an index of tracklets, in which persons are found. The steps are in run.py."""

from reid.commands import PROGRAM

if __name__ == "__main__":
    PROGRAM.run("index")
