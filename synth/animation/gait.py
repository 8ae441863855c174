"""Joint angles of a gait style over the stride, and the ground contact of the feet.

Curves are Fourier series over the stride, `a0 + sum_k a_k cos(k phi) + b_k sin(k phi)`, k up to 5, fitted to the
normative curves in `assets/gait.json` (source named there). The left leg is half a stride behind the right one. Phases
are in strides, counted from a right heel strike.
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
"""Forward tilt of the pelvis of a person who stands upright, degrees. Hip angles are relative to the pelvis, so a thigh
hangs straight down at this angle, not at 0. With this value the foot is flat in mid-stance to within 3 degrees."""
HEEL = 1.25
"""Degrees by which the sum of the hip, knee and ankle curves puts the heel too high in mid-stance."""
FLAT = 1.75
"""Degrees of foot pitch, up or down, that the sole absorbs before heel or toes leave the ground."""
STANDING = {"hip": PELVIC_TILT + 1.5, "knee": 3.0, "ankle": 1.5 - HEEL}
"""Joint angles of relaxed standing, degrees."""
STANCE, BOTH = 0.58, 0.08
"""Stance and double support as fractions of the stride. The people behind the curves had 0.605 and 0.105. Slightly
lower values suit the mean curves, which move the feet apart in double support: knees then stay within 13 degrees of the
curves, 3 on average."""
LANDING = 0.05
"""Fraction of the stride before heel strike in which the foot is lowered to the ground."""


@dataclass(frozen=True)
class JointAngles:
    """Joint angles over T frames in degrees, (T,) or (T, 2) for (right, left).

    Positive flexion moves a thigh or a forearm forward and up; positive `swing` moves an arm forward.
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
    """Lateral lean of the trunk, positive to the left."""
    shift: Floats
    """Lateral lean of the legs while the pelvis moves over the left (+) or the right foot."""
    nod: Floats
    """Downward pitch of the head."""


@functools.cache
def normative_series() -> dict[str, Floats]:
    """Fourier coefficients (2 * HARMONICS + 1,) of hip, knee and ankle: a0, a1, b1, a2, b2, ... in degrees."""
    curves = json.loads(CURVES.read_text())
    return {joint: _fit(np.asarray(curves[joint], dtype=float)) for joint in ("hip", "knee", "ankle")}


def _basis(phase: Floats) -> Floats:
    """(..., 2 * HARMONICS + 1) Fourier basis at `phase` (...) in strides."""
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
    """Joint angles of `style` at `phase` (T,).

    `amplitude`: (T,), 0 standing to 1 full stride. `stepping`: (T,), 0 both feet stay on the ground, 1 feet are lifted.
    """
    series = normative_series()
    legs = np.stack([phase, phase + 0.5], axis=-1)
    basis = _basis(legs)
    full, lift = (np.broadcast_to(part, phase.shape)[:, None] for part in (amplitude, stepping))
    stride = style.stride * (1 + np.array([0.5, -0.5]) * style.asymmetry)
    hip_mean, knee_mean = series["hip"][0], series["knee"][0]
    # Only the excursion about the mean is scaled, so that the body is upright with a short stride too.
    hip = hip_mean + stride * (basis @ series["hip"] - hip_mean)
    knee = np.maximum(knee_mean + style.knee * (basis @ series["knee"] - knee_mean), 0.0)
    ankle = style.stride * (basis @ series["ankle"])
    # An arm swings with the opposite leg, half a stride after its own.
    opposite = full * np.cos(2 * np.pi * (legs + 0.5))
    arm_swing = style.arm_swing * (1 + np.array([0.5, -0.5]) * style.arm_asymmetry)
    step = full[:, 0]
    turn = step * style.pelvis_turn * np.cos(2 * np.pi * phase)
    # The load on a foot peaks slightly more than a quarter of a stride after its heel strike.
    over_left = -step * np.sin(2 * np.pi * (phase - 0.05))
    return JointAngles(
        hip=STANDING["hip"] + full * (hip - STANDING["hip"]),
        # The foot is lifted in a short step too.
        knee=STANDING["knee"] + lift * (0.4 + 0.6 * full) * (knee - STANDING["knee"]),
        ankle=STANDING["ankle"] + full * (ankle - STANDING["ankle"]),
        swing=arm_swing * opposite - 2.0,
        elbow=style.elbow + 0.4 * arm_swing * np.maximum(opposite, -0.3),
        # The pelvis drops on the side of the swing leg, just after heel strike of the stance leg.
        pelvis_list=step * style.pelvis_list * np.sin(2 * np.pi * phase),
        pelvis_turn=turn,
        trunk_turn=-0.9 * turn,
        trunk_sway=style.sway * over_left,
        shift=1.2 * over_left,
        nod=style.head_pitch + step * style.bob * np.cos(4 * np.pi * phase),
    )


def foot_pitch(angles: JointAngles) -> Floats:
    """(T, 2) degrees that the heel is above the toes: the sum of hip, knee and ankle, 0 in mid-stance."""
    pitch = PELVIC_TILT - angles.hip + angles.knee - angles.ankle - HEEL
    return pitch - FLAT * np.tanh(pitch / FLAT)


def foot_load(phase: Floats) -> Floats:
    """(T, 2) share of the weight on the right and the left foot at `phase` (T,); it changes over in double support."""
    own = np.stack([phase, phase + 0.5], axis=-1) % 1
    return smooth_step(own / BOTH) * smooth_step((STANCE - own) / BOTH)


def foot_contact(phase: Floats) -> Floats:
    """(T, 2) contact of the feet at `phase` (T,): 1 on the ground, 0 in the air, smooth in between."""
    own = np.stack([phase, phase + 0.5], axis=-1) % 1
    return np.maximum(smooth_step((STANCE + 0.04 - own) / 0.04), smooth_step((own - 1 + LANDING) / LANDING))


def smooth_step(part: Floats) -> Floats:
    """Cubic smoothstep: 0 below 0, 1 above 1; f(x) + f(1 - x) = 1."""
    inside = np.clip(part, 0, 1)
    return inside * inside * (3 - 2 * inside)


def strides_a_second(style: GaitStyle) -> float:
    """Strides (two steps) a second."""
    return style.cadence / 120.0
