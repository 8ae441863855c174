"""What people carry, as data: bags, umbrellas and the like, and the arm that holds each."""

from dataclasses import dataclass
from typing import Literal

import numpy as np

from alignnet_common.arrays import Rgb
from synth.people.fabric import colour_rand, contrasting_rand
from synth.people.gait_style import ArmPose

CarriedKind = Literal[
    "backpack", "shoulder bag", "tote bag", "hand bag", "shopping bag", "trolley", "umbrella", "phone"
]


Side = Literal["right", "left"]


NOTHING = 0.55
"""Share of people who carry nothing."""


@dataclass(frozen=True)
class Carried:
    """Something carried. Lengths in metres."""

    kind: CarriedKind
    side: Side
    """The hand that holds it, or the side that it hangs at."""
    arm: ArmPose
    """What the arm of that side does."""
    height: float
    """Of a trolley without its handle, of an umbrella's canopy from rim to tip."""
    width: float
    """Across the back, along the leg or, of an umbrella, the canopy's diameter."""
    depth: float
    colour: Rgb
    accent: Rgb
    """Of pockets, flaps and an umbrella's every other panel."""


@dataclass(frozen=True)
class KindRow:
    """What things of one kind have in common. Ranges are (least, most) metres."""

    men: float
    """Weight of the kind among what men carry."""
    women: float
    height: tuple[float, float]
    width: tuple[float, float]
    depth: tuple[float, float]
    use: str
    """The palette's list that its colour comes from."""
    arms: tuple[ArmPose, ...]
    """What the arm may do, each as likely as the others."""


KINDS: dict[CarriedKind, KindRow] = {
    "backpack": KindRow(44, 24, (0.36, 0.5), (0.25, 0.34), (0.1, 0.19), "bags", ("swing", "swing", "swing", "strap")),
    "shoulder bag": KindRow(21, 24, (0.18, 0.32), (0.2, 0.36), (0.07, 0.13), "bags", ("swing",)),
    "tote bag": KindRow(3, 15, (0.26, 0.38), (0.28, 0.4), (0.07, 0.12), "bags", ("swing", "strap")),
    "hand bag": KindRow(3, 14, (0.18, 0.28), (0.22, 0.34), (0.09, 0.14), "bags", ("hold",)),
    "shopping bag": KindRow(12, 11, (0.26, 0.4), (0.22, 0.36), (0.1, 0.16), "shopping bags", ("hold",)),
    "trolley": KindRow(5, 4, (0.45, 0.64), (0.34, 0.44), (0.19, 0.27), "bags", ("trolley",)),
    "umbrella": KindRow(4, 5, (0.18, 0.25), (0.92, 1.1), (0.0, 0.0), "bags", ("umbrella",)),
    "phone": KindRow(10, 8, (0.15, 0.16), (0.075, 0.08), (0.012, 0.014), "shoes", ("phone-read", "phone-ear")),
}


SECONDS: tuple[CarriedKind, ...] = ("phone", "shopping bag", "trolley")
"""What a hand may hold besides a bag on the back or the shoulder."""


def thing_rand(rng: np.random.Generator, kind: CarriedKind) -> Carried:
    """Draw a thing of this kind."""
    row = KINDS[kind]
    colour = colour_rand(rng, row.use)
    return Carried(
        kind=kind,
        side="right" if rng.random() < 0.6 else "left",
        arm=row.arms[rng.integers(len(row.arms))],
        height=rng.uniform(*row.height),
        width=rng.uniform(*row.width),
        depth=rng.uniform(*row.depth),
        colour=colour,
        accent=colour if rng.random() < 0.5 else contrasting_rand(rng, row.use, colour),
    )


def carried_rand(rng: np.random.Generator, female: bool) -> tuple[Carried, ...]:
    """Draw what is carried: 45 in 100 carry something, 2 in 100 an umbrella, open in any weather and indoors as
    well, since what one carries is one's own before every camera; a sixth of the bags have company."""
    if rng.random() < NOTHING:
        return ()
    weights = np.array([row.women if female else row.men for row in KINDS.values()])
    first = thing_rand(rng, list(KINDS)[rng.choice(len(KINDS), p=weights / weights.sum())])
    if first.kind not in ("backpack", "shoulder bag", "tote bag") or rng.random() > 0.16:
        return (first,)
    second = thing_rand(rng, SECONDS[rng.integers(len(SECONDS))])
    return (first, second) if second.side != first.side or first.arm == "swing" else (first,)


def arms_of(carried: tuple[Carried, ...], drawn: tuple[ArmPose, ArmPose]) -> tuple[ArmPose, ArmPose]:
    """What the right and the left arm do: `drawn`, a habit of the person, where the hand is free."""
    free: dict[Side, ArmPose] = {
        "right": drawn[0] if drawn[0] in ("swing", "pocket") else "swing",
        "left": drawn[1] if drawn[1] in ("swing", "pocket") else "swing",
    }
    for thing in carried:
        if thing.arm != "swing":
            free[thing.side] = thing.arm
    return free["right"], free["left"]
