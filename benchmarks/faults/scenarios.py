"""The commands whose calls fail, at their smallest: inputs, words, and modules that are imported before the fork."""

import functools
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from alignnet_common.files import asset
from benchmarks.workers.noise_clips import noise_clips

Words = tuple[str, ...]

NETWORK = (
    *("--appearance", "mobilenetv2_035", "--appearance-weights", "none", "--pose-stages", "1"),
    *("--pose-width", "0.05", "--tap-channels", "8", "--height", "48", "--width", "32"),
)
TRAINING = (
    *NETWORK,
    *("--chunk", "2", "--overlap", "1", "--ids-per-batch", "2", "--chunks-per-id", "2", "--warmup-steps", "0"),
    *("--max-steps", "2", "--checkpoint-every", "1", "--workers", "0", "--device", "cpu", "--resume"),
)


@dataclass(frozen=True)
class Scenario:
    """A command whose calls on files fail one after the other."""

    words: tuple[Words, ...]
    """Program, command and options, with paths below the folder of the case, which is the current one; several
    commands run in order until one ends with an error."""

    prepare: Callable[[], None]
    """Writes the inputs into the current folder."""

    imports: tuple[str, ...]
    """Modules that every case needs: they are imported once."""

    patch: Callable[[], None] | None = None
    """Called in the process of the case before the command."""


def _sample(persons: int, frames: int = 2) -> None:
    """A part of the sample set as set/."""
    from alignnet_common.files import read_jsonl, write_jsonl
    from alignnet_common.set_format import MANIFEST

    source, target = asset("sample"), Path("set")
    rows = [row for row in read_jsonl(source / MANIFEST) if int(row["person"]) <= persons]
    for row in rows:
        shutil.copytree(source / "multi_shot" / row["clip"], target / "multi_shot" / row["clip"])
        annotations = target / "annotations" / f"{row['clip']}.npz"
        annotations.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(source / "annotations" / f"{row['clip']}.npz", annotations)
    write_jsonl(target / MANIFEST, rows)


def _tracks(persons: int) -> None:
    """Clips of the sample as tracks/camera/track/frames, two tracklets of two frames each, with a table of times."""
    lines = ["camera,track,frame,time,x,y,w,h,score,path"]
    for camera in ("cam_a", "cam_b"):
        folders = sorted((asset("sample/multi_shot") / camera).iterdir())[:persons]
        pictures = [picture for folder in folders for picture in sorted(folder.glob("*.png"))[:4]]
        for number, picture in enumerate(pictures):
            track, frame = f"{number // 2 + 1:04d}", number % 2 + 1
            target = Path("tracks") / camera / track / f"{frame:06d}.png"
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(picture, target)
            lines.append(f"{camera},{track},{frame},{number},0,0,64,128,1,{camera}/{track}/{target.name}")
    Path("tracks/tracks.csv").write_text("\n".join(lines) + "\n")


def write_network(path: Path) -> None:
    """A small network with random weights."""
    import torch

    from reid.configs.groups.model import ModelConfig
    from reid.models.alignnet import AlignNet
    from reid.models.checkpoint import save_model

    small = ModelConfig(
        appearance="mobilenetv2_035", appearance_weights="none", pose_stages=1, pose_width=0.05, tap_channels=8
    )
    model = AlignNet(small, 3, torch.Generator().manual_seed(1))
    save_model(model, path, {"images": {"height": 48, "width": 32, "chunk": 2}})


def _network() -> None:
    write_network(Path("network.safetensors"))


def _video() -> None:
    """A video of six frames, and the boxes of two persons in it."""
    import av

    with av.open("a.avi", "w") as container:
        stream = container.add_stream("mjpeg", rate=5)
        stream.width, stream.height, stream.pix_fmt = 160, 160, "yuvj420p"
        for frame in range(6):
            picture = np.random.default_rng(frame).integers(0, 256, (160, 160, 3), dtype=np.uint8)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        container.mux(stream.encode())
    rows = (f"{frame},{person},{20 * person},10,40,120,1" for frame in range(1, 7) for person in (1, 3))
    Path("a.txt").write_text("\n".join(rows) + "\n")


def _packed() -> None:
    """The set of noise, packed as tars/."""
    from synth.pack import PackConfig, pack

    _noise_set()
    pack(PackConfig("tars", Path("set"), clips_per_shard=1))
    shutil.rmtree("set")


def _noise_set() -> None:
    """A set of two clips of noise as set/."""
    from synth.planning.config import RenderConfig
    from synth.render import render

    noise_for_blender()
    render(RenderConfig(ids=1, frames=2, samples=1, out=Path("set")))


