"""Blender materials of people and scenes, from outfits and surfaces.

Parameters called `nodes` are the node tree of a material; colours are linear RGB or output sockets.
"""

from typing import Any

from alignnet_common.arrays import Rgb
from synth.body.mesh import SURFACES
from synth.people.fabric import Fabric, Print
from synth.people.outfit import Outfit
from synth.rendering.shader_nodes import Nodes, new_material, opaque
from synth.scenes.elements import Surface

PART_PASS = "part"
"""Name of the render pass with each pixel's coverage by the subject's upper, middle and lower part."""


def person_material(bpy: Any, name: str, colour: Any, roughness: float, folds: float = 0.0) -> Any:
    """A material of a dressed person.

    `colour` is RGB or a function of the nodes; the mesh's attribute `tint` multiplies it, and the attribute `part` is
    written to the part pass. `folds` is the strength of creases, 0 for none.
    """
    material, nodes, shader = new_material(bpy, name)
    base = colour(nodes) if callable(colour) else colour
    nodes.set(shader.inputs["Base Color"], nodes.mix(1.0, nodes.attribute("tint").outputs["Color"], base, "MULTIPLY"))
    shader.inputs["Roughness"].default_value = roughness
    shader.inputs["Specular IOR Level"].default_value = 0.25
    if folds > 0:
        creases = nodes.add("Bump")
        creases.inputs["Strength"].default_value = min(1.0, 0.45 * folds)
        creases.inputs["Distance"].default_value = 0.02
        stretched = nodes.add("Mapping")
        nodes.set(stretched.inputs["Vector"], nodes.attribute("rest").outputs["Vector"])
        stretched.inputs["Scale"].default_value = (1.0, 1.0, 1.7)
        nodes.set(creases.inputs["Height"], nodes.noise(stretched.outputs[0], 9.0, 1.0))
        nodes.set(shader.inputs["Normal"], creases.outputs[0])
    carrier = nodes.add("OutputAOV", aov_name=PART_PASS)
    nodes.set(carrier.inputs["Color"], nodes.attribute("part").outputs["Color"])
    return material


def person_materials(bpy: Any, outfit: Outfit) -> list[Any]:
    """The materials of an outfit, one per surface, in the order of SURFACES."""
    top, bottom = outfit.top.fabric, outfit.bottom.fabric
    white = (1.0, 1.0, 1.0)
    look: dict[str, tuple[Any, float, float]] = {
        "skin": (outfit.skin, 0.5, 0.0),
        "eyes": ((0.75, 0.74, 0.72), 0.2, 0.0),
        "hair": (hair_colour(outfit.hair.colour), 0.45, 0.0),
        "top": (fabric_colour(top), top.roughness, top.folds),
        "under": (outfit.top.under, 0.85, 0.4),
        "bottom": (fabric_colour(bottom), bottom.roughness, bottom.folds),
        "shoes": (outfit.shoes.colour, 0.5, 0.0),
        "soles": (outfit.shoes.sole, 0.7, 0.0),
        "worn": (white, 0.85, 0.4),
        "carried": (white, 0.6, 0.2),
    }
    return [person_material(bpy, name, *look[name]) for name in SURFACES]


def fabric_colour(fabric: Fabric) -> Any:
    """A function of the nodes that gives the cloth's colour, with its pattern and print."""

    def colour(nodes: Nodes) -> Any:
        x, y, z = nodes.split(nodes.attribute("rest").outputs["Vector"])
        mask = pattern_mask(nodes, fabric, x, y, z)
        cloth = fabric.colour if mask is None else nodes.mix(mask, fabric.colour, fabric.accent)
        if fabric.print is None:
            return cloth
        return nodes.mix(print_mask(nodes, fabric.print, x, y, z), cloth, print_colour(nodes, fabric.print))

    return colour


