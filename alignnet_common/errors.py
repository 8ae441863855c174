"""Errors that end a command with one line."""

MOST_LETTERS = 200
"""Letters of a message of others that a message here holds, at most."""


class UserError(Exception):
    """An error that the user can fix. The message is one line: what is wrong, where, what to do."""


class JobError(Exception):
    """Another expected failure. The message is one line: what failed, and where to read more."""


def one_line(words: object) -> str:
    """A message of others, such as an exception of a library, as a part of one line: without control characters, and at
    most `MOST_LETTERS` long; the type of an exception that says nothing.

    >>> one_line(ValueError("broken\\nhere"))
    'broken here'
    """
    printable = "".join(letter if letter.isprintable() else " " for letter in str(words))
    text = " ".join(printable.split())
    if not text and isinstance(words, BaseException):
        return type(words).__name__
    return text if len(text) <= MOST_LETTERS else f"{text[:MOST_LETTERS]} …"