def noise_for_blender() -> None:
    """Write clips of noise in this process in place of rendering them on Ray; all else of synth render is as ever."""
    from synth import render
    from synth.rendering import workers

    workers.render_all = noise_clips
    render.start_ray = lambda workers, address=None: workers
    render.stop_ray = lambda: None
    render.pick_device = lambda wanted: "cpu"


def _all(*makers: Callable[[], None]) -> None:
    for make in makers:
        make()


RENDER = ("synth", "render", "--ids", "1", "--frames", "2", "--samples", "1", "--workers", "1", "--out", "set")
NET = ("--weights", "network.safetensors", "--device", "cpu", "--batch-size", "1")
"""One image at a time: descriptors then do not depend on where a command has gone on."""

INDEX = ("reid", "index", "tracks", "--index", "index", "--workers", "0", *NET)

SCENARIOS = {
    "render": Scenario(
        (RENDER,), lambda: None, ("bpy", "synth.render", "synth.rendering.workers"), patch=noise_for_blender
    ),
    "render-ray": Scenario((RENDER,), lambda: None, ()),
    "verify": Scenario((("synth", "verify", "set"),), _noise_set, ("synth.verify",)),
    "preview": Scenario(
        (("synth", "preview", "--data", "set", "--out", "preview"),), _noise_set, ("synth.preview", "matplotlib.pyplot")
    ),
    "pack": Scenario(
        (("synth", "pack", "--data", "set", "--out", "tars", "--clips-per-shard", "1"),), _noise_set, ("synth.pack",)
    ),
    "unpack": Scenario((("synth", "unpack", "--data", "tars", "--out", "set"),), _packed, ("synth.unpack",)),
    "pretrain": Scenario(
        (("reid", "pretrain", "--data", "set", "--run", "run", "--held-out", "2", *TRAINING),),
        functools.partial(_sample, 4),
        ("reid.recipes.pretrain", "tensorboardX"),
    ),
    "finetune": Scenario(
        (
            (
                *("reid", "finetune", "--dataset", "folder", "--root", "set/multi_shot", "--run", "run"),
                *TRAINING,
            ),
        ),
        functools.partial(_sample, 4),
        ("reid.recipes.finetune", "tensorboardX"),
    ),
    "evaluate": Scenario(
        (
            (
                *("reid", "evaluate", "--dataset", "folder", "--root", "set/multi_shot", "--json", "found.json"),
                *("--weights", "network.safetensors", "--device", "cpu"),
            ),
        ),
        functools.partial(_all, functools.partial(_sample, 4), _network),
        ("reid.evaluate", "reid.evaluation.evaluator", "timm"),
    ),
    "extract": Scenario(
        (("reid", "extract", "tracks", "--tracklets", "--out", "out.npz", *NET, "--workers", "0"),),
        functools.partial(_all, functools.partial(_tracks, 2), _network),
        ("reid.inference.extraction",),
    ),
    "adapt": Scenario(
        (
            (
                *("reid", "adapt", "tracks", "--init", "network.safetensors", "--run", "run", "--rounds", "2"),
                *("--steps", "2", "--clusters-per-batch", "4", "--chunks-per-cluster", "2", "--checkpoint-every", "1"),
                *("--device", "cpu", "--workers", "0", "--resume"),
            ),
        ),
        functools.partial(_all, functools.partial(_tracks, 16), _network),
        ("reid.adapt.run", "tensorboardX", "sklearn.cluster"),
    ),
    "tracks": Scenario(
        (("reid", "tracks", "a.avi", "--boxes", "a.txt", "--out", "tracks"),), _video, ("reid.tracks.run", "av")
    ),
    "repair": Scenario(
        (("reid", "repair", "tracks", "--out", "repaired", *NET),),
        functools.partial(_all, functools.partial(_tracks, 2), _network),
        ("reid.repair.run",),
    ),
    "index": Scenario((INDEX,), functools.partial(_all, functools.partial(_tracks, 4), _network), ("reid.index.run",)),
    "search": Scenario(
        (
            INDEX,
            ("reid", "search", "--index", "index", "--track", "cam_a/0001", "--json", "f.json", "--html", "f.html"),
            ("reid", "link", "--index", "index", "--out", "l.csv"),
        ),
        functools.partial(_all, functools.partial(_tracks, 4), _network),
        ("reid.index.run", "reid.search.run", "reid.link.run"),
    ),
}
"""Scenarios by the name of the command."""
