"""Standard input, output and errors of a command, whatever its surroundings made of them."""

import io
import os
import select
import sys
from typing import NoReturn

CLOSED_PIPE = 141
"""Exit code of programs that SIGPIPE ends, in a shell."""


def prepare_streams() -> None:
    """Let every character be printed, and every stream be there.

    What the encoding of a terminal or a log lacks is printed as \\xfc. A stream that is closed (`>&-`) becomes the null
    device; a file that is opened later would otherwise get its number, and what libraries print.
    """
    for descriptor in range(3):
        try:
            os.fstat(descriptor)
        except OSError:
            nowhere = os.open(os.devnull, os.O_RDWR)
            if nowhere != descriptor:
                os.dup2(nowhere, descriptor)
                os.close(nowhere)
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if stream is None:
            setattr(sys, name, open(os.devnull, "w"))  # noqa: SIM115, PTH123 - for as long as the process lives
        elif isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def has_reader() -> bool:
    """Whether what reads the output, such as head, still does; where the system cannot tell, no."""
    if not hasattr(select, "poll"):
        return False
    poll = select.poll()
    for descriptor in (1, 2):
        poll.register(descriptor, 0)
    return not any(event & select.POLLERR for _, event in poll.poll(0))


def exit_without_reader() -> NoReturn:
    """Exit quietly with the code of a closed pipe: the reader of the output, such as head, has ended."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    for stream in (sys.stdout, sys.stderr):  # else Python reports the pipe once more at its end
        try:
            stream.flush()
        except (OSError, ValueError):
            os.dup2(nowhere, stream.fileno())
    raise SystemExit(CLOSED_PIPE)
