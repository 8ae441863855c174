"""Blender materials from plain descriptions. Only this module, `synth.stage` and what they call touch bpy."""

from dataclasses import dataclass
from typing import Any

from synth.place import Surface
from synth.wardrobe import Fabric

Rgb = tuple[float, float, float]
PART_PASS = "part"
"""Name of the render pass that carries each pixel's coverage by the person's (upper, middle, lower) part."""


@dataclass(frozen=True)
class Nodes:
    """A material's node tree, with shorthands for the few nodes that are used."""

    tree: Any

    def add(self, kind: str, **settings: Any) -> Any:
        """A node of type `ShaderNode<kind>` with attributes set."""
        node = self.tree.nodes.new(f"ShaderNode{kind}")
        for name, value in settings.items():
            setattr(node, name, value)
        return node

    def set(self, socket: Any, value: Any) -> None:
        """Link `value` to a socket, or store it there when it is a number or a colour."""
        if hasattr(value, "is_output"):
            self.tree.links.new(value, socket)
        else:
            socket.default_value = value

    def math(self, operation: str, first: Any, second: Any = 0.0) -> Any:
        """The result of one arithmetic node."""
        node = self.add("Math", operation=operation)
        self.set(node.inputs[0], first)
        self.set(node.inputs[1], second)
        return node.outputs[0]

    def mix(self, factor: Any, first: Any, second: Any, blend: str = "MIX") -> Any:
        """Colours blended by `factor`."""
        node = self.add("MixRGB", blend_type=blend)
        for socket, value in zip(node.inputs, (factor, first, second), strict=True):
            self.set(socket, opaque(value) if isinstance(value, tuple) else value)
        return node.outputs[0]

    def attribute(self, name: str) -> Any:
        """The node of a mesh attribute."""
        return self.add("Attribute", attribute_name=name)

    def split(self, vector: Any) -> tuple[Any, Any, Any]:
        """x, y, z of a vector."""
        node = self.add("SeparateXYZ")
        self.set(node.inputs[0], vector)
        return node.outputs[0], node.outputs[1], node.outputs[2]

    def noise(self, vector: Any, scale: float, detail: float = 2.0) -> Any:
        """Value of a noise texture, around 0.5."""
        node = self.add("TexNoise")
        self.set(node.inputs["Vector"], vector)
        node.inputs["Scale"].default_value = scale
        node.inputs["Detail"].default_value = detail
        return node.outputs[0]


def opaque(colour: Rgb) -> tuple[float, float, float, float]:
    """RGB with alpha 1, as Blender's sockets want it."""
    return (*colour, 1.0)


def new_material(bpy: Any, name: str) -> tuple[Any, Nodes, Any]:
    """An empty material, its nodes and its principled shader."""
    material = bpy.data.materials.new(name)
    material.use_nodes = True
    nodes = Nodes(material.node_tree)
    return material, nodes, material.node_tree.nodes["Principled BSDF"]


def person_material(bpy: Any, name: str, colour: Any, roughness: float, folds: float = 0.0) -> Any:
    """A material of a dressed person. `colour` is RGB or a function of the nodes; the mesh's `tint` multiplies it,
    and the mesh's `part` is written to the part pass."""
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


def fabric_colour(fabric: Fabric) -> Any:
    """A function of the nodes that gives the cloth's colour from its place on the garment."""

    def colour(nodes: Nodes) -> Any:
        if fabric.pattern == "plain":
            return fabric.colour
        x, y, z = nodes.split(nodes.attribute("rest").outputs["Vector"])
        return nodes.mix(pattern_mask(nodes, fabric, x, y, z), fabric.colour, fabric.accent)

    return colour


