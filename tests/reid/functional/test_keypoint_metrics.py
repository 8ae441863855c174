"""Decoding of joints and keypoint metrics, against drawn joints and pycocotools."""

import numpy as np
import pytest
import torch

from alignnet_common.coco18 import JOINTS
from reid.functional.keypoint_metrics import SIGMA, average_precision, distances, keypoint_similarity, rate, within_head
from reid.functional.pose_decoding import joints_of_maps
from reid.functional.pose_targets import TargetSize, pose_targets

COCO_17 = [
    *("nose", "left_eye", "right_eye", "left_ear", "right_ear", "left_shoulder", "right_shoulder", "left_elbow"),
    *("right_elbow", "left_wrist", "right_wrist", "left_hip", "right_hip", "left_knee", "right_knee", "left_ankle"),
    "right_ankle",
]


def test_joints_are_decoded_from_their_heat_maps():
    joints = torch.rand(6, 18, 2, generator=torch.Generator().manual_seed(0)) * torch.tensor([44.0, 108.0]) + 10
    known = torch.ones(6, 18, dtype=torch.bool)
    heat = pose_targets(joints, known, TargetSize(128, 64)).heat
    found, confidence = joints_of_maps(heat)
    assert float((found - joints).norm(dim=2).max()) < 0.05
    assert float((confidence - heat[:, :18].flatten(2).amax(2)).abs().max()) == 0
    assert float(confidence.min()) > 0.6  # half a cell's diagonal away at most
    enlarged, _ = joints_of_maps(pose_targets(joints, known, TargetSize(128, 64, scale=1.5)).heat, scale=1.5)
    assert float((enlarged - joints).norm(dim=2).max()) < 0.05


def test_a_maximum_at_the_edge_is_at_the_center_of_its_cell():
    heat = torch.zeros(1, 19, 4, 3)
    heat[0, 0, 0, 2] = 1.0  # a corner
    heat[0, 1, 2, 1] = -1.0  # lower than all others
    found, confidence = joints_of_maps(heat)
    assert found[0, 0].tolist() == [8 * 2 + 3.5, 3.5]
    assert torch.isfinite(found).all()
    assert confidence[0, :2].tolist() == [1.0, 0.0]


def test_pckh_threshold_is_a_fifteenth_of_the_body_height():
    error = np.array([[7.9, 8.1], [3.9, 4.1]])
    assert within_head(error, np.array([120.0, 60.0])).tolist() == [[True, False], [True, False]]
    assert within_head(error, np.array([120.0, 60.0]), share=1.0).all()
    counted = np.array([[True, True], [True, False]])
    assert rate(within_head(error, np.array([120.0, 60.0])), counted) == pytest.approx(200 / 3)
    assert rate(error > 0, np.zeros((2, 2), bool)) is None


def some_people(count=40, seed=0):
    rng = np.random.default_rng(seed)
    true = rng.uniform(0, 60, (count, 18, 2))
    found = true + rng.normal(0, 1, (count, 18, 2)) * rng.uniform(0, 12, (count, 1, 1))
    return true, found, rng.uniform(500, 4000, count), rng.random((count, 18)) < 0.7, rng.random(count)


def test_oks_is_1_for_exact_and_0_for_far_joints():
    true, _, area, visible, _ = some_people()
    visible[0] = False
    found = true.copy()
    found[1, visible[1]] += 1000
    similarity = keypoint_similarity(distances(found, true), area, visible)
    assert np.isnan(similarity[0])
    assert similarity[1] == pytest.approx(0.0)
    assert similarity[2:] == pytest.approx(1.0)
    error = np.zeros((1, 18))
    error[0, 4] = 2 * SIGMA[4] * 30  # one standard deviation of a person of 900 square pixels
    one = keypoint_similarity(error, np.array([900.0]), np.eye(18, dtype=bool)[4][None])
    assert one[0] == pytest.approx(np.exp(-0.5))


def test_oks_and_ap_equal_those_of_pycocotools(capsys):
    coco = pytest.importorskip("pycocotools.coco")
    cocoeval = pytest.importorskip("pycocotools.cocoeval")
    true, found, area, visible, score = some_people()
    visible[:, JOINTS.index("neck")] = False  # COCO has none
    order = [JOINTS.index(name) for name in COCO_17]
    truth = coco.COCO()
    truth.dataset = {
        "images": [{"id": n + 1} for n in range(len(true))],
        "categories": [{"id": 1, "name": "person"}],
        "annotations": [
            {
                "id": n + 1,
                "image_id": n + 1,
                "category_id": 1,
                "iscrowd": 0,
                "area": area[n],
                "bbox": [0, 0, 64, 128],
                "num_keypoints": int(visible[n].sum()),
                "keypoints": np.column_stack([true[n, order], 2 * visible[n, order]]).ravel().tolist(),
            }
            for n in range(len(true))
        ],
    }
    truth.createIndex()
    finds = [
        {
            "image_id": n + 1,
            "category_id": 1,
            "score": score[n],
            "keypoints": np.column_stack([found[n, order], np.ones(17)]).ravel().tolist(),
        }
        for n in range(len(true))
    ]
    evaluation = cocoeval.COCOeval(truth, truth.loadRes(finds), "keypoints")
    # 300 is beyond all areas here: the library's classes of size leave nobody out.
    evaluation.params.areaRng, evaluation.params.areaRngLbl = [[0, 1e10]] * 3, ["all", "medium", "large"]
    evaluation.evaluate()
    evaluation.accumulate()
    evaluation.summarize()
    capsys.readouterr()
    similarity = keypoint_similarity(distances(found, true), area, visible)
    theirs = np.array([float(evaluation.ious[n + 1, 1][0, 0]) for n in range(len(true))])
    assert similarity == pytest.approx(theirs, abs=1e-6)
    assert average_precision(similarity, score) == pytest.approx(100 * evaluation.stats[0], abs=1e-6)
    assert 5 < average_precision(similarity, score) < 95
