"""Walks: path, stops, gaze and gestures of a person in one sighting, and their values in every frame.

The gait style, which is the same in front of every camera, is in `synth.people.gait_style` and `synth.animation.gait`.
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np

from alignnet_common.arrays import Floats
from synth.animation.gait import smooth_step, strides_a_second
from synth.animation.pose import Posture
from synth.animation.retargeting import Recording, Take, recorded_posture, take_rand
from synth.people.gait_style import GaitStyle

WalkKind = Literal["straight", "turning", "slowing", "standing", "talking"]
WALK_KINDS: tuple[WalkKind, ...] = ("straight", "turning", "slowing", "standing", "talking")
WALK_SHARES = (0.36, 0.38, 0.10, 0.08, 0.08)
"""Probability of each kind. Turning is frequent because it shows a person from more sides, and a set has only two clips
a person."""
STOPPING = 1.0
"""Strides over which a walk slows to a stop."""


@dataclass(frozen=True)
class Walk:
    """Motion of a person in one sighting, which is called clip below."""

    heading: float
    """Direction of walking, or of facing while standing, in mid-clip: degrees about the vertical, 0 towards the camera,
    90 to its right."""
    turn: float
    """Turning rate of the path, degrees a second."""
    phase: float
    """Phase of the stride, or of the sway of a standing person, at the start of the clip, 0..1."""
    kind: WalkKind = "straight"
    pace: float = 1.0
    """Amplitude of the gait as a fraction of the style's; 0 stands. Cadence is scaled by its square root."""
    stop: float = 0.0
    """For "slowing": time of the stop as a fraction of the clip. A clip of one frame shows the last half stride."""
    look: float = 0.0
    """Mean turn of the head, degrees to the left."""
    glance: float = 0.0
    """Amplitude of the turning of the head, degrees."""
    gesture: tuple[float, float] = (0.0, 0.0)
    """Strength of the gestures of the right and the left forearm, 0..1."""
    take: Take | None = None
    """Motion capture in place of the gait; `heading` is then its direction in mid-clip."""


def walk_rand(rng: np.random.Generator, recordings: tuple[Recording, ...] = (), seconds: float = 0.0) -> Walk:
    """Draw a walk: 74 % straight or turning, 10 % slowing to a stop, 8 % standing, 8 % talking. Headings are uniform.

    With `recordings`, a clip of `seconds` plays one of them from a random moment instead.
    """
    kind = WALK_KINDS[rng.choice(len(WALK_KINDS), p=WALK_SHARES)]
    heading, phase, side = rng.uniform(-180, 180), rng.uniform(), float(rng.choice([-1, 1]))
    drift, glance, stop = rng.normal(0, 3), rng.uniform(0, 8), rng.uniform(0.5, 0.95)
    if recordings:
        return Walk(heading, 0.0, phase, take=take_rand(rng, recordings, seconds))
    if kind == "turning":
        return Walk(heading, side * rng.uniform(15, 65), phase, kind, glance=glance)
    if kind == "slowing":
        return Walk(heading, drift, phase, kind, stop=stop, glance=glance)
    if kind == "standing":
        return Walk(heading, 0.0, phase, kind, pace=0.0, look=rng.normal(0, 12), glance=rng.uniform(5, 25))
    if kind == "talking":
        gesture = (rng.uniform(0.3, 1.0), rng.uniform(-0.6, 1.0))[:: int(side)]
        right, left = (max(0.0, part) for part in gesture)
        walks = rng.random() < 0.4
        # A walking person looks across at the partner; a standing one faces the partner.
        look = side * rng.uniform(25, 50) if walks else rng.normal(0, 8)
        return Walk(heading, drift * walks, phase, kind, 0.85 * walks, look=look, glance=5.0, gesture=(right, left))
    return Walk(heading, drift, phase, kind, glance=glance)


