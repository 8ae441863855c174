"""The programs reid and synth: every command has options, a job, examples and help, and completion covers them."""

import pkgutil
import shutil
import subprocess
import sys
import time

import pytest

from alignnet_common.cli import build_parser, read_config
from alignnet_common.cli.commands import Command, Program
from reid.commands import PROGRAM as REID
from synth.commands import PROGRAM as SYNTH

COMMANDS = [
    pytest.param(program, each, id=f"{program.name} {each.name}")
    for program in (REID, SYNTH)
    for each in program.commands
]


@pytest.mark.parametrize(("program", "command"), COMMANDS)
def test_a_command_has_a_job_and_examples_that_its_parser_takes(program, command):
    assert callable(pkgutil.resolve_name(command.job))
    parser = build_parser(command.config_type(), command.name)
    flags = {flag for action in parser._actions for flag in action.option_strings}
    assert command.examples
    for example in command.examples:
        words = example.split("   ")[0].split()
        assert " ".join(words).startswith(f"{program.name} {command.name}")
        assert {word for word in words if word.startswith("--")} <= flags


@pytest.mark.parametrize(("program", "command"), COMMANDS)
def test_defaults_can_be_printed_and_read_again(program, command, tmp_path, capsys):
    for words, code in ((["--print-config"], 0), (["--help"], 0), (["--no-such-option"], 2)):
        with pytest.raises(SystemExit) as end:
            read_config(command.config_type(), command.name, words)
        assert end.value.code == code
        printed = capsys.readouterr()
        if words == ["--print-config"]:
            (tmp_path / "all.yaml").write_text(printed.out)
    parser = build_parser(command.config_type(), command.name)
    assert parser.parse_args(["--config", str(tmp_path / "all.yaml")])


@pytest.mark.parametrize("words", [["reid", "finetune"], ["reid.finetune"], ["reid.pose", "train"], ["synth.render"]])
def test_help_needs_neither_torch_nor_blender(words):
    code = f"""
import runpy, sys
sys.argv = [{words[0]!r}, *{words[1:]!r}, "--help"]
try:
    runpy.run_module({words[0]!r}, run_name="__main__", alter_sys=True)
except SystemExit as end:
    assert not end.code
assert not {{"torch", "bpy", "matplotlib"}} & set(sys.modules)
"""
    began = time.process_time()
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stderr
    assert "--config" in ended.stdout
    assert time.process_time() - began < 5


@pytest.mark.parametrize("program", [REID, SYNTH])
@pytest.mark.parametrize("shell", ["bash", "zsh"])
def test_completion_is_a_script_of_the_shell(program, shell, tmp_path):
    script = program.completion([shell])
    assert "--config" in script
    assert all(command.name.split()[-1] in script for command in program.commands)
    if shutil.which(shell):
        (tmp_path / "script").write_text(script)
        assert subprocess.run([shell, "-n", tmp_path / "script"], check=False).returncode == 0


@pytest.mark.parametrize(
    ("words", "code", "text"),
    [
        ([], 0, "render"),
        (["--version"], 0, "alignnet-reid"),
        (["pose"], 0, "pose train"),
        (["pose", "fly"], 2, "train, evaluate"),
        (["fly"], 2, "fly is no command of"),
        (["completion"], 2, "bash"),
        (["export_coco", "--help"], 0, "usage: synth export-coco"),
        (["pose", "train", "--help"], 0, "usage: reid pose train"),
    ],
)
def test_words_of_the_programs(words, code, text, capsys, monkeypatch):
    program = REID if "pose" in words else SYNTH
    monkeypatch.setattr(sys, "argv", [program.name, *words])
    with pytest.raises(SystemExit) as end:
        program.main()
    assert (end.value.code or 0) == code
    printed = capsys.readouterr()
    assert text in (printed.err if code else printed.out)


def test_a_job_gets_its_options_and_records_see_the_words_after_the_command(monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["tool", "say", "--to", "x"])
    tool = Program("tool", "a tool", (Command("say", "Say.", "synth.pack:PackConfig", "builtins:print"),))
    with pytest.raises(SystemExit) as end:
        tool.main()
    assert end.value.code == 0
    assert "PackConfig(out='x'" in capsys.readouterr().out
    assert sys.argv[1:] == ["--to", "x"]


@pytest.mark.parametrize("words", ["reid completion bash", "synth doctor --no-packages"])
def test_a_reader_that_ends_early_is_no_error(words):
    line = f"set -o pipefail; {sys.executable} -u -m {words} | head -n 1; echo ${{PIPESTATUS[0]}}"
    ended = subprocess.run(["bash", "-c", line], capture_output=True, text=True, check=False)
    assert ended.stderr == ""
    assert ended.stdout.splitlines()[-1] in ("0", "141")
