"""The contract of a rendered set: names, fields, annotation arrays."""

import json
import re

import numpy as np
import pytest

from alignnet_common.checked.set_rows import read_manifest
from alignnet_common.files import PROJECT_ROOT
from alignnet_common.set_format import (
    ANNOTATIONS,
    CAMERAS,
    CLIP_NAME,
    GENERATOR_VERSION,
    annotation_file,
    clip_name,
    clip_of,
    frame_file,
    frames_folder,
    generator_versions,
)


def test_a_frame_names_its_clip(tmp_path):
    for camera in CAMERAS:
        clip = clip_name(camera, 12)
        assert CLIP_NAME.fullmatch(clip)
        frame = frames_folder(tmp_path, clip) / frame_file(3)
        assert frame == tmp_path / "multi_shot" / camera / "person_0012" / "0003.png"
        assert clip_of(frame) == clip
        assert annotation_file(tmp_path, clip) == tmp_path / "annotations" / camera / "person_0012.npz"


def test_a_manifest_gives_rows_by_clip_without_the_line_that_a_crash_cut_short(tmp_path):
    lines = [json.dumps({"clip": clip_name("cam_a", person), "frames": person}) for person in (3, 1)]
    path = tmp_path / "manifest.jsonl"
    path.write_text("\n".join([*lines, '{"clip": "cam_b/per']))
    assert {clip: row["frames"] for clip, row in read_manifest(path).items()} == {
        "cam_a/person_0003": 3,
        "cam_a/person_0001": 1,
    }


@pytest.mark.parametrize("line", ["nonsense\n", '{"frames": 2}\n', "[1]\n", '{"clip": 4}\n'])
def test_a_manifest_of_another_kind_is_refused(tmp_path, line):
    path = tmp_path / "manifest.jsonl"
    path.write_text(line)
    with pytest.raises(ValueError, match=r"manifest\.jsonl"):
        read_manifest(path)


@pytest.mark.parametrize(
    ("name", "shape", "dtype", "fits"),
    [
        ("joints2d", (5, 18, 2), np.float32, True),
        ("joints2d", (5, 18, 2), np.float64, True),
        ("joints2d", (4, 18, 2), np.float32, False),
        ("joints2d", (5, 18, 3), np.float32, False),
        ("mask", (5, 128, 64), bool, True),
        ("mask", (5, 128, 64), np.uint8, False),
        ("mask", (128, 64), bool, False),
        ("rotation", (3, 3), np.float32, True),
    ],
)
def test_an_array_of_another_shape_or_kind_does_not_fit(name, shape, dtype, fits):
    assert ANNOTATIONS[name].fits(np.zeros(shape, dtype), 5) is fits


def test_the_changelog_describes_every_generator_version_up_to_the_current_one():
    table = (PROJECT_ROOT / "CHANGELOG.md").read_text().split("## Generator versions")[1]
    versions = re.findall(r"^\| (\d+\.\d+) \|", table, flags=re.MULTILINE)
    assert versions[-1] == GENERATOR_VERSION
    assert versions == sorted(versions, key=lambda version: [int(part) for part in version.split(".")])


def test_clips_are_counted_by_generator_version():
    rows = [{"generator": "4.2"}, {}, {"generator": "4.3"}, {"generator": "4.2"}]
    assert generator_versions(rows) == {"4.2": 2, "not recorded": 1, "4.3": 1}
    assert generator_versions([]) == {}
