"""The thin layer over Blender: builds one clip's scene, renders its frames, hands back arrays.

One `Stage` a process at a time: Blender's scene is global.
"""

import dataclasses
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from alignnet_common.arrays import Floats
from alignnet_common.coco18 import PARTS
from alignnet_common.redirect import quiet
from synth.body.garments import SOLE
from synth.body.mesh import Mesh
from synth.cameras.camera import HEIGHT, WIDTH
from synth.people.outfit import Outfit
from synth.rendering import materials, shader_nodes
from synth.rendering.denoiser import denoiser
from synth.rendering.devices import import_bpy
from synth.rendering.solid_meshes import Patch, assembled, turned_pattern
from synth.scenes.elements import Lamp, Light, Place, Solid, Surface

ALBEDO_PASS = "Diffuse Color"
"""Cycles' name of the pass that carries the colour of what is seen, whatever its light."""


@dataclass(frozen=True)
class Passes:
    """What one render gives, H × W as asked."""

    radiance: Floats
    """(H, W, 3) linear light."""
    depth: Floats
    """(H, W) metres along the optical axis to what is seen first; very large where nothing is."""
    parts: Floats
    """(H, W, 3) coverage of each pixel by the person's upper, middle and lower part, 0..1."""
    albedo: Floats
    """(H, W, 3) share of the light that what is seen scatters back, 0..1; 0 where the sky is seen."""
    normal: Floats
    """(H, W, 3) direction that what is seen faces, of unit length where one surface fills the pixel."""


def hazy(passes: Passes, light: Light) -> Passes:
    """The same frame with the light's haze between the camera and what it sees."""
    if light.haze == 0:
        return passes
    clear = np.exp(-light.haze * np.minimum(passes.depth, 1e4))[..., None]
    veil = light.sky * np.array(light.horizon_colour)
    return dataclasses.replace(passes, radiance=clear * passes.radiance + (1 - clear) * veil)


