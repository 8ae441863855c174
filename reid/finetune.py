"""reid finetune: fine-tune on a re-identification data set. The steps are in reid/recipes/finetune.py."""

from reid.commands import PROGRAM

if __name__ == "__main__":
    PROGRAM.run("finetune")
