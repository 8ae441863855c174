"""reid search: find a person in an index. The steps are in run.py."""

from reid.commands import PROGRAM

if __name__ == "__main__":
    PROGRAM.run("search")
