"""MkDocs hook: the pages of the commands and of their configuration, from the dataclasses that --help shows.

A line <!-- commands --> or <!-- configuration --> of a page is replaced.
"""

import dataclasses
import html
import re
import sys
import typing
from collections.abc import Callable
from pathlib import Path
from typing import Any

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import Files
from mkdocs.structure.pages import Page

sys.path.insert(0, str(Path(__file__).parents[2]))  # a checkout that is not installed

from alignnet_common.cli.commands import Command, Program
from alignnet_common.cli.parser import default_of, field_help, grouped_fields, in_words, metavar_of
from alignnet_common.cli.template import commented_yaml
from alignnet_common.options import AT_LEAST, AT_MOST, declared, flag_of
from reid.commands import PROGRAM as REID
from synth.commands import PROGRAM as SYNTH

PROGRAMS = (REID, SYNTH)

Field = dataclasses.Field[Any]

LARGE = 2**31
"""A bound that is no range for the reader, such as that of a seed."""


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """`markdown` with the generated parts in place of their marks."""
    for mark, write in GENERATED.items():
        if mark in markdown:
            markdown = markdown.replace(mark, "\n\n".join(write(program) for program in PROGRAMS))
    return markdown


def commands_of(program: Program) -> str:
    """All commands of a program: summary, examples, and a table of options for each group."""
    listed = "\n".join(
        f"| [`{full_name(program, each)}`](#{anchor(program, each)}) | {each.summary} |" for each in program.commands
    )
    overview = f"## {program.name}\n\n{sentence(program.summary)}.\n\n| command | purpose |\n|---|---|\n{listed}"
    return "\n\n".join([overview, *(command_of(program, each) for each in program.commands)])


def command_of(program: Program, command: Command) -> str:
    """One command: summary, examples, and its options by group; rare options are folded."""
    config_type, help_of = command.config_type(), field_help(command.config_type())
    types = typing.get_type_hints(config_type)
    parts = [f"### {full_name(program, command)} {{ #{anchor(program, command)} }}", command.summary]
    if command.examples:
        parts.append("```\n" + "\n".join(command.examples) + "\n```")
    rare = []
    for heading, fields in grouped_fields(config_type).items():
        rows = [(field, option_row(field, types[field.name], help_of)) for field in fields]
        shown = [row for field, row in rows if not declared(field).rare]
        hidden = [row for field, row in rows if declared(field).rare]
        if shown:
            parts.append(f"**{sentence(heading)}**\n\n" + option_table(shown))
        if hidden:
            rare.append(f"**{sentence(heading)}**\n\n" + option_table(hidden))
    if rare:
        folded = "\n\n".join(rare).replace("\n", "\n    ")
        parts.append(f'??? note "Rare options of {full_name(program, command)}, listed by --help-all"\n\n    {folded}')
    return "\n\n".join(parts)


def option_table(rows: list[str]) -> str:
    """A table of options from its rows."""
    return "\n".join(["| option | default | meaning |", "|---|---|---|", *rows])


def option_row(field: Field, kind: Any, help_of: dict[str, str]) -> str:
    """The row of an option: flags and placeholder, default, meaning with choices, range and aliases."""
    flag, default, metavar = flag_of(field.name), in_words(default_of(field)), metavar_of(kind) or ""
    choices = metavar[1:-1].split(",") if metavar.startswith("{") else []
    words = (
        f"`{flag}`, `--no-{flag[2:]}`"
        if kind is bool
        else f"`{flag}`"
        if choices
        else f"`{f'{flag} {metavar}'.rstrip()}`"
    )
    notes = [with_code(help_of.get(field.name, ""))]
    if choices:
        notes.append(f"Values: {', '.join(f'`{choice}`' for choice in choices)}.")
    notes += range_of(field)
    if aliases := declared(field).aliases:
        notes.append(f"Also {', '.join(f'`{alias}`' for alias in aliases)}.")
    return f"| {words} | {f'`{default}`' if default else ''} | {' '.join(notes)} |"


def range_of(field: Field) -> list[str]:
    """The range of an option as a sentence, if it has one that matters."""
    bounds = {"at least": field.metadata.get(AT_LEAST), "at most": field.metadata.get(AT_MOST)}
    known = [f"{word} {bound}" for word, bound in bounds.items() if bound is not None and bound < LARGE]
    return [f"Range: {', '.join(known)}."] if known else []


def configuration_of(program: Program) -> str:
    """All options of each command as commented YAML, as --print-config prints them."""
    parts = [f"## {program.name}"]
    for command in program.commands:
        config_type = command.config_type()
        values = {field.name: default_of(field) for field in dataclasses.fields(config_type)}
        text = commented_yaml(config_type, values).strip()
        parts.append(f"### {full_name(program, command)}\n\n```yaml\n{text}\n```")
    return "\n\n".join(parts)


def with_code(text: str) -> str:
    """Help text as Markdown: flags are code, and no character has a meaning."""
    text = html.escape(text, quote=False).replace("|", "\\|").replace("*", "\\*")
    return re.sub(r"(?<![\w`-])(--[a-z][\w-]*)", r"`\1`", text)


def sentence(text: str) -> str:
    """`text` with a capital first letter."""
    return text[:1].upper() + text[1:]


def full_name(program: Program, command: Command) -> str:
    """The command as typed: reid pose train."""
    return f"{program.name} {command.name}"


def anchor(program: Program, command: Command) -> str:
    """The anchor of a command's heading: reid-pose-train."""
    return full_name(program, command).replace(" ", "-")


GENERATED: dict[str, Callable[[Program], str]] = {
    "<!-- commands -->": commands_of,
    "<!-- configuration -->": configuration_of,
}
