"""Annotations from hand-made depth maps and masks."""

import numpy as np
import pytest

from alignnet_common.coco18 import JOINTS
from synth.dataset.annotations import (
    JOINT_DEPTH,
    PersonGeometry,
    box_of_mask,
    frame_truth,
    joints_in_image,
    joints_seen,
)

NOSE, KNEE = JOINTS.index("nose"), JOINTS.index("left_knee")
INTRINSICS = np.array([[100.0, 0, 32], [0, 100, 64], [0, 0, 1]])


def seen(depth, pixels=(20, 30), at=5.0):
    """Which joints are seen when all of them are at one pixel, `at` metres away, before this depth map."""
    return joints_seen(np.tile(np.array(pixels, float), (18, 1)), np.full(18, at), depth)


def test_nothing_in_front_leaves_all_joints_seen():
    assert seen(np.full((128, 64), 1e10)).all()


def test_the_body_itself_may_be_in_front_by_what_the_joint_lies_deep():
    for joint, depth in JOINT_DEPTH.items():
        number = next(n for n, name in enumerate(JOINTS) if name.endswith(joint))
        assert seen(np.full((128, 64), 5 - depth + 0.001))[number]
        assert not seen(np.full((128, 64), 5 - depth - 0.001))[number]
    assert set(JOINT_DEPTH) == {joint.split("_")[-1] for joint in JOINTS}


def test_an_occluder_hides_the_joints_behind_it_alone():
    depth = np.full((128, 64), 1e10)
    depth[60:, :] = 3.0
    pixels = np.tile([20.0, 30.0], (18, 1))
    pixels[KNEE] = 20, 90
    found = joints_seen(pixels, np.full(18, 5.0), depth)
    assert [joint for joint, visible in zip(JOINTS, found, strict=True) if not visible] == ["left_knee"]


@pytest.mark.parametrize(
    ("pixel", "inside"),
    [
        ((0, 0), True),
        ((63, 127), True),
        ((-0.4, 10), True),
        ((-0.6, 10), False),
        ((63.4, 10), True),
        ((63.6, 10), False),
        ((10, -0.6), False),
        ((10, 127.4), True),
        ((10, 127.6), False),
        ((1e6, -1e6), False),
    ],
)
def test_the_crop_ends_half_a_pixel_beyond_the_last_centre(pixel, inside):
    assert seen(np.full((128, 64), 1e10), pixel).all() == inside
    assert seen(np.full((128, 64), 1e10), pixel).any() == inside


def test_depth_is_read_at_the_joints_own_pixel():
    depth = np.full((128, 64), 1.0)
    depth[31, 20] = 1e10
    assert seen(depth, (20.4, 30.6)).all()
    assert not seen(depth, (31, 20)).any()


def test_stored_pixels_have_whole_numbers_at_their_centres():
    # The optical axis meets the corner where pixels 31, 32 and rows 63, 64 meet.
    np.testing.assert_allclose(joints_in_image(np.array([[0, 0, 2.0]]), INTRINSICS), [[31.5, 63.5]])


def test_box_of_a_mask_is_its_outermost_pixels():
    mask = np.zeros((128, 64), bool)
    mask[10, 20] = mask[100, 5] = True
    np.testing.assert_array_equal(box_of_mask(mask), [5, 10, 20, 100])
    mask[:] = False
    np.testing.assert_array_equal(box_of_mask(mask), np.zeros(4))
    mask[127, 63] = True
    np.testing.assert_array_equal(box_of_mask(mask), [63, 127, 63, 127])


def truth(parts, whole):
    joints = np.tile([0, 0, 5.0], (18, 1))
    outline = np.array([[-0.5, -1.0, 5], [0.5, 1.5, 5]])
    return frame_truth(PersonGeometry(joints, joints, outline, INTRINSICS), np.full((128, 64), 1e10), parts, whole)


def covering(part, share=1.0):
    """Coverage of a block of 10 × 4 pixels by one part."""
    parts = np.zeros((128, 64, 3))
    parts[50:60, 30:34, part] = share
    return parts


def test_visible_ratio_is_the_covered_share_of_the_whole():
    assert truth(covering(1), 40.0).visible_ratio == 1
    assert truth(covering(1), 160.0).visible_ratio == pytest.approx(0.25)
    assert truth(covering(1), 39.0).visible_ratio == 1
    assert truth(np.zeros((128, 64, 3)), 40.0).visible_ratio == 0
    assert truth(np.zeros((128, 64, 3)), 0.0).visible_ratio == 0


def test_mask_and_box_hold_pixels_covered_by_half_or_more():
    found = truth(covering(1, 0.5), 20.0)
    assert found.mask.sum() == 40
    np.testing.assert_array_equal(found.box, [30, 50, 33, 59])
    assert truth(covering(1, 0.49), 20.0).mask.sum() == 0


def test_every_pixel_of_the_mask_belongs_to_a_part_and_parts_stay_inside_it():
    parts = covering(0, 0.3)
    parts[..., 2] += covering(2, 0.4)[..., 2]
    parts[0, 0, 1] = 0.9
    found = truth(parts, 40.0)
    np.testing.assert_array_equal(found.part_masks.any(0), found.mask)
    assert found.part_masks[2, 50:60, 30:34].all()
    assert not found.part_masks[0].any()
    assert found.part_masks[1].sum() == 1


def test_a_pixel_shared_by_parts_goes_to_one_of_them():
    found = truth(covering(0, 0.5) + covering(1, 0.5), 40.0)
    assert found.mask.sum() == 40
    np.testing.assert_array_equal(found.part_masks.sum(0), found.mask)


def test_the_amodal_box_reaches_beyond_the_crop():
    found = truth(covering(1), 40.0)
    np.testing.assert_allclose(found.amodal_box, [32 - 10 - 0.5, 64 - 20 - 0.5, 32 + 10 - 0.5, 64 + 30 - 0.5])
    np.testing.assert_allclose(found.joints2d, np.tile([31.5, 63.5], (18, 1)))
