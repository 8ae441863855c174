"""Animated strip of clips of a rendered set, for README: `python docs/tools/animated_strip.py SET OUT.webp`.

The set of docs/images/clips.webp:

    python -m synth.render --ids 6 --frames 24 --fps 12 --samples 16 --seed 3 --out SET
"""

import argparse
from pathlib import Path

import imageio.v3 as iio
import numpy as np
from PIL import Image

from alignnet_common.arrays import Bytes
from alignnet_common.set_format import CAMERAS, clip_name, frame_file
from synth.dataset.layout import RenderedSet
from synth.dataset.reader import finished_rows

GAP = 2
"""White columns between the two cameras of an identity, pixels of the frames; twice as many between identities."""


def main() -> None:
    """Read the options, and write the strip."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("set", type=Path, help="folder of the rendered set")
    parser.add_argument("out", type=Path, help="the animation, .webp or .gif")
    parser.add_argument("--people", type=int, nargs="+", default=[1, 2, 3, 4], help="numbers of the identities")
    parser.add_argument("--fps", type=float, default=12, help="frames per second")
    parser.add_argument("--scale", type=float, default=2, help="factor on the size of the frames")
    parser.add_argument("--quality", type=int, default=75, help="quality of WebP, 0 to 100")
    options = parser.parse_args()
    strips = [enlarged(strip, options.scale) for strip in strips_of(RenderedSet(options.set), options.people)]
    strips[0].save(
        options.out,
        save_all=True,
        append_images=strips[1:],
        duration=round(1000 / options.fps),
        loop=0,
        quality=options.quality,
        method=6,
    )
    width, height = strips[0].size
    print(f"{options.out}: {len(strips)} frames of {width}x{height} pixels, {options.out.stat().st_size} bytes")


def strips_of(source: RenderedSet, people: list[int]) -> list[Bytes]:
    """One image (H, W, 3) per moment: the identities side by side, each by camera a and camera b."""
    rows = {row["clip"]: row for row in finished_rows(source)}
    pairs = [[clip_name(camera, person) for camera in CAMERAS] for person in people]
    moments = range(1, 1 + min(rows[clip]["frames"] for pair in pairs for clip in pair))
    return [
        beside([beside([frame(source, clip, moment) for clip in pair], GAP) for pair in pairs], 2 * GAP)
        for moment in moments
    ]


def frame(source: RenderedSet, clip: str, number: int) -> Bytes:
    """Frame `number`, from 1, of a clip: (H, W, 3)."""
    return iio.imread(source.frames(clip) / frame_file(number))


def beside(images: list[Bytes], gap: int) -> Bytes:
    """Images of one height side by side, with `gap` white columns between them."""
    white = np.full((images[0].shape[0], gap, 3), 255, np.uint8)
    parts = [part for image in images for part in (white, image)]
    return np.concatenate(parts[1:], axis=1)


def enlarged(image: Bytes, factor: float) -> Image.Image:
    """An image (H, W, 3) at `factor` times its size."""
    picture = Image.fromarray(image)
    return picture.resize((round(picture.width * factor), round(picture.height * factor)), Image.Resampling.LANCZOS)


if __name__ == "__main__":
    main()
