"""Light and weather: day, dusk, night and indoors, and shadows of objects outside the image."""

import numpy as np

from alignnet_common.arrays import Rgb, Vector
from synth.scenes.colours import grey_rand, kelvin, scaled
from synth.scenes.elements import Lamp, Light, Solid, Surface
from synth.scenes.props import coat

BLACK: Rgb = (0.0, 0.0, 0.0)
LEAVES = Surface("plain", (0.05, 0.08, 0.03), BLACK, 0.28, 1.0)
"""Foliage of trees outside the image, in coarse clumps: only their shadows are visible."""


def outdoors_rand(rng: np.random.Generator) -> Light:
    """Draw outdoor light: clear 46 %, overcast 40 %, dusk 7 %, night 7 %. Daylight transfers best to real cameras."""
    kind = rng.choice(["clear", "overcast", "dusk", "night"], p=[0.46, 0.4, 0.07, 0.07])
    return {"clear": clear_rand, "overcast": overcast_rand, "dusk": dusk_rand, "night": night_rand}[kind](rng)


def haze_rand(rng: np.random.Generator, share: float) -> float:
    """Draw the fog: light lost a metre, in a `share` of draws half of it after 50 to 300 m, otherwise none."""
    return float(np.log(2) / np.exp(rng.uniform(np.log(50), np.log(300)))) if rng.random() < share else 0.0


def clear_rand(rng: np.random.Generator) -> Light:
    """Clear sky; a low sun is warm, a high one white."""
    elevation = rng.uniform(12, 68)
    warmth = float(np.interp(elevation, [12, 40, 68], [0.4, 0.1, 0.0]))
    blue = rng.uniform(0.12, 0.42)
    return Light(
        sun=rng.uniform(1.2, 3.6),
        sun_colour=(1.0, 1 - 0.5 * warmth, 1 - warmth),
        sun_elevation=elevation,
        sun_azimuth=rng.uniform(-180, 180),
        sun_size=rng.uniform(0.5, 3),
        sky=rng.uniform(0.5, 1.1),
        sky_colour=(1 - blue, 1 - 0.5 * blue, 1.0),
        horizon_colour=grey_rand(rng, 0.75, 1.0, 0.05),
        lamps=(),
        haze=haze_rand(rng, 0.08),
    )


def overcast_rand(rng: np.random.Generator) -> Light:
    """Overcast sky with a weak, diffuse sun."""
    blue = rng.uniform(0.0, 0.15)
    return Light(
        sun=rng.uniform(0.0, 0.9),
        sun_colour=(1.0, 1.0, 1.0),
        sun_elevation=rng.uniform(25, 75),
        sun_azimuth=rng.uniform(-180, 180),
        sun_size=rng.uniform(10, 45),
        sky=rng.uniform(0.7, 1.2),
        sky_colour=(1 - blue, 1 - 0.5 * blue, 1.0),
        horizon_colour=grey_rand(rng, 0.75, 1.0, 0.05),
        lamps=(),
        haze=haze_rand(rng, 0.15),
    )


def dusk_rand(rng: np.random.Generator) -> Light:
    """Dusk: a low or set sun, coloured sky, some with a street lamp."""
    warmth = rng.uniform(0.3, 0.7)
    lamps = tuple(street_lamp_rand(rng) for _ in range(int(rng.integers(0, 2))))
    return Light(
        sun=rng.uniform(0.0, 1.5),
        sun_colour=(1.0, 1 - 0.55 * warmth, 1 - warmth),
        sun_elevation=rng.uniform(4, 12),
        sun_azimuth=rng.uniform(-180, 180),
        sun_size=rng.uniform(0.5, 6),
        sky=rng.uniform(0.12, 0.4),
        sky_colour=(0.45, 0.55, 0.9),
        horizon_colour=(1.0, 1 - 0.5 * warmth, 1 - 0.7 * warmth),
        lamps=lamps,
        haze=haze_rand(rng, 0.15),
    )


def night_rand(rng: np.random.Generator) -> Light:
    """Night: one to three street lamps and a dim sky tinted by city light."""
    lamps = tuple(street_lamp_rand(rng) for _ in range(int(rng.integers(1, 4))))
    return Light(
        sun=0.0,
        sun_colour=(1.0, 1.0, 1.0),
        sun_elevation=45.0,
        sun_azimuth=0.0,
        sun_size=1.0,
        sky=rng.uniform(0.015, 0.05),
        sky_colour=(0.5, 0.6, 1.0),
        horizon_colour=kelvin(rng.uniform(2500, 6000)),
        lamps=lamps,
        haze=haze_rand(rng, 0.15),
    )


