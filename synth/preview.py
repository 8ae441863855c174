"""Contact sheets and statistics of a set: `python -m synth.preview --data data/synthetic`."""

import dataclasses
import io
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from PIL import Image
from tqdm import tqdm

from alignnet_common.arrays import Bytes
from alignnet_common.checked.set_rows import plan_rows
from alignnet_common.errors import UserError
from alignnet_common.files import write_atomically, write_json, write_text
from alignnet_common.images import spread_over
from alignnet_common.set_format import CAMERAS, clip_name
from synth.commands import PROGRAM
from synth.dataset.layout import RenderedSet
from synth.dataset.reader import finished_rows, read_truth
from synth.report import contact_sheets
from synth.report.page import render_page
from synth.report.statistics import USED, Statistics, in_mid_clip, measure, statistics

CAPTIONS = {
    "people": "each person by camera a and by camera b",
    "outfits": "people in each of their outfits, by each camera that saw it",
    "over-time": "clips over time: camera a, and beside it camera b",
    "motion": "two clips of each kind of motion, over time",
    "arms": "two clips of each pair of arm poses (right, left), over time",
    "places": "clips of each family of scenes",
    "cameras": "people by pairs of cameras, with distance and pitch of each camera",
    "occlusions": "clips with occluders or bystanders, and the visible ratio of each frame",
    "twins": "near-duplicates beside the person they were copied from, and the attribute that differs",
    "truth": "ground truth beside each frame: part masks, joints (hidden ones in pink), visible box and ratio",
}


@dataclass(frozen=True)
class PreviewConfig:
    """Write contact sheets (image grids) of a rendered set, and index.html with the sheets and statistics."""

    data: Path = Path("data/synthetic")
    """Folder of the rendered set."""

    out: Path | None = None
    """Folder for the sheets and the page; DATA/preview by default."""

    people: int = 60
    """Number of identities on the first sheet, evenly spread over the set."""

    clips: int = 12
    """Number of clips on the sheets over time, of occlusions and of ground truth, and of people on that of outfits."""

    def __post_init__(self) -> None:
        """Check the ranges of the values."""
        if self.people < 1 or self.clips < 1:
            raise ValueError("--people and --clips must be at least 1")


def preview(config: PreviewConfig) -> None:
    """Write the sheets as PNG files, statistics.json, and index.html with all of them."""
    source = RenderedSet(config.data)
    rows = {row["clip"]: row for row in finished_rows(source)}
    plan = read_plan(source)
    out = config.out or config.data / "preview"
    pictures = make_sheets(source, rows, plan, config)
    for name, picture in pictures.items():
        write_atomically(out / f"{name}.png", encoded(picture, "PNG"))
    numbers = count(source, rows, plan)
    write_json(out / "statistics.json", dataclasses.asdict(numbers))
    # JPEG in the page: a tenth of the size.
    figures = [(CAPTIONS[name], encoded(picture, "JPEG")) for name, picture in pictures.items()]
    page = render_page(config.data.resolve().name, numbers, figures)
    write_text(out / "index.html", page)
    print(f"{out / 'index.html'}: {len(pictures)} contact sheets and the set's numbers")


def read_plan(source: RenderedSet) -> dict[str, Any]:
    """Rows of the plan by clip, as of `in_mid_clip`. Raises UserError if the plan cannot be read."""
    try:
        return {row["clip"]: in_mid_clip(row) for row in plan_rows(source.plan)}
    except FileNotFoundError:
        raise UserError(f"{source.plan} is missing: repeat the command that rendered the set") from None
    except (ValueError, TypeError, KeyError) as broken:
        raise UserError(f"{source.plan} is no plan ({broken}): repeat the command that rendered the set") from None


def make_sheets(
    source: RenderedSet, rows: dict[str, Any], plan: dict[str, Any], config: PreviewConfig
) -> dict[str, Bytes]:
    """The sheets that the set has clips for, by the names in CAPTIONS."""
    people = sorted({row["person"] for row in rows.values()})
    few = spread_over(people, (config.clips + 1) // 2)
    clips = [clip_name(camera, person) for person in few for camera in CAMERAS]
    clips = [clip for clip in clips if clip in rows][: config.clips]
    made = {
        "people": contact_sheets.people_sheet(source, rows, spread_over(people, config.people)),
        "over-time": contact_sheets.time_sheet(source, rows, clips),
    }
    if changing := contact_sheets.changing(rows):
        made["outfits"] = contact_sheets.outfits_sheet(source, rows, spread_over(changing, config.clips))
    walks = {clip: row for clip, row in rows.items() if clip in plan and "fps" in plan[clip]}
    for name, path, shown in (("motion", "walk.kind", walks), ("arms", "identity.gait.arms", rows)):
        if groups := contact_sheets.grouped(plan, shown, path):
            made[name] = contact_sheets.motion_sheet(source, rows, groups)
    if groups := contact_sheets.grouped(plan, rows, "place.family"):
        made["places"] = contact_sheets.places_sheet(source, rows, groups)
    made["cameras"] = contact_sheets.cameras_sheet(source, rows, plan)
    if hidden := contact_sheets.occluded(plan, rows):
        made["occlusions"] = contact_sheets.occlusion_sheet(source, rows, spread_over(hidden, config.clips))
    if twins := contact_sheets.twins_in(plan, rows):
        made["twins"] = contact_sheets.twins_sheet(source, rows, plan, spread_over(twins, 2 * config.clips))
    made["truth"] = contact_sheets.truth_sheet(source, rows, clips)
    return made


def count(source: RenderedSet, rows: dict[str, Any], plan: dict[str, Any]) -> Statistics:
    """Measure every clip from its annotations and its middle frame, and count."""
    measured = {
        clip: measure(read_truth(source, clip, USED), contact_sheets.middle(source, rows, clip))
        for clip in tqdm(rows, "numbers", unit="clip", disable=None)
    }
    return statistics(list(plan.values()), measured)


def encoded(picture: Bytes, kind: Literal["PNG", "JPEG"]) -> bytes:
    """An image (H, W, 3) as the content of a file of this type."""
    stream = io.BytesIO()
    Image.fromarray(picture).save(stream, format=kind, quality=88)
    return stream.getvalue()


if __name__ == "__main__":
    PROGRAM.run("preview")
