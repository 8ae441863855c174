"""Numbers of a set, from rows and arrays made by hand."""

import numpy as np
import pytest

from alignnet_common.coco18 import JOINTS
from synth.cameras.camera import Camera, extrinsics
from synth.cameras.colour import srgb_decode
from synth.report.statistics import (
    Bins,
    Measured,
    company,
    in_mid_clip,
    measure,
    named_colours,
    nearest_colour,
    spread,
    statistics,
    tally,
    viewpoint,
)

MEASURED = Measured(
    stature=1.75,
    azimuth=0.0,
    pitch=10.0,
    distance=5.0,
    path=0.6,
    visible_ratio=(1.0, 0.5, 1.0),
    joints_seen=20,
    joints_on_mask=19,
    brightness=100.0,
    contrast=40.0,
)


def person(turned=0.0):
    """(18, 3) joints of someone who faces -Y, turned about the vertical by `turned` degrees."""
    joints = np.zeros((18, 3))
    joints[:, 2] = 1.0
    for number, name in enumerate(JOINTS):
        joints[number, 0] = 0.2 * (name.startswith("left") - name.startswith("right"))
        if name.endswith("eye"):
            joints[number, 2] = 1.638
    angle = np.radians(turned)
    turn = np.array([[np.cos(angle), -np.sin(angle), 0], [np.sin(angle), np.cos(angle), 0], [0, 0, 1]])
    return joints @ turn.T


@pytest.mark.parametrize(("turned", "azimuth"), [(0, 0), (90, -90), (-90, 90), (45, -45), (170, -170)])
def test_azimuth_tells_which_side_the_camera_sees(turned, azimuth):
    # The camera is at -Y: someone turned a quarter to their left shows it their right side.
    found = viewpoint(person(turned), *extrinsics(Camera(6, 0, 0, 1.0)))
    assert found[0] == pytest.approx(azimuth, abs=1e-6)


def test_pitch_and_distance_are_those_of_the_camera():
    joints = person()
    rotation, translation = extrinsics(Camera(6, 25, 2, joints[:, 2].mean()))
    _, pitch, distance = viewpoint(joints, rotation, translation)
    assert (pitch, distance) == (pytest.approx(25), pytest.approx(6))


def test_a_clip_is_measured_by_its_annotations_and_its_picture():
    rotation, translation = extrinsics(Camera(6, 0, 0, 1.0))
    walked = np.stack([person(), person() - [0, 0.3, 0], person() - [0, 0.6, 0]])
    mask = np.zeros((3, 128, 64), bool)
    mask[:, 60:, :] = True
    pixels = np.tile([30.0, 100.0], (3, 18, 1))
    pixels[:, 0] = 30, 10
    seen = np.ones((3, 18), bool)
    seen[:, 5] = False
    truth = {
        "joints2d": pixels,
        "joints3d": walked,
        "joints_visible": seen,
        "mask": mask,
        "visible_ratio": np.array([1, 0.5, 0.25]),
        "rotation": rotation,
        "translation": translation,
    }
    picture = np.zeros((128, 64, 3), np.uint8)
    picture[:64] = 200
    found = measure(truth, picture)
    assert found.stature == pytest.approx(1.75)
    assert found.path == pytest.approx(0.6)
    assert (found.joints_seen, found.joints_on_mask) == (51, 48)
    assert (found.brightness, found.contrast) == (pytest.approx(100), pytest.approx(100))
    assert found.visible_ratio == (1, 0.5, 0.25)
    # As float32, a joint on the very edge may be rounded off the picture.
    pixels[:, 1] = np.float32(63.499999), np.float32(127.499999)
    assert measure(truth, picture).joints_on_mask == 48


def row(person, camera, **fields):
    return {"clip": f"{camera}/person_{person:04d}", "identity": {"person": person}, "fps": 25.0} | fields


def outfit(colour, carried=()):
    return {"top": {"fabric": {"colour": colour}}, "carried": [{"kind": kind} for kind in carried], "headwear": None}


