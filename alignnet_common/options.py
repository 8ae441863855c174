"""Options of a command as the fields of a dataclass: ranges, rare options, other names; the values as plain data.

@dataclass(frozen=True)
class Config:
    epochs: int = option(60, at_least=1)

    def __post_init__(self) -> None:
        check_ranges(self)
"""

import dataclasses
import json
import typing
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any, Protocol, TypeVar

import yaml

from alignnet_common.files import write_atomically

T = TypeVar("T")

AT_LEAST, AT_MOST = "at_least", "at_most"


class DataclassInstance(Protocol):
    """Any dataclass: the configuration of a command."""

    __dataclass_fields__: typing.ClassVar[dict[str, dataclasses.Field[Any]]]


@dataclasses.dataclass(frozen=True)
class Declared:
    """What a field of a configuration declares beside its type and default. Kept in the field's metadata."""

    rare: bool = False
    """Whether --help-all alone lists the option."""

    first_word: bool = False
    """Whether the value may also be given as the first word of the command, without its flag."""

    aliases: tuple[str, ...] = ()
    """Further flags of the option, such as "--output-dir"."""

    formerly: Mapping[str, Mapping[Any, Any]] = dataclasses.field(default_factory=dict)
    """Earlier names of the field, each with the values that are called otherwise today, old to new."""

    synonyms: Mapping[str, str] = dataclasses.field(default_factory=dict)
    """Other words for values of the option, such as market1501 for market."""


DECLARED = "declared"


def option(
    default: T | None = None,
    *,
    default_factory: Any = dataclasses.MISSING,
    at_least: float | None = None,
    at_most: float | None = None,
    rare: bool = False,
    first_word: bool = False,
    aliases: Sequence[str] = (),
    formerly: str | Mapping[str, Mapping[Any, Any]] = MappingProxyType({}),
    synonyms: Mapping[str, str] | None = None,
) -> T:
    """A dataclass field with a default, an inclusive range that `check_ranges` checks, and what `Declared` lists.

    formerly -- an earlier name of the field, or earlier names as in `Declared.formerly`.
    """
    bounds = {AT_LEAST: at_least, AT_MOST: at_most}
    metadata: dict[str, Any] = {side: bound for side, bound in bounds.items() if bound is not None}
    old = {formerly: {}} if isinstance(formerly, str) else dict(formerly)
    metadata[DECLARED] = Declared(rare, first_word, tuple(aliases), old, synonyms or {})
    if default_factory is not dataclasses.MISSING:
        return dataclasses.field(default_factory=default_factory, metadata=metadata)
    return dataclasses.field(default=default, metadata=metadata)  # type: ignore[return-value]


def bounded(default: T, *, at_least: float | None = None, at_most: float | None = None, rare: bool = False) -> T:
    """A dataclass field with a default and an inclusive range, which `check_ranges` checks; None: no bound there."""
    return option(default, at_least=at_least, at_most=at_most, rare=rare)


def declared(field: "dataclasses.Field[Any]") -> Declared:
    """What a field declares; nothing for a field that is not made by `option`."""
    found: Declared = field.metadata.get(DECLARED, Declared())
    return found


def flag_of(name: str) -> str:
    """The flag of a field: --batch-norm of batch_norm."""
    return "--" + name.replace("_", "-")


def check_ranges(config: DataclassInstance) -> None:
    """Raise ValueError, one line naming the flag, on a value that is out of its field's range or NaN.

    None is accepted. All lower bounds are checked before the upper bounds.
    """
    for side, words in ((AT_LEAST, "at least"), (AT_MOST, "at most")):
        for field in dataclasses.fields(config):
            bound, value = field.metadata.get(side), getattr(config, field.name)
            if bound is not None and value is not None and not _is_within(value, bound, side):
                raise ValueError(f"{flag_of(field.name)} must be {words} {bound}, not {value}")


def _is_within(value: Any, bound: float, side: str) -> bool:
    return bool(value >= bound if side == AT_LEAST else value <= bound)


def as_plain(config: DataclassInstance) -> dict[str, Any]:
    """The configuration as plain Python values, for YAML, JSON and `torch.load(weights_only=True)`."""
    plain: dict[str, Any] = json.loads(json.dumps(dataclasses.asdict(config), default=str))
    return plain


def save_config(config: DataclassInstance, path: Path) -> None:
    """Write the whole configuration as YAML, which can be read with `--config`."""
    write_atomically(path, yaml.safe_dump(as_plain(config), sort_keys=False).encode())


def with_current_names(config_type: type[DataclassInstance], saved: Mapping[str, Any]) -> dict[str, Any]:
    """Saved options under the names and values of today, by `Declared.formerly` of the fields of `config_type`.

    A field that exists under its old name keeps it: `held_out` of two commands are two options.
    """
    current = {field.name for field in dataclasses.fields(config_type)}
    renamed = dict(saved)
    for field in dataclasses.fields(config_type):
        for old, values in declared(field).formerly.items():
            if old in renamed and field.name not in renamed and (old not in current or renamed[old] in values):
                value = renamed.pop(old)
                renamed[field.name] = values.get(value, value)
    return renamed
