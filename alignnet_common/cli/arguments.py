"""Words of a command line and keys of a YAML file, rewritten to what the parser takes.

Flags that are aliases or old names become current flags; lists without brackets get them; --config FILE comes first.
"""

import dataclasses
import itertools
import json
import re
import typing
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from alignnet_common.cli.yaml_file import decimal, read_yaml, takes_text
from alignnet_common.errors import UserError
from alignnet_common.options import DataclassInstance, declared, flag_of, with_current_names

Note = Callable[[str], None]
"""A function that shows one line to the user."""


def config_first(argv: Sequence[str]) -> list[str]:
    """`argv` with `--config FILE` first. Options apply from left to right, so that flags override the file.

    >>> config_first(["--ids", "3", "--config", "job.yaml"])
    ['--config', 'job.yaml', '--ids', '3']
    """
    first: list[str] = []
    rest: list[str] = []
    words = iter(argv)
    for word in words:
        if word == "--config":
            first += [word, *itertools.islice(words, 1)]
        else:
            (first if word.startswith("--config=") else rest).append(word)
    return first + rest


def prepared(config_type: type[DataclassInstance], argv: Sequence[str], note: Note) -> list[str]:
    """`argv` with current flags only, brackets about lists, and --config first.

    note -- is called with a line for each old name.
    """
    words = _with_first_word(config_type, argv)
    words = _with_current_flags(config_type, words, note)
    words = _with_lists(config_type, words)
    words = _with_plain_paths(config_type, words)
    return [_with_content(config_type, word, before, note) for before, word in _pairs(config_first(words))]


def is_list(kind: Any) -> bool:
    """Whether a field's type is a tuple or list of any length."""
    return typing.get_origin(kind) in (tuple, list)


def _is_flag(word: str) -> bool:
    return word.startswith("-") and re.match(r"-[\d.]", word) is None


def _pairs(words: Sequence[str]) -> Iterator[tuple[str, str]]:
    return zip(["", *words], words, strict=False)


def _with_first_word(config_type: type[DataclassInstance], argv: Sequence[str]) -> list[str]:
    """`argv` with the flag of the option that may come without one, before the first word if that is no flag."""
    field = next((field for field in dataclasses.fields(config_type) if declared(field).first_word), None)
    if field is None or not argv or _is_flag(argv[0]):
        return list(argv)
    return [flag_of(field.name), *argv]


def _with_current_flags(config_type: type[DataclassInstance], words: Sequence[str], note: Note) -> list[str]:
    """`words` with flags of today in place of aliases and old names, and today's words for values."""
    fields = {flag_of(field.name): field for field in dataclasses.fields(config_type)}
    aliases = {alias: flag for flag, field in fields.items() for alias in declared(field).aliases}
    found: list[str] = []
    for word, following in itertools.zip_longest(words, words[1:], fillvalue=""):
        flag, equals, value = word.partition("=")
        if not _is_flag(word):
            found.append(_current_value(fields, found[-1] if found else "", word))
            continue
        given = value if equals else following
        current = aliases.get(flag, flag)
        current = _renamed(fields, current, given, note)
        found.append(f"{current}={_current_value(fields, current, value)}" if equals else current)
    return found


def _renamed(fields: Mapping[str, Any], flag: str, value: str, note: Note) -> str:
    """The current flag of `flag`, of which `value` is the value; an old name is noted."""
    for current, field in fields.items():
        for old, values in declared(field).formerly.items():
            is_old = flag_of(old) == flag != current
            if is_old and (flag not in fields or value in map(str, values)):
                note(f"{flag} is called {current} now")
                return current
    return flag


def _current_value(fields: Mapping[str, Any], flag: str, value: str) -> str:
    """Today's word for `value` of the option `flag`."""
    if flag not in fields:
        return value
    known = declared(fields[flag])
    for values in known.formerly.values():
        for old, new in values.items():
            if value == str(old):
                return "null" if new is None else str(new)
    return str(known.synonyms.get(value, value))


def _with_lists(config_type: type[DataclassInstance], words: Sequence[str]) -> list[str]:
    """`words` with one word in brackets for each list: `--seeds 0 1 2`, `0,1,2`, `0-2` and `[0,1,2]` are equal."""
    types = typing.get_type_hints(config_type)
    lists = {flag_of(field.name): types[field.name] for field in dataclasses.fields(config_type)}
    lists = {flag: typing.get_args(kind)[0] for flag, kind in lists.items() if is_list(kind)}
    found: list[str] = []
    waiting = list(words)
    while waiting:
        word = waiting.pop(0)
        flag, equals, value = word.partition("=")
        if flag not in lists:
            found.append(word)
            continue
        values = [value] if equals else list(itertools.takewhile(lambda word: not _is_flag(word), waiting))
        if not equals:
            del waiting[: len(values)]
        found.append(f"{flag}={_one_list(values, lists[flag])}" if values else flag)
    return found


