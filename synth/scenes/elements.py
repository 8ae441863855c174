"""Where a clip happens: ground, things, occluders and light, as pure data. `synth.scenes.families` draws them.

Coordinates as in `synth.cameras.camera`: the person passes the origin, the camera stands at negative Y. A place is
built around that line of sight, so nothing hides the person but the occluders, which are put there on purpose.
"""

from dataclasses import dataclass
from typing import Literal

from alignnet_common.arrays import Rgb, Vector

Family = Literal["street", "crossing", "plaza", "park", "market", "hall", "corridor", "shops", "station", "car park"]
Kind = Literal[
    "plain",
    "speckled",
    "asphalt",
    "grass",
    "tiles",
    "checks",
    "slabs",
    "bricks",
    "planks",
    "cobbles",
    "windows",
    "glass",
    "shutter",
    "stripes",
    "blocks",
    "foliage",
]
Shape = Literal["box", "rounded", "cylinder", "ball", "ring", "leaves"]


@dataclass(frozen=True)
class Surface:
    """A material of the place. Colours are linear RGB in 0..1."""

    kind: Kind
    colour: Rgb
    accent: Rgb
    """Joints, panes, cracks, every second stripe or check, light blades and leaves: what the kind has beside its
    colour. Of `blocks` it is the colour of the gaps; the blocks vary about `colour`."""
    scale: float
    """Size of a tile, brick, window, stripe, block or speckle, metres."""
    roughness: float
    yaw: float = 0.0
    """Degrees that the pattern is turned on its surface."""
    wear: float = 0.38
    """Depth of stains and dirt: 0 spotless, 1 filthy."""
    wet: float = 0.0
    """Share of the surface under a film of water, 0..1: darker, and a mirror."""
    glow: float = 0.0
    """Light that it gives off itself, in units of the sky's radiance: lamps, signs, lit windows."""


@dataclass(frozen=True)
class Solid:
    """A simple body, of a few of which everything is made: walls, benches, cars, trees, painted lines."""

    centre: Vector
    size: Vector
    """Metres along its own axes."""
    yaw: float
    """Degrees about the vertical, turned last."""
    surface: Surface
    shape: Shape = "box"
    """`rounded` is a box of soft edges; a `ring` lies flat, as thick as it is high; `leaves` are an
    ellipsoid of single leaves that light falls through."""
    pitch: float = 0.0
    """Degrees about its own X, turned first."""
    roll: float = 0.0
    """Degrees about its own Y, turned second."""
    taper: float = 1.0
    """Width of its upper end over that of its lower one: a car's cabin is a box of 0.8, a traffic cone a cylinder
    of 0.1."""
    count: int = 1
    """Copies in a row: columns, stripes of a crossing, bars of a fence."""
    step: Vector = (0.0, 0.0, 0.0)
    """From one copy to the next, metres; the first is at `centre`."""


@dataclass(frozen=True)
class Lamp:
    """A square lamp."""

    position: Vector
    strength: float
    """Watts, in Blender's sense."""
    colour: Rgb
    size: float
    """Metres along an edge: small lamps cast hard shadows."""
    aim: Vector = (0.0, 0.0, 0.0)
    """The point it faces; straight below it, it is a ceiling's."""


@dataclass(frozen=True)
class Light:
    """Sun and sky outdoors, lamps indoors and at night. The sun's strength is Blender's (W/m²)."""

    sun: float
    sun_colour: Rgb
    sun_elevation: float
    """Degrees above the horizon."""
    sun_azimuth: float
    """Degrees about the vertical; 0 shines from behind the camera."""
    sun_size: float
    """Angular diameter in degrees: 0.5 is a clear sky, more is haze with softer shadows."""
    sky: float
    sky_colour: Rgb
    horizon_colour: Rgb
    lamps: tuple[Lamp, ...]
    haze: float = 0.0
    """Fog: the share of light lost a metre. What is lost is replaced by the horizon's light."""

    @property
    def indoors(self) -> bool:
        """Whether it is a room's, of which some lamps hang from the ceiling."""
        return any(lamp.aim[:2] == lamp.position[:2] for lamp in self.lamps)


@dataclass(frozen=True)
class Place:
    """Everything around the person."""

    family: Family
    ground: Surface
    solids: tuple[Solid, ...]
    occluders: tuple[Solid, ...]
    light: Light
    shades: tuple[Solid, ...] = ()
    """Things off screen (trees, houses, wires) that only their shadows tell of: the camera does not see them."""
