"""The parser of a command: a flag for each field of its dataclass, in groups, with help, defaults and examples."""

import argparse
import dataclasses
import difflib
import inspect
import re
import sys
import textwrap
import typing
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, NoReturn

import docstring_parser
import jsonargparse

from alignnet_common.cli.arguments import is_list
from alignnet_common.errors import UserError
from alignnet_common.options import DataclassInstance, declared, flag_of

METAVARS: Mapping[type, str] = {int: "N", float: "X", str: "TEXT", Path: "PATH"}
"""Placeholder of a value in --help, by its type."""

OPTIONS = "main options"
"""Heading of the options that are the command's own."""


def exit_with_line(code: int, message: str) -> NoReturn:
    """Print `error: message` as one line on standard error and exit with `code`."""
    print("error: " + " ".join(message.split()), file=sys.stderr)
    raise SystemExit(code)


class _Help(jsonargparse.DefaultHelpFormatter):
    """Help without Python types; examples keep their lines."""

    def _get_help_string(self, action: argparse.Action) -> str:
        return action.help or ""

    def _fill_text(self, text: str, width: int, indent: str) -> str:
        if text.startswith("examples:"):
            return textwrap.indent(text, indent)
        fill = super()._fill_text
        return "\n\n".join(fill(part, width, indent) for part in text.split("\n\n"))


class _Parser(jsonargparse.ArgumentParser):
    """An argument parser that reports an error as one line with exit code 2."""

    def error(self, message: str, ex: Exception | None = None) -> NoReturn:
        """Exit with code 2 and the error message of the parser."""
        exit_with_line(2, f"{self.suggesting(plain_message(message))} (see {self.prog} --help)")

    def suggesting(self, message: str) -> str:
        """`message`, with the most similar flag if it is about an unknown one."""
        known = [flag for action in self._actions for flag in action.option_strings]
        unknown = re.search(r"nrecognized arguments: (--[\w-]+)", message)
        similar = difflib.get_close_matches(unknown[1], known, n=1) if unknown else []
        return f"{message}; did you mean {similar[0]}?" if similar else message


class FileParser(_Parser):
    """An argument parser of one YAML file, its `prog`, that raises UserError naming the file."""

    def error(self, message: str, ex: Exception | None = None) -> NoReturn:
        """Raise UserError with the error message of the parser."""
        raise UserError(f"{self.prog}: {' '.join(plain_message(message).split())}")


def plain_message(complaint: str) -> str:
    """An error message of jsonargparse with the option as typed, and readable types."""
    complaint = re.sub(r'Parser key "(\w+)":', lambda key: flag_of(key[1]) + ":", complaint)
    complaint = re.sub(r"<class '(?:\w+\.)*(\w+)'>", r"\1", complaint)
    complaint = re.sub(r"typing\.Literal\[(.*?)\]", r"one of \1", complaint)
    complaint = re.sub(r"'utf-8' codec can't encode .*not allowed", "a name that is not in UTF-8: rename it", complaint)
    return complaint.replace("Expected a ", "expected ").replace(". Got value:", ", not")


def field_help(config_type: type[DataclassInstance]) -> dict[str, str]:
    """The docstring under each field of a dataclass, inherited ones included, by name of the field."""
    found: dict[str, str] = {}
    for owner in reversed(inspect.getmro(config_type)):
        if dataclasses.is_dataclass(owner):
            for parameter in docstring_parser.parse_from_object(owner).params:
                found[parameter.arg_name] = " ".join((parameter.description or "").split())
    return found


def default_of(field: "dataclasses.Field[Any]") -> Any:
    """The default of a field; None for a field that must be given."""
    if field.default_factory is not dataclasses.MISSING:
        return field.default_factory()
    return None if field.default is dataclasses.MISSING else field.default


