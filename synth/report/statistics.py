"""Statistics of a rendered set, from its plan, annotations and pixels. Pure functions over rows.

Fields that a plan of another version lacks are left out, so that old sets can be shown too.
"""

import functools
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

import numpy as np
import yaml
from numpy.typing import NDArray

from alignnet_common.arrays import Floats
from alignnet_common.coco18 import JOINTS
from synth.cameras.colour import LUMA, srgb_encode
from synth.people.fabric import PALETTE

Row = Mapping[str, Any]
Counted = Literal["people", "outfits", "clips", "sightings", "frames"]

EYE_HEIGHT = 0.936
"""Height of the eyes over stature, standing (Drillis & Contini 1966, as in Winter, Biomechanics and Motor Control of
Human Movement)."""
ACROSS = ("shoulder", "hip")
"""Pairs of left and right joints that define the direction that a person faces."""
USED = ("joints2d", "joints3d", "joints_visible", "mask", "visible_ratio", "rotation", "translation")
"""Annotation arrays that `measure` reads."""


@dataclass(frozen=True)
class Measured:
    """Measurements of one clip of T frames, from its annotations and its middle frame."""

    stature: float
    """Metres, shoes included, accurate to a few centimetres: from the greatest height of the eyes."""
    azimuth: float
    """Degrees in mid-clip, -180..180: 0 if seen from the front, 90 from the person's left, 180 from behind."""
    pitch: float
    """Degrees in mid-clip by which the camera looks down on the person."""
    distance: float
    """Metres between camera and person in mid-clip."""
    path: float
    """Metres between the positions in the first and the last frame, in a straight line."""
    visible_ratio: tuple[float, ...]
    """(T,) 0..1."""
    joints_seen: int
    """Number of visible joints, over all frames."""
    joints_on_mask: int
    """Number of visible joints whose pixel belongs to the mask."""
    brightness: float
    """Mean luma of the frame, 0..255."""
    contrast: float
    """Standard deviation of the frame's luma, 0..255."""


@dataclass(frozen=True)
class Shares:
    """Frequencies of names."""

    title: str
    of: Counted
    counts: dict[str, int]
    """Most frequent first. One person or clip may count for several names, such as two things carried."""


@dataclass(frozen=True)
class Spread:
    """A histogram."""

    title: str
    of: Counted
    unit: str
    edges: tuple[float, ...]
    """(N + 1,) edges of the bins; values outside count in the outermost bins."""
    counts: tuple[int, ...]
    """(N,) number of values per bin."""
    percentiles: tuple[float, float, float]
    """5th, 50th (median) and 95th percentile."""


@dataclass(frozen=True)
class Statistics:
    """Statistics of a set."""

    people: int
    clips: int
    frames: int
    joints_on_mask: float | None
    """Share, 0..1, of the visible joints whose pixel belongs to the mask; None if no joint is visible."""
    shares: tuple[Shares, ...]
    spreads: tuple[Spread, ...]


def statistics(plan: list[Row], measured: Mapping[str, Measured]) -> Statistics:
    """Statistics of the clips in `measured`, at least one, by name; `plan` has a row per clip, as of `in_mid_clip`."""
    clips = [row for row in plan if row["clip"] in measured]
    people = list({row["identity"]["person"]: row for row in reversed(clips)}.values())[::-1]
    found = [measured[row["clip"]] for row in clips]
    seen = sum(one.joints_seen for one in found)
    shares = [*shares_of_people(people), *shares_of_clips(clips)]
    spreads = [*spreads_of_people(people, measured), *spreads_of_clips(clips, found)]
    return Statistics(
        people=len(people),
        clips=len(clips),
        frames=sum(len(one.visible_ratio) for one in found),
        joints_on_mask=sum(one.joints_on_mask for one in found) / seen if seen else None,
        shares=tuple(each for each in shares if each.counts),
        spreads=tuple(each for each in spreads if sum(each.counts)),
    )


