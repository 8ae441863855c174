"""reid attention: evaluate temporal attention. The steps are in reid/recipes/attention.py."""

from reid.commands import PROGRAM

if __name__ == "__main__":
    PROGRAM.run("attention")
