"""How a person walks: pace, step, sway and the pose of each arm, as data."""

from dataclasses import dataclass
from typing import Literal

import numpy as np

ArmPose = Literal["swing", "hold", "phone-ear", "phone-read", "umbrella", "trolley", "strap", "pocket"]
"""What an arm does: swing freely; hold a bag beside the thigh; a phone at the ear or before the chest; an umbrella
before the shoulder; pull a trolley; rest on a strap at the chest, or in a pocket."""


@dataclass(frozen=True)
class GaitStyle:
    """What is the same whenever and wherever this person walks. Angles in degrees."""

    cadence: float
    """Steps a minute."""
    stride: float
    """Factor on the hip's and the ankle's excursion: 1 is the normative stride."""
    knee: float
    """Factor on the knee's excursion."""
    asymmetry: float
    """How much longer (+) the right step is than the left, as a fraction of the stride factor."""
    arm_swing: float
    """Amplitude of the shoulder's swing."""
    arm_asymmetry: float
    """How much wider (+) the right arm swings than the left, as a fraction of the amplitude."""
    elbow: float
    """Mean bend of the elbow."""
    arm_spread: float
    """How far the arms hang away from the body."""
    lean: float
    """Forward lean of the trunk."""
    head_pitch: float
    """How far the head looks down."""
    toe_out: float
    """Turn of the feet outwards."""
    pelvis_list: float
    """Amplitude of the pelvis's roll."""
    pelvis_turn: float
    """Amplitude of the pelvis's turn, answered by the shoulders."""
    step_width: float
    """Distance between the lines of the two feet, in metres."""
    sway: float
    """Amplitude of the trunk's lean over the standing foot."""
    bob: float
    """Amplitude of the head's nod, once a step."""
    shoulders: float
    """How far the shoulders are rounded forward; negative is upright."""
    arms: tuple[ArmPose, ArmPose] = ("swing", "swing")
    """What the right and the left arm do."""


def gait_rand(rng: np.random.Generator, stature: float = 1.69) -> GaitStyle:
    """Draw a walking style for someone `stature` metres tall.

    Steps a minute are 110 at 1.69 m, give or take 13 %, and go with the inverse root of stature as those of a pendulum
    (Hof, Scaling gait data to body size, Gait & Posture 4, 1996). Ranges about Winter's means: shoulder swing 10-25
    degrees, elbow bias 10-30 degrees, pelvis list 2.5-5 and rotation 3-6 degrees, the rest wide enough to tell
    people apart. Arms swing, but for one person in ten with a hand, or both, in the pockets.
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
    """Arms of someone who carries nothing."""
    choices: tuple[tuple[ArmPose, ArmPose], ...]
    choices = (("swing", "swing"), ("pocket", "swing"), ("swing", "pocket"), ("pocket", "pocket"))
    return choices[rng.choice(4, p=[0.9, 0.03, 0.03, 0.04])]