def pattern_mask(nodes: Nodes, fabric: Fabric, x: Any, y: Any, z: Any) -> Any:
    """Pattern of the cloth at (x, y, z) in the reference pose: 0 for its colour, 1 for its accent.

    None for plain cloth; side stripes are part of the mesh's tint.
    """

    def stripes(along: Any, share: float) -> Any:
        return nodes.math("LESS_THAN", nodes.math("FRACT", nodes.math("DIVIDE", along, fabric.period)), share)

    def within(value: Any, middle: float, half: float) -> Any:
        return nodes.math("LESS_THAN", nodes.math("ABSOLUTE", nodes.math("SUBTRACT", value, middle)), half)

    if fabric.pattern == "hoops":
        return stripes(z, 0.45)
    if fabric.pattern == "band":
        return within(z, 0.34, 0.2 * fabric.period + 0.03)
    if fabric.pattern == "pinstripes":
        return stripes(x, 0.25)
    if fabric.pattern == "stripes":
        return stripes(x, 0.5)
    if fabric.pattern == "plaid":
        return nodes.math("MULTIPLY", 0.5, nodes.math("ADD", stripes(z, 0.45), stripes(x, 0.45)))
    if fabric.pattern == "two-tone":
        return nodes.math("GREATER_THAN", z, 0.33 + 0.5 * (fabric.period - 0.06))
    if fabric.pattern == "raglan":
        # From the neck (6 cm from the middle at 0.58 m) to the armpit (15 cm at 0.40 m).
        slant = nodes.math("ADD", nodes.math("ABSOLUTE", x), nodes.math("MULTIPLY", z, 0.5))
        return nodes.math("GREATER_THAN", slant, 0.35)
    if fabric.pattern == "sash":
        slanted = nodes.math("ADD", x, nodes.math("MULTIPLY", nodes.math("SUBTRACT", z, 0.3), 0.6))
        return within(slanted, 0.0, 0.2 * fabric.period + 0.03)
    if fabric.pattern == "ombre":
        # From the middle of the thigh, where dresses end, to the neck.
        share = nodes.add("MapRange", clamp=True)
        for socket, value in zip(share.inputs, (z, -0.15, 0.5), strict=False):
            nodes.set(socket, value)
        return share.outputs[0]
    if fabric.pattern == "specks":
        blots = nodes.noise(nodes.attribute("rest").outputs["Vector"], 1.6 / fabric.period, 1.0)
        return nodes.math("GREATER_THAN", blots, 0.56)
    if fabric.pattern == "quilted":
        return stripes(z, 0.16)
    return None


def print_mask(nodes: Nodes, patch: Print, x: Any, y: Any, z: Any) -> Any:
    """1 on a print, 0 outside it, at (x, y, z) in the reference pose."""
    right = nodes.math("DIVIDE", nodes.math("SUBTRACT", x, patch.across), 0.5 * patch.width)
    up = nodes.math("DIVIDE", nodes.math("SUBTRACT", z, patch.rise), 0.5 * patch.height)
    if patch.shape == "disc":
        squared = nodes.math("ADD", nodes.math("MULTIPLY", right, right), nodes.math("MULTIPLY", up, up))
        mask = nodes.math("LESS_THAN", squared, 1.0)
    else:
        larger = nodes.math("MAXIMUM", nodes.math("ABSOLUTE", right), nodes.math("ABSOLUTE", up))
        mask = nodes.math("LESS_THAN", larger, 1.0)
    if patch.motif == "lettering":
        mask = nodes.math("MULTIPLY", mask, lettering(nodes, patch.height, x, z))
    if patch.side == "both":
        return mask
    return nodes.math("MULTIPLY", mask, nodes.math("LESS_THAN" if patch.side == "front" else "GREATER_THAN", y, 0.0))


