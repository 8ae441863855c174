"""Ranges stated at the fields of a dataclass are checked when it is made."""

import math
from dataclasses import dataclass, fields, replace

import pytest

from alignnet_common.cli import field_help, read_config
from alignnet_common.options import bounded, check_ranges


@dataclass(frozen=True)
class Options:
    """Options of a test."""

    epochs: int = bounded(60, at_least=1)
    """Number of epochs."""

    flip_chance: float = bounded(0.5, at_least=0, at_most=1)
    """Probability of a flip."""

    max_steps: int | None = bounded(None, at_least=0)
    """Largest number of steps."""

    name: str = "run"
    """A field without a range."""

    def __post_init__(self) -> None:
        check_ranges(self)


@dataclass(frozen=True)
class MoreOptions(Options):
    """Inherited options keep their ranges."""

    rate: float = bounded(0.1, at_most=0.5)
    """A rate."""


def test_defaults_and_bounds_themselves_are_accepted():
    assert Options() == Options(60, 0.5, None, "run")
    assert Options(1, 0.0, 0).epochs == 1
    assert Options(flip_chance=1).flip_chance == 1


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"epochs": 0}, "--epochs must be at least 1, not 0"),
        ({"flip_chance": -0.1}, "--flip-chance must be at least 0, not -0.1"),
        ({"flip_chance": 1.5}, "--flip-chance must be at most 1, not 1.5"),
        ({"flip_chance": math.nan}, "--flip-chance must be at least 0, not nan"),
        ({"max_steps": -1}, "--max-steps must be at least 0, not -1"),
        ({"rate": 0.6}, "--rate must be at most 0.5, not 0.6"),
    ],
)
def test_a_value_out_of_range_is_named_with_its_flag_and_its_bound(values, message):
    with pytest.raises(ValueError) as refusal:
        MoreOptions(**values)
    assert str(refusal.value) == message


def test_replace_checks_ranges_too():
    with pytest.raises(ValueError, match="--epochs"):
        replace(Options(), epochs=-3)


def test_the_command_line_fills_checks_and_explains_a_bounded_field(capsys):
    assert read_config(Options, "test", ["--epochs", "2"]) == Options(epochs=2)
    assert {field.name: field_help(Options)[field.name] for field in fields(Options)}["epochs"] == "Number of epochs."
    with pytest.raises(SystemExit) as stop:
        read_config(Options, "test", ["--epochs", "0"])
    assert stop.value.code == 2
    assert "--epochs must be at least 1" in capsys.readouterr().err
