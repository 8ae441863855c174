"""Building blocks of Blender's shader node trees."""

from dataclasses import dataclass
from typing import Any

from alignnet_common.arrays import Rgb


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
        return self._noise(vector, scale, detail).outputs[0]

    def colour_noise(self, vector: Any, scale: float) -> Any:
        """Three values of a noise texture."""
        return self._noise(vector, scale, 1.0).outputs["Color"]

    def _noise(self, vector: Any, scale: float, detail: float) -> Any:
        node = self.add("TexNoise")
        self.set(node.inputs["Vector"], vector)
        node.inputs["Scale"].default_value = scale
        node.inputs["Detail"].default_value = detail
        return node

    def stretched(self, value: Any, factor: float) -> Any:
        """A value around 0.5 with its contrast raised by `factor`, within 0..1."""
        node = self.add("Math", operation="MULTIPLY_ADD", use_clamp=True)
        for socket, part in zip(node.inputs, (value, factor, 0.5 - 0.5 * factor), strict=True):
            self.set(socket, part)
        return node.outputs[0]

    def cell(self, along: Any, size: float) -> Any:
        """Number of the cell of `size` that `along` falls into."""
        return self.math("FLOOR", self.math("DIVIDE", along, size))

    def within(self, along: Any, size: float) -> Any:
        """Place within its cell, 0..1."""
        return self.math("FRACT", self.math("DIVIDE", along, size))


def opaque(colour: Rgb) -> tuple[float, float, float, float]:
    """RGB with alpha 1, as Blender's sockets want it."""
    return (*colour, 1.0)


def new_material(bpy: Any, name: str) -> tuple[Any, Nodes, Any]:
    """An empty material, its nodes and its principled shader."""
    material = bpy.data.materials.new(name)
    material.use_nodes = True
    nodes = Nodes(material.node_tree)
    return material, nodes, material.node_tree.nodes["Principled BSDF"]