class Stage:
    """A scene with one dressed person in one place, before one camera.

    `samples`: Cycles samples a pixel; `device`: "cpu", or the Cycles device type to use; `others`: people who are
    there too, with as many frames: scenery that walks, without parts; `denoise`: take the grain out of frames.
    """

    def __init__(
        self,
        place: Place,
        person: Mesh,
        outfit: Outfit,
        samples: int,
        device: str,
        seed: int,
        others: Sequence[tuple[Mesh, Outfit]] = (),
        denoise: bool = False,
    ) -> None:
        self._bpy = import_bpy()
        with quiet(1):
            self._bpy.ops.wm.read_factory_settings(use_empty=True)
        self._scene = self._bpy.context.scene
        self._samples, self._denoise = samples, denoise
        self._scratch = tempfile.TemporaryDirectory(prefix="synth-")
        self._configure(device, seed)
        self._weather = place.light
        self._light(place.light)
        self._build_place(place)
        self._people = [self._build_person(mesh, dress, mesh is person) for mesh, dress in ((person, outfit), *others)]
        self._frames = [mesh.vertices.astype(np.float32) for mesh in (person, *(mesh for mesh, _ in others))]
        self._camera = self._build_camera()

    def close(self) -> None:
        """Remove the scratch files."""
        self._scratch.cleanup()

    def render(self, frame: int, rotation: Floats, translation: Floats, intrinsics: Floats) -> Passes:
        """Render frame `frame` by the camera with this pose (world to camera) and intrinsics for 128 × 64 pixels."""
        self._pose(frame)
        self._aim(rotation, translation, intrinsics)
        seen = self._render()
        if self._denoise:
            clean = denoiser(HEIGHT, WIDTH)(seen.radiance, seen.albedo, seen.normal)
            seen = dataclasses.replace(seen, radiance=clean)
        return hazy(seen, self._weather)

    def _configure(self, device: str, seed: int) -> None:
        scene = self._scene
        scene.render.engine = "CYCLES"
        scene.render.threads_mode = "FIXED"
        scene.render.threads = 1
        scene.render.resolution_x, scene.render.resolution_y = WIDTH, HEIGHT
        scene.render.resolution_percentage = 100
        scene.render.image_settings.media_type = "MULTI_LAYER_IMAGE"
        scene.render.image_settings.file_format = "OPEN_EXR_MULTILAYER"
        scene.render.image_settings.color_depth = "32"
        scene.render.image_settings.exr_codec = "NONE"
        # One part for all passes: Blender 5.0 cannot write several where pixels are not square.
        scene.render.image_settings.use_exr_interleave = True
        scene.render.use_compositing = False
        # Scenery stays with Cycles from one frame to the next; only who moved is handed over again.
        scene.render.use_persistent_data = True
        cycles = scene.cycles
        cycles.samples, cycles.seed = self._samples, seed
        cycles.use_denoising = False
        cycles.use_adaptive_sampling = False
        # Places have one sun or a few lamps: choosing among them by a tree takes a tenth longer, and gives more noise.
        cycles.use_light_tree = False
        cycles.max_bounces = 3
        cycles.diffuse_bounces = 2
        cycles.glossy_bounces = 1
        cycles.transmission_bounces = 0
        cycles.caustics_reflective = cycles.caustics_refractive = False
        cycles.sample_clamp_direct = cycles.sample_clamp_indirect = 3.0
        cycles.device = "CPU"
        if device != "cpu":
            self._use_gpu(device)
        layer = scene.view_layers[0]
        layer.use_pass_z = layer.use_pass_normal = True
        layer.use_pass_diffuse_color = True
        layer.aovs.add().name = materials.PART_PASS

    def _use_gpu(self, device: str) -> None:
        preferences = self._bpy.context.preferences.addons["cycles"].preferences
        preferences.compute_device_type = device.upper()
        preferences.get_devices()
        for found in preferences.devices:
            found.use = found.type == device.upper()
        self._scene.cycles.device = "GPU"

    def _new_object(self, name: str, points: Floats, quads: NDArray[np.int64]) -> Any:
        """A mesh object linked to the scene."""
        mesh = self._bpy.data.meshes.new(name)
        mesh.vertices.add(len(points))
        mesh.vertices.foreach_set("co", points.astype(np.float32).ravel())
        mesh.loops.add(quads.size)
        mesh.loops.foreach_set("vertex_index", quads.astype(np.int32).ravel())
        mesh.polygons.add(len(quads))
        mesh.polygons.foreach_set("loop_start", np.arange(0, quads.size, 4, dtype=np.int32))
        mesh.update(calc_edges=True)
        thing = self._bpy.data.objects.new(name, mesh)
        self._scene.collection.objects.link(thing)
        return thing

    def _build_place(self, place: Place) -> None:
        corners = np.array([[-80, -40, 0], [80, -40, 0], [80, 120, 0], [-80, 120, 0]], dtype=float)
        pattern = turned_pattern(corners, place.ground.yaw)
        self._build_patch("ground", Patch(corners, np.arange(4)[None], pattern), [place.ground])
        self._build_solids("place", place.solids)
        self._build_solids("occluders", place.occluders)
        for shade in self._build_solids("shades", place.shades):
            shade.visible_camera = False

    def _build_solids(self, name: str, solids: Sequence[Solid]) -> list[Any]:
        """All solids as one object, if there are any."""
        if not solids:
            return []
        whole = assembled(solids)
        thing = self._build_patch(name, Patch(whole.points, whole.quads, whole.where), whole.surfaces)
        thing.data.polygons.foreach_set("material_index", whole.surface.astype(np.int32))
        thing.data.polygons.foreach_set("use_smooth", whole.smooth)
        return [thing]

    def _build_patch(self, name: str, patch: Patch, surfaces: Sequence[Surface]) -> Any:
        thing = self._new_object(name, patch.points, patch.quads)
        where = thing.data.attributes.new(materials.PLACE, "FLOAT_VECTOR", "POINT")
        where.data.foreach_set("vector", patch.where.astype(np.float32).ravel())
        for surface in surfaces:
            thing.data.materials.append(materials.place_material(self._bpy, surface))
        return thing

    def _light(self, light: Light) -> None:
        if light.sun > 0:
            sun = self._bpy.data.lights.new("sun", "SUN")
            sun.energy, sun.color, sun.angle = light.sun, light.sun_colour, np.radians(light.sun_size)
            thing = self._bpy.data.objects.new("sun", sun)
            # A sun lamp shines along its -Z; azimuth 0 is behind the camera, at negative Y.
            thing.rotation_euler = (np.radians(90 - light.sun_elevation), 0, np.radians(light.sun_azimuth))
            self._scene.collection.objects.link(thing)
        for lamp in light.lamps:
            self._build_lamp(lamp)
        self._build_sky(light)

    def _build_lamp(self, lamp: Lamp) -> None:
        from mathutils import Vector

        data = self._bpy.data.lights.new("lamp", "AREA")
        data.energy, data.color, data.size = lamp.strength, lamp.colour, lamp.size
        thing = self._bpy.data.objects.new("lamp", data)
        thing.location = lamp.position
        # An area lamp shines along its -Z.
        thing.rotation_euler = (Vector(lamp.aim) - Vector(lamp.position)).to_track_quat("-Z", "Y").to_euler()
        self._scene.collection.objects.link(thing)

    def _build_sky(self, light: Light) -> None:
        """A sky that runs from the horizon's colour to the zenith's."""
        world = self._bpy.data.worlds.new("sky")
        self._scene.world = world
        world.use_nodes = True
        # Sampling a smooth sky by its brightness would bake a large map of it for every frame, for nothing.
        world.cycles.sampling_method = "NONE"
        nodes = shader_nodes.Nodes(world.node_tree)
        _, _, up = nodes.split(nodes.add("TexCoord").outputs["Generated"])
        height = nodes.math("MINIMUM", nodes.math("MAXIMUM", nodes.math("MULTIPLY", up, 2.0), 0.0), 1.0)
        background = world.node_tree.nodes["Background"]
        nodes.set(background.inputs["Color"], nodes.mix(height, light.horizon_colour, light.sky_colour))
        background.inputs["Strength"].default_value = light.sky

    def _build_person(self, person: Mesh, outfit: Outfit, counted: bool) -> Any:
        """A dressed person; one who is not `counted` stays out of the part pass."""
        thing = self._new_object("person", person.vertices[0], person.quads)
        mesh = thing.data
        for name, values in (("rest", person.rest), ("tint", person.tint)):
            colour = name == "tint"
            attribute = mesh.attributes.new(name, "FLOAT_COLOR" if colour else "FLOAT_VECTOR", "POINT")
            filled = np.column_stack([values, np.ones(len(values))]) if colour else values
            attribute.data.foreach_set("color" if colour else "vector", filled.astype(np.float32).ravel())
        if counted:
            part = mesh.attributes.new("part", "FLOAT_COLOR", "FACE")
            one_hot = np.column_stack([np.eye(len(PARTS))[person.part], np.ones(len(person.part))])
            part.data.foreach_set("color", one_hot.astype(np.float32).ravel())
        for material in materials.person_materials(self._bpy, outfit):
            mesh.materials.append(material)
        mesh.polygons.foreach_set("material_index", person.surface.astype(np.int32))
        mesh.polygons.foreach_set("use_smooth", np.ones(len(person.quads), dtype=bool))
        return thing

    def _build_camera(self) -> Any:
        camera = self._bpy.data.cameras.new("camera")
        camera.sensor_fit = "HORIZONTAL"
        camera.sensor_width = 36.0
        camera.clip_start, camera.clip_end = 0.05, 500.0
        thing = self._bpy.data.objects.new("camera", camera)
        self._scene.collection.objects.link(thing)
        self._scene.camera = thing
        return thing

    def _pose(self, frame: int) -> None:
        """Move everyone's vertices to a frame; shoes have soles, so bodies stand that much higher."""
        for thing, frames in zip(self._people, self._frames, strict=True):
            points = frames[frame].copy()
            points[:, 2] += SOLE
            thing.data.vertices.foreach_set("co", points.ravel())
            thing.data.update()

    def _aim(self, rotation: Floats, translation: Floats, intrinsics: Floats) -> None:
        """Make Blender's camera the pinhole camera (intrinsics, rotation, translation) with 128 × 64 pixels."""
        from mathutils import Matrix

        render, camera = self._scene.render, self._camera.data
        # A pixel is this many times as high as it is wide; Blender wants both aspects to be at least 1.
        tall = intrinsics[0, 0] / intrinsics[1, 1]
        render.pixel_aspect_x, render.pixel_aspect_y = max(1.0, 1 / tall), max(1.0, tall)
        camera.lens = intrinsics[0, 0] / WIDTH * camera.sensor_width
        camera.shift_x = (WIDTH / 2 - intrinsics[0, 2]) / WIDTH
        camera.shift_y = tall * (intrinsics[1, 2] - HEIGHT / 2) / WIDTH
        # Blender's camera looks along -Z with Y up; ours along +Z with Y down.
        pose = np.eye(4)
        pose[:3, :3] = rotation.T @ np.diag([1.0, -1.0, -1.0])
        pose[:3, 3] = -rotation.T @ translation
        self._camera.matrix_world = Matrix(pose.tolist())

    def _render(self) -> Passes:
        import OpenEXR

        path = Path(self._scratch.name) / "passes.exr"
        self._scene.render.filepath = str(path)
        # Blender writes a line a render.
        with quiet(1):
            self._bpy.ops.render.render(write_still=True)
        with OpenEXR.File(str(path), separate_channels=True) as file:
            # One part a pass; channels are named "<view layer>.<pass>.<letter>".
            channels = {
                name.split(".", 1)[1]: channel.pixels.astype(np.float64)
                for part in file.parts
                for name, channel in part.channels.items()
            }

        def stacked(name: str, letters: str = "RGB") -> Floats:
            return np.stack([channels[f"{name}.{letter}"] for letter in letters], axis=-1)

        parts = np.clip(stacked(materials.PART_PASS), 0, 1)
        return Passes(stacked("Combined"), channels["Depth.Z"], parts, stacked(ALBEDO_PASS), stacked("Normal", "XYZ"))
