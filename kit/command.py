"""How every command starts: a dataclass is its signature, YAML and flags fill it, a mistake is one line.

Exit codes: 0 done; 2 the user's mistake (a `UserError`, a bad option); 1 ours (anything else);
130 interrupted by Ctrl-C.
"""

import dataclasses
import errno
import inspect
import json
import sys
import typing
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NoReturn, Protocol, TypeVar

import docstring_parser
import jsonargparse
import yaml

from kit.files import write_atomically


class DataclassInstance(Protocol):
    """Any dataclass: what a job's configuration is."""

    __dataclass_fields__: typing.ClassVar[dict[str, dataclasses.Field[Any]]]


ConfigT = TypeVar("ConfigT", bound=DataclassInstance)


class UserError(Exception):
    """A mistake that the user can mend. The message is one line: what is wrong, where, what to do."""


class _Parser(jsonargparse.ArgumentParser):
    """An argument parser whose every complaint is one line and exit code 2."""

    def error(self, message: str, ex: Exception | None = None) -> NoReturn:
        exit_with_line(2, f"{message} (see {self.prog} --help)")


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


def build_parser(config_type: type[DataclassInstance], prog: str) -> jsonargparse.ArgumentParser:
    """A parser with one flag a field of `config_type`, and `--config FILE.yaml` (flags win over it)."""
    parser = _Parser(
        prog=prog,
        description=inspect.getdoc(config_type),
        default_meta=False,
        # Paths named in YAML are relative to where the command runs, as flags are.
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
            kind: dict[str, Any] = {"action": jsonargparse.ActionYesNo}
        else:
            kind = {"type": types[field.name]}
        parser.add_argument(flag, dest=field.name, default=default, help=help_of.get(field.name, ""), **kind)
    return parser


def read_config(config_type: type[ConfigT], prog: str, argv: Sequence[str] | None = None) -> ConfigT:
    """Fill `config_type` from `--config FILE.yaml` and the command line.

    Raises SystemExit(2), after one line, on an unknown option, a value of the wrong type, or a value that
    the dataclass itself refuses (ValueError in `__post_init__`).
    """
    arguments = build_parser(config_type, prog).parse_args(argv)
    values = {field.name: arguments[field.name] for field in dataclasses.fields(config_type)}
    try:
        return config_type(**values)
    except ValueError as mistake:
        exit_with_line(2, f"{mistake} (see {prog} --help)")


def run(job: Callable[[ConfigT], None], config_type: type[ConfigT], prog: str) -> NoReturn:
    """Read the configuration from the command line, do the job, and exit with the code it deserves."""
    config = read_config(config_type, prog)
    try:
        job(config)
    except UserError as mistake:
        exit_with_line(2, str(mistake))
    except KeyboardInterrupt:
        exit_with_line(130, "interrupted; the same command goes on where it stopped")
    except OSError as failure:
        if failure.errno == errno.ENOSPC:
            exit_with_line(
                1, f"the disk is full ({failure.filename or 'while writing'}): make space, run the same command again"
            )
        raise
    raise SystemExit(0)


def as_plain(config: DataclassInstance) -> dict[str, Any]:
    """The configuration as plain Python values, fit for YAML, JSON and `torch.load(weights_only=True)`."""
    return json.loads(json.dumps(dataclasses.asdict(config), default=str))


def save_config(config: DataclassInstance, path: Path) -> None:
    """Write the resolved configuration as YAML; `--config path` gives the same job again."""
    write_atomically(path, yaml.safe_dump(as_plain(config), sort_keys=False).encode())