def in_words(value: Any) -> str:
    """A value as it is typed: 0,1 for a list, yes and no for a bool; "" for what is empty or not set."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, (tuple, list)):
        return ",".join(map(str, value))
    return "" if value in (None, {}) else str(value)


def grouped_fields(config_type: type[DataclassInstance]) -> "dict[str, list[dataclasses.Field[Any]]]":
    """The fields by the heading of their group, the command's own first.

    The heading is the class variable GROUP of the most basic dataclass that has the field.
    """
    owners: dict[str, type] = {}
    for owner in reversed(inspect.getmro(config_type)):
        if dataclasses.is_dataclass(owner):
            for name in inspect.get_annotations(owner):
                owners.setdefault(name, owner)
    found: dict[str, list[dataclasses.Field[Any]]] = {OPTIONS: []}
    for field in dataclasses.fields(config_type):
        found.setdefault(vars(owners[field.name]).get("GROUP", OPTIONS), []).append(field)
    return {group: fields for group, fields in found.items() if fields}


def build_parser(
    config_type: type[DataclassInstance],
    prog: str,
    parser_type: type[_Parser] = _Parser,
    *,
    examples: Sequence[str] = (),
    show_rare: bool = True,
) -> jsonargparse.ArgumentParser:
    """A parser with a flag for each field of `config_type`, and `--config FILE.yaml`, which flags override.

    show_rare -- whether --help lists the rare options too.
    """
    shown_first = next((field for field in dataclasses.fields(config_type) if declared(field).first_word), None)
    parser = parser_type(
        prog=prog,
        usage=f"{prog} {f'[{shown_first.name.upper()}] ' if shown_first else ''}[options]",
        description=inspect.getdoc(config_type),
        epilog="examples:\n" + "\n".join(f"  {line}" for line in examples) if examples else None,
        formatter_class=_Help,
        print_config=None,
        allow_abbrev=False,
    )
    types, help_of = typing.get_type_hints(config_type), field_help(config_type)
    parser.add_argument("--config", action="config", metavar="FILE", help="YAML file with options; flags override it.")
    for flag, text in _SHOWN_AND_EXIT.items():
        parser.add_argument(flag, action="store_true", help=text)
    for heading, fields in grouped_fields(config_type).items():
        group = parser.add_argument_group(heading)
        for field in fields:
            text = argparse.SUPPRESS if declared(field).rare and not show_rare else _help_text(field, help_of)
            _add(group, field, types[field.name], text)
    return parser


_SHOWN_AND_EXIT = {
    "--help-all": "Show this help with the rare options, and exit.",
    "--print-config": "Print all options with their values as a commented YAML file for --config, and exit.",
    "--version": "Show the version, and exit.",
}


def _help_text(field: "dataclasses.Field[Any]", help_of: Mapping[str, str]) -> str:
    text, default = help_of.get(field.name, ""), in_words(default_of(field))
    if aliases := declared(field).aliases:
        text += f" (also {', '.join(aliases)})"
    silent = not default or "efault:" in text
    return text if silent else f"{text} [default: {default}]"


def _add(group: Any, field: "dataclasses.Field[Any]", kind: Any, text: str) -> None:
    """Add the flag of a field to a group of the parser."""
    how: dict[str, Any] = {"dest": field.name, "default": default_of(field), "help": text}
    if kind is bool:
        group.add_argument(flag_of(field.name), action=jsonargparse.ActionYesNo(no_prefix="no-"), **how)
        return
    if metavar := metavar_of(kind):
        how["metavar"] = metavar
    group.add_argument(flag_of(field.name), type=kind, **how)


def metavar_of(kind: Any) -> str | None:
    """Placeholder of a value of this type; the choices themselves for a Literal."""
    plain = [part for part in typing.get_args(kind) if part is not type(None)] if _is_union(kind) else [kind]
    if len(plain) != 1:
        return "VALUE"
    (only,) = plain
    if is_list(only):
        inner = metavar_of(typing.get_args(only)[0])
        return f"{inner},..." if inner else "NAME,..."
    if typing.get_origin(only) is Literal:
        return "{" + ",".join(map(str, typing.get_args(only))) + "}"
    return METAVARS.get(only, "VALUE")


def _is_union(kind: Any) -> bool:
    return typing.get_origin(kind) in (typing.Union, type(int | str))