def shares_of_people(people: list[Row]) -> list[Shares]:
    """Frequencies of appearance and, over all outfits of the people, of clothes."""
    outfits = [outfit for row in people for outfit in outfits_of(row["identity"])]
    of: Counted = "outfits" if len(outfits) > len(people) else "people"

    def worn(title: str, path: str, absent: str | None = None) -> Shares:
        return Shares(title, of, tally(name_at(outfit, path, absent) for outfit in outfits))

    return [
        Shares("Tops by colour", of, tally(garment_colour(outfit, "top") for outfit in outfits)),
        Shares("Bottoms by colour", of, tally(garment_colour(outfit, "bottom") for outfit in outfits)),
        worn("Tops", "top.kind"),
        worn("Bottoms", "bottom.kind"),
        worn("Patterns of tops", "top.fabric.pattern"),
        Shares("Hair", "people", tally(name_at(row, "identity.outfit.hair.style") for row in people)),
        worn("Headwear", "headwear.kind", "none"),
        Shares("Carried", of, tally(name for outfit in outfits for name in carried(outfit))),
        Shares(
            "Arms, right and left",
            of,
            tally(arm for row in people for arms in arms_of(row["identity"]) for arm in arms),
        ),
        Shares("Gender", "people", tally(gender(row["identity"]) for row in people)),
        Shares("Near-duplicates differ in", "people", tally(name_at(row, "identity.differs_in") for row in people)),
    ]


def shares_of_clips(clips: list[Row]) -> list[Shares]:
    """Frequencies of scenes, motions, light, bystanders and occluders, and codecs."""
    return [
        Shares("Places", "clips", tally(name_at(row, "place.family") for row in clips)),
        Shares("Motion", "clips", tally(name_at(row, "walk.kind") for row in clips)),
        Shares("Light", "clips", tally(light_of(value_at(row, "place.light")) for row in clips)),
        Shares("In the picture besides", "sightings", tally(name for row in clips for name in placed_labels(row))),
        Shares("Recorder", "clips", tally(name_at(row, "sensor.codec") for row in clips)),
    ]


def spreads_of_people(people: list[Row], measured: Mapping[str, Measured]) -> list[Spread]:
    """Histograms of stature and age."""
    ages = [years(value_at(row, "identity.phenotype.age")) for row in people]
    return [
        spread("Stature", "people", "m", [measured[row["clip"]].stature for row in people], Bins(1.4, 2.05, 13)),
        spread("Age", "people", "years", [age for age in ages if age is not None], Bins(15, 80, 13)),
    ]


def spreads_of_clips(clips: list[Row], found: list[Measured]) -> list[Spread]:
    """Histograms of viewpoint, visibility, speed, light and brightness."""
    ratios = [ratio for one in found for ratio in one.visible_ratio]
    speeds = [path_speed(row, one) for row, one in zip(clips, found, strict=True)]
    suns = [value_at(row, "place.light.sun_elevation") for row in clips if (value_at(row, "place.light.sun") or 0) > 0]
    lamps = [len(value_at(row, "place.light.lamps") or ()) for row in clips]
    return [
        spread("Seen from (0 front, 90 left)", "clips", "°", [one.azimuth for one in found], Bins(-180, 180, 12)),
        spread("Camera looks down", "clips", "°", [one.pitch for one in found], Bins(0, 45, 9)),
        spread("Distance", "clips", "m", [one.distance for one in found], Bins(2, 16, 14)),
        spread("Visible ratio", "frames", "", ratios, Bins(0, 1, 10)),
        spread("Speed", "clips", "m/s", [speed for speed in speeds if speed is not None], Bins(0, 2.4, 12)),
        spread("Sun above the horizon", "clips", "°", [sun for sun in suns if sun is not None], Bins(0, 90, 9)),
        spread("Lamps", "clips", "", [count for count in lamps if count], Bins(0, 12, 12)),
        spread("Brightness of the crop", "clips", "of 255", [one.brightness for one in found], Bins(0, 255, 15)),
        spread("Contrast of the crop", "clips", "of 255", [one.contrast for one in found], Bins(0, 100, 10)),
    ]


