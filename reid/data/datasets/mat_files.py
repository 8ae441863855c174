"""Tables of whole numbers in MATLAB .mat files."""

from pathlib import Path

import numpy as np
import numpy.typing as npt

from alignnet_common.checked.mat_tables import BrokenMatError, read_table
from alignnet_common.errors import UserError, one_line

EXACT = 2**53
"""Whole numbers up to here are exact in 64-bit floats, of which MATLAB makes its tables."""


def read_mat(path: Path, key: str) -> npt.NDArray[np.int64]:
    """The table of integers named `key` as int64 of two dimensions; some files store 16 bits.

    Raises UserError where the file is missing, unreadable or of another version than 5 to 7, has no such variable, or
    the table has other values.
    """
    if not path.is_file():
        raise UserError(f"no {path.name} in {path.parent}")
    try:
        values, names = read_table(path, key)
    except BrokenMatError as broken:
        if "version" in str(broken):
            raise UserError(f"{path}: a .mat file {broken}; save it as version 7 (-v7)") from broken
        raise UserError(f"{path}: not a readable .mat file ({broken})") from broken
    if values is None:
        others = one_line(", ".join(sorted(names))) or "nothing"
        raise UserError(f"{path}: not the expected .mat file: it contains {others}, not {key}")
    whole = (
        values.ndim == 2 and values.size > 0 and (np.abs(values) <= EXACT).all() and (values == np.rint(values)).all()
    )
    if not whole:
        raise UserError(f"{path}: {key} must be a table of whole numbers, not {values.shape}")
    return values.astype(np.int64)
