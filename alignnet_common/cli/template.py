"""All options of a command as a YAML file with comments."""

import textwrap
from collections.abc import Mapping
from pathlib import PurePath
from typing import Any

import yaml

from alignnet_common.cli.parser import field_help, grouped_fields
from alignnet_common.options import DataclassInstance

WIDTH = 100
"""Largest length of a line of comment, characters."""


def commented_yaml(config_type: type[DataclassInstance], values: Mapping[str, Any]) -> str:
    """A YAML file for --config with every option of `config_type`, its group and its meaning above it."""
    help_of = field_help(config_type)
    parts = []
    for heading, fields in grouped_fields(config_type).items():
        parts.append(f"# {heading.capitalize()}\n")
        for field in fields:
            comment = textwrap.fill(help_of.get(field.name, ""), WIDTH, initial_indent="# ", subsequent_indent="# ")
            value = yaml.safe_dump({field.name: plain(values[field.name])}, sort_keys=False, default_flow_style=False)
            parts.append(f"{comment}\n{value}")
    return "\n".join(parts)


def plain(value: Any) -> Any:
    """A value as YAML has it: paths are text, tuples are lists."""
    if isinstance(value, PurePath):
        return str(value)
    if isinstance(value, (tuple, list)):
        return [plain(each) for each in value]
    if isinstance(value, Mapping):
        return {str(name): plain(each) for name, each in value.items()}
    return value
