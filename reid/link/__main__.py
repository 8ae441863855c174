"""reid link: tracklets of an index joined to persons. The steps are in run.py."""

from reid.commands import PROGRAM

if __name__ == "__main__":
    PROGRAM.run("link")
