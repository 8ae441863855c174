"""Accessories that people carry, as data: bags, umbrellas, phones, and the arm pose that each needs."""

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

NONE_SHARE = 0.55
"""Share of people without an accessory."""


@dataclass(frozen=True)
class Carried:
    """An accessory. Lengths in metres."""

    kind: CarriedKind
    side: Side
    """Hand that holds it, or side that it hangs on."""
    arm: ArmPose
    """Pose of the arm of that side."""
    height: float
    """Height; without the handle for a trolley, of the canopy for an umbrella."""
    width: float
    """Width across the back or along the leg; diameter of the canopy for an umbrella."""
    depth: float
    colour: Rgb
    accent: Rgb
    """Colour of pockets, of flaps and of every other panel of an umbrella."""


@dataclass(frozen=True)
class CarriedRow:
    """Parameters of one kind of accessory. Ranges are (smallest, largest) in metres."""

    men: float
    """Relative frequency of the kind among men."""
    women: float
    """Relative frequency of the kind among women."""
    height: tuple[float, float]
    width: tuple[float, float]
    depth: tuple[float, float]
    use: str
    """List of the palette that its colours are drawn from."""
    arms: tuple[ArmPose, ...]
    """Poses of the arm, equally likely; one listed twice is twice as likely."""


ACCESSORIES: dict[CarriedKind, CarriedRow] = {
    "backpack": CarriedRow(
        44, 24, (0.36, 0.5), (0.25, 0.34), (0.1, 0.19), "bags", ("swing", "swing", "swing", "strap")
    ),
    "shoulder bag": CarriedRow(21, 24, (0.18, 0.32), (0.2, 0.36), (0.07, 0.13), "bags", ("swing",)),
    "tote bag": CarriedRow(3, 15, (0.26, 0.38), (0.28, 0.4), (0.07, 0.12), "bags", ("swing", "strap")),
    "hand bag": CarriedRow(3, 14, (0.18, 0.28), (0.22, 0.34), (0.09, 0.14), "bags", ("hold",)),
    "shopping bag": CarriedRow(12, 11, (0.26, 0.4), (0.22, 0.36), (0.1, 0.16), "shopping bags", ("hold",)),
    "trolley": CarriedRow(5, 4, (0.45, 0.64), (0.34, 0.44), (0.19, 0.27), "bags", ("trolley",)),
    "umbrella": CarriedRow(4, 5, (0.18, 0.25), (0.92, 1.1), (0.0, 0.0), "bags", ("umbrella",)),
    "phone": CarriedRow(10, 8, (0.15, 0.16), (0.075, 0.08), (0.012, 0.014), "shoes", ("phone-read", "phone-ear")),
}
SECOND_KINDS: tuple[CarriedKind, ...] = ("phone", "shopping bag", "trolley")
"""Accessories that are combined with a bag on the back or the shoulder."""


def accessory_rand(rng: np.random.Generator, kind: CarriedKind) -> Carried:
    """Draw an accessory of this kind."""
    row = ACCESSORIES[kind]
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
    """Draw the accessories of a person: 45 % carry something, a sixth of those with a bag something else too.

    Umbrellas (2 % of people) are open in any weather and indoors, because accessories are part of the identity and the
    same in front of every camera.
    """
    if rng.random() < NONE_SHARE:
        return ()
    weights = np.array([row.women if female else row.men for row in ACCESSORIES.values()])
    first = accessory_rand(rng, list(ACCESSORIES)[rng.choice(len(ACCESSORIES), p=weights / weights.sum())])
    if first.kind not in ("backpack", "shoulder bag", "tote bag") or rng.random() > 0.16:
        return (first,)
    second = accessory_rand(rng, SECOND_KINDS[rng.integers(len(SECOND_KINDS))])
    return (first, second) if second.side != first.side or first.arm == "swing" else (first,)


def arms_of(carried: tuple[Carried, ...], drawn: tuple[ArmPose, ArmPose]) -> tuple[ArmPose, ArmPose]:
    """Poses of the right and the left arm: those of the accessories, or the habit `drawn` for a free hand."""
    free: dict[Side, ArmPose] = {
        "right": drawn[0] if drawn[0] in ("swing", "pocket") else "swing",
        "left": drawn[1] if drawn[1] in ("swing", "pocket") else "swing",
    }
    for item in carried:
        if item.arm != "swing":
            free[item.side] = item.arm
    return free["right"], free["left"]
