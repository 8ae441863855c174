"""AlignNet with temporal attention pooling: video person re-identification (TR2019-108).

    import reid

    network = reid.load("small")  # the name of a shipped network, a run folder, or a model file
    features = network.describe_images(["a.jpg", "b.jpg"])  # (2, D) float32

PyTorch is imported at the first use of `load`, `Describer`, `FeatureExtractor` or `ReIDEncoder`.
"""

import os
from typing import TYPE_CHECKING, Any

from alignnet_common import __version__ as __version__

if TYPE_CHECKING:
    from reid.inference import Describer as Describer
    from reid.inference import FeatureExtractor as FeatureExtractor
    from reid.inference import ReIDEncoder as ReIDEncoder
    from reid.inference import load as load

__all__ = ["Describer", "FeatureExtractor", "ReIDEncoder", "__version__", "load"]

# PyTorch's threads spin while they wait for each other, unless told to sleep before it is imported. Spinning gains
# nothing measurable on an idle machine; where something else runs too, two threads were 4 times slower than one.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")


def __getattr__(name: str) -> Any:
    """The names of `__all__` that need PyTorch."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from reid import inference

    return getattr(inference, name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
