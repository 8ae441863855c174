"""YAML and flags fill a dataclass; an error of the user is one line and exit code 2."""

import errno
import os
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import pytest

from alignnet_common.cli import (
    build_parser,
    config_first,
    field_help,
    read_config,
    read_config_file,
    run_command,
    save_config,
)
from alignnet_common.errors import JobError, UserError


@dataclass(frozen=True)
class Job:
    """Bake bread."""

    loaves: int = 3
    """Loaves to bake."""

    degrees: float = 220.0
    """Heat of the oven, °C."""

    flour: Literal["wheat", "rye"] = "wheat"
    """What it is made of."""

    seeds_on_top: bool = False
    """Whether seeds go on top."""

    out: Path = Path("oven")
    """Where the loaves go."""

    note: str | None = None
    """What to write on the bag."""

    weights: list[int] = field(default_factory=lambda: [500])
    """Grams of each kind of loaf."""

    def __post_init__(self) -> None:
        if self.loaves < 1:
            raise ValueError(f"--loaves {self.loaves}: must be at least 1")


def read(*argv):
    return read_config(Job, "bake", [str(word) for word in argv])


def refused(capsys, *argv):
    """The single line of the error."""
    with pytest.raises(SystemExit) as stop:
        read(*argv)
    printed = capsys.readouterr()
    assert stop.value.code == 2
    assert printed.out == ""
    (line,) = printed.err.splitlines()
    assert line.startswith("error: ")
    assert line.endswith("(see bake --help)")
    return line


def test_defaults_without_arguments():
    assert read() == Job()


def test_flags_of_every_type():
    argv = ["--loaves", 5, "--degrees", 200, "--flour", "rye", "--out", "a/b", "--note", "to go", "--weights", "[1, 2]"]
    found = read(*argv)
    assert found == Job(5, 200.0, "rye", False, Path("a/b"), "to go", [1, 2])
    assert isinstance(found.degrees, float)
    assert isinstance(found.out, Path)


def test_a_bare_flag_sets_a_bool_and_no_clears_it(tmp_path):
    assert read("--seeds-on-top").seeds_on_top is True
    recipe = tmp_path / "job.yaml"
    recipe.write_text("seeds_on_top: true\n")
    assert read("--config", recipe).seeds_on_top is True
    assert read("--config", recipe, "--no-seeds-on-top").seeds_on_top is False


@pytest.mark.parametrize("order", ["config first", "flag first", "one word"])
def test_flags_override_yaml_in_any_position(tmp_path, order):
    recipe = tmp_path / "job.yaml"
    recipe.write_text("loaves: 7\nflour: rye\n")
    argv = {
        "config first": ["--config", recipe, "--loaves", 2],
        "flag first": ["--loaves", 2, "--config", recipe],
        "one word": ["--loaves=2", f"--config={recipe}"],
    }[order]
    assert read(*argv) == Job(loaves=2, flour="rye")


def test_the_later_of_two_yaml_files_overrides_the_first(tmp_path):
    for name, loaves in (("a", 7), ("b", 8)):
        (tmp_path / name).write_text(f"loaves: {loaves}\n")
    assert read("--config", tmp_path / "a", "--config", tmp_path / "b").loaves == 8


def test_config_without_a_value_is_an_error(capsys):
    assert config_first(["--loaves", "2", "--config"]) == ["--config", "--loaves", "2"]
    assert "--config" in refused(capsys, "--loaves", 2, "--config")


@pytest.mark.parametrize(
    ("argv", "complaint"),
    [
        (["--loafs", "3"], "--loafs"),
        (["three"], "three"),
        (["--loaves", "three"], "--loaves"),
        (["--loaves", "2.5"], "--loaves"),
        (["--loaves"], "--loaves"),
        (["--loaves", "0"], "must be at least 1"),
        (["--degrees", "hot"], "--degrees"),
        (["--flour", "sand"], "wheat"),
        (["--seeds-on-top=perhaps"], "perhaps"),
    ],
)
def test_a_wrong_flag_is_one_line(capsys, argv, complaint):
    assert complaint in refused(capsys, *argv)


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("loafs: 3\n", "loafs"),
        ("loaves: three\n", "--loaves"),
        ("loaves: 0\n", "must be at least 1"),
        ("flour: sand\n", "wheat"),
        ("seeds_on_top: perhaps\n", "perhaps"),
        ("loaves: [1\n", "parsing"),
        ("- loaves\n- flour\n", "loaves"),
    ],
)
def test_a_wrong_yaml_file_is_one_line(capsys, tmp_path, text, complaint):
    recipe = tmp_path / "job.yaml"
    recipe.write_text(text)
    assert complaint in refused(capsys, "--config", recipe)


def test_a_config_file_that_is_missing_or_no_text_is_one_line(capsys, tmp_path):
    (tmp_path / "picture.png").write_bytes(b"\x89PNG\r\n\x1a\n\xff\xfe")
    assert "not a text file" in refused(capsys, "--config", tmp_path / "picture.png")
    assert "absent.yaml" in refused(capsys, "--config", tmp_path / "absent.yaml")
    assert str(tmp_path) in refused(capsys, "--config", tmp_path)


def test_a_saved_config_gives_the_same_job_again(tmp_path):
    job = Job(4, 180.5, "rye", True, Path("deep/er"), None, [250, 750])
    save_config(job, tmp_path / "config.yaml")
    assert read("--config", tmp_path / "config.yaml") == job