def pattern_mask(nodes: Nodes, fabric: Fabric, x: Any, y: Any, z: Any) -> Any:
    """0 where the cloth has its colour, 1 where it has its accent, from the place (x, y, z) in the reference pose."""

    def stripes(along: Any, share: float) -> Any:
        return nodes.math("LESS_THAN", nodes.math("FRACT", nodes.math("DIVIDE", along, fabric.period)), share)

    if fabric.pattern == "hoops":
        return stripes(z, 0.45)
    if fabric.pattern == "pinstripes":
        return stripes(x, 0.25)
    if fabric.pattern == "plaid":
        return nodes.math("MULTIPLY", 0.5, nodes.math("ADD", stripes(z, 0.45), stripes(x, 0.45)))
    if fabric.pattern == "two-tone":
        return nodes.math("GREATER_THAN", z, 0.33 + 0.5 * (fabric.period - 0.06))
    # A print on the chest: a rectangle as wide as the pattern's period allows, on the front alone.
    height = nodes.math("LESS_THAN", nodes.math("ABSOLUTE", nodes.math("SUBTRACT", z, 0.34)), 0.5 * fabric.period)
    width = nodes.math("LESS_THAN", nodes.math("ABSOLUTE", x), 0.04 + 0.5 * fabric.period)
    front = nodes.math("LESS_THAN", y, 0.0)
    return nodes.math("MULTIPLY", front, nodes.math("MULTIPLY", height, width))


def hair_colour(colour: Rgb) -> Any:
    """Hair: strands lighter and darker than `colour`."""

    def shade(nodes: Nodes) -> Any:
        strands = nodes.add("Mapping")
        nodes.set(strands.inputs["Vector"], nodes.attribute("rest").outputs["Vector"])
        strands.inputs["Scale"].default_value = (1.0, 1.0, 0.12)
        red, green, blue = (min(1.0, 1.9 * channel + 0.01) for channel in colour)
        dark_red, dark_green, dark_blue = (0.5 * channel for channel in colour)
        return nodes.mix(nodes.noise(strands.outputs[0], 90.0), (dark_red, dark_green, dark_blue), (red, green, blue))

    return shade


def place_material(bpy: Any, surface: Surface, horizontal: bool) -> Any:
    """A material of the ground (`horizontal`) or of something upright; its pattern is fixed to the world."""
    material, nodes, shader = new_material(bpy, surface.kind)
    shader.inputs["Roughness"].default_value = surface.roughness
    position = nodes.add("NewGeometry").outputs["Position"]
    x, y, z = nodes.split(position)
    across = nodes.add("CombineXYZ")
    nodes.set(across.inputs[0], x if horizontal else nodes.math("ADD", x, y))
    nodes.set(across.inputs[1], y if horizontal else z)
    base: Any = surface.colour
    if surface.kind in ("tiles", "bricks", "windows"):
        base = brick_colour(nodes, surface, across.outputs[0])
    elif surface.kind == "speckled":
        base = nodes.mix(nodes.noise(position, 1.0 / surface.scale, 3.0), surface.colour, surface.accent)
    # Dirt and wear: no real floor or wall is of one colour.
    wear = nodes.math("ADD", 0.62, nodes.math("MULTIPLY", 0.76, nodes.noise(position, 0.9, 3.0)))
    nodes.set(shader.inputs["Base Color"], nodes.mix(1.0, base, wear, "MULTIPLY"))
    return material


def brick_colour(nodes: Nodes, surface: Surface, vector: Any) -> Any:
    """Tiles, bricks or rows of windows: cells of the surface's colour with joints (or panes) of its accent."""
    cells = nodes.add("TexBrick")
    nodes.set(cells.inputs["Vector"], vector)
    red, green, blue = surface.colour
    cells.inputs["Color1"].default_value = opaque((red, green, blue))
    cells.inputs["Color2"].default_value = opaque((0.82 * red, 0.84 * green, 0.86 * blue))
    cells.inputs["Mortar"].default_value = opaque(surface.accent)
    cells.inputs["Scale"].default_value = 1.0
    width, height, mortar = {
        "tiles": (surface.scale, surface.scale, 0.02 * surface.scale + 0.004),
        "bricks": (surface.scale, surface.scale / 3, 0.008),
        "windows": (surface.scale, 1.25 * surface.scale, 0.22 * surface.scale),
    }[surface.kind]
    cells.inputs["Brick Width"].default_value = width
    cells.inputs["Row Height"].default_value = height
    cells.inputs["Mortar Size"].default_value = mortar
    cells.offset = 0.5 if surface.kind == "bricks" else 0.0
    return cells.outputs["Color"]
