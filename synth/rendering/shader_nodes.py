"""Building blocks of Blender's shader node trees."""

from dataclasses import dataclass
from typing import Any

from alignnet_common.arrays import Rgb


@dataclass(frozen=True)
class Nodes:
    """A node tree, with short methods for the nodes in use. Values are numbers, colours, vectors or output sockets."""

    tree: Any

    def add(self, kind: str, **settings: Any) -> Any:
        """A new node of type `ShaderNode<kind>` with these attributes."""
        node = self.tree.nodes.new(f"ShaderNode{kind}")
        for name, value in settings.items():
            setattr(node, name, value)
        return node

    def set(self, socket: Any, value: Any) -> None:
        """Connect `value` to an input socket if it is an output socket; otherwise set the socket's default value."""
        if hasattr(value, "is_output"):
            self.tree.links.new(value, socket)
        else:
            socket.default_value = value

    def math(self, operation: str, first: Any, second: Any = 0.0) -> Any:
        """Output of a math node such as "ADD" or "LESS_THAN"."""
        node = self.add("Math", operation=operation)
        self.set(node.inputs[0], first)
        self.set(node.inputs[1], second)
        return node.outputs[0]

    def mix(self, factor: Any, first: Any, second: Any, blend: str = "MIX") -> Any:
        """Blend of two colours by `factor`, 0..1."""
        node = self.add("MixRGB", blend_type=blend)
        for socket, value in zip(node.inputs, (factor, first, second), strict=True):
            self.set(socket, opaque(value) if isinstance(value, tuple) else value)
        return node.outputs[0]

    def attribute(self, name: str) -> Any:
        """Node that reads a mesh attribute."""
        return self.add("Attribute", attribute_name=name)

    def split(self, vector: Any) -> tuple[Any, Any, Any]:
        """Components x, y, z of a vector."""
        node = self.add("SeparateXYZ")
        self.set(node.inputs[0], vector)
        return node.outputs[0], node.outputs[1], node.outputs[2]

    def noise(self, vector: Any, scale: float, detail: float = 2.0) -> Any:
        """Value of a noise texture, 0..1, mean about 0.5."""
        return self._noise(vector, scale, detail).outputs[0]

    def colour_noise(self, vector: Any, scale: float) -> Any:
        """Three independent values of a noise texture, as a colour."""
        return self._noise(vector, scale, 1.0).outputs["Color"]

    def _noise(self, vector: Any, scale: float, detail: float) -> Any:
        """Noise texture node."""
        node = self.add("TexNoise")
        self.set(node.inputs["Vector"], vector)
        node.inputs["Scale"].default_value = scale
        node.inputs["Detail"].default_value = detail
        return node

    def stretched(self, value: Any, factor: float) -> Any:
        """A value with its contrast about 0.5 multiplied by `factor`, clamped to 0..1."""
        node = self.add("Math", operation="MULTIPLY_ADD", use_clamp=True)
        for socket, part in zip(node.inputs, (value, factor, 0.5 - 0.5 * factor), strict=True):
            self.set(socket, part)
        return node.outputs[0]

    def cell(self, along: Any, size: float) -> Any:
        """Index of the cell of length `size` that contains `along`."""
        return self.math("FLOOR", self.math("DIVIDE", along, size))

    def within(self, along: Any, size: float) -> Any:
        """Position of `along` within its cell of length `size`, 0..1."""
        return self.math("FRACT", self.math("DIVIDE", along, size))


def opaque(colour: Rgb) -> tuple[float, float, float, float]:
    """RGBA with alpha 1."""
    return (*colour, 1.0)


def new_material(bpy: Any, name: str) -> tuple[Any, Nodes, Any]:
    """A new material, its node tree and its Principled BSDF node."""
    material = bpy.data.materials.new(name)
    material.use_nodes = True
    nodes = Nodes(material.node_tree)
    return material, nodes, material.node_tree.nodes["Principled BSDF"]