def lettering(nodes: Nodes, height: float, x: Any, z: Any) -> Any:
    """1 on the "letters" of up to three lines in `height` metres, each at least 4 cm high; 0 between them."""
    line = max(height / 3, 0.04)
    letter = nodes.add("CombineXYZ")
    nodes.set(letter.inputs[0], nodes.cell(x, 0.4 * line))
    nodes.set(letter.inputs[1], nodes.cell(z, line))
    random = nodes.add("TexWhiteNoise", noise_dimensions="2D")
    nodes.set(random.inputs["Vector"], letter.outputs[0])
    inked = nodes.math("LESS_THAN", random.outputs["Value"], 0.7)
    return nodes.math("MULTIPLY", inked, nodes.math("LESS_THAN", nodes.within(z, line), 0.65))


def print_colour(nodes: Nodes, patch: Print) -> Any:
    """Colour of a print, depending on the position in the reference pose."""
    if patch.motif != "picture":
        return patch.colour
    blots = nodes.noise(nodes.attribute("rest").outputs["Vector"], 2.5 / patch.width, 2.0)
    return nodes.mix(nodes.math("GREATER_THAN", blots, 0.5), patch.colour, patch.second)


def hair_colour(colour: Rgb) -> Any:
    """A function of the nodes that gives lighter and darker strands of `colour`."""

    def shade(nodes: Nodes) -> Any:
        strands = nodes.add("Mapping")
        nodes.set(strands.inputs["Vector"], nodes.attribute("rest").outputs["Vector"])
        strands.inputs["Scale"].default_value = (1.0, 1.0, 0.12)
        red, green, blue = (min(1.0, 1.9 * channel + 0.01) for channel in colour)
        dark_red, dark_green, dark_blue = (0.5 * channel for channel in colour)
        return nodes.mix(nodes.noise(strands.outputs[0], 90.0), (dark_red, dark_green, dark_blue), (red, green, blue))

    return shade


PATTERN = "where"
"""Name of the mesh attribute with the pattern coordinates of each point, metres."""


def place_material(bpy: Any, surface: Surface) -> Any:
    """A material of the ground or a solid; its pattern follows the mesh's attribute PATTERN."""
    material, nodes, shader = new_material(bpy, surface.kind)
    where = nodes.attribute(PATTERN).outputs["Vector"]
    stains = nodes.noise(nodes.add("NewGeometry").outputs["Position"], 0.9, 4.0)
    base, roughness = place_colour(nodes, surface, where)
    # Dirt and wear vary the colour.
    wear = nodes.math("ADD", 1.0 - surface.wear, nodes.math("MULTIPLY", 2.0 * surface.wear, stains))
    colour = nodes.mix(1.0, base, wear, "MULTIPLY")
    if surface.wet > 0:
        # Puddles where the stains are: darker and smoother.
        film = nodes.math("GREATER_THAN", stains, 0.66 - 0.32 * surface.wet)
        colour = nodes.mix(1.0, colour, nodes.mix(film, (0.75, 0.75, 0.75), (0.42, 0.42, 0.44)), "MULTIPLY")
        roughness = nodes.math("SUBTRACT", roughness, nodes.math("MULTIPLY", film, 0.92 * surface.roughness))
    nodes.set(shader.inputs["Base Color"], colour)
    nodes.set(shader.inputs["Roughness"], roughness)
    if surface.glow > 0:
        nodes.set(shader.inputs["Emission Color"], colour)
        shader.inputs["Emission Strength"].default_value = surface.glow
        # Glowing surfaces are not sampled as lamps, which would only add noise.
        material.cycles.emission_sampling = "NONE"
    return material


