"""A command is run: its options are read, its job is done, its outcome is an exit code."""

import dataclasses
import errno
import sys
import typing
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NoReturn, TypeVar

from alignnet_common import PROJECT, __version__
from alignnet_common.cli.arguments import config_values, prepared
from alignnet_common.cli.output import exit_without_reader, has_reader, prepare_streams
from alignnet_common.cli.parser import FileParser, build_parser, default_of, exit_with_line, field_help
from alignnet_common.cli.template import commented_yaml
from alignnet_common.errors import JobError, UserError
from alignnet_common.files import BROKEN_DISK, DISK_FULL
from alignnet_common.options import DataclassInstance, flag_of

ConfigT = TypeVar("ConfigT", bound=DataclassInstance)

UNUSABLE_PATH = {
    errno.EACCES,
    errno.EEXIST,
    errno.EISDIR,
    errno.ENAMETOOLONG,
    errno.ENOTDIR,
    errno.EPERM,
    errno.EROFS,
}
"""Errors of the operating system for a path, named by the user, that cannot be used."""


def read_config(
    config_type: type[ConfigT], prog: str, argv: Sequence[str] | None = None, examples: Sequence[str] = ()
) -> ConfigT:
    """Fill `config_type` from `--config FILE.yaml` and the command line.

    Prints and exits with code 0 on --help, --help-all, --version and --print-config. Prints one line and raises
    SystemExit(2) on an unknown option, a value of the wrong type, or a ValueError of the dataclass's `__post_init__`.
    """
    given = list(sys.argv[1:] if argv is None else argv)
    if "--version" in given:
        print(f"{PROJECT} {__version__}")
        raise SystemExit(0)
    if "--help-all" in given:
        build_parser(config_type, prog, examples=examples).print_help()
        raise SystemExit(0)
    parser = build_parser(config_type, prog, examples=examples, show_rare=False)
    try:
        words = prepared(config_type, given, lambda line: print(f"note: {line}", file=sys.stderr))
        with_preset(parser, config_type, words)
        arguments = parser.parse_args(words)
    except UnicodeDecodeError:
        exit_with_line(2, f"--config: not a text file (see {prog} --help)")
    except UserError as mistake:
        exit_with_line(2, f"{mistake} (see {prog} --help)")
    values = {field.name: arguments[field.name] for field in dataclasses.fields(config_type)}
    if arguments["print_config"]:
        print(commented_yaml(config_type, values), end="")
        raise SystemExit(0)
    try:
        check_needed(config_type, values)
        return config_type(**with_home(values))
    except ValueError as mistake:
        exit_with_line(2, f"{mistake} (see {prog} --help)")


def with_preset(parser: Any, config_type: type[DataclassInstance], words: Sequence[str]) -> None:
    """Make the values of the preset that `words` or their file name the defaults of the parser.

    Presets are the class variable PRESETS of `config_type`: options by the name of the preset, the field `preset`.
    """
    presets = getattr(config_type, "PRESETS", {})
    if presets:
        name = parser.get_defaults()["preset"]
        for word, value in zip(words, [*words[1:], ""], strict=False):
            flag, equals, rest = word.partition("=")
            given = rest if equals else value
            if flag == "--config":
                name = (config_values(config_type, given) or {}).get("preset", name)
            elif flag == "--preset":
                name = given
        parser.set_defaults(dict(presets.get(name, {})))


def check_needed(config_type: type[DataclassInstance], values: dict[str, Any]) -> None:
    """Raise ValueError where a field without a default was not given, or one with a default has none in the file."""
    types = typing.get_type_hints(config_type)
    for field in dataclasses.fields(config_type):
        nothing = values[field.name] is None and default_of(field) is not None
        if nothing and type(None) not in typing.get_args(types[field.name]):
            raise ValueError(f"{flag_of(field.name)} has no value: give it one, or leave it out")
        no_default = field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING
        if no_default and values[field.name] is None:
            text = field_help(config_type).get(field.name, "")
            raise ValueError(f"{flag_of(field.name)} is needed: {text}".removesuffix("."))


