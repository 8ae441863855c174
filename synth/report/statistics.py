"""Numbers of a rendered set: what its plan drew, what its annotations and pixels measure. Pure functions over rows.

What a plan does not tell of (a field that came later, or has gone) is left out, so that old sets can be looked at.
"""

import functools
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import yaml
from numpy.typing import NDArray

from alignnet_common.arrays import Floats
from alignnet_common.coco18 import JOINTS
from synth.cameras.colour import LUMA, srgb_encode
from synth.people.fabric import PALETTE

Row = Mapping[str, Any]
Counted = Literal["people", "clips", "sightings", "frames"]

EYE_HEIGHT = 0.936
"""Height of the eyes over stature, standing (Drillis & Contini 1966, as in Winter, Biomechanics and Motor Control of
Human Movement)."""
ACROSS = ("shoulder", "hip")
"""Pairs of joints that say where someone faces."""
USED = ("joints2d", "joints3d", "joints_visible", "mask", "visible_ratio", "rotation", "translation")
"""Arrays of a clip's annotations that `measure` takes."""


@dataclass(frozen=True)
class Measured:
    """What the annotations and a picture of one clip of T frames say."""

    stature: float
    """Metres, shoes included, to a few centimetres: from the eyes at their highest."""
    azimuth: float
    """Degrees in mid-clip, -180..180: 0 is seen from the front, 90 from the person's left, 180 from behind."""
    pitch: float
    """Degrees in mid-clip that the camera looks down on the person."""
    distance: float
    """Metres from the camera in mid-clip."""
    path: float
    """Metres from the first frame to the last, as the crow flies."""
    visible_ratio: tuple[float, ...]
    """(T,) 0..1."""
    joints_seen: int
    """Joints that count as visible, over all frames."""
    joints_on_mask: int
    """Those of them whose own pixel belongs to the person's mask."""
    brightness: float
    """Mean luma of the picture, 0..255."""
    contrast: float
    """Standard deviation of its luma, 0..255."""


@dataclass(frozen=True)
class Shares:
    """How often each name occurs."""

    title: str
    of: Counted
    counts: dict[str, int]
    """Most frequent first; one thing may have several names (someone who carries two things)."""


@dataclass(frozen=True)
class Spread:
    """A histogram."""

    title: str
    of: Counted
    unit: str
    edges: tuple[float, ...]
    """(N + 1,) of the bins; what lies beyond is in the outermost."""
    counts: tuple[int, ...]
    """(N,)"""
    percentiles: tuple[float, float, float]
    """5th, 50th (median) and 95th."""


@dataclass(frozen=True)
class Statistics:
    """The numbers of a set."""

    people: int
    clips: int
    frames: int
    joints_on_mask: float | None
    """Share of the visible joints whose own pixel belongs to the person's mask, 0..1; None where none is visible."""
    shares: tuple[Shares, ...]
    spreads: tuple[Spread, ...]


def statistics(plan: list[Row], measured: Mapping[str, Measured]) -> Statistics:
    """Count a set: `plan` has a row a clip, as `in_mid_clip` gives it, `measured` the same clips by name; at least one
    clip."""
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
    """What people are and wear."""
    outfits = [row["identity"].get("outfit", {}) for row in people]

    def worn(title: str, path: str, absent: str | None = None) -> Shares:
        return Shares(title, "people", tally(name_at(outfit, path, absent) for outfit in outfits))

    return [
        Shares("Tops by colour", "people", tally(garment_colour(outfit, "top") for outfit in outfits)),
        Shares("Bottoms by colour", "people", tally(garment_colour(outfit, "bottom") for outfit in outfits)),
        worn("Tops", "top.kind"),
        worn("Bottoms", "bottom.kind"),
        worn("Patterns of tops", "top.fabric.pattern"),
        worn("Hair", "hair.style"),
        worn("Headwear", "headwear.kind", "none"),
        Shares("Carried", "people", tally(name for outfit in outfits for name in carried(outfit))),
        Shares(
            "Arms, right and left",
            "people",
            tally(arm for row in people for arm in at(row, "identity.gait.arms") or ()),
        ),
        Shares("Gender", "people", tally(gender(row["identity"]) for row in people)),
        Shares("Near-duplicates differ in", "people", tally(name_at(row, "identity.differs_in") for row in people)),
    ]