def test_help_names_every_field_with_its_meaning_and_default(capsys):
    assert field_help(Job)["degrees"] == "Heat of the oven, °C."
    with pytest.raises(SystemExit) as stop:
        build_parser(Job, "bake").parse_args(["--help"])
    assert stop.value.code == 0
    text = " ".join(capsys.readouterr().out.split())
    for wanted in ("Bake bread.", "--seeds-on-top", "Heat of the oven, °C. [default: 220.0]", "[default: oven]"):
        assert wanted in text


@dataclass(frozen=True)
class LongJob:
    """Bake for days."""

    resume: bool = False
    """Go on with what is in the oven."""


def outcome(monkeypatch, capsys, job, *argv, config_type=Job, **how):
    """Exit code and standard error of a job run as a command."""
    monkeypatch.setattr(sys, "argv", ["bake", *argv])
    with pytest.raises(SystemExit) as stop:
        run_command(job, config_type, "bake", **how)
    return stop.value.code, capsys.readouterr().err


def raising(failure):
    def job(config):
        raise failure

    return job


def test_a_successful_job_gets_its_config_and_exits_with_0(monkeypatch, capsys):
    seen = []
    assert outcome(monkeypatch, capsys, seen.append, "--loaves", "9") == (0, "")
    assert seen == [Job(loaves=9)]


@pytest.mark.parametrize(
    ("failure", "code", "text"),
    [
        (UserError("no flour in\nthe house"), 2, "error: no flour in the house\n"),
        (JobError("the oven broke"), 1, "error: the oven broke\n"),
        (KeyboardInterrupt(), 130, "error: interrupted\n"),
        (
            OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), "loaf"),
            1,
            "error: the disk is full (loaf): make space, run the same command again\n",
        ),
        (
            OSError(errno.EDQUOT, os.strerror(errno.EDQUOT), "loaf"),
            1,
            "error: the disk is full (loaf): make space, run the same command again\n",
        ),
        (
            OSError(errno.EIO, "Input/output error", "loaf"),
            1,
            "error: cannot read or write loaf: Input/output error: check the disk, run the same command again\n",
        ),
        (OSError(errno.ESTALE, "Stale file handle"), 1, "error: cannot read or write a file: Stale file handle: "),
        (PermissionError(errno.EACCES, "Permission denied", "oven"), 2, "error: cannot use oven: Permission denied"),
        (NotADirectoryError(errno.ENOTDIR, "Not a directory", "oven"), 2, "error: cannot use oven: Not a directory"),
    ],
)
def test_exit_code_and_line_of_each_kind_of_failure(monkeypatch, capsys, failure, code, text):
    found, printed = outcome(monkeypatch, capsys, raising(failure))
    assert found == code
    assert printed.startswith(text)
    assert len(printed.splitlines()) == 1


def test_an_interrupted_job_prints_how_to_continue(monkeypatch, capsys):
    full = OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), "loaf")
    on = "; the same command goes on where it stopped"
    assert outcome(monkeypatch, capsys, raising(KeyboardInterrupt()), goes_on=True)[1] == f"error: interrupted{on}\n"
    assert "again\n" in outcome(monkeypatch, capsys, raising(full), goes_on=True)[1]
    on = "; the same command with --resume goes on where it stopped"
    said = [outcome(monkeypatch, capsys, raising(what), config_type=LongJob)[1] for what in (KeyboardInterrupt(), full)]
    assert said[0] == f"error: interrupted{on}\n"
    assert said[1].endswith("run the same command again with --resume\n")


@pytest.mark.parametrize("failure", [ZeroDivisionError("ours"), FileNotFoundError(errno.ENOENT, "gone", "loaf")])
def test_unexpected_exceptions_keep_their_traceback(monkeypatch, failure):
    monkeypatch.setattr(sys, "argv", ["bake"])
    with pytest.raises(type(failure)):
        run_command(raising(failure), Job, "bake")


def test_a_file_of_options_gives_the_job(tmp_path):
    recipe = tmp_path / "job.yaml"
    recipe.write_text("loaves: 7\nout: a/b\nweights: [1, 2]\n")
    assert read_config_file(Job, recipe) == Job(loaves=7, out=Path("a/b"), weights=[1, 2])
    save_config(Job(seeds_on_top=True, note="x"), recipe)
    assert read_config_file(Job, recipe) == Job(seeds_on_top=True, note="x")


@dataclass(frozen=True)
class Delivery:
    """Bring bread."""

    to: Path
    """Where it is wanted. Not the oven."""

    loaves: int = 1
    """How many."""


def test_a_missing_required_option_is_named(monkeypatch, capsys, tmp_path):
    assert outcome(monkeypatch, capsys, print, config_type=Delivery) == (
        2,
        "error: --to is needed: Where it is wanted. Not the oven (see bake --help)\n",
    )
    assert read_config(Delivery, "bake", ["--to", "a"]) == Delivery(Path("a"))
    recipe = tmp_path / "job.yaml"
    recipe.write_text("loaves: 2\n")
    with pytest.raises(UserError, match=r"job\.yaml: --to is needed"):
        read_config_file(Delivery, recipe)


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        (None, "no such file of options"),
        (b"loafs: 3\n", "'loafs'"),
        (b"loaves: many\n", "--loaves: expected int"),
        (b"loaves: 0\n", "--loaves 0: must be at least 1"),
        (b"loaves: [3\n", "parsing"),
        (b"\xff\xfe\x00", "not a text file"),
    ],
)
def test_a_faulty_file_of_options_raises_user_error_with_its_name(tmp_path, content, complaint):
    recipe = tmp_path / "job.yaml"
    if content is not None:
        recipe.write_bytes(content)
    with pytest.raises(UserError) as mistake:
        read_config_file(Job, recipe)
    assert complaint in str(mistake.value)
    assert str(recipe) in str(mistake.value)
