"""The scene of a sighting as data: ground, solids, occluders and light. `synth.scenes.families` draws them.

Coordinates as in `synth.cameras.camera`: the person passes the origin, the camera is at negative Y, metres. The line of
sight is kept free, so that only occluders, which are placed on purpose, hide the person.
"""

from dataclasses import dataclass
from typing import Literal

from alignnet_common.arrays import Rgb, Vector

Family = Literal["street", "crossing", "plaza", "park", "market", "hall", "corridor", "shops", "station", "car park"]
SurfaceKind = Literal[
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
    """A material of the scene. Colours are linear RGB in 0..1."""

    kind: SurfaceKind
    colour: Rgb
    accent: Rgb
    """Second colour of the pattern: joints, panes, cracks, every second stripe or check, light blades and leaves. For
    `blocks`, the colour of the gaps; the blocks vary about `colour`."""
    scale: float
    """Size of a tile, brick, window, stripe, block or speckle, metres."""
    roughness: float
    yaw: float = 0.0
    """Rotation of the pattern on its surface, degrees."""
    wear: float = 0.38
    """Strength of stains and dirt: 0 clean, 1 filthy."""
    wet: float = 0.0
    """Share of the surface under a film of water, 0..1, which is darker and reflects."""
    glow: float = 0.0
    """Emission in units of the radiance of the sky: lamps, signs, lit windows."""


@dataclass(frozen=True)
class Solid:
    """A simple solid. Walls, benches, cars, trees and painted lines are made of a few of them."""

    centre: Vector
    size: Vector
    """Metres along the axes of the solid."""
    yaw: float
    """Degrees about the vertical; the last rotation."""
    surface: Surface
    shape: Shape = "box"
    """`rounded`: a box with rounded edges. `ring`: a flat torus, as thick as it is high. `leaves`: an ellipsoid filled
    with single leaves, through which light falls."""
    pitch: float = 0.0
    """Degrees about X; the first rotation."""
    roll: float = 0.0
    """Degrees about Y; the second rotation."""
    taper: float = 1.0
    """Width of the upper end over that of the lower one: about 0.8 for the cabin of a car, 0.1 for a traffic cone."""
    count: int = 1
    """Number of copies in a row: columns, stripes of a crossing, bars of a fence."""
    step: Vector = (0.0, 0.0, 0.0)
    """Metres from one copy to the next; the first is at `centre`."""


@dataclass(frozen=True)
class Lamp:
    """A square area lamp."""

    position: Vector
    strength: float
    """Power in watts, as defined by Blender."""
    colour: Rgb
    size: float
    """Length of an edge, metres: small lamps cast hard shadows."""
    aim: Vector = (0.0, 0.0, 0.0)
    """Point that the lamp faces; straight below a ceiling lamp."""


@dataclass(frozen=True)
class Light:
    """Sun and sky outdoors, lamps indoors and at night. `sun` is the irradiance of Blender in W/m²."""

    sun: float
    sun_colour: Rgb
    sun_elevation: float
    """Degrees above the horizon."""
    sun_azimuth: float
    """Degrees about the vertical; 0: from behind the camera."""
    sun_size: float
    """Angular diameter, degrees: 0.5 in a clear sky, more in haze, with softer shadows."""
    sky: float
    sky_colour: Rgb
    horizon_colour: Rgb
    lamps: tuple[Lamp, ...]
    haze: float = 0.0
    """Fog: share of the light lost a metre, replaced by that of the horizon."""

    @property
    def indoors(self) -> bool:
        """Whether the light is that of a room: at least one lamp points straight down."""
        return any(lamp.aim[:2] == lamp.position[:2] for lamp in self.lamps)


@dataclass(frozen=True)
class Place:
    """A scene: everything around the person."""

    family: Family
    ground: Surface
    solids: tuple[Solid, ...]
    occluders: tuple[Solid, ...]
    light: Light
    shades: tuple[Solid, ...] = ()
    """Objects outside the image (trees, houses, poles) that cast shadows but are invisible to the camera."""
