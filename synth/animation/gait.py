"""How a person walks: a style that belongs to the identity, and the joint angles it gives at any moment.

Curves are Fourier series over the stride, `a0 + sum_k a_k cos(k phi) + b_k sin(k phi)`, k up to 5, fitted to the
normative curves in `assets/gait.json` (source named there). The left leg runs half a stride behind the right.
"""

import functools
import json
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from alignnet_common.files import asset

CURVES = asset("gait.json")
HARMONICS = 5
PELVIC_TILT = 6.25
"""Degrees by which the pelvis of someone standing upright tips forward: the hip's angle counts from the pelvis, so a
thigh hangs straight down at this angle, not at 0. With it the curves leave the foot flat in mid-stance, give or take
3 degrees."""
HEEL = 1.25
"""Degrees by which the curves of hip, knee and ankle together leave the heel too high as the other foot passes."""
FLAT = 1.75
"""Degrees of a foot's pitch that the sole takes up, either way, before heel or toes leave the ground."""
STANDING = {"hip": PELVIC_TILT + 1.5, "knee": 3.0, "ankle": 1.5 - HEEL}
"""Degrees of someone who stands at ease."""
STANCE, BOTH = 0.58, 0.08
"""Fractions of the stride: how long a foot is on the ground, and how long from its heel strike the other one is too.
Of the people whose curves these are: 60.5 and 10.5 %. A little less fits the curves of means, by which the two feet
drift apart while both are down: knees then stay within 13 degrees of the curves, and 3 on average."""
LANDING = 0.05
"""Fraction of the stride before its heel strike within which a foot comes down to the ground."""

Angles = NDArray[np.float64]
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
    trunk_sway: Angles
    """Lean of the trunk to the left."""
    shift: Angles
    """How far the legs lean, as the pelvis moves over the left (+) or the right foot."""
    nod: Angles
    """How far the head looks down."""


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


def joint_angles(
    style: GaitStyle, phase: Angles, amplitude: Angles | float = 1.0, stepping: Angles | float = 1.0
) -> JointAngles:
    """Joint angles of `style` at `phase` (T,), in strides counted from a right heel strike.

    `amplitude` (T,): 0 stands, 1 walks at full stride; `stepping` (T,): 0 keeps both feet on the ground, 1 lifts them.
    """
    series = normative_series()
    legs = np.stack([phase, phase + 0.5], axis=-1)
    basis = _basis(legs)
    full, lift = (np.broadcast_to(part, phase.shape)[:, None] for part in (amplitude, stepping))
    stride = style.stride * (1 + np.array([0.5, -0.5]) * style.asymmetry)
    hip_mean, knee_mean = series["hip"][0], series["knee"][0]
    # The mean stays; only the excursion about it is scaled, so that a short stride still stands upright.
    hip = hip_mean + stride * (basis @ series["hip"] - hip_mean)
    knee = np.maximum(knee_mean + style.knee * (basis @ series["knee"] - knee_mean), 0.0)
    ankle = style.stride * (basis @ series["ankle"])
    # An arm swings with the opposite leg: forward when that leg is forward, at its own heel strike plus half a stride.
    opposite = full * np.cos(2 * np.pi * (legs + 0.5))
    arm_swing = style.arm_swing * (1 + np.array([0.5, -0.5]) * style.arm_asymmetry)
    step = full[:, 0]
    turn = step * style.pelvis_turn * np.cos(2 * np.pi * phase)
    # Most of the weight is on a foot a quarter of a stride after its heel strike, a little later still in mid-stance.
    over_left = -step * np.sin(2 * np.pi * (phase - 0.05))
    return JointAngles(
        hip=STANDING["hip"] + full * (hip - STANDING["hip"]),
        # A foot that makes a small step is still lifted.
        knee=STANDING["knee"] + lift * (0.4 + 0.6 * full) * (knee - STANDING["knee"]),
        ankle=STANDING["ankle"] + full * (ankle - STANDING["ankle"]),
        swing=arm_swing * opposite - 2.0,
        elbow=style.elbow + 0.4 * arm_swing * np.maximum(opposite, -0.3),
        # The pelvis drops on the side of the swinging leg, just after the other heel has struck.
        pelvis_list=step * style.pelvis_list * np.sin(2 * np.pi * phase),
        pelvis_turn=turn,
        trunk_turn=-0.9 * turn,
        trunk_sway=style.sway * over_left,
        shift=1.2 * over_left,
        nod=style.head_pitch + step * style.bob * np.cos(4 * np.pi * phase),
    )


def foot_pitch(angles: JointAngles) -> Angles:
    """(T, 2) degrees that each heel is above the toes: what hip, knee and ankle add up to, flat in mid-stance."""
    pitch = PELVIC_TILT - angles.hip + angles.knee - angles.ankle - HEEL
    return pitch - FLAT * np.tanh(pitch / FLAT)


def foot_load(phase: Angles) -> Angles:
    """(T, 2) share of the weight on the right and the left foot at `phase` (T,): handed over while both stand."""
    own = np.stack([phase, phase + 0.5], axis=-1) % 1
    return smooth_step(own / BOTH) * smooth_step((STANCE - own) / BOTH)


def foot_contact(phase: Angles) -> Angles:
    """(T, 2) 1 where a foot stands at `phase` (T,), 0 where it is in the air, and a short way up and down between."""
    own = np.stack([phase, phase + 0.5], axis=-1) % 1
    return np.maximum(smooth_step((STANCE + 0.04 - own) / 0.04), smooth_step((own - 1 + LANDING) / LANDING))


def smooth_step(part: Angles) -> Angles:
    """0 below 0, 1 above 1, and a smooth way up between; the steps at x and 1 - x add up to 1."""
    inside = np.clip(part, 0, 1)
    return inside * inside * (3 - 2 * inside)


def strides_a_second(style: GaitStyle) -> float:
    """Strides (two steps) a second."""
    return style.cadence / 120.0
