"""The descriptor of one tracklet, a folder of crops of one person: `describe_tracklet.py MODEL FOLDER OUT.npy`.

MODEL is the model.safetensors of a run of reid.pretrain or reid.finetune. Writes a vector (D,); the Euclidean distance
between the vectors of two tracklets is small where they show the same person.
"""

import sys
from pathlib import Path

import numpy as np
import torch

from reid.data.loading.frame_store import FrameStore
from reid.data.tracklets.frames import numbered_frames
from reid.data.tracklets.types import Tracklet
from reid.evaluation.descriptors import tracklet_descriptors
from reid.models.checkpoint import load_model


def main(model_file: Path, folder: Path, out: Path) -> None:
    """Load the network, read the frames, save the descriptor."""
    model, metadata = load_model(model_file)
    size = metadata["images"]  # height and width of the network's input, and frames in a chunk
    tracklet = Tracklet(pid=1, camera=0, frames=numbered_frames(folder))
    frames = FrameStore(tracklet.frames, size["height"], size["width"], kept_gib=0)
    (descriptor,) = tracklet_descriptors(model, [tracklet], frames, size["chunk"], torch.device("cpu"))
    np.save(out, descriptor)
    print(f"{folder}: {len(tracklet.frames)} frames, {len(descriptor)} numbers")


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:]))
