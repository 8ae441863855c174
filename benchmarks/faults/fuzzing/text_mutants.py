"""Changes of text: JSON, JSON lines, CSV, YAML and other words and numbers."""

import csv
import io
import json
import random
import re
from typing import Any

from benchmarks.faults.fuzzing import bytes_mutants

LONG = "x" * 70_000

WORDS = (
    *("", "nan", "inf", "-inf", "1e999", "1e308", "-1", "0", "1", "0.5", "007", "9" * 400, "9" * 5000, "1e-400"),
    *("null", "none", "True", "../../x", "/etc/passwd", "..", ".", "~", "\\\\host\\x", "C:", "a/b", "%s", "{}"),
    *(
        "\u00e9",
        "\U0001f600",
        "\u202e",
        "\x00",
        "\x1b[31m",
        "\r",
        "a\nb",
        "'",
        '"',
        ",",
        ";",
        "\t",
        "=1+1",
        "[",
        "{",
        LONG,
    ),
)

VALUES: tuple[Any, ...] = (
    *(None, True, False, 0, 1, -1, 2, 0.5, 1e308, -1e308, 10**18, 10**30, 2**63, float("nan"), float("inf")),
    *("", "x", "nan", "0", "1e5", "../../x", "/etc/passwd", "..", "a/b", "a\nb", "\x00", "\ud800", "\u00e9", LONG),
    *([], {}, [[]], [None], [0, 0], ["x"], {"x": 1}, {"": None}, [1, 2, 3, 4, 5], list(range(3000))),
)

BOMB = "a: &a [x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"{new}: &{new} [*{old}, *{old}, *{old}, *{old}, *{old}, *{old}, *{old}, *{old}, *{old}]\n"
    for old, new in zip("abcdefgh", "bcdefghi", strict=True)
)

YAML_LINES = (
    *(
        "x: &x [*x]",
        "? [a]\n: 1",
        "!!python/object/apply:os.mkdir [fuzz-canary]",
        "!!binary x",
        "<<: *x",
        "- a",
        "\tx: 1",
    ),
    *(
        "%YAML 9.9",
        "---\n---",
        "x: !!int abc",
        "x: !!timestamp 1",
        "x: 2024-99-99",
        "x: 0x",
        "x: 1:2:3",
        "x: .inf",
        BOMB,
    ),
    *("x: " + "[" * 3000, "x: " + "{a: " * 3000, "'", '"', "*", "&", "x: |\n  a\n b", "x: 9" * 99, "1: 2", "null: 1"),
)


def of_json(rng: random.Random, content: bytes) -> bytes:
    """JSON with another value, key or form."""
    if rng.random() < 0.2:
        return of_text(rng, content)
    try:
        tree = json.loads(content)
    except (ValueError, RecursionError):
        return of_text(rng, content)
    for _ in range(rng.choice((1, 1, 1, 2, 4))):
        tree = _changed(rng, tree)
    if rng.random() < 0.02:
        return b"[" * 20_000 + b"]" * rng.choice((0, 20_000))
    text = json.dumps(tree, indent=rng.choice((None, 2)))
    if rng.random() < 0.05:
        text = re.sub(r"\d+", lambda found: rng.choice((found[0], "1e999", "-0", "9" * 5000)), text, count=3)
    return text.encode("utf-8", "surrogatepass")


def of_jsonl(rng: random.Random, content: bytes) -> bytes:
    """JSON lines of which one or two are changed, left out, doubled or out of order."""
    lines = content.splitlines(keepends=True)
    for _ in range(rng.choice((1, 1, 2))):
        if not lines:
            return content
        place = rng.randrange(len(lines))
        match rng.randrange(8):
            case 0:
                del lines[place]
            case 1:
                lines.insert(place, lines[place])
            case 2:
                rng.shuffle(lines)
            case 3:
                lines[place] = of_text(rng, lines[place])
            case _:
                lines[place] = of_json(rng, lines[place]).replace(b"\n", b" ") + b"\n"
    return b"".join(lines)


