"""Renders a clip's scene with BlenderProc, in BlenderProc's own environment.

    PYTHONPATH=… python blenderproc_clip.py BLEND SAMPLES DENOISER OUT.json

Renders colours, depth and the person's mask at 128 × 64 pixels on one thread. PYTHONPATH is the folder of the package
`blenderproc`, without its dependencies. DENOISER is "none" or "intel" (BlenderProc's default).
"""

import json
import os
import sys
import time
from pathlib import Path

started = time.perf_counter()
os.environ["INSIDE_OF_THE_INTERNAL_BLENDER_PYTHON_ENVIRONMENT"] = "1"
import blenderproc as bproc  # noqa: E402
import bpy  # noqa: E402
from blenderproc.python.renderer import RendererUtility  # noqa: E402
from blenderproc.python.utility.Initializer import _Initializer  # noqa: E402


def initialise() -> None:
    """The steps of `bproc.init`, except setting the language of the user interface, which Blender's module lacks."""
    bproc.clean_up(clean_up_camera=True)
    bpy.context.scene.render.engine = "CYCLES"
    RendererUtility.set_render_devices()
    _Initializer.set_default_parameters()


def load(blend: str) -> int:
    """Load the scene of a .blend file; returns its number of frames."""
    bproc.loader.load_blend(blend, obj_types=["mesh", "light", "camera"])
    with bpy.data.libraries.load(blend) as (there, here):
        here.worlds = [name for name in there.worlds if name == "sky"]
    scene = bpy.context.scene
    scene.world = here.worlds[0]
    scene.camera = next(thing for thing in bpy.data.objects if "pixel_aspect" in thing)
    scene.render.pixel_aspect_x, scene.render.pixel_aspect_y = scene.camera["pixel_aspect"]
    for thing in bpy.data.objects:
        thing["category_id"] = int(thing.name == "person")
    scene.frame_start, scene.frame_end = 0, int(scene.camera.data.animation_data.action.frame_range[1]) + 1
    return int(scene.frame_end)


def configure(samples: int, denoiser: str) -> None:
    """Set the size, samples and bounces that this project uses, and one thread."""
    scene = bpy.context.scene
    scene.render.resolution_x, scene.render.resolution_y = 64, 128
    RendererUtility.set_cpu_threads(1)
    RendererUtility.set_max_amount_of_samples(samples)
    RendererUtility.set_noise_threshold(0)
    RendererUtility.set_light_bounces(2, 1, 0, 3, 0, 8, 0)
    RendererUtility.set_denoiser(None if denoiser == "none" else "INTEL")
    bproc.renderer.enable_depth_output(activate_antialiasing=False)
    bproc.renderer.enable_segmentation_output(map_by=["category_id"], default_values={"category_id": 0})


def main() -> None:
    """Render, and write seconds, shapes and versions as JSON."""
    blend, samples, denoiser, out = sys.argv[1:]
    initialise()
    frames = load(blend)
    configure(int(samples), denoiser)
    ready = time.perf_counter()
    data = bproc.renderer.render()
    done = time.perf_counter()
    shapes = {name: [len(data[name]), *data[name][0].shape] for name in ("colors", "depth", "category_id_segmaps")}
    mask = data["category_id_segmaps"][0] == 1
    result = {"frames": frames, "shapes": shapes, "loading": ready - started, "rendering": done - ready}
    result["covered"] = float(mask.mean())
    Path(out).write_text(json.dumps({**result, "versions": [bproc.__version__, bpy.app.version_string]}))
    # Blender's module hangs at exit after BlenderProc has redirected its output.
    os._exit(0)


main()
