"""Names of persons, cameras and files as people and their tables write them."""

import re
import unicodedata
from collections.abc import Iterable, Mapping
from pathlib import Path

from alignnet_common.errors import UserError

JUNK, DISTRACTOR = -1, 0
"""Person ids that are no person: as in Market-1501 and MARS."""

NUMBER = re.compile(r"-?[0-9]{1,18}")
"""A name that is a number: nothing but digits, of a size that 64 bits hold."""

WHOLE = re.compile(r"(-?[0-9]+)[.,]0+")
"""A whole number as pandas writes a column of which a cell was empty: 7.0; 7,0 after some spreadsheets."""

MARS_JUNK = "00-1"
"""Folder of junk in MARS."""

MISSING = frozenset({"nan", "none", "null", "na", "n/a", "<na>", "nat"})
"""Words for an empty cell, in small letters."""


def plain_name(name: str) -> str:
    """A name in one Unicode form (NFC; a Mac writes another), without spaces around it, a whole number without .0.

    >>> plain_name(" 7.0")
    '7'
    """
    text = unicodedata.normalize("NFC", name).strip()
    whole = WHOLE.fullmatch(text)
    return whole[1] if whole else text


def number_in(name: str) -> int | None:
    """The number that a name is; None if it is any other name, such as 1_1.

    >>> [number_in(name) for name in ("0007", "-1", "00-1", "1_1", "7.0")]
    [7, -1, -1, None, 7]
    """
    plain = plain_name(name)
    if plain == MARS_JUNK:
        return JUNK
    return int(plain) if NUMBER.fullmatch(plain) else None


def pids_of(persons: Iterable[str]) -> dict[str, int]:
    """Person id by name: the name itself if all names are whole numbers, else 1, 2, … in ascending order of the names.

    Junk (-1, MARS' 00-1) and distractors (0, 0000) always keep their numbers, and names are compared as `plain_name`.
    Raises UserError where two names are the same number, a number is below -1, or all are numbers but for an empty
    cell.
    """
    names = sorted(set(persons))
    plain = {name: plain_name(name) for name in names}
    numbers = {each: number_in(each) for each in sorted(set(plain.values()))}
    others = [each for each, number in numbers.items() if number is None]
    pids: dict[str, int] = {each: number for each, number in numbers.items() if number is not None}
    if others:
        if all(each.lower() in MISSING for each in others) and any((number or 0) > 0 for number in numbers.values()):
            raise UserError(f"person {others[0]} among numbers is an empty cell: name the person, or -1 for nobody")
        nobody = {each: number for each, number in pids.items() if number in (JUNK, DISTRACTOR)}
        somebody = (each for each in numbers if each not in nobody)
        pids = nobody | {each: number for number, each in enumerate(somebody, start=1)}
    else:
        _check_numbers(pids)
    return {name: pids[each] for name, each in plain.items()}


def _check_numbers(numbers: Mapping[str, int]) -> None:
    """Raise UserError where two names are the same person's number, or a number is below -1."""
    owners: dict[int, str] = {}
    for name, number in numbers.items():
        if number > 0 and number in owners:
            raise UserError(f"persons {owners[number]} and {name} are the same number; name them alike")
        owners[number] = name
    if min(owners, default=0) < JUNK:
        raise UserError(f"person {min(owners)}: numbers begin at -1 (junk) and 0 (a distractor)")


def as_on_disk(folder: Path, name: str) -> str:
    """`name`, a path relative to `folder`, as the file system has it: with / for backslashes, in either Unicode form.

    `name` itself where there is nothing of that name.
    """
    slashes = name.replace("\\", "/")
    for text in dict.fromkeys((name, slashes)):
        for spelled in (text, unicodedata.normalize("NFC", text), unicodedata.normalize("NFD", text)):
            if (folder / spelled).exists():
                return spelled
    return name