def place_colour(nodes: Nodes, surface: Surface, where: Any) -> tuple[Any, Any]:
    """Colour and roughness of a surface before wear, at the pattern coordinates `where`."""
    kind, roughness = surface.kind, surface.roughness
    if kind in ("tiles", "slabs", "bricks", "planks"):
        return brick_colour(nodes, surface, where), roughness
    if kind == "speckled":
        return nodes.mix(nodes.noise(where, 1.0 / surface.scale, 3.0), surface.colour, surface.accent), roughness
    if kind == "grass":
        # Noise from the size of tufts to that of blades.
        blades = nodes.noise(where, 1.0 / surface.scale, 5.0)
        return nodes.mix(nodes.stretched(blades, 3.5), surface.colour, surface.accent), roughness
    if kind == "asphalt":
        return asphalt_colour(nodes, surface, where), roughness
    if kind == "cobbles":
        return cobble_colour(nodes, surface, where), roughness
    if kind == "foliage":
        _, _, own = nodes.split(where)
        return nodes.mix(own, surface.colour, surface.accent), roughness
    u, v, _ = nodes.split(where)
    if kind == "checks":
        odd = nodes.math("ADD", nodes.cell(u, surface.scale), nodes.cell(v, surface.scale))
        return nodes.mix(
            nodes.math("MODULO", nodes.math("ABSOLUTE", odd), 2.0), surface.colour, surface.accent
        ), roughness
    if kind == "stripes":
        second = nodes.math("LESS_THAN", nodes.within(u, surface.scale), 0.5)
        return nodes.mix(second, surface.colour, surface.accent), roughness
    if kind == "shutter":
        return nodes.mix(nodes.within(v, surface.scale), surface.colour, surface.accent), roughness
    if kind == "blocks":
        return block_colour(nodes, surface, u, v), roughness
    if kind in ("windows", "glass"):
        return pane_colour(nodes, surface, u, v)
    return surface.colour, roughness


def asphalt_colour(nodes: Nodes, surface: Surface, where: Any) -> Any:
    """Asphalt: grit, and cracks in the accent's colour between plates of the surface's scale."""
    red, green, blue = surface.colour
    grit = nodes.noise(where, 45.0, 2.0)
    base = nodes.mix(
        nodes.stretched(grit, 2.0), (0.6 * red, 0.6 * green, 0.6 * blue), (1.4 * red, 1.4 * green, 1.4 * blue)
    )
    bent = nodes.mix(0.04, where, nodes.colour_noise(where, 3.0), "ADD")
    plates = nodes.add("TexVoronoi", feature="DISTANCE_TO_EDGE", voronoi_dimensions="2D")
    nodes.set(plates.inputs["Vector"], bent)
    plates.inputs["Scale"].default_value = 1.0 / surface.scale
    crack = nodes.math("LESS_THAN", plates.outputs["Distance"], 0.008 / surface.scale)
    return nodes.mix(crack, base, surface.accent)


def cobble_colour(nodes: Nodes, surface: Surface, where: Any) -> Any:
    """Cobbles: rounded stones of varying lightness, with joints in the accent's colour."""
    edges = nodes.add("TexVoronoi", feature="DISTANCE_TO_EDGE", voronoi_dimensions="2D")
    cells = nodes.add("TexVoronoi", feature="F1", voronoi_dimensions="2D")
    for texture in (edges, cells):
        nodes.set(texture.inputs["Vector"], where)
        texture.inputs["Scale"].default_value = 1.0 / surface.scale
        texture.inputs["Randomness"].default_value = 0.45
    own, _, _ = nodes.split(cells.outputs["Color"])
    red, green, blue = surface.colour
    stone = nodes.mix(own, (0.7 * red, 0.7 * green, 0.7 * blue), (1.3 * red, 1.3 * green, 1.3 * blue))
    return nodes.mix(nodes.math("LESS_THAN", edges.outputs["Distance"], 0.07), stone, surface.accent)


