"""Documents are right: commands and options exist, marked blocks run, and Python names and files are there.

A block that follows the line `<!-- test: run -->` runs: a shell block by bash, a Python block by this Python, in one
folder for all documents, those of START first. Examples in docstrings run as doctests.
"""

import contextlib
import doctest
import importlib
import importlib.util
import io
import os
import pkgutil
import re
import runpy
import subprocess
import sys
from functools import cache

import pytest

from alignnet_common.files import PROJECT_ROOT
from reid.commands import PROGRAM as REID
from synth.commands import PROGRAM as SYNTH

PROGRAMS = (REID, SYNTH)

FULL_HELP = "--help-all"
"""Prints every option of a command."""

WITHOUT_OPTIONS = {
    ("reid",): ["--help"],
    ("synth",): ["--help"],
    ("reid", "pose"): ["--help"],
    ("reid", "completion"): ["bash"],
    ("synth", "completion"): ["bash"],
}
"""Words after those that have subcommands or a value in place of options, with which they print something."""

FOREIGN_OPTIONS = {
    *("--nproc-per-node", "--nnodes", "--run-path"),  # torchrun
    *("--array", "--dependency", "--nodes", "--partition", "--account", "--gpus-per-node"),  # Slurm
    *("--editable", "--logdir"),  # pip, TensorBoard
    *("--help", "--help-all", "--version", "--config", "--print-config"),  # of every command
}
"""Options in running text that are no option of one command."""

DOCUMENTS = {
    path.relative_to(PROJECT_ROOT).as_posix(): path.read_text()
    for path in (
        *(PROJECT_ROOT / name for name in ("README.md", "ARCHITECTURE.md", "examples/README.md")),
        *sorted((PROJECT_ROOT / "docs").rglob("*.md")),
    )
}
"""Text of each document by its path."""

FENCE = re.compile(
    r"^(?P<run><!-- test: run -->\n+)?```(?P<language>\w*)[^\n]*\n(?P<code>.*?)^```", flags=re.DOTALL | re.MULTILINE
)
RUNNABLE = [name for name, text in DOCUMENTS.items() if "<!-- test: run -->" in text]

COMMAND = re.compile(
    r"(?:^|\s)(?:-m (?:-- )?|\S*\.slurm )"
    r"(?P<module>(?:(?:reid|synth)\.|benchmarks\.(?:[a-z]\w+\.)?)[a-z]\w+)(?P<rest>.*)"
    r"|^(?:do )?(?P<program>reid|synth)(?: (?P<subcommand>[a-z][a-z-]+))?(?P<arguments>(?: .*)?)$"
)
"""A shell command that runs one of ours: `python -m reid.X …`, `torchrun … -m -- reid.X …`, `reid X …`."""


START = ("README.md", "docs/getting-started/quickstart.md")
"""Documents that run before any other: they make the files that the guides use."""


def lines_of(text):
    """Lines of the fenced blocks without comments, continued lines joined, then inline code."""
    for block in FENCE.finditer(text):
        joined = re.sub(r"\\\n\s*", " ", block["code"])
        yield from (re.split(r"(?:^|\s)#|\s→", line)[0].strip() for line in joined.splitlines())
    yield from re.findall(r"`([^`]+)`", FENCE.sub("", text))


def commands_of(line):
    """The commands of a shell line: (words that select the command, its options) of each."""
    found = []
    for simple in re.split(r"\s*(?:&&|;|\|)\s*", " ".join(line.split())):
        match = COMMAND.search(simple)
        if match is None:
            continue
        words = tuple(match["module"].split(".")) if match["module"] else (match["program"], match["subcommand"])
        rest = match["rest"] or match["arguments"] or ""
        verb = re.match(r" ([a-z]+)", rest) if words == ("reid", "pose") else None
        options = re.findall(r"(?<!\S)--[a-z][\w-]*", rest)
        found.append(((*filter(None, words), *([verb[1]] if verb else [])), tuple(options)))
    return found


COMMANDS = {
    command: f"{document}: {' '.join(line.split())}"
    for document, text in reversed(DOCUMENTS.items())
    for line in lines_of(text)
    for command in commands_of(line)
}
"""Each distinct command, and the first line that shows it."""


@cache
def options_of(words):
    """Options of the command that `words` select, such as ("reid", "pose", "train"), as its help prints them."""
    depth = len(words) if words[0] == "benchmarks" else 2
    module = ".".join(words[:depth]).replace("-", "_")
    name, rest = (module, words[depth:]) if importlib.util.find_spec(module) else (words[0], words[1:])
    printed = io.StringIO()
    with pytest.MonkeyPatch.context() as patch, contextlib.redirect_stdout(printed):
        patch.setattr(sys, "argv", [name, *rest, *WITHOUT_OPTIONS.get(words, [FULL_HELP])])
        try:
            runpy.run_module(name, run_name="__main__", alter_sys=True)
        except SystemExit as end:
            assert not end.code, f"{' '.join(words)} has no {FULL_HELP}"
    return set(re.findall(r"(?<![\w-])--[a-z][\w-]*", printed.getvalue()))


def test_commands_of_a_shell_line():
    line = "for k in 0 1; do reid pose train --data D --run=R-$k; done && python -m synth.render --ids 4 > log"
    assert commands_of(line) == [(("reid", "pose", "train"), ("--data", "--run")), (("synth", "render"), ("--ids",))]
    line = "sbatch --nodes=2 jobs/cluster/train.slurm reid.finetune --dataset mars"
    assert commands_of(line) == [(("reid", "finetune"), ("--dataset",))]
    assert commands_of("pip install '.[synth]'") == []


