"""The descriptor of one tracklet, a folder of crops of one person: `describe_tracklet.py MODEL FOLDER OUT.npy`.

MODEL is a run of reid.pretrain or reid.finetune, or its model file. Writes a vector (D,); the Euclidean distance
between the vectors of two tracklets is small where they show the same person.
"""

import sys
from pathlib import Path

import numpy as np

import reid


def main(model: Path, folder: Path, out: Path) -> None:
    """Load the network, describe the frames, save the descriptor."""
    descriptor = reid.load(model, device="cpu").describe(folder)
    np.save(out, descriptor)
    print(f"{folder}: {len(descriptor)} numbers")


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:]))
