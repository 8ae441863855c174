"""A YAML file of options as its writer means it: text where an option is text, each key once, numbers in decimal."""

import re
import types
import typing
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml

from alignnet_common.errors import UserError
from alignnet_common.files import read_text

STRING, INTEGER = "tag:yaml.org,2002:str", "tag:yaml.org,2002:int"
READ_AS = frozenset(f"tag:yaml.org,2002:{name}" for name in ("int", "float", "bool", "timestamp"))
"""What YAML takes words without quotes for that look like it: 20240101, 1e3, no, 2024-01-01."""

LARGEST = 2**16
"""Bytes of a file of options, at most."""

MOST_NODES = 10_000
"""Values of a file of options, at most."""

LEADING_ZEROS = re.compile(r"([-+]?)0+([0-9]+)")
"""An octal number to YAML, 010, where a person means 10 as on a command line."""


def takes_text(kind: Any) -> bool:
    """Whether an option of this type is text, a path or words, or a list or mapping of them, and never a number."""
    if typing.get_origin(kind) is typing.Literal:
        return all(isinstance(word, str) for word in typing.get_args(kind))
    if typing.get_origin(kind) in (typing.Union, types.UnionType):
        return all(takes_text(part) for part in typing.get_args(kind) if part is not types.NoneType)
    if typing.get_origin(kind) in (tuple, list):
        return takes_text(typing.get_args(kind)[0])
    if typing.get_origin(kind) is dict:
        return takes_text(typing.get_args(kind)[1])
    return isinstance(kind, type) and issubclass(kind, (str, Path))


def read_yaml(path: Path, kinds: Mapping[str, Any], keep: Callable[[str, Any], bool]) -> Any:
    """The content of a YAML file of options, {} if there is none in it.

    kinds -- type of each option by name. keep -- whether a value that YAML reads for an option stays what it is, such
    as an old word for another value.

    Raises UserError where a key is there twice, and on a file that is too large; yaml.YAMLError on what is no YAML,
    UnicodeDecodeError on what is no text, OSError where it cannot be read.
    """
    if path.is_file() and path.stat().st_size > LARGEST:
        raise UserError(f"{path}: larger than {LARGEST // 2**10} KiB, which no file of options is")
    loader = yaml.SafeLoader(read_text(path))
    try:
        node = loader.get_single_node()
        if node is None:
            return {}
        _check_size(node, path)
        _check_keys(node, path)
        if isinstance(node, yaml.MappingNode):
            for key, value in node.value:
                as_text = takes_text(kinds.get(key.value)) and not keep(key.value, value)
                for scalar in _scalars(value):
                    _as_written(scalar, as_text)
        return loader.construct_document(node)
    except (AttributeError, TypeError, LookupError, ArithmeticError, RecursionError) as broken:  # PyYAML's own errors
        raise UserError(f"{path}: not a YAML file of options ({type(broken).__name__})") from broken
    finally:
        loader.dispose()


def _check_size(node: yaml.Node, path: Path) -> None:
    """Raise UserError where a document has more than `MOST_NODES` values with its aliases written out, or no end."""
    sizes: dict[int, int] = {}

    def size(one: yaml.Node) -> int:
        if id(one) not in sizes:
            sizes[id(one)] = MOST_NODES  # of a node inside itself
            below = [part for pair in one.value for part in pair] if isinstance(one, yaml.MappingNode) else one.value
            sizes[id(one)] = 1 + (0 if isinstance(one, yaml.ScalarNode) else sum(map(size, below)))
        return sizes[id(one)]

    if size(node) >= MOST_NODES:
        raise UserError(f"{path}: more than {MOST_NODES} values, which no file of options has")


def _check_keys(node: yaml.Node, path: Path) -> None:
    """Raise UserError where a mapping at any level has a key twice."""
    for mapping in _nodes(node):
        first: dict[str, int] = {}
        for key, _ in mapping.value if isinstance(mapping, yaml.MappingNode) else ():
            line = key.start_mark.line + 1
            if isinstance(key, yaml.ScalarNode) and first.setdefault(key.value, line) != line:
                raise UserError(f"{path}: {key.value} is there twice, in lines {first[key.value]} and {line}")


def _nodes(node: yaml.Node) -> Iterator[yaml.Node]:
    """A node and those below it, each once."""
    waiting, seen = [node], set()
    while waiting:
        one = waiting.pop()
        if id(one) in seen:
            continue
        seen.add(id(one))
        yield one
        if isinstance(one, yaml.MappingNode):
            waiting += [part for pair in one.value for part in pair]
        elif isinstance(one, yaml.SequenceNode):
            waiting += one.value


def _scalars(node: yaml.Node) -> Iterator[yaml.ScalarNode]:
    return (each for each in _nodes(node) if isinstance(each, yaml.ScalarNode))


def _as_written(scalar: yaml.ScalarNode, as_text: bool) -> None:
    """Change what YAML takes a word without quotes for, in place."""
    if as_text and scalar.tag in READ_AS and scalar.style is None:
        scalar.tag = STRING
    elif scalar.tag == INTEGER:
        scalar.value = decimal(scalar.value)


def decimal(number: str) -> str:
    """A number without leading zeros.

    >>> decimal("010")
    '10'
    """
    octal = LEADING_ZEROS.fullmatch(number)
    return octal[1] + octal[2] if octal else number
