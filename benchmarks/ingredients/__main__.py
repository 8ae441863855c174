"""The command python -m benchmarks.ingredients."""

from alignnet_common.cli import run_command
from benchmarks.ingredients.config import IngredientsConfig
from benchmarks.ingredients.run import compare_ingredients

if __name__ == "__main__":
    run_command(compare_ingredients, IngredientsConfig, "python -m benchmarks.ingredients", goes_on=True)
