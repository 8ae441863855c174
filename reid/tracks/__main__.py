"""reid tracks: tracklets of persons from videos. The steps are in run.py."""

from reid.commands import PROGRAM

if __name__ == "__main__":
    PROGRAM.run("tracks")
