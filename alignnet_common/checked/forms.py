"""Forms of values that are read from JSON. A form is written as a value that looks like what it describes:

str, int, float, bool, None   text; a whole number; a finite number; true or false; null
(form, form)                  one of several
[form]                        a list, and [form, form] a list of two
{"name": form}                an object with a field; with "name?" the field may be missing. Other fields are free.
{str: form}                   an object with any fields
AtLeast(0), AtLeast(0, int)   a number, a whole number, that is not less
ANY                           anything
"""

import math
import os
from dataclasses import dataclass
from typing import Any

LARGEST = 2**63 - 1
"""Whole numbers are at most so large."""


class FormError(ValueError):
    """A value of another form than is needed."""


@dataclass(frozen=True)
class AtLeast:
    """A number that is not less than another."""

    least: float

    kind: Any = float
    """int or float."""

    most: float = math.inf


ANY = object()
"""The form of any value."""


def mismatch(value: Any, form: Any, where: str = "") -> str | None:
    """Why a value is not of a form: the place in it and what is needed there; None if it is.

    >>> mismatch({"size": [64, "high"]}, {"size": [int, int]})
    'size.1 must be a whole number'
    """
    if form is ANY:
        return None
    if isinstance(form, tuple):
        found = [mismatch(value, each, where) for each in form]
        return None if None in found else f"{_named(where)} must be {' or '.join(map(in_words, form))}"
    if isinstance(form, dict) and isinstance(value, dict):
        return _of_object(value, form, where)
    if isinstance(form, list) and isinstance(value, list) and len(form) in (1, len(value)):
        forms = form * len(value) if len(form) == 1 else form
        pairs = enumerate(zip(value, forms, strict=True))
        return next((no for place, pair in pairs if (no := mismatch(*pair, _below(where, place)))), None)
    return None if _is_plain(value, form) else f"{_named(where)} must be {in_words(form)}"


def _of_object(value: dict[Any, Any], form: dict[Any, Any], where: str) -> str | None:
    if str in form:
        fields = dict.fromkeys(value, form[str])
    else:
        fields = {name.rstrip("?"): each for name, each in form.items() if name.rstrip("?") in value}
        missing = next((name for name in form if name not in value and not name.endswith("?")), None)
        if missing is not None:
            return f"{_below(where, missing)} is missing"
    names = (mismatch(name, str, _below(where, "a name")) for name in fields)
    values = (mismatch(value[name], each, _below(where, name)) for name, each in fields.items())
    return next((no for some in (names, values) for no in some if no), None)


def _is_plain(value: Any, form: Any) -> bool:
    """Whether a value is text, a number, true, false or null as a form says."""
    if isinstance(form, AtLeast):
        return _is_plain(value, form.kind) and form.least <= value <= form.most
    if form is str:
        return isinstance(value, str) and _is_text(value)
    if form in (int, float):
        return type(value) in {int: (int,), float: (int, float)}[form] and abs(value) <= LARGEST
    return (form is bool and isinstance(value, bool)) or (form is None and value is None)


def _is_text(value: str) -> bool:
    """Whether text can be written to a file, as a name of one too: JSON may have halves of characters in it."""
    try:
        os.fsencode(value)
    except UnicodeEncodeError:
        return False
    return "\0" not in value


def in_words(form: Any) -> str:
    """What a form describes."""
    if isinstance(form, AtLeast):
        most = "" if form.most == math.inf else f" to {form.most:g}"
        return f"{in_words(form.kind)} from {form.least:g}{most or ' on'}"
    if isinstance(form, tuple):
        return " or ".join(map(in_words, form))
    if isinstance(form, list):
        return "a list" if len(form) == 1 else f"a list of {len(form)}"
    if isinstance(form, dict):
        return "an object"
    return {str: "text", int: "a whole number", float: "a number", bool: "true or false", None: "null"}[form]


def _below(where: str, name: Any) -> str:
    return f"{where}.{name}" if where else str(name)


def _named(where: str) -> str:
    return where or "the content"
