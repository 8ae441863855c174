"""Gait style of a person, as data: cadence, stride, sway, posture and the pose of each arm."""

from dataclasses import dataclass
from typing import Literal

import numpy as np

ArmPose = Literal["swing", "hold", "phone-ear", "phone-read", "umbrella", "trolley", "strap", "pocket"]
"""Pose of an arm: swinging freely; holding a bag beside the thigh; holding a phone at the ear or in front of the chest;
holding an umbrella in front of the shoulder; pulling a trolley; hand on a strap at the chest; hand in a pocket."""


@dataclass(frozen=True)
class GaitStyle:
    """Gait parameters of one identity, the same in every clip. Angles in degrees."""

    cadence: float
    """Steps a minute."""
    stride: float
    """Factor on the excursion of hip and ankle: 1 is the normative stride."""
    knee: float
    """Factor on the excursion of the knee."""
    asymmetry: float
    """Difference of the right and the left step, positive if the right one is longer, as a fraction of `stride`."""
    arm_swing: float
    """Amplitude of the arm swing at the shoulder."""
    arm_asymmetry: float
    """Difference of the right and the left swing, positive if the right one is larger, as a fraction of `arm_swing`."""
    elbow: float
    """Mean flexion of the elbow."""
    arm_spread: float
    """Abduction of the hanging arms."""
    lean: float
    """Forward lean of the trunk."""
    head_pitch: float
    """Downward pitch of the head."""
    toe_out: float
    """Outward rotation of the feet."""
    pelvis_list: float
    """Amplitude of the roll of the pelvis."""
    pelvis_turn: float
    """Amplitude of the rotation of the pelvis; the shoulders rotate the other way."""
    step_width: float
    """Lateral distance between the feet, metres."""
    sway: float
    """Amplitude of the lateral lean of the trunk over the stance foot."""
    bob: float
    """Amplitude of the nod of the head, one period a step."""
    shoulders: float
    """Forward rounding of the shoulders; negative for an upright posture."""
    arms: tuple[ArmPose, ArmPose] = ("swing", "swing")
    """Poses of the right and the left arm."""


def gait_rand(rng: np.random.Generator, stature: float = 1.69) -> GaitStyle:
    """Draw a gait style for a person of `stature` metres.

    Cadence is 110 steps a minute at 1.69 m, plus or minus 13 %, and scales with the inverse square root of stature, as
    for a pendulum (Hof, Scaling gait data to body size, Gait & Posture 4, 1996). Shoulder swing, elbow flexion, pelvis
    roll and rotation vary about the means of Winter (Biomechanics and Motor Control of Human Movement); the other
    ranges are wide enough to distinguish people. One person in ten has one hand or both in the pockets.
    """
    return GaitStyle(
        cadence=110 * (1.69 / stature) ** 0.5 * rng.uniform(0.87, 1.13),
        stride=rng.uniform(0.82, 1.12),
        knee=rng.uniform(0.9, 1.1),
        asymmetry=rng.normal(0, 0.03),
        arm_swing=rng.uniform(10, 25),
        arm_asymmetry=rng.normal(0, 0.2),
        elbow=rng.uniform(10, 30),
        arm_spread=rng.uniform(4, 10),
        lean=rng.normal(3, 2.5),
        head_pitch=rng.normal(4, 5),
        toe_out=rng.uniform(0, 12),
        pelvis_list=rng.uniform(2.5, 5),
        pelvis_turn=rng.uniform(3, 6),
        step_width=rng.uniform(0.08, 0.16),
        sway=rng.uniform(0.5, 3.0),
        bob=rng.uniform(0.3, 2.0),
        shoulders=rng.normal(3, 5),
        arms=_free_arms_rand(rng),
    )


def _free_arms_rand(rng: np.random.Generator) -> tuple[ArmPose, ArmPose]:
    """Draw the arm poses of a person without accessories."""
    choices: tuple[tuple[ArmPose, ArmPose], ...]
    choices = (("swing", "swing"), ("pocket", "swing"), ("swing", "pocket"), ("pocket", "pocket"))
    return choices[rng.choice(4, p=[0.9, 0.03, 0.03, 0.04])]
