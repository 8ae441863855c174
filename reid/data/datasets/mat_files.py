"""Variables of MATLAB .mat files, tables of integers above all."""

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from alignnet_common.errors import UserError


def read_variable(path: Path, key: str, **options: Any) -> Any:
    """The variable named `key`. options -- of `scipy.io.loadmat`.

    Raises UserError where the file is missing or unreadable, or has no such variable.
    """
    if not path.is_file():
        raise UserError(f"no {path.name} in {path.parent}")
    from scipy import io  # here, because the import takes a tenth of a second and few data sets need it

    try:
        found = io.loadmat(path, appendmat=False, **options)
    except NotImplementedError as newer:
        raise UserError(f"{path}: a .mat file of version 7.3; save it as version 7 (-v7)") from newer
    except Exception as broken:  # damaged bytes raise various exceptions in scipy
        raise UserError(f"{path}: not a readable .mat file ({broken})") from broken
    if key not in found:
        others = ", ".join(sorted(name for name in found if not name.startswith("__"))) or "nothing"
        raise UserError(f"{path}: not the expected .mat file: it contains {others}, not {key}")
    return found[key]


def read_mat(path: Path, key: str) -> npt.NDArray[np.int64]:
    """The table of integers named `key` as int64 of two dimensions; some files store 16 bits.

    Raises UserError as `read_variable`, and where the table has other values.
    """
    values = np.asarray(read_variable(path, key))
    whole = values.ndim == 2 and values.size > 0 and np.issubdtype(values.dtype, np.number)
    if not whole or np.iscomplexobj(values) or not (np.isfinite(values).all() and (values == np.rint(values)).all()):
        raise UserError(f"{path}: {key} must be a table of whole numbers, not {values.dtype} {values.shape}")
    return values.astype(np.int64)
