"""Contact sheet of people at four times the size of a set's frames: `python docs/tools/close_up.py PLAN OUT.png`.

For a look at cloth, folds, faces and shoes that 128 × 64 pixels do not show. PLAN is the plan.jsonl of a rendered set.
"""

import argparse
import dataclasses
from pathlib import Path

import imageio.v3 as iio
import numpy as np

import synth.cameras.camera

# Other modules take the size from there when they are imported: it must be changed before.
synth.cameras.camera.HEIGHT, synth.cameras.camera.WIDTH = 512, 256

from alignnet_common.arrays import Bytes  # noqa: E402
from alignnet_common.cli.progress import progress  # noqa: E402
from synth.body.model import BodyModel  # noqa: E402
from synth.planning.clip import Clip  # noqa: E402
from synth.planning.plan_file import read_plan  # noqa: E402
from synth.rendering.clip_renderer import render_clip  # noqa: E402


def main() -> None:
    """Read the options, render, and write the sheet."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("plan", type=Path, help="plan.jsonl of a rendered set")
    parser.add_argument("out", type=Path, help="the sheet, .png")
    parser.add_argument("--people", type=int, nargs="+", default=list(range(1, 13)), help="numbers of the identities")
    parser.add_argument("--columns", type=int, default=6, help="people in a row")
    parser.add_argument("--samples", type=int, default=32, help="samples per pixel, denoised")
    options = parser.parse_args()
    clips = [clip for clip in read_plan(options.plan) if clip.camera_name == "cam_a"]
    model = BodyModel()
    chosen = [clip for clip in clips if clip.identity.person in options.people]
    tiles = [tile(model, clip, options.samples) for clip in progress(chosen, desc="close-ups", unit="person")]
    rows = [tiles[start : start + options.columns] for start in range(0, len(tiles), options.columns)]
    rows[-1] += [np.full_like(tiles[0], 255)] * (options.columns - len(rows[-1]))
    iio.imwrite(options.out, np.concatenate([np.concatenate(row, axis=1) for row in rows]))
    print(f"{options.out}: {len(tiles)} people")


def tile(model: BodyModel, clip: Clip, samples: int) -> Bytes:
    """(512, 256, 3) the first frame of the last sighting of a clip: of several, the first alone has others in front."""
    last = dataclasses.replace(clip.sightings[-1], frames=1)
    close = dataclasses.replace(clip, sightings=(last,), samples=samples, denoise=True, noise_samples=0)
    return render_clip(model, close, "cpu").frames[0]


if __name__ == "__main__":
    main()
