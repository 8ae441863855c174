"""Make values.json by the commands of a checkout, which may be of another version of the code.

    python tests/golden/make_golden.py --tree CHECKOUT --out tests/golden/values.json [--sets FOLDER]

FOLDER keeps the rendered sets: those that it holds already, complete, are not rendered again. Rendering takes about two
minutes on two cores. tests/test_golden.py compares today's code with the values.
"""

import argparse
import json
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT), str(ROOT / "tests" / "helpers")]

import golden_values  # noqa: E402


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--tree", type=Path, required=True, help="checkout whose commands are run")
    parser.add_argument("--out", type=Path, default=golden_values.VALUES, help="file that is written")
    parser.add_argument("--sets", type=Path, help="folder that keeps the rendered sets")
    options = parser.parse_args()
    tree = options.tree.resolve()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        values = {
            "machine": golden_values.machine(),
            "plans_sha256": golden_values.plan_hashes(tree),
            "pixels_sha256": golden_values.pixel_hashes(
                tree, (options.sets or folder / "sets").resolve(), golden_values.RENDERED_SETS
            ),
            "training": golden_values.training_losses(tree, folder),
            "demo": golden_values.demo_losses(tree, folder / "demo"),
            "rankings": golden_values.ranking_numbers(tree, folder),
        }
    options.out.write_text(json.dumps(values, indent=1) + "\n")


if __name__ == "__main__":
    main()
