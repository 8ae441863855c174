"""reid adapt: adapt a network to one's own cameras without labels. The steps are in run.py."""

from reid.commands import PROGRAM

if __name__ == "__main__":
    PROGRAM.run("adapt")
