"""How a person walks: a style that belongs to the identity, and the joint angles it gives at any moment.

Curves are Fourier series over the stride, `a0 + sum_k a_k cos(k phi) + b_k sin(k phi)`, k up to 5, fitted to the
normative curves in `assets/gait.json` (source named there). The left leg runs half a stride behind the right.
"""

import functools
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

CURVES = Path(__file__).parents[1] / "assets" / "gait.json"
HARMONICS = 5
PELVIC_TILT = 10.0
"""Degrees by which the pelvis of someone standing upright tips forward: the hip's angle counts from the pelvis, so a
thigh hangs straight down at this angle, not at 0."""
CLEARANCE = 8.0
"""Degrees that the swinging foot is raised beyond the normative ankle, for its toes to pass 1-2 cm above the ground:
the curves are means, and toes that do not bend would scrape."""

Angles = NDArray[np.float64]
ArmPose = Literal["swing", "hold", "phone-ear", "phone-read", "umbrella", "trolley", "strap", "pocket"]


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
    arms: tuple[ArmPose, ArmPose] = ("swing", "swing")
    """What the right and the left arm do while the legs walk."""


def gait_rand(rng: np.random.Generator) -> GaitStyle:
    """Draw a walking style. Ranges: cadence 95-125 a minute, shoulder swing 15-25 degrees, elbow bias 10-30 degrees,
    pelvis list and rotation 4-5 degrees (Winter), the rest wide enough to tell people apart."""
    return GaitStyle(
        cadence=rng.uniform(95, 125),
        stride=rng.uniform(0.82, 1.12),
        knee=rng.uniform(0.9, 1.1),
        asymmetry=rng.normal(0, 0.03),
        arm_swing=rng.uniform(10, 25),
        elbow=rng.uniform(10, 30),
        arm_spread=rng.uniform(3, 9),
        lean=rng.normal(3, 2.5),
        head_pitch=rng.normal(4, 5),
        toe_out=rng.uniform(0, 12),
        pelvis_list=rng.uniform(2.5, 5),
        pelvis_turn=rng.uniform(3, 6),
        step_width=rng.uniform(0.08, 0.16),
    )


@dataclass(frozen=True)
class JointAngles:
    """Angles over T frames, each (T,) or (T, 2) for (right, left), in degrees.

    Flexion moves a thigh, a forearm or the head forward or up; `swing` moves an arm forward.
    """

    hip: Angles
    knee: Angles
    ankle: Angles
    swing: Angles
    elbow: Angles
    pelvis_list: Angles
    pelvis_turn: Angles
    trunk_turn: Angles


@functools.cache
def normative_series() -> dict[str, Angles]:
    """Fourier coefficients (2 * HARMONICS + 1,) of the hip, knee and ankle: a0, a1, b1, a2, b2, ... in degrees."""
    curves = json.loads(CURVES.read_text())
    return {joint: _fit(np.asarray(curves[joint], dtype=float)) for joint in ("hip", "knee", "ankle")}


def _basis(phase: Angles) -> Angles:
    """(..., 2 * HARMONICS + 1) Fourier basis at `phase` in strides (1 = one whole stride)."""
    turns = 2 * np.pi * np.arange(1, HARMONICS + 1) * phase[..., None]
    waves = np.stack([np.cos(turns), np.sin(turns)], axis=-1).reshape(*phase.shape, -1)
    return np.concatenate([np.ones((*phase.shape, 1)), waves], axis=-1)


def _fit(curve: Angles) -> Angles:
    """Least-squares Fourier coefficients of a curve sampled evenly over one stride."""
    phase = np.arange(len(curve)) / len(curve)
    return np.linalg.lstsq(_basis(phase), curve, rcond=None)[0]


def joint_angles(style: GaitStyle, phase: Angles) -> JointAngles:
    """Joint angles of `style` at `phase` (T,), in strides counted from a right heel strike."""
    series = normative_series()
    legs = np.stack([phase, phase + 0.5], axis=-1)
    basis = _basis(legs)
    stride = style.stride * (1 + np.array([0.5, -0.5]) * style.asymmetry)
    hip_mean, knee_mean = series["hip"][0], series["knee"][0]
    # The mean stays; only the excursion about it is scaled, so that a short stride still stands upright.
    hip = hip_mean + stride * (basis @ series["hip"] - hip_mean)
    knee = knee_mean + style.knee * (basis @ series["knee"] - knee_mean)
    ankle = style.stride * (basis @ series["ankle"]) + CLEARANCE * _mid_swing(legs)
    # An arm swings with the opposite leg: forward when that leg is forward, at its own heel strike plus half a stride.
    opposite = np.cos(2 * np.pi * (legs + 0.5))
    turn = style.pelvis_turn * np.cos(2 * np.pi * phase)
    return JointAngles(
        hip=hip,
        knee=np.maximum(knee, 2.0),
        ankle=ankle,
        swing=style.arm_swing * opposite - 2.0,
        elbow=style.elbow + 0.4 * style.arm_swing * np.maximum(opposite, -0.3),
        # The pelvis drops on the side of the swinging leg, just after the other heel has struck.
        pelvis_list=style.pelvis_list * np.sin(2 * np.pi * phase),
        pelvis_turn=turn,
        trunk_turn=-0.9 * turn,
    )


def _mid_swing(phase: Angles) -> Angles:
    """1 where the toes of a leg at `phase` are nearest to the ground on their way forward, falling smoothly to 0."""
    distance = np.abs((phase - 0.83 + 0.5) % 1 - 0.5)
    return 0.5 + 0.5 * np.cos(np.pi * np.minimum(distance / 0.15, 1))


def strides_a_second(style: GaitStyle) -> float:
    """Strides (two steps) a second."""
    return style.cadence / 120.0
