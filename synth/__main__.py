"""The program synth; python -m synth is the same."""

from synth.commands import PROGRAM

if __name__ == "__main__":
    PROGRAM.main()
