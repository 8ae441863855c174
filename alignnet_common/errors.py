"""Errors that end a command with one line."""


class UserError(Exception):
    """A mistake that the user can mend. The message is one line: what is wrong, where, what to do."""


class JobError(Exception):
    """A failure that is not the user's mistake. The message is one line: what failed, and where to read more."""