def measure(truth: Mapping[str, NDArray[Any]], picture: NDArray[np.uint8]) -> Measured:
    """Measure a clip from its annotation arrays USED and one of its frames (H, W, 3)."""
    joints = truth["joints3d"].astype(np.float64)
    middle = len(joints) // 2
    azimuth, pitch, distance = viewpoint(joints[middle], truth["rotation"], truth["translation"])
    eyes = joints[:, [JOINTS.index("right_eye"), JOINTS.index("left_eye")], 2].mean(1)
    hips = joints[:, [JOINTS.index("right_hip"), JOINTS.index("left_hip")], :2].mean(1)
    frame, joint = np.nonzero(truth["joints_visible"])
    column, row = np.rint(truth["joints2d"][frame, joint]).astype(int).T
    # A coordinate of 127.4999999 is in the last row, but may be rounded to 127.5 in float32.
    height, width = truth["mask"].shape[1:]
    column, row = np.minimum(column, width - 1), np.minimum(row, height - 1)
    luma = picture @ LUMA
    return Measured(
        stature=float(eyes.max() / EYE_HEIGHT),
        azimuth=azimuth,
        pitch=pitch,
        distance=distance,
        path=float(np.linalg.norm(hips[-1] - hips[0])),
        visible_ratio=tuple(map(float, truth["visible_ratio"])),
        joints_seen=len(frame),
        joints_on_mask=int(truth["mask"][frame, row, column].sum()),
        brightness=float(luma.mean()),
        contrast=float(luma.std()),
    )


def viewpoint(joints: Floats, rotation: Floats, translation: Floats) -> tuple[float, float, float]:
    """Azimuth and pitch in degrees and distance in metres, as in `Measured`, of a person seen by a camera.

    `joints` (18, 3) metres; `rotation` (3, 3) and `translation` (3,) from world to camera.
    """
    left = sum(joints[JOINTS.index(f"left_{joint}")] - joints[JOINTS.index(f"right_{joint}")] for joint in ACROSS)
    facing = np.array([left[1], -left[0]])  # the direction to the left, turned by 90° to the right
    to_camera = -rotation.T @ translation - joints.mean(0)
    turn = facing[0] * to_camera[1] - facing[1] * to_camera[0]
    azimuth = np.degrees(np.arctan2(turn, facing @ to_camera[:2]))
    pitch = np.degrees(np.arctan2(to_camera[2], np.linalg.norm(to_camera[:2])))
    return float(azimuth), float(pitch), float(np.linalg.norm(to_camera))


class Bins(NamedTuple):
    """Equal bins of a histogram."""

    low: float
    high: float
    number: int


def spread(title: str, of: Counted, unit: str, values: list[float], bins: Bins) -> Spread:
    """The histogram of `values`; values outside the bins count in the outermost ones."""
    edges = np.linspace(bins.low, bins.high, bins.number + 1)
    counts, _ = np.histogram(np.clip(values, bins.low, bins.high), edges)
    percentiles = np.percentile(values, [5, 50, 95]) if values else np.zeros(3)
    return Spread(
        title, of, unit, tuple(edges.round(6).tolist()), tuple(counts.tolist()), tuple(percentiles.round(4).tolist())
    )


def tally(names: Iterable[str | None]) -> dict[str, int]:
    """Frequency of each name, most frequent first, then in alphabetical order; None is not counted."""
    counted = Counter(name for name in names if name is not None)
    return dict(sorted(counted.items(), key=lambda item: (-item[1], item[0])))