def block_colour(nodes: Nodes, surface: Surface, u: Any, v: Any) -> Any:
    """Goods on shelves: blocks of colours near the surface's own, a fifth empty, with gaps in the accent's colour."""
    height = 0.7 * surface.scale
    row = nodes.cell(v, height)
    # Rows are shifted against each other.
    u = nodes.math(
        "ADD", u, nodes.math("MULTIPLY", nodes.math("SINE", nodes.math("MULTIPLY", row, 37.0)), surface.scale)
    )
    random = nodes.add("TexWhiteNoise", noise_dimensions="2D")
    corner = nodes.add("CombineXYZ")
    nodes.set(corner.inputs[0], nodes.cell(u, surface.scale))
    nodes.set(corner.inputs[1], row)
    nodes.set(random.inputs["Vector"], corner.outputs[0])
    # Shades of one colour rather than many colours.
    tone = nodes.mix(0.22, surface.colour, random.outputs["Color"])
    block = nodes.mix(1.0, tone, nodes.math("ADD", 0.25, random.outputs["Value"]), "MULTIPLY")
    gap = nodes.math(
        "MAXIMUM",
        nodes.math("LESS_THAN", nodes.within(u, surface.scale), 0.1),
        nodes.math("LESS_THAN", nodes.within(v, height), 0.12),
    )
    empty = nodes.math("LESS_THAN", random.outputs["Value"], 0.2)
    return nodes.mix(nodes.math("MAXIMUM", gap, empty), block, surface.accent)


def pane_colour(nodes: Nodes, surface: Surface, u: Any, v: Any) -> tuple[Any, Any]:
    """Windows in a wall, or glass between frames: colour and roughness of panes of varying tone, which reflect."""
    height = 1.25 * surface.scale if surface.kind == "windows" else 2.2
    share = 0.31 if surface.kind == "windows" else 0.47
    inside = [
        nodes.math("LESS_THAN", nodes.math("ABSOLUTE", nodes.math("SUBTRACT", nodes.within(along, size), 0.5)), share)
        for along, size in ((u, surface.scale), (v, height))
    ]
    pane = nodes.math("MULTIPLY", *inside)
    random = nodes.add("TexWhiteNoise", noise_dimensions="2D")
    corner = nodes.add("CombineXYZ")
    nodes.set(corner.inputs[0], nodes.cell(u, surface.scale))
    nodes.set(corner.inputs[1], nodes.cell(v, height))
    nodes.set(random.inputs["Vector"], corner.outputs[0])
    # Few panes are bright: curtains, blinds, lit rooms.
    tone = nodes.math("POWER", random.outputs["Value"], 4.0)
    red, green, blue = surface.accent
    glass = nodes.mix(tone, surface.accent, (min(1, red + 0.3), min(1, green + 0.29), min(1, blue + 0.26)))
    roughness = nodes.math("ADD", surface.roughness, nodes.math("MULTIPLY", pane, 0.07 - surface.roughness))
    return nodes.mix(pane, surface.colour, glass), roughness


def brick_colour(nodes: Nodes, surface: Surface, where: Any) -> Any:
    """Tiles, slabs, bricks or boards in the surface's colour, with joints in the accent's colour."""
    cells = nodes.add("TexBrick")
    nodes.set(cells.inputs["Vector"], where)
    red, green, blue = surface.colour
    cells.inputs["Color1"].default_value = opaque((red, green, blue))
    cells.inputs["Color2"].default_value = opaque((0.75 * red, 0.77 * green, 0.79 * blue))
    cells.inputs["Mortar"].default_value = opaque(surface.accent)
    cells.inputs["Scale"].default_value = 1.0
    width, height, mortar = {
        "tiles": (surface.scale, surface.scale, 0.015 * surface.scale + 0.003),
        "slabs": (surface.scale, surface.scale / 2, 0.006),
        "bricks": (surface.scale, surface.scale / 3, 0.006),
        "planks": (9 * surface.scale, surface.scale, 0.003),
    }[surface.kind]
    cells.inputs["Brick Width"].default_value = width
    cells.inputs["Row Height"].default_value = height
    cells.inputs["Mortar Size"].default_value = mortar
    cells.offset = 0.0 if surface.kind == "tiles" else 0.5
    return cells.outputs["Color"]