def test_a_clip_is_told_by_the_sighting_that_its_middle_frame_is_of():
    def seen(family, frames):
        return {"place": {"family": family}, "frames": frames, "fps": 2.0}

    clip = {"clip": "cam_a/person_0001", "camera": {"pitch": 5.0}}
    families = ["street", "hall", "plaza"]
    for middle, lengths in (("hall", (1, 1, 1)), ("plaza", (1, 1, 2)), ("street", (3, 1, 1)), ("plaza", (2, 1, 4))):
        sightings = [seen(*one) for one in zip(families, lengths, strict=True)]
        found = in_mid_clip({**clip, "sightings": sightings})
        told = {"place": {"family": middle}, "frames": lengths[families.index(middle)], "company": ["nothing"] * 3}
        assert found == {**clip, **told}
    walk = in_mid_clip({**clip, "sightings": [seen("hall", 50)]})
    assert walk == {**clip, "place": {"family": "hall"}, "frames": 50, "fps": 2.0, "company": ["nothing"]}
    assert in_mid_clip(walk) == walk


def test_who_and_what_is_about_is_told_of_every_sighting():
    bench, somebody = {"place": {"occluders": [{}]}}, {"place": {"occluders": []}, "bystanders": [{}]}
    sightings = [{"frames": 1, "fps": 2.0, **one} for one in (bench, somebody, {})]
    assert company(in_mid_clip({"sightings": sightings})) == ["an occluder", "other people", "nothing"]
    assert company({**bench, **somebody}) == ["other people"]


def test_people_are_counted_once_and_clips_each():
    navy = srgb_decode(np.array([30, 38, 66]) / 255).tolist()
    identity = {"person": 1, "outfit": outfit(navy, ("phone", "tote")), "phenotype": {"gender": 0.9, "age": 0.62}}
    plan = [
        row(1, "cam_a", identity=identity, place={"family": "street", "occluders": [{}]}),
        row(1, "cam_b", identity=identity, place={"family": "hall", "occluders": []}, bystanders=[{}]),
        row(2, "cam_a", place={"family": "hall", "occluders": [{}]}, bystanders=[{}]),
        row(3, "cam_a", place={"family": "plaza"}),  # planned, not rendered
    ]
    found = statistics(plan, {one["clip"]: MEASURED for one in plan[:3]})
    assert (found.people, found.clips, found.frames) == (2, 3, 9)
    assert found.joints_on_mask == pytest.approx(0.95)
    shares = {each.title: each.counts for each in found.shares}
    assert shares["Places"] == {"hall": 2, "street": 1}
    assert shares["Tops by colour"] == {"navy": 1}
    assert shares["Carried"] == {"nothing": 1, "phone": 1, "tote": 1}
    assert shares["Headwear"] == {"none": 1}
    assert shares["Gender"] == {"woman": 1}
    assert shares["In the picture besides"] == {"both of these": 1, "other people": 1, "an occluder": 1}
    assert "Motion" not in shares
    spreads = {each.title: each for each in found.spreads}
    assert sum(spreads["Visible ratio"].counts) == 9
    assert spreads["Age"].percentiles[1] == pytest.approx(18)
    assert spreads["Speed"].percentiles[1] == pytest.approx(0.6 / 0.08)


@pytest.mark.parametrize(
    ("light", "name"),
    [
        ({"sun": 3.0, "lamps": []}, "clear sun"),
        ({"sun": 1.3, "sun_size": 0.6, "lamps": []}, "clear sun"),
        ({"sun": 0.8, "sun_size": 20.0, "lamps": []}, "overcast"),
        ({"sun": 0.4, "lamps": []}, "overcast"),
        ({"sun": 0.4, "lamps": [{}]}, "overcast and lamps"),
        ({"sun": 0.0, "lamps": [{}]}, "lamps"),
        ({"sun": 0.0, "lamps": []}, "sky alone"),
    ],
)
def test_light_has_a_name(light, name):
    plan = [row(1, "cam_a", place={"light": light})]
    found = statistics(plan, {plan[0]["clip"]: MEASURED})
    assert {each.title: each.counts for each in found.shares}["Light"] == {name: 1}


def test_every_colour_of_the_palette_is_nearest_to_itself():
    for name, colour in named_colours().items():
        assert nearest_colour(srgb_decode(colour / 255)) == name


def test_a_histogram_counts_what_lies_beyond_in_its_outermost_bins():
    found = spread("", "clips", "m", [-5.0, 0.5, 1.5, 1.6, 99.0], Bins(0, 3, 3))
    assert found.edges == (0, 1, 2, 3)
    assert found.counts == (2, 2, 1)
    assert found.percentiles[1] == 1.5
    assert spread("", "clips", "m", [], Bins(0, 3, 3)).counts == (0, 0, 0)


def test_names_are_told_most_frequent_first():
    assert list(tally(["b", None, "c", "a", "c"]).items()) == [("c", 2), ("a", 1), ("b", 1)]
