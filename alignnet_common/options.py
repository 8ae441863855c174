"""Ranges of options: each bound is written at its field, and checked wherever the dataclass is made."""

import dataclasses
from typing import Any


def bounded(default: Any, at_least: float | None = None, at_most: float | None = None) -> Any:
    """A dataclass field with this default and closed bounds; None = no bound. A value of None is not checked."""
    return dataclasses.field(default=default, metadata={"at_least": at_least, "at_most": at_most})


def check_ranges(config: Any) -> None:
    """Raise ValueError, one line that names the option, where a field is beyond its bounds or is NaN."""
    for field in dataclasses.fields(config):
        value = getattr(config, field.name)
        if value is None:
            continue
        for side, sign in (("at_least", 1), ("at_most", -1)):
            bound = field.metadata.get(side)
            if bound is not None and not sign * value >= sign * bound:
                option = "--" + field.name.replace("_", "-")
                raise ValueError(f"{option} must be {side.replace('_', ' ')} {bound}, not {value}")
