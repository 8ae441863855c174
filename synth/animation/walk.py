"""What a person does before a camera: where they go, when they stop, what they look at; in figures, frame by frame.

How they do it is `synth.animation.gait`'s and the same before every camera.
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np

from alignnet_common.arrays import Floats
from synth.animation.gait import smooth_step, strides_a_second
from synth.animation.pose import Posture
from synth.animation.retargeting import Recording, Take, recorded_posture, take_rand
from synth.people.gait_style import GaitStyle

Kind = Literal["straight", "turning", "slowing", "standing", "talking"]
KINDS: tuple[Kind, ...] = ("straight", "turning", "slowing", "standing", "talking")
SHARES = (0.36, 0.38, 0.10, 0.08, 0.08)
"""How often each kind is drawn: most people walk by. Those who turn are seen from more sides, which a set of two clips
a person is short of."""
STOPPING = 1.0
"""Strides over which a walk dies down to a stand."""


@dataclass(frozen=True)
class Walk:
    """What a person does in one sighting; where this file says clip, that is meant."""

    heading: float
    """Direction of walking in degrees about the vertical, in mid-clip; 0 walks towards the camera, 90 to its right.
    Someone who stands faces there, also who talks: to somebody whom the camera does not see."""
    turn: float
    """Degrees a second that the path bends."""
    phase: float
    """Where in the stride the clip starts, 0..1; of someone who stands, where in their sway."""
    kind: Kind = "straight"
    pace: float = 1.0
    """Stride and cadence as a fraction of the person's own; 0 stands."""
    stop: float = 0.0
    """Slowing: when the person comes to a stand, as a fraction of the clip. A single frame is of the last half
    stride."""
    look: float = 0.0
    """Degrees that the head is turned to the left, on average."""
    glance: float = 0.0
    """Degrees that the head turns to and fro."""
    gesture: tuple[float, float] = (0.0, 0.0)
    """How lively the right and the left forearm talk, 0..1."""
    take: Take | None = None
    """A recorded motion in place of the gait; `heading` is then its direction in mid-clip."""


def walk_rand(rng: np.random.Generator, recordings: tuple[Recording, ...] = (), seconds: float = 0.0) -> Walk:
    """Draw a walk: 74 % walk by, straight or turning; 10 % slow to a stand, 8 % stand, 8 % talk to someone.

    With `recordings`, a clip of `seconds` plays one of them instead, from a random moment. All directions are equally
    likely.
    """
    kind = KINDS[rng.choice(len(KINDS), p=SHARES)]
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
        # Who walks beside a partner looks across at them; who stands faces them.
        look = side * rng.uniform(25, 50) if walks else rng.normal(0, 8)
        return Walk(heading, drift * walks, phase, kind, 0.85 * walks, look=look, glance=5.0, gesture=(right, left))
    return Walk(heading, drift, phase, kind, glance=glance)


@dataclass(frozen=True)
class Timeline:
    """A walk over T frames, each (T,) unless said."""

    phase: Floats
    """Strides since a right heel strike."""
    heading: Floats
    """Radians about +Z; 0 walks along -Y."""
    turning: Floats
    """Degrees a second by which the heading grows."""
    amplitude: Floats
    """0 stands, 1 walks at full stride."""
    stepping: Floats
    """0 keeps both feet on the ground, 1 lifts them by turns."""
    shift: Floats
    """Weight of someone who stands: -1 over the right foot, 1 over the left."""
    breath: Floats
    """-1 out, 1 in."""
    look: Floats
    """Degrees that the head is turned to the left."""
    nod: Floats
    """Degrees that the head looks further down."""
    gesture: Floats
    """(T, 2) how far the right and the left forearm are raised to talk, 0..1."""
    wave: Floats
    """(T, 2) -1..1: their movement meanwhile."""
    posture: Posture | None = None
    """Recorded posture, in place of the gait's."""


def steady(phase: Floats, heading: Floats) -> Timeline:
    """Walking at full stride, and nothing else, at `phase` (T,) and `heading` (T,)."""
    still, both = np.zeros(len(phase)), np.zeros((len(phase), 2))
    return Timeline(phase, heading, still, still + 1, still + 1, still, still, still, still, both, both)


def timeline(walk: Walk, style: GaitStyle, frames: int, fps: float) -> Timeline:
    """`walk` in this person's style, frame by frame."""
    seconds = np.arange(frames) / fps
    start = 2 * np.pi * walk.phase

    def wave(hertz: float, shift: float = 0.0) -> Floats:
        """A sine over the clip."""
        return np.sin(2 * np.pi * (hertz * seconds + shift) + start)

    if walk.kind == "slowing":
        phase, amplitude, stepping = slowing(walk, style, seconds)
    else:
        # At a slower pace both the steps and their number fall, about alike.
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
    """Phase, amplitude and stepping (T,) of a walk that dies down to a stand, at `seconds` (T,) of the clip.

    Over the last stride the steps grow short and slow. The person stands where a step ends, with the feet side by side,
    at about `walk.stop` of the clip.
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
