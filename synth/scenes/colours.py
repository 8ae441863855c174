"""Random colours of streets and rooms, in linear RGB."""

import numpy as np

from alignnet_common.arrays import Rgb


def grey_rand(rng: np.random.Generator, low: float, high: float, tint: float = 0.06) -> Rgb:
    """Draw a nearly neutral colour of brightness `low` to `high`; `tint`: standard deviation of its warmth."""
    warmth = rng.normal(0, tint)
    red, green, blue = np.clip(
        rng.uniform(low, high) * np.array([1 + warmth, 1 + rng.normal(0, 0.02), 1 - warmth]), 0, 1
    )
    return float(red), float(green), float(blue)


def paint_rand(rng: np.random.Generator) -> Rgb:
    """Draw a colour of doors, bins and awnings: half are grey, the rest muted."""
    if rng.random() < 0.5:
        return grey_rand(rng, 0.03, 0.6)
    colour = rng.uniform(0.02, 0.45, 3)
    red, green, blue = colour + rng.uniform(0.3, 0.8) * (colour.mean() - colour)
    return float(red), float(green), float(blue)


def bright_rand(rng: np.random.Generator) -> Rgb:
    """Draw a strong, slightly faded colour of signs, plastic chairs and stalls."""
    pure = (
        (0.5, 0.03, 0.03),
        (0.6, 0.22, 0.03),
        (0.6, 0.42, 0.04),
        (0.05, 0.25, 0.08),
        (0.03, 0.1, 0.4),
        (0.03, 0.25, 0.3),
    )
    hue = np.array(pure[rng.choice(6, p=[0.27, 0.12, 0.16, 0.17, 0.2, 0.08])]) * np.exp(rng.normal(0, 0.2, 3))
    faded = np.clip(hue + rng.beta(1.2, 3.0) * (hue.mean() - hue), 0, 0.85) * rng.uniform(0.5, 1.1)
    red, green, blue = faded
    return float(red), float(green), float(blue)


def car_rand(rng: np.random.Generator) -> Rgb:
    """Draw the paint of a car: 80 % are white, black, grey or silver (Axalta, colour popularity report, 2020)."""
    if rng.random() < 0.8:
        return grey_rand(rng, *((0.5, 0.75), (0.01, 0.03), (0.08, 0.2), (0.3, 0.45))[rng.integers(4)], tint=0.03)
    return ((0.3, 0.02, 0.02), (0.03, 0.07, 0.25), (0.05, 0.12, 0.07), (0.3, 0.2, 0.1))[rng.integers(4)]


def green_rand(rng: np.random.Generator) -> Rgb:
    """Draw a colour of grass or leaves, from dark green to dry yellow."""
    dryness, level = rng.beta(1.5, 3.0), rng.uniform(0.05, 0.14)
    return float(level * (0.35 + 0.75 * dryness)), float(level), float(level * (0.28 + 0.1 * rng.random()))


def scaled(colour: Rgb, factor: float) -> Rgb:
    """A colour multiplied by a factor, at most 1 in each channel."""
    red, green, blue = (min(1.0, factor * channel) for channel in colour)
    return red, green, blue


def kelvin(temperature: float) -> Rgb:
    """Linear RGB of a lamp of this colour temperature (1667 to 25000 K), scaled to 1 in the brightest channel.

    Planckian locus by the cubic fit of Kim et al. (US patent 7024034, 2002). The square root approximates the white
    balance of a camera, which removes about half of the tint.
    """
    t = temperature
    if t < 4000:
        x = -0.2661239e9 / t**3 - 0.2343589e6 / t**2 + 0.8776956e3 / t + 0.179910
    else:
        x = -3.0258469e9 / t**3 + 2.1070379e6 / t**2 + 0.2226347e3 / t + 0.240390
    if t < 2222:
        y = -1.1063814 * x**3 - 1.34811020 * x**2 + 2.18555832 * x - 0.20219683
    elif t < 4000:
        y = -0.9549476 * x**3 - 1.37418593 * x**2 + 2.09137015 * x - 0.16748867
    else:
        y = 3.0817580 * x**3 - 5.87338670 * x**2 + 3.75112997 * x - 0.37001483
    to_rgb = np.array([[3.2406, -1.5372, -0.4986], [-0.9689, 1.8758, 0.0415], [0.0557, -0.2040, 1.0570]])
    light = np.clip(to_rgb @ np.array([x / y, 1.0, (1 - x - y) / y]), 0.02, None)
    red, green, blue = np.sqrt(light / light.max())
    return float(red), float(green), float(blue)
