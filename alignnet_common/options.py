"""Ranges of options, stated at the field of the configuration dataclass.

@dataclass(frozen=True)
class Config:
    epochs: int = bounded(60, at_least=1)

    def __post_init__(self) -> None:
        check_ranges(self)
"""

import dataclasses
from typing import Any, TypeVar

from alignnet_common.cli import DataclassInstance

T = TypeVar("T")

AT_LEAST, AT_MOST = "at_least", "at_most"


def bounded(default: T, *, at_least: float | None = None, at_most: float | None = None) -> T:
    """A dataclass field with a default and an inclusive range, which `check_ranges` checks.

    The range is kept in the field's metadata under "at_least" and "at_most"; None means no bound on that side.
    """
    bounds = {AT_LEAST: at_least, AT_MOST: at_most}
    metadata = {side: bound for side, bound in bounds.items() if bound is not None}
    return dataclasses.field(default=default, metadata=metadata)


def check_ranges(config: DataclassInstance) -> None:
    """Raise ValueError, one line naming the flag, on a `bounded` field that is out of its range or NaN.

    None is accepted. All lower bounds are checked before the upper bounds.
    """
    for side, words in ((AT_LEAST, "at least"), (AT_MOST, "at most")):
        for field in dataclasses.fields(config):
            bound, value = field.metadata.get(side), getattr(config, field.name)
            if bound is not None and value is not None and not _is_within(value, bound, side):
                raise ValueError(f"--{field.name.replace('_', '-')} must be {words} {bound}, not {value}")


def _is_within(value: Any, bound: float, side: str) -> bool:
    return bool(value >= bound if side == AT_LEAST else value <= bound)
