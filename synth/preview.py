"""See a set: `python -m synth.preview --data data/synthetic` writes contact sheets and a page of numbers."""

import dataclasses
import io
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from PIL import Image
from tqdm import tqdm

from alignnet_common.arrays import Bytes
from alignnet_common.cli import run_command
from alignnet_common.errors import UserError
from alignnet_common.files import rows_of_jsonl, write_atomically, write_json
from alignnet_common.images import spread_over
from alignnet_common.set_format import CAMERAS, clip_name
from synth.dataset.layout import RenderedSet
from synth.dataset.reader import finished_rows, read_truth
from synth.report import contact_sheets
from synth.report.page import render_page
from synth.report.statistics import USED, Statistics, in_mid_clip, measure, statistics

CAPTIONS = {
    "people": "each person by camera a and by camera b",
    "over-time": "clips over time: camera a, and beside it camera b",
    "motion": "two clips of each kind of motion, over time",
    "arms": "what the right and the left arm do, over time",
    "places": "each family of places",
    "cameras": "people by pairs of cameras, with each camera's distance and how far it looks down",
    "occlusions": "things and people in the way, and the true visible ratio of each frame",
    "twins": "near-duplicates, each beside whom they look like, and what they differ in",
    "truth": "the exact truth beside each frame: part masks, joints (hidden ones in pink), visible box and ratio",
}


@dataclass(frozen=True)
class PreviewConfig:
    """Make contact sheets of a rendered set, and index.html with all of them and the set's numbers."""

    data: Path = Path("data/synthetic")
    """Folder of the set."""

    out: Path | None = None
    """Folder of the sheets and the page; by default DATA/preview."""

    people: int = 60
    """Identities on the first sheet, evenly spread over the set."""

    clips: int = 12
    """Clips on the sheets over time, with occlusions, and with joints."""

    def __post_init__(self) -> None:
        """Refuse values that cannot be meant."""
        if self.people < 1 or self.clips < 1:
            raise ValueError("--people and --clips must be at least 1")


def preview(config: PreviewConfig) -> None:
    """Write the sheets as PNG files, statistics.json, and the page that holds them all."""
    source = RenderedSet(config.data)
    rows = {row["clip"]: row for row in finished_rows(source)}
    plan = read_plan(source)
    out = config.out or config.data / "preview"
    pictures = make_sheets(source, rows, plan, config)
    for name, picture in pictures.items():
        write_atomically(out / f"{name}.png", encoded(picture, "PNG"))
    numbers = count(source, rows, plan)
    write_json(out / "statistics.json", dataclasses.asdict(numbers))
    # The page holds them as JPEG: a tenth of the size.
    figures = [(CAPTIONS[name], encoded(picture, "JPEG")) for name, picture in pictures.items()]
    page = render_page(config.data.resolve().name, numbers, figures)
    write_atomically(out / "index.html", page.encode())
    print(f"{out / 'index.html'}: {len(pictures)} contact sheets and the set's numbers")


def read_plan(source: RenderedSet) -> dict[str, Any]:
    """Rows of the plan by their clip. Raises UserError where it cannot be read."""
    try:
        return {row["clip"]: in_mid_clip(row) for row in rows_of_jsonl(source.plan)}
    except FileNotFoundError:
        raise UserError(f"{source.plan} is missing: the command that rendered the set makes it again") from None
    except (ValueError, TypeError, KeyError) as broken:
        raise UserError(f"{source.plan} is no plan ({broken}): the command that rendered the set mends it") from None


def make_sheets(
    source: RenderedSet, rows: dict[str, Any], plan: dict[str, Any], config: PreviewConfig
) -> dict[str, Bytes]:
    """The sheets that the set has something for, by the names of CAPTIONS."""
    people = sorted({row["person"] for row in rows.values()})
    few = spread_over(people, (config.clips + 1) // 2)
    clips = [clip_name(camera, person) for person in few for camera in CAMERAS]
    clips = [clip for clip in clips if clip in rows][: config.clips]
    made = {
        "people": contact_sheets.people_sheet(source, rows, spread_over(people, config.people)),
        "over-time": contact_sheets.time_sheet(source, rows, clips),
    }
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
    """Measure every clip by its annotations and its middle frame, and count."""
    measured = {
        clip: measure(read_truth(source, clip, USED), contact_sheets.middle(source, rows, clip))
        for clip in tqdm(rows, "numbers", unit="clip", disable=None)
    }
    return statistics(list(plan.values()), measured)


def encoded(picture: Bytes, kind: Literal["PNG", "JPEG"]) -> bytes:
    """The picture as a file of this kind."""
    stream = io.BytesIO()
    Image.fromarray(picture).save(stream, format=kind, quality=88)
    return stream.getvalue()


if __name__ == "__main__":
    run_command(preview, PreviewConfig, "python -m synth.preview")