@pytest.mark.filterwarnings("ignore::RuntimeWarning:runpy")
@pytest.mark.parametrize("command", COMMANDS, ids=COMMANDS.values())
def test_a_documented_command_has_its_module_and_options(command):
    words, options = command
    assert set(options) - options_of(words) <= {"--help-all", "--version", "--print-config"}


@pytest.mark.filterwarnings("ignore::RuntimeWarning:runpy")
@pytest.mark.parametrize("document", DOCUMENTS)
def test_options_in_running_text_are_options_of_a_command(document):
    known = FOREIGN_OPTIONS.union(*(options_of(words) for words in all_commands()))
    named = {
        option
        for code in re.findall(r"`([^`]+)`", FENCE.sub("", DOCUMENTS[document]))
        if not commands_of(code)
        for option in re.findall(r"(?<!\S)--[a-z][\w-]*", code)
    }
    assert named - known == set()


def all_commands():
    """Words that select each command of the packages."""
    benchmarks = [
        path.relative_to(PROJECT_ROOT).with_suffix("").parts
        for path in (PROJECT_ROOT / "benchmarks").glob("*.py")
        if '__name__ == "__main__"' in path.read_text()
    ]
    benchmarks += [
        path.parent.relative_to(PROJECT_ROOT).parts for path in PROJECT_ROOT.glob("benchmarks/*/__main__.py")
    ]
    programs = [(each.name, *command.name.replace("-", "_").split()) for each in PROGRAMS for command in each.commands]
    return {*benchmarks, *programs}


def test_the_documents_show_every_command():
    shown = {tuple(word.replace("-", "_") for word in words) for words, _ in COMMANDS}
    assert {words for words in all_commands() if words[0] != "benchmarks"} - shown == set()


@pytest.fixture(scope="module")
def workplace(tmp_path_factory):
    """A function that runs the marked blocks of a document, those of START before any other."""
    folder = tmp_path_factory.mktemp("documents")
    for name in ("assets", "examples", "jobs"):
        (folder / name).symlink_to(PROJECT_ROOT / name)
    programs = tmp_path_factory.mktemp("bin")
    for name, module in (("reid", "-m reid"), ("synth", "-m synth"), ("python", "")):
        (programs / name).write_text(f'#!/bin/sh\nexec "{sys.executable}" {module} "$@"\n')
        (programs / name).chmod(0o755)
    path = f"{programs}{os.pathsep}{os.environ['PATH']}"
    environment = os.environ | {"PATH": path, "PYTHONPATH": str(PROJECT_ROOT), "CUDA_VISIBLE_DEVICES": ""}

    @cache
    def run(document):
        for earlier in START[: START.index(document) if document in START else None]:
            run(earlier)
        for block in FENCE.finditer(DOCUMENTS[document]):
            if not block["run"]:
                continue
            start = [sys.executable, "-c"] if block["language"] == "python" else ["bash", "-euo", "pipefail", "-c"]
            done = subprocess.run(
                [*start, block["code"]], cwd=folder, env=environment, capture_output=True, text=True, timeout=900
            )
            assert done.returncode == 0, f"{document}:\n{block['code']}\n{done.stdout}\n{done.stderr}"

    return run


SLOW = ("docs/guides/evaluate.md", "docs/guides/render.md", "docs/guides/share-a-dataset.md", "docs/guides/train.md")
"""Documents whose commands other tests run as well."""


@pytest.mark.parametrize(
    "document", [pytest.param(name, marks=pytest.mark.slow) if name in SLOW else name for name in RUNNABLE]
)
def test_marked_blocks_run(document, workplace):
    workplace(document)


NAMES = {
    name
    for text in DOCUMENTS.values()
    for name in re.findall(r"`((?:synth|reid|benchmarks|alignnet_common)\.[\w.]+)`", text)
}


@pytest.mark.parametrize("name", sorted(NAMES))
def test_a_documented_python_name_exists(name):
    pkgutil.resolve_name(name)


@pytest.mark.parametrize("document", DOCUMENTS)
def test_files_that_a_document_names_are_there(document):
    folders = "jobs|docs|assets|examples|synth|reid|benchmarks|alignnet_common|docker"
    text = re.sub(r"\]\([^)]*\)|https?://\S+", "", DOCUMENTS[document])  # links: see below
    paths = set(re.findall(rf"(?<![\w/.])(?:{folders})/[\w./-]+\w\b(?![-./]*[*{{])", text))
    assert [path for path in sorted(paths) if not (PROJECT_ROOT / path).exists()] == []


@pytest.mark.parametrize("document", DOCUMENTS)
def test_links_between_documents_lead_to_files(document):
    targets = re.findall(r"\]\(([^)#:\s]+)(?:#[^)]*)?\)", DOCUMENTS[document])
    assert [to for to in targets if not ((PROJECT_ROOT / document).parent / to).exists()] == []


WITH_EXAMPLES = sorted(
    ".".join(path.relative_to(PROJECT_ROOT).with_suffix("").parts)
    for top in ("alignnet_common", "reid", "synth")
    for path in (PROJECT_ROOT / top).rglob("*.py")
    if ">>> " in path.read_text()
)


@pytest.mark.parametrize("module", WITH_EXAMPLES)
def test_examples_in_docstrings_give_what_they_show(module):
    found = doctest.testmod(importlib.import_module(module))
    assert found.attempted > 0
    assert found.failed == 0
