"""Arrays out of MATLAB's .mat files, as whole numbers wide enough to calculate with."""

from pathlib import Path

import numpy as np
import numpy.typing as npt

from alignnet_common.errors import UserError


def read_mat(path: Path, key: str) -> npt.NDArray[np.int64]:
    """The two-dimensional table of whole numbers named `key`, as int64: some files keep theirs in 16 bits.

    Raises UserError where the file is missing, cannot be read, has no such table (it says which ones it has), or the
    table is not one of whole numbers.
    """
    if not path.is_file():
        raise UserError(f"no {path.name} in {path.parent}")
    from scipy import io  # here: most data sets have no .mat file, and this takes a tenth of a second

    try:
        found = io.loadmat(path, appendmat=False)
    except NotImplementedError as newer:
        raise UserError(f"{path}: a .mat file of version 7.3; save it as version 7 (-v7)") from newer
    except Exception as broken:  # scipy raises whatever the damaged bytes lead it to
        raise UserError(f"{path}: not a readable .mat file ({broken})") from broken
    if key not in found:
        others = ", ".join(sorted(name for name in found if not name.startswith("__"))) or "nothing"
        raise UserError(f"{path}: the .mat file of something else: it holds {others}, not {key}")
    values = np.asarray(found[key])
    whole = values.ndim == 2 and values.size > 0 and np.issubdtype(values.dtype, np.number)
    if not whole or np.iscomplexobj(values) or not (np.isfinite(values).all() and (values == np.rint(values)).all()):
        raise UserError(f"{path}: {key} must be a table of whole numbers, not {values.dtype} {values.shape}")
    return values.astype(np.int64)
