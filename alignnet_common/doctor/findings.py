"""One line per check: what was found, and what to do where something is wrong."""

import sys
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Literal

from alignnet_common.errors import UserError

Level = Literal["ok", "warning", "missing"]
"""Outcome of a check: "missing" means that the program cannot run."""


@dataclass(frozen=True)
class Finding:
    """Outcome of one check."""

    level: Level
    name: str
    """What was checked, such as "shared memory"."""
    found: str
    """What there is, or what is wrong with it."""
    advice: str = ""
    """What to do; empty where nothing is to be done."""

    @property
    def problem(self) -> str:
        """What is wrong and what to do, without the name of the check."""
        return f"{self.found}: {self.advice}" if self.advice else self.found

    def __str__(self) -> str:
        """The line that is printed."""
        return f"{self.level:8} {self.name:17} {self.problem}"


def first_problem(findings: Iterable[Finding]) -> str | None:
    """What is wrong and what to do, of the first check that ended in "missing"; None if there is no such check."""
    return next((finding.problem for finding in findings if finding.level == "missing"), None)


def report(findings: Iterable[Finding], unusable: str) -> None:
    """Print a line per finding; raise UserError, in one line, if anything is missing.

    unusable -- how the error starts, such as "this machine cannot render".
    """
    missing = []
    for finding in findings:
        print(finding, flush=True)
        if finding.level == "missing":
            missing.append(finding.problem)
    if missing:
        raise UserError(f"{unusable}: {'; '.join(missing)}")


def run_without_options(job: Callable[[], None]) -> None:
    """Run a check before the libraries of the command line are installed.

    A UserError is printed as one line, with exit code 2.
    """
    try:
        job()
    except UserError as mistake:
        print(f"error: {mistake}", file=sys.stderr)
        raise SystemExit(2) from None