def street_lamp_rand(rng: np.random.Generator) -> Lamp:
    """A street lamp 3.5 to 8 m high in any direction: sodium (2300 K) or LED (3000 to 5500 K)."""
    around, away, height = rng.uniform(0, 2 * np.pi), rng.uniform(0.8, 6), rng.uniform(3.5, 8)
    temperature = 2300.0 if rng.random() < 0.35 else rng.uniform(3000, 5500)
    position = (away * float(np.sin(around)), away * float(np.cos(around)), height)
    return Lamp(position, rng.uniform(4, 10) * height**2 / 4, kelvin(temperature), 0.3, (0.0, 0.5, 0.0))


def indoors_rand(rng: np.random.Generator, half_width: float, reach: float) -> Light:
    """Draw indoor light: two or three ceiling lamps of one colour temperature (3000 to 6500 K), 35 % with window light.

    The room is `half_width` metres wide to each side and `reach` metres deep behind the person.
    """
    colour, height = kelvin(rng.uniform(3000, 6500)), rng.uniform(2.6, 4.5)
    x, spacing = rng.uniform(-0.5, 0.5) * half_width, rng.uniform(2.0, 5.0)
    start, strength = rng.uniform(-4, -1), rng.uniform(40, 160) * (height / 3) ** 2
    lamps = [
        Lamp(
            (x, start + spacing * number, height),
            strength,
            colour,
            rng.uniform(0.4, 1.8),
            (x, start + spacing * number, 0),
        )
        for number in range(int(rng.integers(2, 4)))
    ]
    if rng.random() < 0.35:
        lamps.append(window_light_rand(rng, half_width, reach))
    tint = scaled(colour, rng.uniform(0.8, 1.0))
    return Light(
        sun=0.0,
        sun_colour=(1.0, 1.0, 1.0),
        sun_elevation=60.0,
        sun_azimuth=0.0,
        sun_size=10.0,
        sky=rng.uniform(0.35, 0.9),  # light reflected by walls and ceiling
        sky_colour=tint,
        horizon_colour=tint,
        lamps=tuple(lamps),
    )


def window_light_rand(rng: np.random.Generator, half_width: float, reach: float) -> Lamp:
    """Daylight from windows at one side, or from the far end of the room towards the camera."""
    sky = kelvin(rng.uniform(5500, 9000))
    if rng.random() < 0.5:
        return Lamp((0.0, reach - 0.3, 2.2), 9 * reach**2, sky, 2.5, (0.0, 0.0, 1.0))
    side = float(rng.choice([-1, 1])) * (half_width - 0.1)
    return Lamp((side, rng.uniform(-2, 2), 2.0), 20 * half_width**2, sky, 1.8, (0.0, 0.0, 1.0))


def shades_rand(rng: np.random.Generator, light: Light) -> tuple[Solid, ...]:
    """Draw what casts a shadow on the person in 30 % of scenes with a strong, sharp sun: tree, house, poles or awning.

    The solids are between the sun and the person and not visible to the camera.
    """
    if light.sun < 0.8 or light.sun_size > 8 or rng.random() > 0.3:
        return ()
    kind = rng.choice(["tree", "house", "poles", "awning"], p=[0.5, 0.25, 0.15, 0.1])
    away = rng.uniform(3, 9)
    x, y, z = sunwards(light, away)
    grey = coat(grey_rand(rng, 0.1, 0.4))
    if kind == "tree":
        return tuple(
            Solid(
                (x + rng.normal(0, 0.9), y + rng.normal(0, 0.9), z + 0.5 + rng.normal(0, 0.5)),
                (rng.uniform(1.8, 3.0),) * 2 + (rng.uniform(1.5, 2.5),),
                rng.uniform(0, 360),
                LEAVES,
                "leaves",
            )
            for _ in range(int(rng.integers(1, 4)))
        )
    if kind == "house":
        # The edge of its shadow passes near the person.
        edge = rng.uniform(-0.8, 0.8) + float(rng.choice([-6, 6]))
        along = np.radians(light.sun_azimuth)
        centre = (x + edge * float(np.cos(along)), y + edge * float(np.sin(along)), z)
        return (Solid(centre, (12.0, 0.3, 2 * z + 12), light.sun_azimuth, grey),)
    if kind == "poles":
        gap = rng.uniform(0.15, 0.9)
        along = np.radians(light.sun_azimuth)
        step = (gap * float(np.cos(along)), gap * float(np.sin(along)), 0.0)
        first = (x - 5 * step[0], y - 5 * step[1], z)
        width = rng.uniform(0.04, 0.2)
        return (Solid(first, (width, width, 2 * z + 4), 0, grey, "cylinder", count=11, step=step),)
    return (Solid((x, y, z + rng.uniform(0.4, 1.2)), (rng.uniform(2, 5), 1.2, 0.05), light.sun_azimuth, grey),)


def sunwards(light: Light, away: float) -> Vector:
    """The point `away` metres from (0, 0, 1), the chest of the person, towards the sun."""
    elevation, azimuth = np.radians([light.sun_elevation, light.sun_azimuth])
    flat = away * float(np.cos(elevation))
    return flat * float(np.sin(azimuth)), -flat * float(np.cos(azimuth)), 1.0 + away * float(np.sin(elevation))
