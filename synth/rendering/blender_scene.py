"""A scene in Blender: built from meshes and plain data, rendered to arrays.

Blender's scene is global to the process, so only one `BlenderScene` exists at a time.
"""

import dataclasses
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from alignnet_common.arrays import Floats
from alignnet_common.coco18 import PARTS
from alignnet_common.files import quiet
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
"""Cycles' name of the pass with the surface colour, independent of the light."""


@dataclass(frozen=True)
class Passes:
    """Render passes of one frame of H × W pixels. "Visible surface" is the first one that the pixel's ray meets."""

    radiance: Floats
    """(H, W, 3) linear RGB."""
    depth: Floats
    """(H, W) metres along the optical axis to the visible surface; very large for the sky."""
    parts: Floats
    """(H, W, 3) coverage of each pixel by the subject's upper, middle and lower part, 0..1."""
    albedo: Floats
    """(H, W, 3) albedo of the visible surface, 0..1; 0 for the sky."""
    normal: Floats
    """(H, W, 3) normal of the visible surface; of unit length if one surface fills the pixel."""


@dataclass(frozen=True)
class RenderSettings:
    """Settings of Cycles that do not depend on the scene's content."""

    samples: int
    """Samples per pixel."""
    device: str = "cpu"
    """"cpu", or a Cycles device type in lower case, as `synth.rendering.devices.pick_device` returns."""
    seed: int = 0
    """Seed of the sampling noise."""
    denoise: bool = False
    """Whether frames are denoised."""
    kept_noise: float = 0.0
    """Share of the render noise, 0..1, that denoised frames keep."""


@dataclass(frozen=True)
class DressedPerson:
    """A person's mesh over T frames, and the outfit that its materials are made from."""

    mesh: Mesh
    outfit: Outfit


