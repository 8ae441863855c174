"""The skeleton's tables against those of OpenPose and the paper, by channel number."""

import pytest

from alignnet_common.coco18 import (
    HEATMAP_CHANNELS,
    JOINTS,
    LIMBS,
    MIRRORED_JOINTS,
    MIRRORED_LIMBS,
    PAF_CHANNELS,
    PART_JOINTS,
    PART_LIMBS,
    PARTS,
    part_channels,
)

# OpenPose's COCO model: heat map channels 0-17, short names as its authors write them.
HEAT_MAPS = (
    "Nose Neck RShoulder RElbow RWrist LShoulder LElbow LWrist RHip RKnee RAnkle LHip LKnee LAnkle REye LEye REar LEar"
)

# x channel of each limb among the 38 PAF channels; y is the next one.
PAF_TABLE = {
    0: "Neck>RHip",
    2: "RHip>RKnee",
    4: "RKnee>RAnkle",
    6: "Neck>LHip",
    8: "LHip>LKnee",
    10: "LKnee>LAnkle",
    12: "Neck>RShoulder",
    14: "RShoulder>RElbow",
    16: "RElbow>RWrist",
    18: "RShoulder>REar",
    20: "Neck>LShoulder",
    22: "LShoulder>LElbow",
    24: "LElbow>LWrist",
    26: "LShoulder>LEar",
    28: "Neck>Nose",
    30: "Nose>REye",
    32: "Nose>LEye",
    34: "REye>REar",
    36: "LEye>LEar",
}

# The paper's groups: heat maps, and PAF channels counted inside the 38.
GROUPS = {
    "upper": ([0, 1, 14, 15, 16, 17], [28, 29, 30, 31, 32, 33, 34, 35, 36, 37]),
    "middle": ([2, 5, 3, 6, 4, 7], [14, 15, 16, 17, 0, 1, 22, 23, 24, 25, 6, 7]),
    "lower": ([8, 11, 9, 12, 10, 13], [2, 3, 4, 5, 8, 9, 10, 11]),
}
UNUSED = [18, *(19 + field for field in (12, 13, 20, 21, 18, 19, 26, 27))]


def short(joint):
    """OpenPose's name of a joint: right_shoulder gives RShoulder."""
    side = {"right": "R", "left": "L"}.get(joint.split("_")[0], "")
    return side + joint.split("_")[-1].capitalize()


def test_joints_in_the_order_of_the_heat_maps():
    assert [short(joint) for joint in JOINTS] == HEAT_MAPS.split()
    assert HEATMAP_CHANNELS == 19


def test_limbs_in_the_order_of_the_paf_channels():
    assert PAF_CHANNELS == 38
    assert {2 * number: f"{short(a)}>{short(b)}" for number, (a, b) in enumerate(LIMBS)} == PAF_TABLE


def test_part_sizes_are_the_papers():
    assert PARTS == ("upper", "middle", "lower")
    assert [len(part_channels(part)) for part in PARTS] == [16, 18, 14]


@pytest.mark.parametrize("part", PARTS)
def test_part_channels_are_the_papers(part):
    heat_maps, fields = GROUPS[part]
    assert list(part_channels(part)) == sorted([*heat_maps, *(19 + field for field in fields)])


def test_parts_share_no_channel_and_omit_those_that_the_paper_omits():
    used = [channel for part in PARTS for channel in part_channels(part)]
    assert len(used) == len(set(used)) == 48
    assert sorted([*used, *UNUSED]) == list(range(57))


def test_part_tables_name_known_joints_and_limbs():
    assert {joint for joints in PART_JOINTS.values() for joint in joints} == set(JOINTS)
    assert {limb for limbs in PART_LIMBS.values() for limb in limbs} < set(LIMBS)


@pytest.mark.parametrize(("mirror", "items"), [(MIRRORED_JOINTS, JOINTS), (MIRRORED_LIMBS, LIMBS)])
def test_mirroring_twice_changes_nothing(mirror, items):
    assert sorted(mirror) == list(range(len(items)))
    assert [mirror[mirror[i]] for i in range(len(items))] == list(range(len(items)))


def test_mirroring_swaps_sides_and_keeps_the_middle():
    for joint, mirrored in zip(JOINTS, MIRRORED_JOINTS, strict=True):
        swapped = joint.replace("left_", "other_").replace("right_", "left_").replace("other_", "right_")
        assert JOINTS[mirrored] == swapped
    assert [JOINTS[i] for i, mirrored in enumerate(MIRRORED_JOINTS) if i == mirrored] == ["nose", "neck"]
    for (start, end), mirrored in zip(LIMBS, MIRRORED_LIMBS, strict=True):
        joints = MIRRORED_JOINTS[JOINTS.index(start)], MIRRORED_JOINTS[JOINTS.index(end)]
        assert LIMBS[mirrored] == (JOINTS[joints[0]], JOINTS[joints[1]])


def test_mirroring_keeps_every_part():
    for part in PARTS:
        channels = part_channels(part)
        joints = {MIRRORED_JOINTS[c] for c in channels if c < 19}
        limbs = {19 + 2 * MIRRORED_LIMBS[(c - 19) // 2] + (c - 19) % 2 for c in channels if c >= 19}
        assert joints | limbs == set(channels)
