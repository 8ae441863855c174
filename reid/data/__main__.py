"""reid data: contents of a data set, and its errors. The steps are in reid/recipes/check_data.py."""

from reid.commands import PROGRAM

if __name__ == "__main__":
    PROGRAM.run("data")
