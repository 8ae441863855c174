"""How every command starts: a dataclass is its signature, YAML and flags fill it, a mistake is one line.

Exit codes: 0 done; 2 the user's mistake (a `UserError`, a bad option, a path that cannot be written); 1 ours
(a `JobError` in one line, anything else with its traceback); 130 interrupted by Ctrl-C.
"""

import argparse
import dataclasses
import errno
import inspect
import itertools
import json
import re
import sys
import typing
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NoReturn, Protocol, TypeVar

import docstring_parser
import jsonargparse
import yaml

from alignnet_common.errors import JobError, UserError
from alignnet_common.files import DISK_FULL, write_atomically


class DataclassInstance(Protocol):
    """Any dataclass: what a job's configuration is."""

    __dataclass_fields__: typing.ClassVar[dict[str, dataclasses.Field[Any]]]


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
"""Errors of the operating system that say that the user named a path which cannot serve."""


class _Help(jsonargparse.DefaultHelpFormatter):
    """Help that says each field's meaning and its default, and leaves Python's types out."""

    def _get_help_string(self, action: argparse.Action) -> str:
        text = action.help or ""
        silent = action.default in (None, argparse.SUPPRESS, "", (), {}) or "efault:" in text
        return text if silent else f"{text} [default: %(default)s]"


class _Parser(jsonargparse.ArgumentParser):
    """An argument parser whose every complaint is one line and exit code 2."""

    def error(self, message: str, ex: Exception | None = None) -> NoReturn:
        exit_with_line(2, f"{in_plain_words(message)} (see {self.prog} --help)")


class _FileParser(_Parser):
    """An argument parser of one YAML file, its `prog`, whose every complaint is a `UserError` that names the file."""

    def error(self, message: str, ex: Exception | None = None) -> NoReturn:
        raise UserError(f"{self.prog}: {' '.join(in_plain_words(message).split())}")


def in_plain_words(complaint: str) -> str:
    """jsonargparse's complaint with the option named as the user types it, and types as people call them."""
    complaint = re.sub(r'Parser key "(\w+)":', lambda key: "--" + key[1].replace("_", "-") + ":", complaint)
    complaint = re.sub(r"<class '(?:\w+\.)*(\w+)'>", r"\1", complaint)
    complaint = re.sub(r"typing\.Literal\[(.*?)\]", r"one of \1", complaint)
    return complaint.replace("Expected a ", "expected ").replace(". Got value:", ", not")


def exit_with_line(code: int, message: str) -> NoReturn:
    """Print `error: message` as one line on standard error and exit with `code`."""
    print("error: " + " ".join(message.split()), file=sys.stderr)
    raise SystemExit(code)


def field_help(config_type: type[DataclassInstance]) -> dict[str, str]:
    """The string written under each field of a dataclass (its own and inherited), by field name."""
    found: dict[str, str] = {}
    for owner in reversed(inspect.getmro(config_type)):
        if dataclasses.is_dataclass(owner):
            for parameter in docstring_parser.parse_from_object(owner).params:
                found[parameter.arg_name] = " ".join((parameter.description or "").split())
    return found


def build_parser(
    config_type: type[DataclassInstance], prog: str, parser_type: type[_Parser] = _Parser
) -> jsonargparse.ArgumentParser:
    """A parser with one flag a field of `config_type`, and `--config FILE.yaml` (flags win over it).

    A field with the metadata {"positional": True} is a word of its own instead.
    """
    parser = parser_type(
        prog=prog,
        description=inspect.getdoc(config_type),
        formatter_class=_Help,
        print_config=None,
    )
    parser.add_argument("--config", action="config", help="YAML file with any of the fields below; flags win over it.")
    types = typing.get_type_hints(config_type)
    help_of = field_help(config_type)
    for field in dataclasses.fields(config_type):
        flag = "--" + field.name.replace("_", "-")
        default = field.default
        if default is dataclasses.MISSING:
            default = field.default_factory() if field.default_factory is not dataclasses.MISSING else None
        if types[field.name] is bool:
            kind: dict[str, Any] = {"action": jsonargparse.ActionYesNo(no_prefix="no-")}
        else:
            kind = {"type": types[field.name]}
        if field.metadata.get("positional"):
            parser.add_argument(field.name, nargs="?", default=default, help=help_of.get(field.name, ""), **kind)
        else:
            parser.add_argument(flag, dest=field.name, default=default, help=help_of.get(field.name, ""), **kind)
    return parser


