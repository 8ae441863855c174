"""Names in a table, an index or an archive that become parts of paths."""

import os
import re
from pathlib import Path
from typing import Any

_COMMON = r"[\w@+=-][\w@+=. -]*"
COMMON_NAME, COMMON_PATH = re.compile(_COMMON, re.ASCII), re.compile(f"(?:{_COMMON}/)*{_COMMON}", re.ASCII)
"""Names of files and paths below a folder that need no further look: tables have millions."""


def is_plain(name: Any) -> bool:
    """Whether a value is the name of one file or folder: text without a separator, a drive or a control character.

    >>> [is_plain(name) for name in ("yard", "cam 1@2.5", "..", "a/b", "", None)]
    [True, True, False, False, False, False]
    """
    if isinstance(name, str) and COMMON_NAME.fullmatch(name):
        return True
    return _is_path(name) and name not in (".", "..") and Path(name).parts == (name,) and "\\" not in name


def is_inside(name: Any) -> bool:
    """Whether a value is a path that leads from a folder to a place below it.

    >>> [is_inside(name) for name in ("yard/0001/000001.jpg", "../yard/1.jpg", "/etc/passwd", "")]
    [True, False, False, False]
    """
    if isinstance(name, str) and COMMON_PATH.fullmatch(name):
        return True
    return _is_path(name) and ".." not in Path(name.replace("\\", "/")).parts


def _is_path(name: Any) -> bool:
    """Whether a value is a path that begins in a folder, in characters that names of files have."""
    if not isinstance(name, str) or not name or any(ord(letter) < 32 for letter in name):
        return False
    try:
        os.fsencode(name)
    except UnicodeEncodeError:
        return False
    path = Path(name.replace("\\", "/"))
    return bool(path.parts) and not path.anchor
