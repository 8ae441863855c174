"""Published gait angles of healthy people, mean and standard deviation, and the gait angles of a posed body."""

import json

import numpy as np

from alignnet_common.coco18 import JOINTS
from synth.animation.gait import CURVES
from synth.body.anatomy import FOOT

ANGLES = ("hip", "knee", "ankle")


def published_band(joint, phase):
    """Mean and standard deviation between adults, (T,) degrees each, of an angle at `phase` (T,)."""
    curves = json.loads(CURVES.read_text())
    return at_phase(curves[joint], phase), at_phase(curves["sd"][joint], phase)


def childrens_band(joint, phase):
    """The same for children, from another laboratory; hip angles are shifted to the adults' pelvis reference."""
    curves = json.loads(CURVES.read_text())
    band = curves["children"][joint]
    apart = np.mean(band["mean"]) - np.mean(curves["hip"]) if joint == "hip" else 0.0
    return at_phase(band["mean"], phase) - apart, at_phase(band["sd"], phase)


def at_phase(samples, phase):
    """Samples spread evenly over a stride, at `phase` (T,)."""
    return np.interp(phase % 1, np.arange(len(samples)) / len(samples), samples, period=1)


def body_angles(anatomy, body):
    """(T, 2) flexion of hip, knee and ankle in degrees, right and left, by name, of a person who walks along -Y.

    The hip is counted from straight down, the knee from the straight leg, the ankle from a foot at a right angle to the
    shank, as in the reference pose.
    """
    skin = np.unique(anatomy.quads["body"])
    angles = {name: [] for name in ANGLES}
    for side, sign in (("right", -1), ("left", 1)):
        hip, knee, ankle = (body.joints[:, JOINTS.index(f"{side}_{name}")] for name in ("hip", "knee", "ankle"))
        thigh, shank = (np.degrees(np.arctan2(-bone[:, 1], -bone[:, 2])) for bone in (knee - hip, ankle - knee))
        foot = skin[(anatomy.region[skin] == FOOT) & (anatomy.side[skin] == sign)]
        place = anatomy.reference[foot, 1]
        rear = foot[place > np.median(place)]  # the front part bends with the toes
        angles["hip"].append(thigh)
        angles["knee"].append(thigh - shank)
        angles["ankle"].append(-shank - pitch(body.rest[rear], body.vertices[:, rear]))
    return {name: np.stack(columns, axis=1) for name, columns in angles.items()}


def pitch(rest, vertices):
    """(T,) forward pitch in degrees of a rigid part with rest vertices (N, 3) and posed vertices (T, N, 3)."""
    spread = (rest - rest.mean(0)).T @ (vertices - vertices.mean(1, keepdims=True))
    left, _, right = np.linalg.svd(spread)
    forward = -(left @ right)[:, 1]
    return np.degrees(np.arctan2(-forward[:, 2], np.hypot(forward[:, 0], forward[:, 1])))
