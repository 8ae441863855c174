"""The program reid; python -m reid is the same."""

from reid.commands import PROGRAM

if __name__ == "__main__":
    PROGRAM.main()
