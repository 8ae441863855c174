"""The benchmark of ingredients: its trainings, their length, the table, and what is kept; no network is trained."""

import dataclasses
import json

import pytest

from alignnet_common.cli import as_plain, read_config
from alignnet_common.errors import UserError
from alignnet_common.files import PROJECT_ROOT
from benchmarks.ingredients.config import INGREDIENTS, IngredientsConfig
from benchmarks.ingredients.plan import planned
from benchmarks.ingredients.run import compare_ingredients
from benchmarks.transfer.config import TransferConfig
from reid.configs.pretrain import PretrainConfig
from reid_folders import write_rendered


@pytest.fixture(scope="module")
def people(tmp_path_factory):
    return write_rendered(tmp_path_factory.mktemp("people"), persons=36, frames=2)


@pytest.fixture
def config(people, tmp_path):
    """12 of 36 identities, of which a batch has all: an epoch is one step, and three with all identities."""
    (tmp_path / "market" / "bounding_box_train").mkdir(parents=True)
    job, market = PROJECT_ROOT / "jobs/ingredients.yaml", tmp_path / "market"
    return IngredientsConfig(people, market, tmp_path / "out", job, ids=12, steps=6, seeds=2, at_once=2)


SCORES = {"plain": 20.0, "no-neck": 24.5, "more-steps": 18.0, "no-neck+gem+flip-test": 30.0}