def with_home(values: Mapping[str, Any]) -> dict[str, Any]:
    """Values of options, with the home folder for ~ at the start of paths, and of text such as ~/runs.

    A shell leaves the ~ of --run=~/runs, and nobody else replaces that of a YAML file. Raises ValueError on the ~ of a
    user that is not known.
    """
    return {name: _with_home(name, value) for name, value in values.items()}


def _with_home(name: str, value: Any) -> Any:
    if isinstance(value, (list, tuple)):
        return type(value)(_with_home(name, each) for each in value)
    if isinstance(value, dict):
        return {key: _with_home(name, each) for key, each in value.items()}
    try:
        if isinstance(value, Path):
            return value.expanduser()
        return str(Path(value).expanduser()) if isinstance(value, str) and value.startswith("~/") else value
    except RuntimeError:
        raise ValueError(
            f"{flag_of(name)} {value}: no such user, or no home folder: write the path without ~"
        ) from None


def read_config_file(config_type: type[ConfigT], path: Path) -> ConfigT:
    """Fill `config_type` from a YAML file, as `--config` does; other fields have their defaults.

    Raises UserError where the file is missing or no text, or has options on which `read_config` exits.
    """
    if not path.is_file():
        raise UserError(f"no such file of options: {path}")
    try:
        parser = build_parser(config_type, str(path), FileParser)
        words = prepared(config_type, ["--config", str(path)], lambda line: None)
        with_preset(parser, config_type, ["--config", str(path)])
        arguments = parser.parse_args(words)
        values = {field.name: arguments[field.name] for field in dataclasses.fields(config_type)}
        check_needed(config_type, values)
        return config_type(**with_home(values))
    except UnicodeDecodeError as binary:
        raise UserError(f"{path}: not a text file") from binary
    except ValueError as mistake:
        raise UserError(f"{path}: {mistake}") from mistake


def run_command(
    job: Callable[[ConfigT], None],
    config_type: type[ConfigT],
    prog: str,
    *,
    argv: Sequence[str] | None = None,
    goes_on: bool = False,
    examples: Sequence[str] = (),
) -> NoReturn:
    """Run `job` with the options of the command line as `run_with_options`, whatever its output goes to.

    Every character can be printed, and a reader of the output that ends early ends the command quietly.
    """
    prepare_streams()
    try:
        try:
            run_with_options(job, config_type, prog, argv=argv, goes_on=goes_on, examples=examples)
        finally:
            sys.stdout.flush()  # a reader that has ended shows here, and not at the end of Python
    except BrokenPipeError:
        if has_reader():  # the pipe of a worker process is broken
            raise
        exit_without_reader()


def run_with_options(
    job: Callable[[ConfigT], None],
    config_type: type[ConfigT],
    prog: str,
    *,
    argv: Sequence[str] | None = None,
    goes_on: bool = False,
    examples: Sequence[str] = (),
) -> NoReturn:
    """Read the configuration from the command line, run `job`, and exit with the exit code of its outcome.

    argv -- the command line after `prog`; default: the arguments of this process.
    goes_on -- whether the same command continues an interrupted one; a job with an option --resume does with it.
    examples -- command lines for --help.
    """
    config = read_config(config_type, prog, argv, examples)
    resume = " with --resume" if hasattr(config, "resume") else ""
    try:
        job(config)
    except UserError as mistake:
        exit_with_line(2, str(mistake))
    except JobError as failure:
        exit_with_line(1, str(failure))
    except KeyboardInterrupt:
        where = f"; the same command{resume} goes on where it stopped" if goes_on or resume else ""
        exit_with_line(130, f"interrupted{where}")
    except MemoryError:
        exit_with_line(1, "memory is used up: ask for less at a time, or name smaller files")
    except OSError as failure:
        if failure.errno in DISK_FULL:
            where = failure.filename or "while writing"
            exit_with_line(1, f"the disk is full ({where}): make space, run the same command again{resume}")
        if failure.errno in BROKEN_DISK:
            what = f"cannot read or write {failure.filename or 'a file'}: {failure.strerror}"
            exit_with_line(1, f"{what}: check the disk, run the same command again{resume}")
        if failure.errno in UNUSABLE_PATH and failure.filename is not None:
            exit_with_line(2, f"cannot use {failure.filename}: {failure.strerror}: name another path")
        raise
    raise SystemExit(0)
