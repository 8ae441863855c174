"""The model file that --weights names: a shipped network, a run folder, or a file."""

from pathlib import Path

from alignnet_common.errors import UserError
from alignnet_common.files import asset

MODEL_FILES = ("model.safetensors", "model.pt")
"""Names of the model file in a run folder, the preferred one first."""

PREFIX, SUFFIX = "reid-", ".safetensors"
"""Before and after the name of a shipped network in its file's name: reid-small.safetensors."""


def shipped_networks() -> dict[str, Path]:
    """File of each re-identification network that comes with the package, by its name, such as small."""
    files = sorted(asset("weights").glob(f"{PREFIX}*{SUFFIX}"))
    return {path.name.removeprefix(PREFIX).removesuffix(SUFFIX): path for path in files}


def find_weights(source: str | Path) -> Path:
    """The model file that `source` names: a shipped network by its name, a run folder, or a file.

    A shipped name wins over a file or folder of that name in the current folder, which is written ./small. (A `Path`
    drops the ./, text keeps it.) Raises UserError where there is no such file, or the folder has no model file.
    """
    shipped = shipped_networks()
    if str(source) in shipped:
        return shipped[str(source)]
    path = Path(source)
    if path.is_dir():
        found = next((path / name for name in MODEL_FILES if (path / name).is_file()), None)
        if found is None:
            raise UserError(f"{path}: no {' or '.join(MODEL_FILES)} in this folder; {_advice(shipped)}")
        return found
    if not path.is_file():
        raise UserError(f"{source}: no such file of weights; {_advice(shipped)}")
    return path


def _advice(shipped: dict[str, Path]) -> str:
    names = ", ".join(shipped) if shipped else "none is installed"
    return f"name a run folder, a model file, or a shipped network ({names})"
