"""The commands of a program as a table, and the program that runs the one that is named.

A command names its options and its job as text, so that --help needs neither PyTorch nor Blender.
"""

import pkgutil
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal, NoReturn, get_args

import jsonargparse

from alignnet_common import PROJECT, __version__
from alignnet_common.cli.output import exit_without_reader, prepare_streams
from alignnet_common.cli.parser import build_parser, exit_with_line
from alignnet_common.cli.run import run_command
from alignnet_common.options import DataclassInstance

Shell = Literal["bash", "zsh", "tcsh"]
HELP = ("-h", "--help")
COMPLETION = "completion"


def print_and_exit(text: str) -> NoReturn:
    """Print `text`, and exit with code 0."""
    prepare_streams()
    try:
        print(text, flush=True)
    except BrokenPipeError:
        exit_without_reader()
    raise SystemExit(0)


@dataclass(frozen=True)
class Command:
    """A command of a program."""

    name: str
    """One word, or two: pose train. A module of the program has the same name with _ for -."""

    summary: str
    """What the command does, in one line."""

    config: str
    """The dataclass of its options, as module:Class."""

    job: str
    """The function that takes the options, as module:function."""

    examples: tuple[str, ...] = ()
    """Command lines for --help."""

    goes_on: bool = False
    """Whether the same command continues an interrupted one."""

    def config_type(self) -> type[DataclassInstance]:
        """The dataclass of the options."""
        found: type[DataclassInstance] = pkgutil.resolve_name(self.config)
        return found


@dataclass(frozen=True)
class Program:
    """A console command with subcommands: `reid` or `synth`."""

    name: str
    summary: str
    commands: tuple[Command, ...]

    def command(self, name: str) -> Command | None:
        """The command of this name, in which _ and - are equal."""
        return next((each for each in self.commands if each.name == name.replace("_", "-")), None)

    def main(self, argv: Sequence[str] | None = None) -> NoReturn:
        """Run the command that the first word names, or the first two; without words, list the commands.

        argv -- the words after the program's name. Default: those of this process.
        """
        words = list(sys.argv[1:] if argv is None else argv)
        if not words or words[0] in HELP:
            print_and_exit(self.overview())
        if words[0] == "--version":
            print_and_exit(f"{PROJECT} {__version__}")
        if words[0] == COMPLETION:
            print_and_exit(self.completion(words[1:]))
        for length in (2, 1):
            if command := self.command(" ".join(words[:length])):
                self.run(command.name, words[length:], self.name)
        self._refuse(words)

    def run(self, name: str, argv: Sequence[str] | None = None, started_as: str = "") -> NoReturn:
        """Run the command `name` with the words `argv`, by default those of this process.

        started_as -- the program's name in messages. Default: python -m PROGRAM.COMMAND.
        """
        command = self.command(name)
        assert command is not None, name
        module, *subcommand = name.replace("-", "_").split()
        prog = f"{started_as} {name}" if started_as else " ".join([f"python -m {self.name}.{module}", *subcommand])
        words = list(sys.argv[1:] if argv is None else argv)
        sys.argv = [prog, *words]  # results record the words after the command's name

        def job(config: Any) -> None:
            pkgutil.resolve_name(command.job)(config)

        run_command(job, command.config_type(), prog, argv=words, goes_on=command.goes_on, examples=command.examples)

    def run_subcommand(self, group: str) -> NoReturn:
        """Run the command of a group, such as pose, that the first word of this process names; or list the group."""
        words = sys.argv[1:]
        if not words or words[0] in HELP:
            print_and_exit(self.overview(f"{group} "))
        if self.command(f"{group} {words[0]}"):
            self.run(f"{group} {words[0]}", words[1:])
        self._refuse([group, *words])

    def overview(self, group: str = "") -> str:
        """The commands, of a group only if `group` is given, each with its summary."""
        chosen = [each for each in self.commands if each.name.startswith(group)]
        width = max(len(each.name) for each in chosen)
        lines = [f"  {each.name:{width}}  {each.summary}" for each in chosen]
        if not group:
            lines.append(f"  {COMPLETION:{width}}  Print a script for tab completion: {', '.join(get_args(Shell))}.")
        how = f"{self.name} COMMAND --help lists the options of a command. python -m {self.name}.COMMAND is the same."
        return "\n".join([f"{self.name}: {self.summary}", "", *lines, "", how])

    def _refuse(self, words: Sequence[str]) -> NoReturn:
        named = [each for each in self.commands if each.name.startswith(f"{words[0]} ")]
        if named:
            below = ", ".join(each.name.split()[1] for each in named)
            given = f", not {words[1]}" if len(words) > 1 and words[1] not in HELP else ""
            if not given:
                print_and_exit(self.overview(f"{words[0]} "))
            exit_with_line(2, f"{self.name} {words[0]}: name one of {below}{given} (see {self.name} --help)")
        exit_with_line(2, f"{words[0]} is no command of {self.name} (see {self.name} --help)")

    def completion(self, words: Sequence[str]) -> str:
        """A script that completes commands and options in a shell, made by shtab."""
        if len(words) != 1 or words[0] not in get_args(Shell):
            exit_with_line(2, f"{self.name} {COMPLETION}: name a shell: {', '.join(get_args(Shell))}")
        parser = jsonargparse.ArgumentParser(prog=self.name, print_config=None)
        groups: dict[str, Any] = {"": parser.add_subcommands(required=False)}
        for command in self.commands:
            group, _, last = command.name.rpartition(" ")
            if group not in groups:
                inner = jsonargparse.ArgumentParser(
                    prog=f"{self.name} {group}", description=f"Commands of {group}.", print_config=None
                )
                groups[""].add_subcommand(group, inner)
                groups[group] = inner.add_subcommands(required=False)
            options = build_parser(command.config_type(), f"{self.name} {command.name}")
            groups[group].add_subcommand(last, options, help=command.summary)
        script: str = parser.get_completion_script(f"shtab-{words[0]}")
        return script
