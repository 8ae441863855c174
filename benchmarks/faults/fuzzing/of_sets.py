"""Readers of rendered sets, plans, packed sets and motions."""

import hashlib
import json
from functools import cache
from pathlib import Path
from typing import Any

from benchmarks.faults.fuzzing.reader import Reader

MOTION = """HIERARCHY
ROOT Hips
{
  OFFSET 0.0 0.0 0.0
  CHANNELS 6 Xposition Yposition Zposition Zrotation Xrotation Yrotation
  JOINT Leg
  {
    OFFSET 0.1 -0.4 0.0
    CHANNELS 3 Zrotation Xrotation Yrotation
    End Site
    {
      OFFSET 0.0 -0.4 0.0
    }
  }
}
MOTION
Frames: 4
Frame Time: 0.033333
0 1 0 0 0 0 0 0 0
0 1 0.1 0 1 0 0 5 0
0 1 0.2 0 2 0 0 9 0
0 1 0.3 0 3 0 0 5 0
"""


@cache
def _plan() -> Any:
    """Two clips of a person, and the options that draw them."""
    from synth.planning.config import RenderConfig
    from synth.planning.plan import make_plan

    config = RenderConfig(ids=1, frames=2, samples=1, out=Path("set"))
    return make_plan(config), config


def _set(folder: Path) -> None:
    """A finished set of two clips of noise, as set/."""
    from alignnet_common.options import save_config
    from benchmarks.workers.noise_clips import noise_clips
    from synth.dataset.layout import RenderedSet
    from synth.dataset.manifest import append_row, begin_set, finish_set

    plan, config = _plan()
    target = RenderedSet(folder / "set")
    begin_set(target, plan, [])
    for row in noise_clips(plan, target.out, 1, "cpu"):
        append_row(target, row)
    finish_set(target, plan)
    save_config(config, target.config)
    target.result.write_text('{"clips": 2, "frames": 4}\n')


def _verify(folder: Path) -> None:
    from synth.verify import VerifyConfig, verify

    verify(VerifyConfig(folder / "set", folder / "set.json"))


def _preview(folder: Path) -> None:
    from synth.preview import PreviewConfig, preview

    preview(PreviewConfig(folder / "set", folder / "preview"))


def _export(folder: Path) -> None:
    from synth.export_coco import ExportConfig, export

    export(ExportConfig(folder / "set", folder / "coco.json"))


def _render_into(folder: Path) -> None:
    """What synth render does with a set before and after it renders: its clips are there."""
    from benchmarks.workers.noise_clips import noise_clips
    from synth.dataset.layout import RenderedSet
    from synth.dataset.manifest import append_row, begin_set, finish_set, mixture_note, open_set

    plan, _ = _plan()
    target = RenderedSet(folder / "set")
    finished, missing = open_set(target, plan)
    mixture_note(target, finished)
    with target.held():
        begin_set(target, plan, finished)
        for row in noise_clips(missing, target.out, 1, "cpu"):
            append_row(target, row)
        finish_set(target, plan)


def _packed(folder: Path) -> None:
    from synth.pack import PackConfig, pack

    _set(folder)
    pack(PackConfig(str(folder / "tars"), folder / "set"))


def _unpack(folder: Path) -> None:
    from synth.unpack import UnpackConfig, unpack

    unpack(UnpackConfig(str(folder / "tars"), folder / "out"))


def _unpack_tar(folder: Path) -> None:
    """A tar whose hash is that of the index: of a source that is hostile, not damaged."""
    place = folder / "tars" / "index.json"
    index = json.loads(place.read_text())
    for tar in index["tars"]:
        tar["sha256"] = hashlib.sha256((folder / "tars" / tar["name"]).read_bytes()).hexdigest()
    place.write_text(json.dumps(index))
    _unpack(folder)


def _pack(folder: Path) -> None:
    from synth.pack import PackConfig, pack

    pack(PackConfig(str(folder / "packed"), folder / "set"))


def _plan_file(folder: Path) -> None:
    from alignnet_common.files import write_jsonl
    from synth.planning.clip import plan_row

    write_jsonl(folder / "plan.jsonl", map(plan_row, _plan()[0]))


def _read_plan(folder: Path) -> None:
    from synth.planning.plan_file import read_plan

    read_plan(folder / "plan.jsonl")


def _motion(folder: Path) -> None:
    (folder / "walk.bvh").write_text(MOTION)


def _read_motion(folder: Path) -> None:
    from synth.animation.bvh import joint_transforms, read_bvh, sampled

    motion = read_bvh(folder / "walk.bvh")
    joint_transforms(motion, sampled(motion, 0, 8, 10.0))


SET_FILES = ("set/*.jsonl", "set/multi_shot/**/*.png", "set/annotations/**/*.npz")

READERS = (
    Reader("verify", _set, _verify, SET_FILES, writes=True),
    Reader("preview", _set, _preview, SET_FILES, writes=True),
    Reader("export-coco", _set, _export, SET_FILES, writes=True),
    Reader("render-into", _set, _render_into, SET_FILES, writes=True),
    Reader("pack", _set, _pack, ("set/*.*",), writes=True),
    Reader("unpack", _packed, _unpack, ("tars/index.json", "tars/*.jsonl"), writes=True),
    Reader("unpack-tar", _packed, _unpack_tar, ("tars/*.tar",), writes=True),
    Reader("plan", _plan_file, _read_plan),
    Reader("bvh", _motion, _read_motion),
)
