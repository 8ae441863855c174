"""Aliases, old names, lists, presets and templates: what is typed becomes the options that are meant."""

import subprocess
import sys
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import ClassVar, Literal

import pytest
import yaml

from alignnet_common.cli import build_parser, read_config, read_config_file
from alignnet_common.options import option, with_current_names


@dataclass(frozen=True)
class Basic:
    """Options of every journey."""

    GROUP: ClassVar[str] = "journey"

    people: int = option(2, at_least=1, aliases=["--persons", "--travellers"])
    """Number of people."""

    luggage: float = option(20.0, rare=True)
    """Weight of the luggage, kg. 100 % of it is carried."""


@dataclass(frozen=True)
class Trip(Basic):
    """Travel somewhere."""

    PRESETS: ClassVar = {"weekend": {"days": 2, "luggage": 5.0}}

    goal: Path = option(Path("home"), first_word=True, formerly="to")
    """Where to."""

    preset: Literal["default", "weekend"] = "default"
    """Usual journeys."""

    days: int = 7
    """Days away."""

    by: Literal["train", "boat"] = option("train", synonyms={"railway": "train", "ship": "boat"})
    """Means of travel."""

    stops: tuple[str, ...] = ()
    """Places on the way."""

    hours: tuple[int, ...] = (8, 12)
    """Hours of departure."""

    seats: int | None = option(None, formerly={"seats": {0: None}})
    """Seats. Default: one each."""

    tickets: dict[str, int] = field(default_factory=dict)
    """Tickets by kind."""


def read(*argv):
    return read_config(Trip, "travel", [str(word) for word in argv])


@pytest.mark.parametrize(
    ("argv", "options"),
    [
        (["--persons", 3], {"people": 3}),
        (["--travellers=4"], {"people": 4}),
        (["Rome"], {"goal": Path("Rome")}),
        (["Rome", "--days", 3], {"goal": Path("Rome"), "days": 3}),
        (["--goal", "Rome"], {"goal": Path("Rome")}),
        (["--by", "ship"], {"by": "boat"}),
        (["--by=railway"], {"by": "train"}),
        (["--stops", "a", "b", "--days", 1], {"stops": ("a", "b"), "days": 1}),
        (["--stops", "a,b"], {"stops": ("a", "b")}),
        (["--stops", "[a,b]"], {"stops": ("a", "b")}),
        (["--stops=a,b"], {"stops": ("a", "b")}),
        (["--stops", "a"], {"stops": ("a",)}),
        (["--hours", "1-4"], {"hours": (1, 2, 3, 4)}),
        (["--hours", "1-2,9"], {"hours": (1, 2, 9)}),
        (["--hours", 5, 6], {"hours": (5, 6)}),
        (["--preset", "weekend"], {"preset": "weekend", "days": 2, "luggage": 5.0}),
        (["--preset=weekend", "--days", 3], {"preset": "weekend", "days": 3, "luggage": 5.0}),
        (["--luggage", "-1.5"], {"luggage": -1.5}),
        (["--tickets.child", 2], {"tickets": {"child": 2}}),
    ],
)
def test_what_is_typed_is_what_is_meant(argv, options):
    assert read(*argv) == Trip(**options)


def test_an_old_flag_works_and_is_noted(capsys):
    assert read("--to", "Rome") == Trip(goal=Path("Rome"))
    assert capsys.readouterr().err == "note: --to is called --goal now\n"
    assert read("--seats", "0") == Trip(seats=None)
    assert read("--seats", "3") == Trip(seats=3)


def test_old_names_in_a_yaml_file_work_and_are_noted(tmp_path, capsys):
    job = tmp_path / "job.yaml"
    job.write_text("to: Rome\nby: ship\nseats: 0\npreset: weekend\ndays: 4\n")
    expected = Trip(goal=Path("Rome"), by="boat", preset="weekend", days=4, luggage=5.0)
    assert read("--config", job) == expected
    assert capsys.readouterr().err == f"note: {job}: to is called goal now\n"
    assert read("--config", job, "--days", 5, f"--config={job}").days == 5
    assert read_config_file(Trip, job) == expected


def test_saved_options_get_the_names_of_today():
    assert with_current_names(Trip, {"to": "Rome", "days": 1}) == {"goal": "Rome", "days": 1}
    assert with_current_names(Trip, {"to": "Rome", "goal": "Oslo"}) == {"to": "Rome", "goal": "Oslo"}


@pytest.mark.parametrize(
    ("argv", "complaint"),
    [
        (["--peopl", "3"], "did you mean --people?"),
        (["--peop", "3"], "--peop"),
        (["--days", "1.5"], "--days"),
        (["Rome", "Oslo"], "Oslo"),
        (["--by", "plane"], "train"),
        (["--preset", "month"], "weekend"),
        (["--hours", "x"], "--hours"),
    ],
)
def test_wrong_words_are_one_line(argv, complaint, capsys):
    with pytest.raises(SystemExit) as stop:
        read(*argv)
    printed = capsys.readouterr().err
    assert stop.value.code == 2
    assert len(printed.splitlines()) == 1
    assert complaint in printed


def shown(capsys, *argv, examples=()):
    with pytest.raises(SystemExit) as stop:
        read_config(Trip, "travel", argv, examples)
    assert stop.value.code == 0
    return capsys.readouterr().out


def test_help_has_groups_examples_and_rare_options_on_demand(capsys):
    text = shown(capsys, "--help", examples=("travel Rome", "travel Oslo --days 3"))
    assert "examples:\n  travel Rome\n  travel Oslo --days 3" in text
    assert "usage: travel [GOAL] [options]" in text
    assert text.index("main options:") < text.index("journey:")
    assert "(also --persons, --travellers)" in " ".join(text.split())
    assert "--luggage" not in text
    every = shown(capsys, "--help-all")
    assert "--luggage X" in every
    assert "100 % of it" in every


def test_the_printed_template_is_a_config_file_with_comments(tmp_path, capsys):
    text = shown(capsys, "--days", "9", "--stops", "a,b", "--print-config")
    assert "# Number of people." in text
    assert set(yaml.safe_load(text)) == {each.name for each in fields(Trip)}
    (tmp_path / "job.yaml").write_text(text)
    assert read("--config", tmp_path / "job.yaml") == Trip(days=9, stops=("a", "b"))


def test_the_version_is_printed(capsys):
    assert shown(capsys, "--version").startswith("alignnet-reid ")


def test_every_option_has_one_flag_in_the_parser():
    flags = [flag for action in build_parser(Trip, "travel")._actions for flag in action.option_strings]
    assert len(flags) == len(set(flags))


@pytest.mark.parametrize("words", [["reid"], ["synth"], ["reid", "--help"], ["reid.pose"]])
def test_a_program_lists_its_commands(words):
    ended = subprocess.run([sys.executable, "-m", *words], capture_output=True, text=True, check=False)
    assert ended.returncode == 0
    assert "Pre-train" in ended.stdout or "Render" in ended.stdout or "pose train" in ended.stdout


@pytest.mark.parametrize("flag", ["--goal", "--stops"])
def test_a_name_that_is_not_in_utf8_is_one_line_that_says_so(flag, capsys):
    with pytest.raises(SystemExit) as end:
        read_config(Trip, "travel", [flag, "caf\udce9"])
    assert end.value.code == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert "a name that is not in UTF-8: rename it" in line