def shares_of_clips(clips: list[Row]) -> list[Shares]:
    """Where people are, what they do there, and what the camera makes of it."""
    return [
        Shares("Places", "clips", tally(name_at(row, "place.family") for row in clips)),
        Shares("Motion", "clips", tally(name_at(row, "walk.kind") for row in clips)),
        Shares("Light", "clips", tally(light_of(at(row, "place.light")) for row in clips)),
        Shares("In the picture besides", "sightings", tally(name for row in clips for name in company(row))),
        Shares("Recorder", "clips", tally(name_at(row, "sensor.codec") for row in clips)),
    ]


def spreads_of_people(people: list[Row], measured: Mapping[str, Measured]) -> list[Spread]:
    """How people are built."""
    ages = [years(at(row, "identity.phenotype.age")) for row in people]
    return [
        spread("Stature", "people", "m", [measured[row["clip"]].stature for row in people], 1.4, 2.05, 13),
        spread("Age", "people", "years", [age for age in ages if age is not None], 15, 80, 13),
    ]


def spreads_of_clips(clips: list[Row], found: list[Measured]) -> list[Spread]:
    """How people are seen."""
    ratios = [ratio for one in found for ratio in one.visible_ratio]
    speeds = [path_speed(row, one) for row, one in zip(clips, found, strict=True)]
    suns = [at(row, "place.light.sun_elevation") for row in clips if (at(row, "place.light.sun") or 0) > 0]
    lamps = [len(at(row, "place.light.lamps") or ()) for row in clips]
    return [
        spread("Seen from (0 front, 90 left)", "clips", "°", [one.azimuth for one in found], -180, 180, 12),
        spread("Camera looks down", "clips", "°", [one.pitch for one in found], 0, 45, 9),
        spread("Distance", "clips", "m", [one.distance for one in found], 2, 16, 14),
        spread("Visible ratio", "frames", "", ratios, 0, 1, 10),
        spread("Speed", "clips", "m/s", [speed for speed in speeds if speed is not None], 0, 2.4, 12),
        spread("Sun above the horizon", "clips", "°", [sun for sun in suns if sun is not None], 0, 90, 9),
        spread("Lamps", "clips", "", [count for count in lamps if count], 0, 12, 12),
        spread("Brightness of the crop", "clips", "of 255", [one.brightness for one in found], 0, 255, 15),
        spread("Contrast of the crop", "clips", "of 255", [one.contrast for one in found], 0, 100, 10),
    ]


def measure(truth: Mapping[str, NDArray[Any]], picture: NDArray[np.uint8]) -> Measured:
    """Measure a clip by its annotations (`synth.dataset.writer.annotation_arrays`) and one of its frames (H, W, 3)."""
    joints = truth["joints3d"].astype(np.float64)
    middle = len(joints) // 2
    azimuth, pitch, distance = viewpoint(joints[middle], truth["rotation"], truth["translation"])
    eyes = joints[:, [JOINTS.index("right_eye"), JOINTS.index("left_eye")], 2].mean(1)
    hips = joints[:, [JOINTS.index("right_hip"), JOINTS.index("left_hip")], :2].mean(1)
    frame, joint = np.nonzero(truth["joints_visible"])
    column, row = np.rint(truth["joints2d"][frame, joint]).astype(int).T
    # 127.4999999 lies on the last row; as float32 it may be 127.5.
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
    """Azimuth and pitch in degrees and distance in metres, as `Measured` has them, of a person seen by a camera.

    `joints` (18, 3) metres; `rotation` (3, 3) and `translation` (3,) from world to camera.
    """
    left = sum(joints[JOINTS.index(f"left_{joint}")] - joints[JOINTS.index(f"right_{joint}")] for joint in ACROSS)
    facing = np.array([left[1], -left[0]])  # the left hand's direction turned a quarter to the right
    to_camera = -rotation.T @ translation - joints.mean(0)
    turn = facing[0] * to_camera[1] - facing[1] * to_camera[0]
    azimuth = np.degrees(np.arctan2(turn, facing @ to_camera[:2]))
    pitch = np.degrees(np.arctan2(to_camera[2], np.linalg.norm(to_camera[:2])))
    return float(azimuth), float(pitch), float(np.linalg.norm(to_camera))


def spread(title: str, of: Counted, unit: str, values: list[float], low: float, high: float, bins: int) -> Spread:
    """The histogram of `values` in `bins` equal bins from `low` to `high`; values beyond count in the outermost."""
    edges = np.linspace(low, high, bins + 1)
    counts, _ = np.histogram(np.clip(values, low, high), edges)
    percentiles = np.percentile(values, [5, 50, 95]) if values else np.zeros(3)
    return Spread(
        title, of, unit, tuple(edges.round(6).tolist()), tuple(counts.tolist()), tuple(percentiles.round(4).tolist())
    )