class Commands:
    """Stands for `call`: writes what reid.pretrain and benchmarks.transfer write, with figures by name of the row."""

    def __init__(self, config):
        self.options = {one.words: one.options for one in planned(config)}
        self.trained, self.ranked = [], []

    def __call__(self, module, words):
        if module == "reid.pretrain":
            options = self.options[tuple(word for word in words if word != "--resume")]
            self.trained.append((options, "--resume" in words))
            (options.run / "checkpoints").mkdir(parents=True, exist_ok=True)
            (options.run / "checkpoint.pt").touch()
            result = {
                "config": as_plain(options),
                "training": {"steps": options.epochs * options.ids // 12, "seconds": 1.0},
                "data": {"fingerprint": "f"},
                "model": {"sha256": str(options.run)},
            }
            (options.run / "result.json").write_text(json.dumps(result))
            return
        assert module == "benchmarks.transfer"
        options = read_config(TransferConfig, module, words)
        self.ranked.append(options)
        run = options.json.parent
        score = SCORES[run.parent.name] + 2 * int(run.name[-1]) + options.flip_test
        record = {"config": as_plain(options), "model": {"sha256": options.weights}, "tested_on": "some"}
        options.json.write_text(json.dumps({**record, "trained": {"rank1": score, "mAP": score / 2}}))


def test_ingredients_are_compared_over_the_seeds(config, capsys):
    only, together = ("no-neck", "more-steps", "flip-test"), ("no-neck", "gem", "flip-test")
    config = dataclasses.replace(config, only=only, together=together, at_once=1, options={"margin": "0.5"})
    commands = Commands(config)
    compare_ingredients(config, commands)
    expected = [
        "| change | rank-1 | mAP | rank-1 gained, per seed | mAP gained, per seed | steps |",
        "|---|---|---|---|---|---|",
        "| plain | 21.0 ± 1.4 | 10.5 ± 0.7 |  |  | 6 |",
        "| no-neck | 25.5 ± 1.4 | 12.8 ± 0.7 | +4.5, +4.5 | +2.2, +2.2 | 6 |",
        "| more-steps | 19.0 ± 1.4 | 9.5 ± 0.7 | -2.0, -2.0 | -1.0, -1.0 | 12 |",
        "| flip-test | 22.0 ± 1.4 | 11.0 ± 0.7 | +1.0, +1.0 | +0.5, +0.5 | 6 |",
        "| no-neck+gem+flip-test | 32.0 ± 1.4 | 16.0 ± 0.7 | +11.0, +11.0 | +5.5, +5.5 | 6 |",
    ]
    assert capsys.readouterr().out.splitlines() == expected
    assert (config.out / "ingredients.md").read_text().splitlines() == expected
    # Flipped images change no training; all trainings of the first seed come first.
    runs = [options.run.relative_to(config.out).as_posix() for options, _ in commands.trained]
    names = ("plain", "no-neck", "more-steps", "no-neck+gem+flip-test")
    assert runs == [f"{name}/seed-{seed}" for seed in (0, 1) for name in names]
    assert {(options.margin, options.ids) for options, _ in commands.trained} == {(0.5, 12)}
    changes = [(options.neck, options.pooling, options.epochs) for options, _ in commands.trained[:4]]
    assert changes == [
        ("batch-norm", "average", 6),
        ("none", "average", 6),
        ("batch-norm", "average", 12),
        ("none", "gem", 6),
    ]
    assert {(each.test_ids, each.market) for each in commands.ranked} == {(250, config.market)}
    found = json.loads((config.out / "ingredients.json").read_text())
    assert [row["seed"] for row in found["results"]["no-neck"]] == [0, 1]
    assert not [*config.out.rglob("checkpoint*")]


def test_what_is_finished_is_kept_and_other_options_are_refused(config):
    config = dataclasses.replace(config, only=("no-neck",), seeds=1)
    compare_ingredients(config, Commands(config))
    (config.out / "no-neck" / "seed-0" / "result.json").unlink()
    again = Commands(config)
    compare_ingredients(config, again)
    assert [(options.run.parent.name, resumed) for options, resumed in again.trained] == [("no-neck", True)]
    assert again.ranked == []
    # Another test ranks all networks again, and trains none; so does another network.
    more = Commands(config)
    compare_ingredients(dataclasses.replace(config, test_ids=0), more)
    assert (len(more.trained), len(more.ranked)) == (0, 2)
    result = config.out / "plain" / "seed-0" / "result.json"
    result.write_text(result.read_text().replace('"sha256": "', '"sha256": "another '))
    with pytest.raises(AssertionError):  # the stub ranks by the network of before
        compare_ingredients(config, more)
    with pytest.raises(UserError, match=r"plain/seed-0: was trained with epochs 6, not 8: .* another --out"):
        planned(dataclasses.replace(config, steps=8))


def test_more_people_are_trained_on_for_as_many_steps(config):
    plain, more = planned(dataclasses.replace(config, only=("more-people",), seeds=1))
    assert (plain.options.ids, plain.options.epochs) == (12, 6)
    assert (more.options.ids, more.options.epochs) == (36, 2)
    with pytest.raises(UserError, match=r"--steps 4: an epoch on 36 identities has 3 steps.*a multiple of 3"):
        planned(dataclasses.replace(config, only=("more-people",), steps=4))
    with pytest.raises(UserError, match=r"36 persons to train on, fewer than --ids 39.*3 times as many"):
        planned(dataclasses.replace(config, only=("more-people",), ids=13))


def test_every_ingredient_is_an_option_of_pre_training_and_changes_it(config):
    plain, *others = planned(dataclasses.replace(config, seeds=1))
    assert [each.name for each in others] == [name for name in INGREDIENTS if name != "flip-test"]
    base = as_plain(plain.options)
    for training in others:
        changed = {name for name, value in as_plain(training.options).items() if value != base[name]} - {"run"}
        assert changed, training.name
    last = others[-1]
    assert read_config(PretrainConfig, "reid.pretrain", last.words).resolved() == last.options
    parts = next(each.options for each in others if each.name == "parts")
    assert (parts.variant, parts.pose_maps, parts.lr_pose) == ("align-tap", "truth", 0.0)
    assert parts.pose_weights.is_file()


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ("--only no-neck,nick", "--only nick: unknown; choose from no-neck"),
        ("--together nick", "--together nick: unknown"),
        ("--seeds 0", "--seeds and --steps must be at least 1"),
        ("--options.epochs 3", "--options.epochs: the benchmark sets it"),
    ],
)
def test_wrong_options_are_one_line(words, message, capsys):
    with pytest.raises(SystemExit, match="2"):
        read_config(IngredientsConfig, "ingredients", ["--data", "a", "--market", "b", *words.split()])
    assert message in capsys.readouterr().err
