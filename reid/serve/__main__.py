"""reid serve: search in an index with a browser. The steps are in run.py."""

from reid.commands import PROGRAM

if __name__ == "__main__":
    PROGRAM.run("serve")