def tally(names: Iterable[str | None]) -> dict[str, int]:
    """How often each name occurs, most frequent first, then by alphabet; None counts nothing."""
    counted = Counter(name for name in names if name is not None)
    return dict(sorted(counted.items(), key=lambda item: (-item[1], item[0])))


def in_mid_clip(row: Row) -> Row:
    """A clip's row of the plan with what its middle frame is of, place, walk and the like, in place of `sightings`, and
    as `company` who and what is about in each of them.

    The rate is kept where there is but one sighting: only then do the frames follow each other.
    """
    sightings = row.get("sightings")
    if not sightings:
        return row  # of a set of before there were any
    ends = np.cumsum([sighting["frames"] for sighting in sightings])
    seen = dict(sightings[int(np.searchsorted(ends, ends[-1] // 2, side="right"))])
    if len(sightings) > 1:
        del seen["fps"]
    seen["company"] = [about(sighting) for sighting in sightings]
    return {name: value for name, value in row.items() if name != "sightings"} | seen


def at(row: Any, path: str) -> Any:
    """What a row holds at a dotted path such as "place.light.sun"; None where it holds nothing."""
    for name in path.split("."):
        row = row.get(name) if isinstance(row, Mapping) else None
    return row


def name_at(row: Row, path: str, absent: str | None = None) -> str | None:
    """The name at a dotted path; `absent` where the thing itself (the path's first part) is known to be None."""
    found = at(row, path)
    if found is None and row.get(path.split(".")[0], ...) is None:
        return absent
    return found if found is None else str(found)


def years(age: float | None) -> float | None:
    """Age in years of anny's unit, as `synth.people.phenotype.phenotype_rand` counts: 0.62 is 18 and 0.95 is 75."""
    return None if age is None else 18 + (age - 0.62) / 0.33 * 57


def gender(identity: Row) -> str | None:
    """ "man" or "woman"."""
    share = at(identity, "phenotype.gender")
    return None if share is None else "woman" if share > 0.5 else "man"


def carried(outfit: Row) -> list[str]:
    """Names of what someone carries; "nothing" where that is all."""
    things = [thing["kind"] for thing in outfit.get("carried", ())]
    if outfit.get("backpack"):
        things.append("backpack")
    return things or ["nothing"]


def light_of(light: Row | None) -> str | None:
    """What lights a place."""
    if light is None:
        return None
    # Clouds make a sun wide, in degrees; before there was the width, clear suns were of 1.5 and more.
    clear = light["sun_size"] < 10 if "sun_size" in light else light["sun"] >= 1.5
    day = ("clear sun" if clear else "overcast") if light["sun"] > 0 else ""
    lamps = "lamps" if light["lamps"] else ""
    return " and ".join(filter(None, (day, lamps))) or "sky alone"


def company(row: Row) -> list[str]:
    """Who and what is about on purpose in each of a clip's sightings; the clip's row as `in_mid_clip` gives it."""
    known: list[str] | None = row.get("company")
    return [about(row)] if known is None else known


def about(sighting: Row) -> str:
    """Who and what is about on purpose."""
    things = "an occluder" if at(sighting, "place.occluders") else ""
    people = "other people" if sighting.get("bystanders") else ""
    return "both of these" if things and people else things or people or "nothing"


def path_speed(row: Row, found: Measured) -> float | None:
    """Metres a second between a clip's first frame and its last; None where one frame is all."""
    frames = len(found.visible_ratio)
    return found.path * row["fps"] / (frames - 1) if frames > 1 and "fps" in row else None


def garment_colour(outfit: Row, garment: str) -> str | None:
    """The name of a garment's colour."""
    colour = at(outfit, f"{garment}.fabric.colour")
    return None if colour is None else nearest_colour(colour)


def nearest_colour(linear: Iterable[float]) -> str:
    """The name in `named_colours` that is nearest to a linear RGB colour, by distance in sRGB."""
    light = np.asarray(tuple(linear))
    srgb = srgb_encode(light)
    names = named_colours()
    return min(names, key=lambda name: float(np.square(names[name] - 255 * srgb).sum()))


@functools.cache
def named_colours() -> dict[str, Floats]:
    """8-bit sRGB of each colour of clothes in the palette, by its name."""
    uses = yaml.safe_load(PALETTE.read_text())
    return {name: np.array(entry["rgb"], float) for use in ("bottoms", "tops") for name, entry in uses[use].items()}
