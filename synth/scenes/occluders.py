"""Occluders: props placed between the person and the camera on purpose."""

import numpy as np

from alignnet_common.arrays import Floats
from synth.cameras.camera import Camera, ground_distance
from synth.scenes import props
from synth.scenes.colours import grey_rand, scaled
from synth.scenes.elements import Solid, Surface
from synth.scenes.footprints import footprint

CLEARANCE = 0.45
"""Distance of an occluder from the path of the person, metres."""
HIDDEN = (0.08, 0.7)
"""Smallest and largest share of the person that an occluder hides in mid-clip."""
KINDS_TRIED, POSITIONS_TRIED = 4, 8
"""Kinds of prop, and positions of each, that are drawn before the best one is taken."""


def occluders_rand(rng: np.random.Generator, camera: Camera, path: Floats) -> tuple[Solid, ...]:
    """Draw a prop between the person and the camera that hides a share HIDDEN of the person and is off the path.

    `path`: (N, 2) metres from the position in mid-clip. Returns the solids of the prop, or the best of those tried.
    """
    kinds, shares = zip(*OCCLUDERS, strict=True)
    best: tuple[Solid, ...] = ()
    most = -1.0
    for kind in rng.choice(len(OCCLUDERS), size=KINDS_TRIED, p=shares):
        for _ in range(POSITIONS_TRIED):
            solids = placed_rand(rng, kinds[kind], camera)
            room = np.linalg.norm(footprints(solids)[:, None] - path[None], axis=-1).min()
            hides = HIDDEN[0] <= hidden_share(solids, camera) <= HIDDEN[1]
            merit = float(min(room, CLEARANCE)) + 0.3 * hides
            if merit > most:
                best, most = solids, merit
            if hides and room >= CLEARANCE:
                return solids
    return best


def placed_rand(rng: np.random.Generator, prop: props.Prop, camera: Camera) -> tuple[Solid, ...]:
    """Solids of a prop at a random position between the origin and the camera."""
    y = -rng.uniform(0.7, min(3.0, 0.55 * ground_distance(camera)))
    return tuple(props.put(prop(rng), rng.normal(0, 0.22), y, rng.choice([0.0, 180.0]) + rng.normal(0, 8)))


def footprints(solids: tuple[Solid, ...]) -> Floats:
    """(N, 2) points on the ground that the solids cover."""
    return np.concatenate([footprint(solid) for solid in solids])


def hidden_share(solids: tuple[Solid, ...], camera: Camera) -> float:
    """Approximate share of a person at the origin (0.4 m by 1.65 m) that the solids hide from the camera.

    Each solid counts as an upright board of its width and height.
    """
    distance = ground_distance(camera)
    height = camera.target_height + camera.distance * float(np.sin(np.radians(camera.pitch)))
    x, z = np.meshgrid(np.linspace(-0.2, 0.2, 9), np.linspace(0.05, 1.7, 18))
    hidden = np.zeros(x.shape, dtype=bool)
    for solid in solids:
        across, along = footprint(solid).T
        nearness = -float(along.mean()) / distance
        sight_x, sight_z = x * (1 - nearness), z + (height - z) * nearness
        low, high = solid.centre[2] - solid.size[2] / 2, solid.centre[2] + solid.size[2] / 2
        hidden |= (across.min() < sight_x) & (sight_x < across.max()) & (low < sight_z) & (sight_z < high)
    return float(hidden.mean())


def post_rand(rng: np.random.Generator) -> list[Solid]:
    """A post, mast or slim pillar."""
    width = rng.uniform(0.07, 0.22)
    surface = props.metal_rand(rng) if rng.random() < 0.6 else props.painted_rand(rng)
    return [Solid((0, 0, 2.5), (width, width, 5.0), 0, surface, "cylinder" if rng.random() < 0.7 else "box")]


def low_wall_rand(rng: np.random.Generator) -> list[Solid]:
    """The end of a low brick wall with a coping, from one side. A plain grey wall would look like paving from above."""
    height = rng.uniform(0.5, 0.95)
    side = float(rng.choice([-1, 1]))
    colour = grey_rand(rng, 0.1, 0.6)
    bricks = Surface("bricks", scaled(colour, 0.8), scaled(colour, 0.35), 0.24, 0.8, wear=0.5)
    coping = props.coat(scaled(colour, 1.25), 0.8, 0.5)
    return [
        Solid((0.85 * side, 0, height / 2), (1.8, 0.25, height), 0, bricks),
        Solid((0.85 * side, 0, height + 0.03), (1.86, 0.33, 0.06), 0, coping),
    ]


def hedge_rand(rng: np.random.Generator) -> list[Solid]:
    """The end of a low hedge, from one side."""
    leaves = props.foliage_rand(rng, 0.09)
    height, side = rng.uniform(0.5, 0.9), float(rng.choice([-1, 1]))
    clump = Solid(
        (0.4 * side, 0, height / 2), (1.0, 0.6, 1.1 * height), 0, leaves, "leaves", count=3, step=(0.6 * side, 0, 0)
    )
    core = props.coat(leaves.colour, 1.0)
    return [Solid((1.1 * side, 0, 0.48 * height), (1.7, 0.42, 0.9 * height), 0, core), clump]


OCCLUDERS: tuple[tuple[props.Prop, float], ...] = (
    (post_rand, 0.22),
    (props.bin_rand, 0.12),
    (props.bench_rand, 0.1),
    (low_wall_rand, 0.1),
    (props.luggage_rand, 0.1),
    (props.sign_rand, 0.08),
    (props.bicycle_rand, 0.1),
    (hedge_rand, 0.05),
    (props.planter_rand, 0.05),
    (props.seats_rand, 0.04),
    (props.bollard_rand, 0.04),
)
"""Props that serve as occluders, each with its probability."""
