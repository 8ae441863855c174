"""Export annotations as COCO keypoints: `python -m synth.export_coco --data OUT --out FILE.json`.

The format is https://cocodataset.org/#format-data, keypoint detection; `pycocotools` loads it. COCO has 17 joints,
without the neck. Coordinates follow COCO: joints are whole numbers at pixel centres, boxes start at the image's corner,
so that the box of the top left pixel is (0, 0, 1, 1).
"""

from dataclasses import dataclass
from pathlib import Path

from alignnet_common.files import replacing
from synth.commands import PROGRAM
from synth.dataset.coco import write_coco
from synth.dataset.layout import RenderedSet
from synth.dataset.reader import finished_rows


@dataclass(frozen=True)
class ExportConfig:
    """Write a rendered set's annotations as one COCO keypoints JSON: one image and one annotation per frame."""

    data: Path = Path("data/synthetic")
    """Folder of the set; file names in the JSON are relative to this folder."""

    out: Path | None = None
    """The JSON file; by default DATA/coco.json."""


def export(config: ExportConfig) -> None:
    """Write the file atomically."""
    source = RenderedSet(config.data)
    rows = finished_rows(source)
    out = config.out or config.data / "coco.json"
    with replacing(out) as partial, partial.open("w") as stream:
        write_coco(stream, source, rows)
    print(
        f"{out}: {sum(row['frames'] for row in rows)} frames of {len(rows)} clips; file names are below {config.data}"
    )


if __name__ == "__main__":
    PROGRAM.run("export-coco")
