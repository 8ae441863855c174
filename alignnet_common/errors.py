"""Errors that end a command with one line."""


class UserError(Exception):
    """An error that the user can fix. The message is one line: what is wrong, where, what to do."""


class JobError(Exception):
    """Another expected failure. The message is one line: what failed, and where to read more."""
