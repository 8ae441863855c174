"""reid repair: split mixed tracklets, join broken ones. The steps are in run.py."""

from reid.commands import PROGRAM

if __name__ == "__main__":
    PROGRAM.run("repair")