class BlenderScene:
    """One place with its people and one camera, in Blender.

    `subject` is the person of the clip and the only one in the part pass; `bystanders` have as many frames.
    """

    def __init__(
        self, place: Place, subject: DressedPerson, settings: RenderSettings, bystanders: Sequence[DressedPerson] = ()
    ) -> None:
        self._bpy = import_bpy()
        factory_settings()
        with quiet(1):
            self._bpy.ops.wm.read_homefile(use_factory_startup=True, use_empty=True)
        self._scene = self._bpy.context.scene
        self._scratch = tempfile.TemporaryDirectory(prefix="synth-")
        self.denoise, self.kept_noise = settings.denoise, settings.kept_noise
        self._configure(settings)
        self._light_settings = place.light
        self._build_light(place.light)
        self._build_place(place)
        people = (subject, *bystanders)
        self.people = [self._build_person(person, in_part_pass=person is subject) for person in people]
        """Blender's mesh objects: the subject first."""
        self._vertices = [person.mesh.vertices.astype(np.float32) for person in people]
        self.camera = self._build_camera()
        """Blender's camera object."""

    def __enter__(self) -> Self:
        """The scene itself; leaving the block closes it."""
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def close(self) -> None:
        """Remove the scratch files."""
        self._scratch.cleanup()

    @property
    def samples(self) -> int:
        """Samples per pixel."""
        return int(self._scene.cycles.samples)

    @samples.setter
    def samples(self, samples: int) -> None:
        self._scene.cycles.samples = samples

    @property
    def seed(self) -> int:
        """Seed of the sampling noise."""
        return int(self._scene.cycles.seed)

    @seed.setter
    def seed(self, seed: int) -> None:
        self._scene.cycles.seed = seed

    @property
    def keeps_scene_data(self) -> bool:
        """Whether Cycles keeps the unchanged parts of the scene between renders (Blender's persistent data)."""
        return bool(self._scene.render.use_persistent_data)

    @keeps_scene_data.setter
    def keeps_scene_data(self, keeps: bool) -> None:
        self._scene.render.use_persistent_data = keeps

    @property
    def pixel_aspect(self) -> tuple[float, float]:
        """Blender's relative width and height of a pixel."""
        return self._scene.render.pixel_aspect_x, self._scene.render.pixel_aspect_y

    def render(self, t: int, rotation: Floats, translation: Floats, intrinsics: Floats) -> Passes:
        """Render frame `t`, denoised and hazy as set; parameters as of `set_frame`."""
        self.set_frame(t, rotation, translation, intrinsics)
        passes = read_passes(self.render_file())
        if self.denoise:
            clean = denoiser(HEIGHT, WIDTH)(passes.radiance, passes.albedo, passes.normal)
            if self.kept_noise:
                clean += self.kept_noise * (passes.radiance - clean)
            passes = dataclasses.replace(passes, radiance=clean)
        return with_haze(passes, self._light_settings)

    def set_frame(self, t: int, rotation: Floats, translation: Floats, intrinsics: Floats) -> None:
        """Put the people into the pose of frame `t` (from 0), and the camera at a pose.

        `rotation` (3, 3) and `translation` (3,) metres map world to camera; `intrinsics` (3, 3) are those of a frame
        of 128 × 64 pixels.
        """
        self._pose_people(t)
        self._pose_camera(rotation, translation, intrinsics)

    def render_file(self) -> Path:
        """Render the current frame to a multi-layer EXR file, which the next call replaces."""
        path = Path(self._scratch.name) / "passes.exr"
        self._scene.render.filepath = str(path)
        with quiet(1):  # Blender prints a line per render
            self._bpy.ops.render.render(write_still=True)
        return path

    def save_blend(self, path: Path) -> None:
        """Save the scene as a .blend file."""
        with quiet(1):
            self._bpy.ops.wm.save_as_mainfile(filepath=str(path))

    def _configure(self, settings: RenderSettings) -> None:
        """Set Cycles to one thread, the passes that are read, and few bounces."""
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
        # One EXR part for all passes: Blender 5.0 cannot write several parts if pixels are not square.
        scene.render.image_settings.use_exr_interleave = True
        scene.render.use_compositing = False
        # Cycles keeps the static meshes from one frame to the next; only the people are synced again.
        scene.render.use_persistent_data = True
        cycles = scene.cycles
        cycles.samples, cycles.seed = settings.samples, settings.seed
        cycles.use_denoising = False
        cycles.use_adaptive_sampling = False
        # With one sun or a few lamps, a light tree takes a tenth more time and gives more noise.
        cycles.use_light_tree = False
        cycles.max_bounces = 3
        cycles.diffuse_bounces = 2
        cycles.glossy_bounces = 1
        cycles.transmission_bounces = 0
        cycles.caustics_reflective = cycles.caustics_refractive = False
        cycles.sample_clamp_direct = cycles.sample_clamp_indirect = 3.0
        cycles.device = "CPU"
        if settings.device != "cpu":
            self._use_gpu(settings.device)
        layer = scene.view_layers[0]
        layer.use_pass_z = layer.use_pass_normal = True
        layer.use_pass_diffuse_color = True
        layer.aovs.add().name = materials.PART_PASS

    def _use_gpu(self, device: str) -> None:
        """Enable every GPU of one Cycles device type."""
        preferences = self._bpy.context.preferences.addons["cycles"].preferences
        preferences.compute_device_type = device.upper()
        preferences.get_devices()
        for found in preferences.devices:
            found.use = found.type == device.upper()
        self._scene.cycles.device = "GPU"

    def _new_object(self, name: str, points: Floats, quads: NDArray[np.int64]) -> Any:
        """A mesh object of `points` (N, 3) metres and `quads` (F, 4), linked to the scene."""
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
        """The ground, 160 m square, and all solids; `shades` cast shadows but are not seen."""
        corners = np.array([[-80, -40, 0], [80, -40, 0], [80, 120, 0], [-80, 120, 0]], dtype=float)
        pattern = turned_pattern(corners, place.ground.yaw)
        self._build_patch("ground", Patch(corners, np.arange(4)[None], pattern), [place.ground])
        self._build_solids("place", place.solids)
        self._build_solids("occluders", place.occluders)
        for shade in self._build_solids("shades", place.shades):
            shade.visible_camera = False

    def _build_solids(self, name: str, solids: Sequence[Solid]) -> list[Any]:
        """All solids as one mesh object; no object if there are no solids."""
        if not solids:
            return []
        whole = assembled(solids)
        thing = self._build_patch(name, Patch(whole.points, whole.quads, whole.where), whole.surfaces)
        thing.data.polygons.foreach_set("material_index", whole.surface.astype(np.int32))
        thing.data.polygons.foreach_set("use_smooth", whole.smooth)
        return [thing]

    def _build_patch(self, name: str, patch: Patch, surfaces: Sequence[Surface]) -> Any:
        """A mesh object with its pattern coordinates and one material per surface."""
        thing = self._new_object(name, patch.points, patch.quads)
        where = thing.data.attributes.new(materials.PATTERN, "FLOAT_VECTOR", "POINT")
        where.data.foreach_set("vector", patch.where.astype(np.float32).ravel())
        for surface in surfaces:
            thing.data.materials.append(materials.place_material(self._bpy, surface))
        return thing

    def _build_light(self, light: Light) -> None:
        """The sun, the lamps and the sky."""
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
        """A square area lamp."""
        from mathutils import Vector

        data = self._bpy.data.lights.new("lamp", "AREA")
        data.energy, data.color, data.size = lamp.strength, lamp.colour, lamp.size
        thing = self._bpy.data.objects.new("lamp", data)
        thing.location = lamp.position
        # An area lamp shines along its -Z.
        thing.rotation_euler = (Vector(lamp.aim) - Vector(lamp.position)).to_track_quat("-Z", "Y").to_euler()
        self._scene.collection.objects.link(thing)

    def _build_sky(self, light: Light) -> None:
        """A sky with a gradient from the horizon's colour to the zenith's."""
        world = self._bpy.data.worlds.new("sky")
        self._scene.world = world
        world.use_nodes = True
        # Importance sampling of the sky would bake a large map per frame, and a smooth sky does not need it.
        world.cycles.sampling_method = "NONE"
        nodes = shader_nodes.Nodes(world.node_tree)
        _, _, up = nodes.split(nodes.add("TexCoord").outputs["Generated"])
        height = nodes.math("MINIMUM", nodes.math("MAXIMUM", nodes.math("MULTIPLY", up, 2.0), 0.0), 1.0)
        background = world.node_tree.nodes["Background"]
        nodes.set(background.inputs["Color"], nodes.mix(height, light.horizon_colour, light.sky_colour))
        background.inputs["Strength"].default_value = light.sky

    def _build_person(self, person: DressedPerson, in_part_pass: bool) -> Any:
        """A mesh object with the person's materials and the attributes that they read."""
        mesh = person.mesh
        thing = self._new_object("person", mesh.vertices[0], mesh.quads)
        data = thing.data
        for name, values in (("rest", mesh.rest), ("tint", mesh.tint)):
            colour = name == "tint"
            attribute = data.attributes.new(name, "FLOAT_COLOR" if colour else "FLOAT_VECTOR", "POINT")
            filled = np.column_stack([values, np.ones(len(values))]) if colour else values
            attribute.data.foreach_set("color" if colour else "vector", filled.astype(np.float32).ravel())
        if in_part_pass:
            part = data.attributes.new("part", "FLOAT_COLOR", "FACE")
            one_hot = np.column_stack([np.eye(len(PARTS))[mesh.part], np.ones(len(mesh.part))])
            part.data.foreach_set("color", one_hot.astype(np.float32).ravel())
        for material in materials.person_materials(self._bpy, person.outfit):
            data.materials.append(material)
        data.polygons.foreach_set("material_index", mesh.surface.astype(np.int32))
        data.polygons.foreach_set("use_smooth", np.ones(len(mesh.quads), dtype=bool))
        return thing

    def _build_camera(self) -> Any:
        """A camera object without a pose yet."""
        camera = self._bpy.data.cameras.new("camera")
        camera.sensor_fit = "HORIZONTAL"
        camera.sensor_width = 36.0
        camera.clip_start, camera.clip_end = 0.05, 500.0
        thing = self._bpy.data.objects.new("camera", camera)
        self._scene.collection.objects.link(thing)
        self._scene.camera = thing
        return thing

    def _pose_people(self, t: int) -> None:
        """Move all people's vertices to frame `t`, raised by the height of the soles of their shoes."""
        for thing, vertices in zip(self.people, self._vertices, strict=True):
            points = vertices[t].copy()
            points[:, 2] += SOLE
            thing.data.vertices.foreach_set("co", points.ravel())
            thing.data.update()

    def _pose_camera(self, rotation: Floats, translation: Floats, intrinsics: Floats) -> None:
        """Set Blender's camera to the pinhole camera that `set_frame` describes."""
        from mathutils import Matrix

        render, camera = self._scene.render, self.camera.data
        # Height over width of a pixel. Blender requires both aspects to be at least 1.
        tall = intrinsics[0, 0] / intrinsics[1, 1]
        render.pixel_aspect_x, render.pixel_aspect_y = max(1.0, 1 / tall), max(1.0, tall)
        camera.lens = intrinsics[0, 0] / WIDTH * camera.sensor_width
        camera.shift_x = (WIDTH / 2 - intrinsics[0, 2]) / WIDTH
        camera.shift_y = tall * (intrinsics[1, 2] - HEIGHT / 2) / WIDTH
        # Blender's camera looks along -Z with Y up; ours along +Z with Y down.
        pose = np.eye(4)
        pose[:3, :3] = rotation.T @ np.diag([1.0, -1.0, -1.0])
        pose[:3, 3] = -rotation.T @ translation
        self.camera.matrix_world = Matrix(pose.tolist())


@cache
def factory_settings() -> None:
    """Set Blender's preferences and add-ons to those of its release, once in a process: it takes five times as long as
    an empty scene."""
    with quiet(1):
        import_bpy().ops.wm.read_factory_settings(use_empty=True)


def read_passes(path: Path) -> Passes:
    """The passes of an EXR file that `BlenderScene.render_file` wrote."""
    import OpenEXR

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


def with_haze(passes: Passes, light: Light) -> Passes:
    """The passes with haze between the camera and the surfaces: radiance fades to the horizon's exponentially with
    depth (Beer-Lambert law), at `light.haze` per metre."""
    if light.haze == 0:
        return passes
    clear = np.exp(-light.haze * np.minimum(passes.depth, 1e4))[..., None]
    veil = light.sky * np.array(light.horizon_colour)
    return dataclasses.replace(passes, radiance=clear * passes.radiance + (1 - clear) * veil)
