"""A small copy of a rendered set: frames of few colors, and hashes that fit: `python docs/tools/small_set.py SET OUT`.

`make sample` makes assets/sample by it. A PNG file of 96 colors takes a third of one of 24 bits per pixel. Annotations,
plan and options are copied as they are. `synth verify` and all readers take the copy for a set.
"""

import argparse
import io
import json
import shutil
from pathlib import Path

import imageio.v3 as iio
import numpy as np
from PIL import Image

from alignnet_common.arrays import Bytes
from alignnet_common.errors import UserError
from alignnet_common.files import sha256_of_file, write_json, write_jsonl
from alignnet_common.set_format import ManifestRow, frame_file
from synth.dataset.hashes import pixels_sha256
from synth.dataset.layout import RenderedSet
from synth.dataset.reader import clip_error, finished_rows
from synth.dataset.writer import write_files

MARK = "## How it was made\n"
"""Line of the data-set card before which the note stands."""

NOTE = """## A reduced copy
The frames of this copy have at most {colors} colors each, so that it is small: PSNR {psnr:.1f} dB, mean over the clips.
The hashes in `manifest.jsonl` are those of the reduced frames. Everything else is as it was rendered.

"""


def main() -> None:
    """Read the options, and write the copy."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("set", type=Path, help="folder of the rendered set")
    parser.add_argument("out", type=Path, help="folder of the copy; an earlier copy there is replaced")
    parser.add_argument("--colors", type=int, default=96, help="colors of a frame at most, 2 to 256")
    options = parser.parse_args()
    source, target = RenderedSet(options.set), RenderedSet(options.out)
    if target.out.exists():
        finished_rows(target)  # raises where the folder holds something else
        shutil.rmtree(target.out)
    copied = [copy_clip(source, target, row, options.colors) for row in finished_rows(source)]
    write_jsonl(target.manifest, [row for row, _ in copied])
    for path in (source.plan, source.config):
        shutil.copyfile(path, target.out / path.name)
    result = json.loads(source.result.read_text()) | {"manifest_sha256": sha256_of_file(target.manifest)}
    write_json(target.result, result | {"colors": options.colors})
    note = NOTE.format(colors=options.colors, psnr=np.mean([psnr for _, psnr in copied]))
    target.card.write_text(source.card.read_text().replace(MARK, note + MARK, 1))
    size = sum(path.stat().st_size for path in target.out.rglob("*") if path.is_file())
    print(f"{target.out}: {len(copied)} clips, {size} bytes")


def copy_clip(source: RenderedSet, target: RenderedSet, row: ManifestRow, colors: int) -> tuple[ManifestRow, float]:
    """Write the clip with fewer colors; returns its row for the manifest, and the PSNR in decibels."""
    if error := clip_error(source, row):
        raise UserError(error)
    clip = row["clip"]
    frames = [iio.imread(source.frames(clip) / frame_file(number)) for number in range(1, row["frames"] + 1)]
    files = [reduced(frame, colors) for frame in frames]
    write_files(target, clip, files, source.annotation(clip).read_bytes())
    decoded = [iio.imread(target.frames(clip) / frame_file(number)) for number in range(1, row["frames"] + 1)]
    error = np.square(np.subtract(decoded, frames, dtype=np.float64)).mean()
    row["pixels_sha256"] = pixels_sha256(np.stack(decoded))
    return row, float(10 * np.log10(255**2 / error))


def reduced(frame: Bytes, colors: int) -> bytes:
    """PNG file of a frame (H, W, 3) with a palette of at most `colors` colors."""
    stream = io.BytesIO()
    palette = Image.fromarray(frame).quantize(colors, Image.Quantize.MAXCOVERAGE, kmeans=3, dither=Image.Dither.NONE)
    palette.save(stream, "PNG", optimize=True)
    return stream.getvalue()


if __name__ == "__main__":
    main()
