"""How a person walks: a style that belongs to the identity, and the joint angles it gives at any moment.

Curves are Fourier series over the stride, `a0 + sum_k a_k cos(k phi) + b_k sin(k phi)`, k up to 5, fitted to the
normative curves in `assets/gait.json` (source named there). The left leg runs half a stride behind the right.
"""

import functools
import json
from dataclasses import dataclass

import numpy as np

from alignnet_common.arrays import Floats
from alignnet_common.files import asset
from synth.people.gait_style import GaitStyle

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


@dataclass(frozen=True)
class JointAngles:
    """Floats over T frames, each (T,) or (T, 2) for (right, left), in degrees.

    Flexion moves a thigh, a forearm or the head forward or up; `swing` moves an arm forward.
    """

    hip: Floats
    knee: Floats
    ankle: Floats
    swing: Floats
    elbow: Floats
    pelvis_list: Floats
    pelvis_turn: Floats
    trunk_turn: Floats
    trunk_sway: Floats
    """Lean of the trunk to the left."""
    shift: Floats
    """How far the legs lean, as the pelvis moves over the left (+) or the right foot."""
    nod: Floats
    """How far the head looks down."""


@functools.cache
def normative_series() -> dict[str, Floats]:
    """Fourier coefficients (2 * HARMONICS + 1,) of the hip, knee and ankle: a0, a1, b1, a2, b2, ... in degrees."""
    curves = json.loads(CURVES.read_text())
    return {joint: _fit(np.asarray(curves[joint], dtype=float)) for joint in ("hip", "knee", "ankle")}


def _basis(phase: Floats) -> Floats:
    """(..., 2 * HARMONICS + 1) Fourier basis at `phase` in strides (1 = one whole stride)."""
    turns = 2 * np.pi * np.arange(1, HARMONICS + 1) * phase[..., None]
    waves = np.stack([np.cos(turns), np.sin(turns)], axis=-1).reshape(*phase.shape, -1)
    return np.concatenate([np.ones((*phase.shape, 1)), waves], axis=-1)


def _fit(curve: Floats) -> Floats:
    """Least-squares Fourier coefficients of a curve sampled evenly over one stride."""
    phase = np.arange(len(curve)) / len(curve)
    return np.linalg.lstsq(_basis(phase), curve, rcond=None)[0]


def joint_angles(
    style: GaitStyle, phase: Floats, amplitude: Floats | float = 1.0, stepping: Floats | float = 1.0
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


def foot_pitch(angles: JointAngles) -> Floats:
    """(T, 2) degrees that each heel is above the toes: what hip, knee and ankle add up to, flat in mid-stance."""
    pitch = PELVIC_TILT - angles.hip + angles.knee - angles.ankle - HEEL
    return pitch - FLAT * np.tanh(pitch / FLAT)


def foot_load(phase: Floats) -> Floats:
    """(T, 2) share of the weight on the right and the left foot at `phase` (T,): handed over while both stand."""
    own = np.stack([phase, phase + 0.5], axis=-1) % 1
    return smooth_step(own / BOTH) * smooth_step((STANCE - own) / BOTH)


def foot_contact(phase: Floats) -> Floats:
    """(T, 2) 1 where a foot stands at `phase` (T,), 0 where it is in the air, and a short way up and down between."""
    own = np.stack([phase, phase + 0.5], axis=-1) % 1
    return np.maximum(smooth_step((STANCE + 0.04 - own) / 0.04), smooth_step((own - 1 + LANDING) / LANDING))


def smooth_step(part: Floats) -> Floats:
    """0 below 0, 1 above 1, and a smooth way up between; the steps at x and 1 - x add up to 1."""
    inside = np.clip(part, 0, 1)
    return inside * inside * (3 - 2 * inside)


def strides_a_second(style: GaitStyle) -> float:
    """Strides (two steps) a second."""
    return style.cadence / 120.0