def _with_plain_paths(config_type: type[DataclassInstance], words: Sequence[str]) -> list[str]:
    """`words` with ./ before paths such as #1, which the parser would take for a comment: for no value."""
    paths = {flag_of(name) for name in _path_options(config_type)}
    found = []
    for before, word in _pairs(words):
        flag, equals, value = word.partition("=")
        if equals and flag in paths:
            found.append(f"{flag}={_plain_path(value)}")
        else:
            found.append(_plain_path(word) if before in paths else word)
    return found


def _path_options(config_type: type[DataclassInstance]) -> set[str]:
    """Names of the options that are one path, or none."""
    types = typing.get_type_hints(config_type)
    return {name for name, kind in types.items() if Path in (kind, *typing.get_args(kind)) and not is_list(kind)}


def _plain_path(path: Any) -> Any:
    return f"./{path}" if isinstance(path, str) and path.startswith(("#", "&")) else path


def _one_list(values: Sequence[str], kind: Any) -> str:
    """The values of a list in brackets; in quotes where they are text, so that no word is taken for something else.

    A path that exists is one value, with whatever commas and brackets are in its name. Raises UserError on a name that
    is not in UTF-8, which YAML, hence the parser, cannot hold.
    """
    for value in values:
        if not value.isprintable() and any("\ud800" <= letter <= "\udfff" for letter in value):
            raise UserError(f"{ascii(value)[1:-1]}: a name that is not in UTF-8: rename it")
    (first, *others) = values
    paths = isinstance(kind, type) and issubclass(kind, Path)
    if not others and first[:1] + first[-1:] in ("[]", "()") and not (paths and Path(first).exists()):
        return first
    parts: list[str] = []
    for value in values:
        if paths:
            parts += [value] if Path(value).expanduser().exists() else value.split(",")
        else:
            parts += [number for part in value.split(",") for number in _expanded(part).split(",")]
    parts = [part.strip() for part in parts]
    return json.dumps(parts) if takes_text(kind) else f"[{','.join(map(decimal, parts))}]"


def _expanded(part: str) -> str:
    """The numbers of a range.

    >>> _expanded("0-3")
    '0,1,2,3'
    """
    ends = re.fullmatch(r"(\d+)-(\d+)", part.strip())
    return ",".join(map(str, range(int(ends[1]), int(ends[2]) + 1))) if ends else part.strip()


def _with_content(config_type: type[DataclassInstance], word: str, before: str, note: Note) -> str:
    """`word`, but for a YAML file of options, which is replaced by its content under today's names and values."""
    flag, equals, path = word.partition("=")
    if not ((flag == "--config" and equals) or before == "--config"):
        return word
    values = yaml_values(config_type, Path(path if equals else word))
    if values is None:
        return word
    current = current_values(config_type, values)
    for name in sorted(set(values) - set(current)):
        note(f"{path or word}: {name} is called {', '.join(sorted(set(current) - set(values)))} now")
    content = json.dumps(current, default=str)
    return f"--config={content}" if equals else content


def yaml_values(config_type: type[DataclassInstance], path: Path) -> dict[str, Any] | None:
    """The options in a YAML file; None where there is no mapping in it, on which the parser reports.

    Raises UserError where a key is there twice, UnicodeDecodeError where the file is no text.
    """
    old = {field.name: declared(field).formerly.get(field.name, {}) for field in dataclasses.fields(config_type)}

    def is_old(name: str, node: yaml.Node) -> bool:
        return isinstance(node, yaml.ScalarNode) and yaml.safe_load(node.value or "null") in old.get(name, {})

    try:
        values = read_yaml(path.expanduser(), typing.get_type_hints(config_type), is_old)
    except UnicodeDecodeError:
        raise
    except (OSError, ValueError, RuntimeError, yaml.YAMLError):
        return None
    if not isinstance(values, dict) or not all(isinstance(name, str) for name in values):
        return None
    paths = _path_options(config_type)
    return {name: _plain_path(value) if name in paths else value for name, value in values.items()}


def config_values(config_type: type[DataclassInstance], given: str) -> dict[str, Any] | None:
    """The mapping that --config is given: as a path, or as the content that `prepared` puts in its place."""
    return json.loads(given) if given.startswith("{") else yaml_values(config_type, Path(given))


def current_values(config_type: type[DataclassInstance], values: Mapping[str, Any]) -> dict[str, Any]:
    """Options of a YAML file under today's names, with today's words for values."""
    found = with_current_names(config_type, values)
    for field in dataclasses.fields(config_type):
        known, value = declared(field), found.get(field.name)
        if isinstance(value, str) and value in known.synonyms:
            found[field.name] = known.synonyms[value]
        same = known.formerly.get(field.name, {})
        if field.name in found and not isinstance(value, (list, dict)) and value in same:
            found[field.name] = same[value]
    return found
