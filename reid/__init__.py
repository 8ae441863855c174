"""AlignNet with temporal attention pooling: video person re-identification (TR2019-108)."""

import os

from alignnet_common import __version__ as __version__

# PyTorch's threads spin while they wait for each other, unless told to sleep before it is imported. Spinning gains
# nothing measurable on an idle machine; where something else runs too, two threads were 4 times slower than one.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
