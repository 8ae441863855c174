"""Options as people write them: YAML's guesses, keys twice, ~ for the home folder, encodings of the file."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import pytest

from alignnet_common.cli import read_config, read_config_file
from alignnet_common.errors import UserError


@dataclass(frozen=True)
class Job:
    """Send a letter."""

    run: Path | None = None
    """Folder."""

    to: str = "anna"
    """Whom to."""

    note: str | None = None
    """On the envelope."""

    by: Literal["no", "1", "post"] = "post"
    """How."""

    seed: int = 3
    """Of the stamp."""

    weight: float = 1.0
    """Grams."""

    stamps: tuple[str, ...] = ()
    """On it."""

    numbers: list[int] = field(default_factory=list)
    """On the stamps."""

    pictures: list[Path] = field(default_factory=list)
    """In it."""

    places: dict[str, Path] = field(default_factory=dict)
    """On the way."""


def read(*argv):
    return read_config(Job, "send", [str(word) for word in argv])


def written(folder, text, encoding="utf-8"):
    path = folder / "job.yaml"
    path.write_bytes(text.encode(encoding))
    return path


@pytest.mark.parametrize(
    ("text", "options"),
    [
        ("run: 20240101", {"run": Path("20240101")}),
        ("run: 2024-01-01", {"run": Path("2024-01-01")}),
        ("run: 1e3", {"run": Path("1e3")}),
        ("run: no", {"run": Path("no")}),
        ("run: null", {"run": None}),
        ("to: 007", {"to": "007"}),
        ("note: 1.50", {"note": "1.50"}),
        ("by: no", {"by": "no"}),
        ("by: 1", {"by": "1"}),
        ("stamps: [1, no, 010, 1.50, on]", {"stamps": ("1", "no", "010", "1.50", "on")}),
        ("pictures: [20240101, 1_2]", {"pictures": [Path("20240101"), Path("1_2")]}),
        ("places: {home: 20240101}", {"places": {"home": Path("20240101")}}),
        ("seed: 010", {"seed": 10}),
        ("seed: 10", {"seed": 10}),
        ("numbers: [010, 2]", {"numbers": [10, 2]}),
        ("run: '#1'", {"run": Path("#1")}),
        ("weight: 1e-3", {"weight": 0.001}),
        ("# nothing yet", {}),
        ("", {}),
    ],
)
def test_yaml_is_what_its_writer_means(tmp_path, text, options):
    path = written(tmp_path, text + "\n")
    assert read("--config", path) == read_config_file(Job, path) == Job(**options)


@pytest.mark.parametrize(
    ("argv", "options"),
    [
        (["--seed", "010"], {"seed": 10}),
        (["--numbers", "010", "2"], {"numbers": [10, 2]}),
        (["--run", "#1"], {"run": Path("#1")}),
        (["--run=&x"], {"run": Path("&x")}),
        (["--stamps", "no", "010", "1.50"], {"stamps": ("no", "010", "1.50")}),
        (["--stamps", "a: b", "x # y"], {"stamps": ("a: b", "x # y")}),
        (["--pictures", "1_2", "[cam1] a.png", "@b"], {"pictures": [Path("1_2"), Path("[cam1] a.png"), Path("@b")]}),
        (["--pictures=a.png,b.png"], {"pictures": [Path("a.png"), Path("b.png")]}),
        (["--pictures", "[a.png,b.png]"], {"pictures": [Path("a.png"), Path("b.png")]}),
    ],
)
def test_words_of_a_command_line_stay_words(argv, options):
    assert read(*argv) == Job(**options)


def test_a_path_that_exists_is_one_value_whatever_is_in_its_name(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in ("Smith, Anna.png", "[1]", "1-3"):
        Path(name).write_text("")
        assert read("--pictures", name).pictures == [Path(name)]
    assert read("--pictures", "Smith, Anna.png", "b,c").pictures == [Path("Smith, Anna.png"), Path("b"), Path("c")]


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("seed: 1\nrun: a\n'seed': 2\n", "seed is there twice, in lines 1 and 3"),
        ("places:\n  a: b\n  a: c\n", "a is there twice, in lines 2 and 3"),
        ("to:\n", "--to has no value"),
        ("seed: null\n", "--seed has no value"),
        ("run: ~nobody-here/x\n", "no such user"),
    ],
)
def test_what_is_not_clear_is_refused_in_one_line(tmp_path, capsys, text, complaint):
    path = written(tmp_path, text)
    with pytest.raises(SystemExit) as stop:
        read("--config", path)
    (line,) = capsys.readouterr().err.splitlines()
    assert (stop.value.code, complaint in line) == (2, True)
    with pytest.raises(UserError, match=complaint):
        read_config_file(Job, path)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_a_yaml_file_in_the_encodings_of_editors(tmp_path, encoding):
    assert read("--config", written(tmp_path, "run: läufe/日本\nseed: 4\n", encoding)) == Job(
        Path("läufe/日本"), seed=4
    )


def test_the_home_folder_in_every_path(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    wanted = Job(tmp_path / "x", pictures=[tmp_path / "a", Path("b~")], places={"home": tmp_path}, note=f"{tmp_path}/n")
    path = written(tmp_path, "run: ~/x\npictures: [~/a, b~]\nplaces: {home: '~'}\nnote: ~/n\n")
    assert read("--config=~/job.yaml") == read("--config", path) == read_config_file(Job, path) == wanted
    argv = ["--run=~/x", "--pictures=~/a,b~", "--places.home=~/", "--note=~/n"]
    assert read(*argv) == wanted
    assert read("--note", "~ 3 g").note == "~ 3 g"
