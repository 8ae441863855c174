"""One measurement of `benchmarks.render`, in a separate process on one core.

    python -m benchmarks.workers.render_job JOB CONFIG.json OUT.json

Separate, because Blender's scene is global to the process, and caches of one job would distort the next.
"""

import dataclasses
import json
import os
import resource
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from synth.body.model import BodyModel
from synth.cameras.colour import LUMINANCE
from synth.cameras.image_pipeline import incident_light, tone_curve
from synth.dataset.layout import RenderedSet
from synth.dataset.writer import write_clip
from synth.planning.clip import Clip
from synth.planning.config import RenderConfig
from synth.planning.plan import make_plan
from synth.rendering.blender_scene import BlenderScene, Passes, RenderSettings
from synth.rendering.clip_renderer import Scene, render_clip

Config = dict[str, Any]
SEED = int(np.random.default_rng(0).integers(2**31))
"""Seed of the sampling noise of the bare loop and the .blend files."""


def main(job: str, config: Config) -> Any:
    """Result of a job of the name `job`; all except "rate" run on one core."""
    if job != "rate":
        os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    jobs: dict[str, Callable[[Config], Any]] = {"clips": clips, "memory": memory, "blend": blend, "rate": rate}
    return jobs[job](config)


def planned(config: Config, **changes: Any) -> list[Clip]:
    """One clip per person of the plan, by camera a and camera b in turn."""
    asked = {name: config[name] for name in ("ids", "frames", "seed")}
    plan = make_plan(RenderConfig(**asked, sightings=1, **changes))
    return [clip for number, clip in enumerate(plan) if number % 2 == number // 2 % 2]


def clips(config: Config) -> list[dict[str, Any]]:
    """Seconds per frame and PSNR of each clip: by this project with each setting, and by a bare loop."""
    model, found = BodyModel(), []
    plan = planned(config)
    short = dataclasses.replace(plan[0].sightings[0], frames=1)
    render_clip(model, dataclasses.replace(plan[0], sightings=(short,)), "cpu")  # loads everything that is loaded once
    for clip in plan:
        ours = {kind: our_seconds(model, clip, setting) for kind, setting in settings(config).items()}
        scene = Scene.from_clip(model, clip, clip.sightings[0], clip.frame_rng())
        with scene.in_blender(RenderSettings(clip.samples, seed=SEED)) as blender_scene:
            bare = {n: bare_seconds(blender_scene, scene, n, config["bare_frames"]) for n in config["bare"]}
            errors = errors_of(blender_scene, scene, clip, config)
        found.append({"clip": clip.name, "ours": ours, "bare": bare, "errors": errors})
        print(json.dumps(found[-1]), file=sys.stderr, flush=True)
    return found


@dataclass(frozen=True)
class Setting:
    """Options of the renderer, written as "4+denoise+16" for --samples 4 --denoise --noise-samples 16."""

    samples: int
    denoise: bool = False
    noise_samples: int = 0

    def of(self, clip: Clip) -> Clip:
        """The clip, rendered so."""
        return dataclasses.replace(clip, **dataclasses.asdict(self))


def settings(config: Config) -> dict[str, Setting]:
    """The settings of this project's renderer by their names."""
    found = {}
    for kind in config["ours"]:
        samples, *denoised = kind.split("+")
        found[kind] = Setting(int(samples), bool(denoised), int(denoised[1]) if denoised[1:] else 0)
    return found


def our_seconds(model: BodyModel, clip: Clip, setting: Setting) -> float:
    """Seconds per frame of a worker's whole task: bodies, scene, frames, ground truth, files."""
    with tempfile.TemporaryDirectory() as folder:
        started = time.perf_counter()
        wanted = setting.of(clip)
        write_clip(RenderedSet(Path(folder)), wanted, render_clip(model, wanted, "cpu"))
        return (time.perf_counter() - started) / clip.frames


def bare_seconds(blender_scene: BlenderScene, scene: Scene, samples: int, frames: int) -> float:
    """Seconds per frame of a bare loop of Blender's render call in a scene that is already built.

    Blender's default is kept: Cycles gets the whole scene for each frame (no persistent data).
    """
    blender_scene.samples, blender_scene.keeps_scene_data = samples, False
    chosen = np.linspace(0, len(scene.intrinsics) - 1, frames).round().astype(int)
    started = time.perf_counter()
    for t in chosen.tolist():
        blender_scene.set_frame(t, *scene.view(t))
        blender_scene.render_file()
    return (time.perf_counter() - started) / frames


def errors_of(blender_scene: BlenderScene, scene: Scene, clip: Clip, config: Config) -> dict[str, float]:
    """PSNR in dB of the middle frame after a neutral tone curve, against the frame at many samples, of each way to
    render."""
    t = clip.frames // 2

    def seen(setting: Setting, seed: int) -> Passes:
        blender_scene.samples, blender_scene.seed, blender_scene.denoise = setting.samples, seed, setting.denoise
        blender_scene.kept_noise = setting.of(clip).kept_noise
        return blender_scene.render(t, *scene.view(t))

    reference = seen(Setting(config["reference"]), 1)
    gain = 1 / (incident_light(reference.radiance[None], reference.albedo[None]) @ LUMINANCE)

    def error(setting: Setting) -> float:
        found = [tone_curve(gain * seen(setting, seed).radiance, 1.0) for seed in (2, 3)]
        square = np.mean((np.stack(found) - tone_curve(gain * reference.radiance, 1.0)) ** 2)
        return float(-10 * np.log10(square))

    ways = {str(n): Setting(n) for n in config["bare"]} | settings(config)
    return {kind: error(way) for kind, way in ways.items()}


def memory(config: Config) -> list[float]:
    """Peak memory in MiB after each clip, for one worker that renders all clips."""
    with tempfile.TemporaryDirectory() as folder:
        model, target, peaks = BodyModel(), RenderedSet(Path(folder)), []
        for clip in make_plan(RenderConfig(ids=config["ids"], frames=config["frames"], samples=1, seed=config["seed"])):
            write_clip(target, clip, render_clip(model, clip, "cpu"))
            peaks.append(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)
    return peaks


def rate(config: Config) -> float:
    """Frames per second of several workers, from the end of the first clip to the end of the last."""
    from alignnet_common.cluster.ray_session import start_ray, stop_ray
    from synth.rendering.workers import render_all

    plan = make_plan(RenderConfig(ids=config["ids"], frames=config["frames"], samples=8, seed=config["seed"]))
    start_ray(config["workers"])
    try:
        with tempfile.TemporaryDirectory() as folder:
            done = [time.perf_counter() for _ in render_all(plan, Path(folder), config["workers"], "cpu")]
    finally:
        stop_ray()
    return float(config["frames"] * (len(done) - 1) / (done[-1] - done[0]))


def blend(config: Config) -> list[str]:
    """Save each clip's scene as a .blend file, with one shape key per frame and an animated camera."""
    model, files = BodyModel(), []
    for clip in planned(config):
        scene = Scene.from_clip(model, clip, clip.sightings[0], clip.frame_rng())
        file = Path(config["folder"]) / f"{clip.name.replace('/', '_')}.blend"
        with scene.in_blender(RenderSettings(clip.samples, seed=SEED)) as blender_scene:
            animate(blender_scene, scene)
            blender_scene.save_blend(file)
        files.append(str(file))
    return files


def animate(blender_scene: BlenderScene, scene: Scene) -> None:
    """Insert one key per frame for all people's vertices and the camera, from frame 0 on.

    Blender cannot key a pixel's aspect: the last frame's is stored in the camera's property `pixel_aspect`.
    """
    camera = blender_scene.camera
    for t in range(len(scene.intrinsics)):
        blender_scene.set_frame(t, *scene.view(t))
        for name in ("lens", "shift_x", "shift_y"):
            camera.data.keyframe_insert(name, frame=t)
        camera["pixel_aspect"] = list(blender_scene.pixel_aspect)
        for thing in blender_scene.people:
            if t == 0:
                thing.shape_key_add(name="basis")
            key = thing.shape_key_add(name=f"{t}")
            key.data.foreach_set("co", points_of(thing))
            for frame, value in ((t - 1, 0.0), (t, 1.0), (t + 1, 0.0)):
                key.value = value
                key.keyframe_insert("value", frame=frame)


def points_of(thing: Any) -> NDArray[np.float32]:
    """Coordinates (3 N,) of a mesh object's vertices."""
    points = np.empty(3 * len(thing.data.vertices), dtype=np.float32)
    thing.data.vertices.foreach_get("co", points)
    return points


if __name__ == "__main__":
    Path(sys.argv[3]).write_text(json.dumps(main(sys.argv[1], json.loads(Path(sys.argv[2]).read_text()))))