def in_mid_clip(row: Row) -> Row:
    """A clip's row of the plan with the fields of its middle frame's sighting (place, walk, …) in place of `sightings`.

    The field `placed_labels` has the label of `placed_label` for each sighting. The frame rate is kept only if there is
    one sighting, since frames of different sightings do not follow each other.
    """
    sightings = row.get("sightings")
    if not sightings:
        return row  # of an older version, without sightings
    ends = np.cumsum([sighting["frames"] for sighting in sightings])
    seen = dict(sightings[int(np.searchsorted(ends, ends[-1] // 2, side="right"))])
    if len(sightings) > 1:
        del seen["fps"]
    seen["placed_labels"] = [placed_label(sighting) for sighting in sightings]
    return {name: value for name, value in row.items() if name != "sightings"} | seen


def value_at(row: Any, path: str) -> Any:
    """The value of a row at a dotted path such as "place.light.sun"; None if there is none."""
    for name in path.split("."):
        row = row.get(name) if isinstance(row, Mapping) else None
    return row


def name_at(row: Row, path: str, absent: str | None = None) -> str | None:
    """The name at a dotted path; `absent` if the path's first part exists and is None."""
    found = value_at(row, path)
    if found is None and row.get(path.split(".")[0], ...) is None:
        return absent
    return found if found is None else str(found)


def outfits_of(identity: Row) -> list[Row]:
    """All outfits of a person."""
    return [identity.get("outfit", {}), *(change["outfit"] for change in identity.get("changes", ()))]


def arms_of(identity: Row) -> list[list[str]]:
    """Poses of the right and the left arm in each outfit of a person."""
    return [value_at(identity, "gait.arms") or [], *(change["arms"] for change in identity.get("changes", ()))]


def years(age: float | None) -> float | None:
    """Age in years from anny's unit: 0.62 is 18 and 0.95 is 75, as in `synth.people.phenotype.phenotype_rand`."""
    return None if age is None else 18 + (age - 0.62) / 0.33 * 57


def gender(identity: Row) -> str | None:
    """ "man" or "woman"."""
    share = value_at(identity, "phenotype.gender")
    return None if share is None else "woman" if share > 0.5 else "man"


def carried(outfit: Row) -> list[str]:
    """Names of the things that a person carries; ["nothing"] if there are none."""
    things = [thing["kind"] for thing in outfit.get("carried", ())]
    if outfit.get("backpack"):
        things.append("backpack")
    return things or ["nothing"]


def light_of(light: Row | None) -> str | None:
    """Kind of light of a place: sun, clouds, lamps, or the sky alone."""
    if light is None:
        return None
    # Clouds widen the sun (sun_size, degrees). Older plans without the width gave clear suns a strength of 1.5 or more.
    clear = light["sun_size"] < 10 if "sun_size" in light else light["sun"] >= 1.5
    day = ("clear sun" if clear else "overcast") if light["sun"] > 0 else ""
    lamps = "lamps" if light["lamps"] else ""
    return " and ".join(filter(None, (day, lamps))) or "sky alone"


def placed_labels(row: Row) -> list[str]:
    """Labels of the bystanders and occluders that were placed in each sighting; `row` is as of `in_mid_clip`."""
    known: list[str] | None = row.get("placed_labels")
    return [placed_label(row)] if known is None else known


def placed_label(sighting: Row) -> str:
    """Label of the bystanders and occluders that were placed in a sighting."""
    things = "an occluder" if value_at(sighting, "place.occluders") else ""
    people = "other people" if sighting.get("bystanders") else ""
    return "both of these" if things and people else things or people or "nothing"


def path_speed(row: Row, found: Measured) -> float | None:
    """Metres per second between a clip's first and last frame; None for a clip of one frame or of several sightings."""
    frames = len(found.visible_ratio)
    return found.path * row["fps"] / (frames - 1) if frames > 1 and "fps" in row else None


def garment_colour(outfit: Row, garment: str) -> str | None:
    """Name of a garment's colour; None if the plan has no such garment."""
    colour = value_at(outfit, f"{garment}.fabric.colour")
    return None if colour is None else nearest_colour(colour)


def nearest_colour(linear: Iterable[float]) -> str:
    """The colour of clothes nearest to a linear RGB colour (3,)."""
    return nearest_name(linear, named_colours())


def nearest_name(linear: Iterable[float], colours: Mapping[str, Floats]) -> str:
    """The name in `colours`, sRGB of 0..255, nearest to a linear RGB colour (3,), by Euclidean distance in sRGB."""
    srgb = srgb_encode(np.asarray(tuple(linear)))
    return min(colours, key=lambda name: float(np.square(colours[name] - 255 * srgb).sum()))


@functools.cache
def named_colours(*uses: str) -> dict[str, Floats]:
    """sRGB values, 0..255, of each colour of the palette for `uses`, by name. Default: the colours of clothes."""
    palette = yaml.safe_load(PALETTE.read_text())
    return {
        name: np.array(entry["rgb"], float)
        for use in uses or ("bottoms", "tops")
        for name, entry in palette[use].items()
    }