@dataclass(frozen=True)
class Timeline:
    """A walk over T frames; arrays are (T,) unless noted."""

    phase: Floats
    """Phase in strides, from a right heel strike."""
    heading: Floats
    """Radians about +Z, 0 along -Y."""
    turning: Floats
    """Turning rate, degrees a second."""
    amplitude: Floats
    """0 standing to 1 full stride."""
    stepping: Floats
    """0 both feet stay on the ground, 1 feet are lifted."""
    shift: Floats
    """Shift of the weight while standing: -1 over the right foot, 1 over the left."""
    breath: Floats
    """Breathing: -1 out, 1 in."""
    look: Floats
    """Turn of the head, degrees to the left."""
    nod: Floats
    """Added downward pitch of the head, degrees."""
    gesture: Floats
    """(T, 2) raising of the right and the left forearm in a gesture, 0..1."""
    wave: Floats
    """(T, 2) movement of the raised forearms, -1..1."""
    posture: Posture | None = None
    """Motion capture in place of the gait."""


def steady(phase: Floats, heading: Floats) -> Timeline:
    """Walking at full stride without gestures or glances, at `phase` (T,) strides and `heading` (T,) radians."""
    still, both = np.zeros(len(phase)), np.zeros((len(phase), 2))
    return Timeline(phase, heading, still, still + 1, still + 1, still, still, still, still, both, both)


def timeline(walk: Walk, style: GaitStyle, frames: int, fps: float) -> Timeline:
    """The values of `walk` in gait style `style` for `frames` frames at `fps`."""
    seconds = np.arange(frames) / fps
    start = 2 * np.pi * walk.phase

    def wave(hertz: float, shift: float = 0.0) -> Floats:
        """(T,) sine of this frequency; `shift` in periods."""
        return np.sin(2 * np.pi * (hertz * seconds + shift) + start)

    if walk.kind == "slowing":
        phase, amplitude, stepping = slowing(walk, style, seconds)
    else:
        phase = walk.phase + strides_a_second(style) * np.sqrt(walk.pace) * seconds
        amplitude, stepping = np.full(frames, walk.pace), np.full(frames, float(walk.pace > 0))
    turned = np.cumsum(walk.turn * amplitude) / fps
    talk = np.array(walk.gesture) * (0.7 + 0.3 * np.stack([wave(0.31), wave(0.27, 0.4)], axis=-1))
    lively = np.stack([wave(1.1, 0.1), wave(0.9, 0.6)], axis=-1) + np.stack([wave(1.9), wave(1.7, 0.3)], axis=-1)
    return Timeline(
        phase=phase,
        heading=np.radians(walk.heading + turned - turned.mean()),
        turning=walk.turn * amplitude,
        amplitude=amplitude,
        stepping=stepping,
        shift=(1 - smooth_step(amplitude)) * (0.7 * wave(0.17) + 0.3 * wave(0.39, 0.3)),
        breath=wave(0.28, 0.2),
        look=walk.look + walk.glance * (0.75 * wave(0.21, 0.5) + 0.25 * wave(0.53)),
        nod=(4.0 * wave(0.8, 0.7) + 2.0 * wave(1.5)) * max(walk.gesture),
        gesture=talk,
        wave=lively / 2,
        posture=None if walk.take is None else recorded_posture(walk.take, frames, fps),
    )


def slowing(walk: Walk, style: GaitStyle, seconds: Floats) -> tuple[Floats, Floats, Floats]:
    """Phase, amplitude and stepping (T,) of a walk that slows to a stop, at `seconds` (T,) of the clip.

    Steps become shorter and slower over the last STOPPING strides. The stop is at the end of a step, with the feet side
    by side, at about the fraction `walk.stop` of the clip.
    """
    rate = strides_a_second(style)
    left = np.linspace(0, STOPPING, 101)  # strides to go
    slower = 0.55 + 0.45 * smooth_step(left / STOPPING)
    until = np.concatenate([[0], np.cumsum(np.diff(left) / (rate * (slower[1:] + slower[:-1]) / 2))])  # seconds to go
    wanted = walk.stop * seconds[-1]
    ahead = np.interp(wanted, until, left) + max(wanted - until[-1], 0) * rate
    end = max(np.round(2 * (walk.phase + ahead)), np.ceil(2 * walk.phase)) / 2  # a heel strike
    ahead = end - walk.phase
    stands = np.interp(ahead, left, until) + max(ahead - STOPPING, 0) / rate
    remaining = np.maximum(stands - seconds, 0)
    togo = np.interp(remaining, until, left) + np.maximum(remaining - until[-1], 0) * rate
    return end - togo, smooth_step(togo / STOPPING), smooth_step(togo / 0.2)
