"""Colours of crops, between persons and within a person: how far the views of one person differ from each other.

    python -m benchmarks.transfer.colours --data data/set --market …/Market-1501-v15.09.15

A view is what one camera sees of a person; of a rendered set, each sighting is a view. A colour by which persons differ
more, and views of one person less, tells people apart. Compare a rendered set with real cameras: where views differ
more than real ones do, a network learns to neglect what would tell real people apart.
"""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from tqdm import tqdm

from alignnet_common.arrays import Floats
from alignnet_common.cli import as_plain, run_command
from alignnet_common.errors import UserError
from alignnet_common.files import write_json
from alignnet_common.images import spread_over
from alignnet_common.options import bounded, check_ranges, option
from benchmarks.transfer.images import HEIGHT, WIDTH
from reid.data.datasets.annotations import read_sightings
from reid.data.datasets.market import read_folder
from reid.data.datasets.synthetic import read_clips
from reid.data.tracklets.frames import read_frame
from reid.reporting.markdown import markdown_table
from synth.cameras.colour import cielab, srgb_decode

TRUNK, LEGS = (slice(24, 60), slice(20, 44)), (slice(70, 105), slice(22, 42))
"""Rows and columns of a crop of 128 × 64 pixels: the middle of the trunk, and of the legs."""

MEASURES = (
    *(f"{part}, {axis}" for part in ("trunk", "legs", "whole crop") for axis in ("L*", "a*", "b*")),
    "contrast of the crop, L*",
)
"""Medians of trunk and legs, means of the crop in CIELAB, and the deviation of L* in the crop."""

Views = dict[tuple[int, int, int], list[Path]]
"""Images of each identity, camera and sighting."""


@dataclass(frozen=True)
class ColoursConfig:
    """Compare the colours of a rendered set with those of Market-1501's training identities."""

    data: Path | None = None
    """Rendered set."""

    market: Path | None = None
    """Folder of Market-1501, which contains bounding_box_train."""

    persons: int = bounded(700, at_least=2)
    """Persons of a set, evenly spread over all."""

    json: Path = option(Path("runs/colours.json"))
    """File for the result."""

    def __post_init__(self) -> None:
        check_ranges(self)
        if self.data is None and self.market is None:
            raise ValueError("--data, --market: name at least one set")


def measure(config: ColoursConfig) -> None:
    """Measure each set, print the table and write the result.

    Raises UserError on a set that is missing, and as `deviations`.
    """
    views = {}
    if config.data is not None:
        views[str(config.data)] = views_of_rendered(config.data)
    if config.market is not None:
        views["Market-1501, training half"] = views_of_market(config.market)
    found = {name: deviations(some, config.persons, name) for name, some in views.items()}
    write_json(config.json, {"command": "python -m benchmarks.transfer.colours", "config": as_plain(config), **found})
    print(table(found))


def views_of_rendered(root: Path) -> Views:
    """The sightings of every clip of a rendered set."""
    views: Views = defaultdict(list)
    for clip in read_clips(root):
        for frame, sighting in zip(clip.frames, read_sightings(clip)[0].tolist(), strict=True):
            views[clip.pid, clip.camera, sighting].append(frame)
    return views


def views_of_market(root: Path) -> Views:
    """The cameras of every training identity of Market-1501."""
    views: Views = defaultdict(list)
    for tracklet in read_folder(root / "bounding_box_train"):
        if tracklet.pid > 0:
            views[tracklet.pid, tracklet.camera, 0] += tracklet.frames
    return views


def deviations(views: Views, persons: int, what: str) -> dict[str, Any]:
    """Mean, deviation between persons and within a person of each of `MEASURES`.

    Raises UserError where no two persons have two views, or a crop is not of 128 × 64 pixels.
    """
    chosen = set(spread_over(sorted({person for person, _, _ in views}), persons))
    of_person: dict[int, list[Floats]] = defaultdict(list)
    some = [(person, files) for (person, _, _), files in views.items() if person in chosen]
    for person, files in tqdm(some, desc=what, unit="view", disable=None):
        of_person[person].append(np.mean([colours(file) for file in files], axis=0))
    several = [np.array(each) for each in of_person.values() if len(each) > 1]
    if len(several) < 2:
        raise UserError(f"{what}: {len(several)} persons with two views or more; two are needed")
    means = np.array([each.mean(0) for each in several])
    within = np.sqrt(np.mean([each.var(0, ddof=1) for each in several], axis=0))
    columns: Mapping[str, Floats] = {"mean": means.mean(0), "between": means.std(0, ddof=1), "within": within}
    rows = {
        name: {column: round(float(values[place]), 1) for column, values in columns.items()}
        for place, name in enumerate(MEASURES)
    }
    return {"persons": len(several), "views": sum(map(len, several)), "colours": rows}


def colours(file: Path) -> Floats:
    """`MEASURES` (10,) of a crop. Raises UserError if it is not of 128 × 64 pixels."""
    frame = read_frame(file)
    if frame.shape != (HEIGHT, WIDTH, 3):
        raise UserError(f"{file}: {frame.shape[1]} × {frame.shape[0]} pixels, where {WIDTH} × {HEIGHT} are needed")
    lab = cielab(srgb_decode(frame / 255))
    parts = [np.median(lab[part].reshape(-1, 3), axis=0) for part in (TRUNK, LEGS)]
    found: Floats = np.concatenate([*parts, lab.mean(axis=(0, 1)), [lab[..., 0].std()]])
    return found


def table(found: Mapping[str, dict[str, Any]]) -> str:
    """The measured sets as Markdown."""
    columns = [f"{name}: {column}" for name in found for column in ("mean", "between persons", "within a person")]
    rows = [
        [name, *(str(value) for each in found.values() for value in each["colours"][name].values())]
        for name in MEASURES
    ]
    return markdown_table(["CIELAB", *columns], rows)


if __name__ == "__main__":
    run_command(measure, ColoursConfig, "python -m benchmarks.transfer.colours")