def config_first(argv: Sequence[str]) -> list[str]:
    """`argv` with `--config FILE` in front: options apply from left to right, and flags win wherever they stand.

    >>> config_first(["--ids", "3", "--config", "job.yaml"])
    ['--config', 'job.yaml', '--ids', '3']
    """
    first: list[str] = []
    rest: list[str] = []
    words = iter(argv)
    for word in words:
        if word == "--config":
            first += [word, *itertools.islice(words, 1)]
        else:
            (first if word.startswith("--config=") else rest).append(word)
    return first + rest


def read_config(config_type: type[ConfigT], prog: str, argv: Sequence[str] | None = None) -> ConfigT:
    """Fill `config_type` from `--config FILE.yaml` and the command line.

    Raises SystemExit(2), after one line, on an unknown option, a value of the wrong type, or a value that
    the dataclass itself refuses (ValueError in `__post_init__`).
    """
    try:
        arguments = build_parser(config_type, prog).parse_args(config_first(sys.argv[1:] if argv is None else argv))
    except UnicodeDecodeError:
        exit_with_line(2, f"--config: not a text file (see {prog} --help)")
    values = {field.name: arguments[field.name] for field in dataclasses.fields(config_type)}
    try:
        check_needed(config_type, values)
        return config_type(**values)
    except ValueError as mistake:
        exit_with_line(2, f"{mistake} (see {prog} --help)")


def check_needed(config_type: type[DataclassInstance], values: dict[str, Any]) -> None:
    """Raise ValueError where a field that has no default was not given."""
    for field in dataclasses.fields(config_type):
        no_default = field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING
        if no_default and values[field.name] is None:
            flag = field.name if field.metadata.get("positional") else "--" + field.name.replace("_", "-")
            raise ValueError(f"{flag} is needed: {field_help(config_type).get(field.name, '')}".removesuffix("."))


def read_config_file(config_type: type[ConfigT], path: Path) -> ConfigT:
    """Fill `config_type` from a YAML file alone, as `--config` does; what it does not name has its default.

    Raises UserError where the file is not there or is not text, or as `read_config` exits.
    """
    if not path.is_file():
        raise UserError(f"no such file of options: {path}")
    try:
        arguments = build_parser(config_type, str(path), _FileParser).parse_args(["--config", str(path)])
        values = {field.name: arguments[field.name] for field in dataclasses.fields(config_type)}
        check_needed(config_type, values)
        return config_type(**values)
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
) -> NoReturn:
    """Read the configuration from the command line, run `job`, and exit with the exit code of its outcome.

    argv -- the command line after `prog`; default: the arguments of this process.
    goes_on -- whether the same command continues an interrupted one; a job with an option --resume does with it.
    """
    config = read_config(config_type, prog, argv)
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
    except OSError as failure:
        if failure.errno in DISK_FULL:
            where = failure.filename or "while writing"
            exit_with_line(1, f"the disk is full ({where}): make space, run the same command again{resume}")
        if failure.errno in UNUSABLE_PATH and failure.filename is not None:
            exit_with_line(2, f"cannot use {failure.filename}: {failure.strerror}: name another path")
        raise
    raise SystemExit(0)


def as_plain(config: DataclassInstance) -> dict[str, Any]:
    """The configuration as plain Python values, fit for YAML, JSON and `torch.load(weights_only=True)`."""
    return json.loads(json.dumps(dataclasses.asdict(config), default=str))


def save_config(config: DataclassInstance, path: Path) -> None:
    """Write the resolved configuration as YAML; `--config path` gives the same job again."""
    write_atomically(path, yaml.safe_dump(as_plain(config), sort_keys=False).encode())
