"""Commands, Python names and files that the documentation names exist, and examples in docstrings are right."""

import doctest
import importlib
import pkgutil
import re
import runpy
import shlex
import sys

import pytest

from alignnet_common.files import PROJECT_ROOT

README = (PROJECT_ROOT / "README.md").read_text()
FENCED = re.findall(r"^```[^\n]*\n(.*?)^```", README, flags=re.DOTALL | re.MULTILINE)
CODE = [line.split("  #")[0].split("  →")[0] for block in FENCED for line in block.splitlines()]
CODE += re.findall(r"`([^`]+)`", re.sub(r"^```.*?^```", "", README, flags=re.DOTALL | re.MULTILINE))
DOCS = {path.name: path.read_text() for path in (PROJECT_ROOT / "docs").glob("*.md")}
DOCS |= {name: (PROJECT_ROOT / name).read_text() for name in ("README.md", "ARCHITECTURE.md")}
NAMES = {
    name
    for text in DOCS.values()
    for name in re.findall(r"`((?:synth|reid|benchmarks|alignnet_common)\.[\w.]+)`", text)
}
COMMANDS = sorted({" ".join(text.split()) for text in CODE if re.search(r"-m\s+(-- )?(synth|reid|benchmarks)\.", text)})


@pytest.fixture(scope="module")
def help_of():
    """A function from a module's name and, where it has them, its verb, to the text that --help prints."""
    known = {}

    def find(words, capsys, monkeypatch):
        if words not in known:
            monkeypatch.setattr(sys, "argv", [*words, "--help"])
            with pytest.raises(SystemExit) as end:
                runpy.run_module(words[0], run_name="__main__", alter_sys=True)
            assert not end.value.code
            known[words] = capsys.readouterr().out
        return known[words]

    return find


def test_the_readme_shows_every_command():
    shown = {word for command in COMMANDS for word in command.split() if word.startswith(("synth.", "reid."))}
    files = [path for top in ("synth", "reid") for path in (PROJECT_ROOT / top).glob("*.py")]
    files += (PROJECT_ROOT / "reid").glob("*/__main__.py")
    modules = {
        ".".join(path.relative_to(PROJECT_ROOT).with_suffix("").parts).removesuffix(".__main__")
        for path in files
        if '__name__ == "__main__"' in path.read_text()
    }
    assert modules - shown <= {"reid.doctor", "synth.doctor"}  # README writes these as `reid doctor`, `synth doctor`


@pytest.mark.filterwarnings("ignore::RuntimeWarning:runpy")
@pytest.mark.parametrize("command", COMMANDS)
def test_a_documented_command_has_its_module_and_options(command, help_of, capsys, monkeypatch):
    words = shlex.split(command)
    start = next(number for number, word in enumerate(words) if re.match(r"(synth|reid|benchmarks)\.", word))
    verb = words[start + 1 : start + 2] if words[start] == "reid.pose" else []
    text = help_of((words[start], *verb), capsys, monkeypatch)
    for option in (word for word in words[start:] if word.startswith("--")):
        assert re.search(re.escape(option) + r"(?![\w-])", text)


@pytest.mark.parametrize("name", sorted(NAMES))
def test_a_documented_python_name_exists(name):
    pkgutil.resolve_name(name)


@pytest.mark.parametrize("document", sorted(DOCS))
def test_files_that_a_document_names_are_there(document):
    folders = "jobs|docs|assets|examples|synth|reid|benchmarks|alignnet_common"
    paths = set(re.findall(rf"(?<![\w/.])(?:{folders})/[\w./-]+\w\b(?![-./]*[*{{])", DOCS[document]))
    assert [path for path in sorted(paths) if not (PROJECT_ROOT / path).exists()] == []


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
