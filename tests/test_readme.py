"""Every command in the README names a module that exists, options that the module has, and files that are there."""

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
    assert modules - shown <= {"synth.preflight"}  # part of make install


@pytest.mark.filterwarnings("ignore::RuntimeWarning:runpy")
@pytest.mark.parametrize("command", COMMANDS)
def test_a_documented_command_has_its_module_and_options(command, help_of, capsys, monkeypatch):
    words = shlex.split(command)
    start = next(number for number, word in enumerate(words) if re.match(r"(synth|reid|benchmarks)\.", word))
    verb = words[start + 1 : start + 2] if words[start] == "reid.pose" else []
    text = help_of((words[start], *verb), capsys, monkeypatch)
    for option in (word for word in words[start:] if word.startswith("--")):
        assert re.search(re.escape(option) + r"(?![\w-])", text)


@pytest.mark.parametrize("path", sorted(set(re.findall(r"\b(?:jobs|docs|assets|examples)/[\w./-]+\w", README))))
def test_a_file_that_the_readme_names_is_there(path):
    assert (PROJECT_ROOT / path).exists()