def _changed(rng: random.Random, tree: Any) -> Any:
    """A tree of which one node is changed; every node is as likely."""
    places = list(_places(tree))
    if not places or rng.random() < 0.03:
        return rng.choice(VALUES)
    holder, key = rng.choice(places)
    match rng.randrange(8):
        case 0:
            del holder[key]
        case 1 if isinstance(holder, dict):
            holder[rng.choice((str(key).upper(), f"{key} ", "", "x", LONG[:500]))] = holder.pop(key)
        case 1:
            holder.insert(key, holder[key])
        case 2:
            other, place = rng.choice(places)
            holder[key] = other[place] if isinstance(other[place], (str, int, float, type(None))) else holder[key]
        case 3 if isinstance(holder[key], (int, float)):
            holder[key] = rng.choice(
                (-holder[key], str(holder[key]), holder[key] + 0.5, holder[key] * 1e9, [holder[key]])
            )
        case 3:
            holder[key] = [holder[key]]
        case _:
            holder[key] = json.loads(json.dumps(rng.choice(VALUES)))
    return tree


def _places(tree: Any) -> Any:
    """Every holder and key below a tree."""
    waiting = [tree]
    while waiting:
        one = waiting.pop()
        keys = list(one) if isinstance(one, dict) else range(len(one)) if isinstance(one, list) else ()
        for key in keys:
            yield one, key
            waiting.append(one[key])


def of_csv(rng: random.Random, content: bytes) -> bytes:
    """A table with other cells, columns or lines."""
    if rng.random() < 0.3:
        return of_text(rng, content)
    rows = list(csv.reader(io.StringIO(content.decode("utf-8", "replace"))))
    for _ in range(rng.choice((1, 1, 2, 3))):
        full = [row for row in rows if row]
        if not full:
            break
        row = rng.choice((full[0], rng.choice(full)))
        place = rng.randrange(len(row))
        match rng.randrange(8):
            case 0:
                del row[place]
            case 1:
                row.insert(place, row[place])
            case 2:
                rows.insert(rng.randrange(len(rows)), list(row))
            case 3:
                other = rng.choice(full)
                row[place] = other[min(place, len(other) - 1)]
            case 4:
                row.extend(["x"] * rng.choice((1, 50)))
            case _:
                row[place] = rng.choice(WORDS)
    text = io.StringIO()
    csv.writer(text, delimiter=rng.choice(",,,,;\t")).writerows(rows)
    return text.getvalue().encode("utf-8", "surrogatepass")


def of_yaml(rng: random.Random, content: bytes) -> bytes:
    """Options with other words, or with what YAML knows beside plain values."""
    if rng.random() < 0.5:
        return of_text(rng, content)
    lines = content.decode("utf-8", "replace").splitlines()
    place = rng.randrange(len(lines) + 1)
    if rng.random() < 0.5 and place < len(lines):
        key = lines[place].partition(":")[0]
        lines[place] = f"{key}: {rng.choice((*WORDS, *YAML_LINES, json.dumps(rng.choice(VALUES))))}"
    else:
        lines.insert(place, rng.choice(YAML_LINES))
    return "\n".join(lines).encode("utf-8", "surrogatepass")


def of_text(rng: random.Random, content: bytes) -> bytes:
    """Text with other words, lines or bytes."""
    if rng.random() < 0.25:
        return bytes_mutants.mutated(rng, content)
    text = content.decode("utf-8", "replace")
    match rng.randrange(6):
        case 0:
            lines = text.splitlines(keepends=True) or [""]
            del lines[rng.randrange(len(lines))]
            text = "".join(lines)
        case 1:
            lines = text.splitlines(keepends=True) or [""]
            place = rng.randrange(len(lines))
            text = "".join(
                [
                    *lines[:place],
                    *[lines[place]] * rng.choice((2, 2, 1 + 10**6 // (len(lines[place]) + 1))),
                    *lines[place:],
                ]
            )
        case _:
            words = list(re.finditer(r"[\w.+-]+", text))
            if words:
                word = rng.choice(words)
                text = text[: word.start()] + rng.choice(WORDS) + text[word.end() :]
    encoding = rng.choice(("utf-8",) * 9 + ("utf-16", "utf-8-sig", "utf-32"))
    return text.encode(encoding, "surrogatepass")
