"""Hair styles and colours, as data."""

from dataclasses import dataclass
from typing import Literal

import numpy as np

from alignnet_common.arrays import Rgb
from synth.people.fabric import colour_rand, palette

HairStyle = Literal["bald", "short", "bob", "long", "bun", "ponytail"]


@dataclass(frozen=True)
class Hair:
    """Hair. `length`: metres below the ears. `volume`: metres above the scalp."""

    style: HairStyle
    length: float
    volume: float
    colour: Rgb


def hair_rand(rng: np.random.Generator, female: bool, age: float) -> Hair:
    """Draw hair. `age` in units of `Phenotype`: above 0.85, 70 % have the last (grey) colour and more men are bald."""
    styles: tuple[HairStyle, ...] = ("bald", "short", "bob", "long", "bun", "ponytail")
    old = age > 0.85
    women, men = [0.0, 0.12, 0.22, 0.36, 0.12, 0.18], [0.3 if old else 0.08, 0.0, 0.04, 0.03, 0.01, 0.01]
    men[1] = 1 - sum(men)
    style = styles[rng.choice(6, p=women if female else men)]
    colour = colour_rand(rng, "hair", 0.12)
    if old and rng.random() < 0.7:
        red, green, blue = palette()["hair"][0][-1]
        colour = (float(red), float(green), float(blue))
    lengths = {"bob": rng.uniform(0.06, 0.13), "long": rng.uniform(0.18, 0.34), "ponytail": rng.uniform(0.16, 0.3)}
    return Hair(style=style, length=lengths.get(style, 0.0), volume=rng.uniform(0.008, 0.022), colour=colour)
