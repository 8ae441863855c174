"""Errors that end a command with one line."""

MOST_LETTERS, MOST_OF_OTHERS = 1000, 200
"""Letters of a message, and of a message of others inside it, at most."""

CONTROLS = dict.fromkeys(
    (*range(32), *range(127, 160), 0x2028, 0x2029, *range(0x202A, 0x202F), *range(0x2066, 0x206A)), " "
)
"""Characters that would break a line, move a terminal's cursor or turn the direction of text."""


class OneLineError(Exception):
    """An error whose text is one line, whatever names and values of files are in it."""

    def __str__(self) -> str:
        """The message without control characters, and at most `MOST_LETTERS` long."""
        text = super().__str__().translate(CONTROLS)
        return text if len(text) <= MOST_LETTERS else f"{text[: MOST_LETTERS - 2]} …"


class UserError(OneLineError):
    """An error that the user can fix. The message is one line: what is wrong, where, what to do."""


class JobError(OneLineError):
    """Another expected failure. The message is one line: what failed, and where to read more."""


def one_line(words: object) -> str:
    """A message of others, such as an exception of a library, as a part of a line, at most `MOST_OF_OTHERS` long; the
    type of an exception that says nothing.

    >>> one_line(ValueError("broken\\nhere"))
    'broken here'
    """
    text = " ".join(str(words).translate(CONTROLS).split())
    if not text and isinstance(words, BaseException):
        return type(words).__name__
    return text if len(text) <= MOST_OF_OTHERS else f"{text[:MOST_OF_OTHERS]} …"
