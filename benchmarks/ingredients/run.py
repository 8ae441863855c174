"""The steps of python -m benchmarks.ingredients: train, rank, write the table."""

import functools
import json
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from benchmarks.ingredients.config import Ingredient, IngredientsConfig
from benchmarks.ingredients.plan import Training, planned, read_result
from benchmarks.ingredients.table import Figures, table, write_table
from benchmarks.workers.subprocesses import Start, call_on_one_thread, check_market, side_by_side
from reid.runtime.run_dir import BEST, CHECKPOINT, CHECKPOINTS


def compare_ingredients(config: IngredientsConfig, start: Start = call_on_one_thread) -> None:
    """Train and rank all rows with the first seed, then with the second, and so on, unless done already; write the
    table after each. `start` runs a module with arguments.

    Raises UserError if there is no Market-1501, or the set has too few identities.
    """
    check_market(config.market)
    trainings = planned(config)
    results: dict[str, list[Figures]] = {name: [] for name in config.rows}

    def finish(training: Training, found: dict[str, Figures]) -> None:
        for name, figures in found.items():
            results[name].append(figures)
        write_table(config, results)

    side_by_side(trainings, functools.partial(train_and_rank, config, start), finish, config.at_once, "ingredients")
    print(table(results))


def train_and_rank(config: IngredientsConfig, start: Start, training: Training) -> dict[str, Figures]:
    """Train a network unless that is done, and rank with it; returns the figures of each row that has this training."""
    result = read_result(training)
    if result is None:
        start("reid.pretrain", [*training.words, *(["--resume"] if training.folder.exists() else [])])
        result = read_result(training)
        assert result is not None
    trained = config.rows[training.name].training
    rows = {name: one for name, one in config.rows.items() if one.training == trained}
    figures: Figures = {
        "seed": training.options.seed,
        "steps": result["training"]["steps"],
        "seconds": result["training"]["seconds"],
        "data": result["data"]["fingerprint"],
        "model_sha256": result["model"]["sha256"],
    }
    found = {name: {**figures, **rank(config, training, figures, one, start)} for name, one in rows.items()}
    remove_checkpoints(training.folder)
    return found


def rank(config: IngredientsConfig, training: Training, trained: Figures, one: Ingredient, start: Start) -> Figures:
    """Rank Market-1501 by the trained network, unless that is done; returns rank-1, mAP and what was ranked."""
    path = training.folder / ("market-flip.json" if one.flip_test else "market.json")
    asked = {"market": str(config.market.absolute()), "test_ids": config.test_ids, "flip_test": one.flip_test}
    found = read_ranking(path, trained["model_sha256"], asked)
    if found is None:
        words = [f"--weights={training.folder}", f"--market={asked['market']}", f"--test-ids={config.test_ids}"]
        flip = ["--flip-test"] if one.flip_test else []
        start("benchmarks.transfer", [*words, *flip, f"--json={path}"])
        found = read_ranking(path, trained["model_sha256"], asked)
        assert found is not None
    return found


def read_ranking(path: Path, model_sha256: str, asked: Mapping[str, Any]) -> Figures | None:
    """Figures of a ranking by this network with these options; None if there is none."""
    if not path.is_file():
        return None
    found = json.loads(path.read_text())
    fits = found["model"]["sha256"] == model_sha256 and asked.items() <= found["config"].items()
    return found["trained"] | {"tested_on": found["tested_on"]} if fits else None


def remove_checkpoints(run: Path) -> None:
    """Remove what a finished training does not need, most of its folder."""
    shutil.rmtree(run / CHECKPOINTS, ignore_errors=True)
    for name in (CHECKPOINT, BEST):
        (run / name).unlink(missing_ok=True)
