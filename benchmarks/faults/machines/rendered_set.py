"""A rendered set: render, shard, kill, damage, verify, pack and unpack in any order.

Clips are noise, written by all that synth render is but Blender and Ray. The model is what the disk must hold: the
pixels of each clip are known, and a clip that was sound stays so until a step damages it.
"""

import functools
import json
import shutil
from pathlib import Path

import numpy as np
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from PIL import Image

from alignnet_common.errors import JobError
from alignnet_common.files import read_jsonl
from alignnet_common.set_format import MANIFEST
from benchmarks.faults.machines.forked import KILLED, fresh_place, in_fork, said
from benchmarks.faults.scenarios import noise_for_blender
from benchmarks.faults.steps import STEPS
from synth import render
from synth.dataset.webdataset import BESIDE
from synth.pack import PackConfig, pack
from synth.planning.clip import Clip
from synth.planning.config import RenderConfig
from synth.planning.plan import make_plan
from synth.unpack import UnpackConfig, unpack
from synth.verify import VerifyConfig, verify

DEATHS = st.none() | st.integers(1, 90)
"""Changes of a file at which a command dies: none, or one of the first."""


@functools.cache
def plan() -> tuple[Clip, ...]:
    """Three persons, two cameras."""
    return tuple(make_plan(RenderConfig(ids=3, frames=2, samples=1)))


def pixels(clip: Clip) -> list[bytes]:
    """The frames of a clip of noise."""
    rng = clip.frame_rng()
    _ = rng.uniform(0, 60, (18, 3)), rng.random((3, 128, 64))  # what the noise of scenarios.py draws before its frames
    return [frame.tobytes() for frame in rng.integers(0, 256, (clip.frames, 128, 64, 3), dtype=np.uint8)]


class RenderedSetMachine(RuleBasedStateMachine):
    """Steps on a set of six clips."""

    @initialize()
    def begin(self) -> None:
        """An empty folder."""
        self.place = fresh_place()
        self.out, self.tars, self.back = (self.place / name for name in ("set", "tars", "back"))
        self.sound: set[str] = set()
        self.strays: set[Path] = set()
        self.whole = False  # whether tars/ holds a whole set
        self.begun = False

    def teardown(self) -> None:
        """Remove the folder."""
        shutil.rmtree(self.place, ignore_errors=True)

    def _render(self, shard: str | None, dies_at: int | None) -> None:
        def job() -> None:
            noise_for_blender()
            render.planned_clips = _planned
            render.render(RenderConfig(ids=3, frames=2, samples=1, workers=1, out=self.out, shard=shard))

        code = in_fork(job, dies_at)
        assert code in (0, KILLED), f"rendering is refused: {code} {said()}"
        ours = {clip.name for clip in _planned(RenderConfig(shard=shard))}
        now = self._sound_on_disk()
        assert self.sound <= now, f"lost: {sorted(self.sound - now)}"
        if code == 0:
            assert ours <= now, f"not rendered: {sorted(ours - now)}"
        self.sound = now
        self.begun = self.out.exists() and any(self.out.glob("plan*.jsonl"))

    def _sound_on_disk(self) -> set[str]:
        """Clips that are in a manifest, and whose files are as they were written."""
        listed = {row["clip"] for file in self.out.glob("manifest*.jsonl") for row in read_jsonl(file)}
        return {clip.name for clip in plan() if clip.name in listed and self._is_whole(clip)}

    def _is_whole(self, clip: Clip) -> bool:
        frames = sorted((self.out / "multi_shot" / clip.name).glob("*"))
        annotations = self.out / "annotations" / f"{clip.name}.npz"
        try:
            found = [np.asarray(Image.open(frame).convert("RGB")).tobytes() for frame in frames]
            with np.load(annotations) as arrays:
                is_read = all(arrays[name] is not None for name in arrays.files)
        except Exception:
            return False
        return is_read and found == pixels(clip)

    @rule(dies_at=DEATHS)
    def render_all(self, dies_at: int | None) -> None:
        """Render the set."""
        self._render(None, dies_at)

    @rule(part=st.sampled_from(("1/2", "2/2")), dies_at=DEATHS)
    def render_part(self, part: str, dies_at: int | None) -> None:
        """Render a part of the set, as on another machine."""
        self._render(part, dies_at)

    @precondition(lambda self: self.sound)
    @rule(data=st.data(), how=st.sampled_from(("flip", "cut", "empty", "delete", "more")))
    def damage(self, data: st.DataObject, how: str) -> None:
        """Damage a file of a sound clip."""
        clip = data.draw(st.sampled_from(sorted(self.sound)))
        files = [*sorted((self.out / "multi_shot" / clip).iterdir()), self.out / "annotations" / f"{clip}.npz"]
        file = data.draw(st.sampled_from(files))
        content = bytearray(file.read_bytes())
        if how == "flip":
            # The middle: the compressed pixels of a frame, and of the annotations a part of the largest array.
            content[len(content) // 2] ^= 0x55
            file.write_bytes(content)
        elif how == "delete":
            file.unlink()
        elif how == "more":
            (file.parent / f"9{file.name}").write_bytes(content)
            if file.suffix == ".npz":
                self.strays.add(file.parent / f"9{file.name}")
                return
        else:
            file.write_bytes(content[: len(content) // 2 if how == "cut" else 0])
        self.sound.discard(clip)

    @precondition(lambda self: self.sound)
    @rule(data=st.data())
    def lose_a_row(self, data: st.DataObject) -> None:
        """Remove the row of a clip from the manifests."""
        clip = data.draw(st.sampled_from(sorted(self.sound)))
        for file in self.out.glob("manifest*.jsonl"):
            rows = [line for line in file.read_text().splitlines(True) if json.loads(line)["clip"] != clip]
            file.write_text("".join(rows))
        self.sound.discard(clip)

    @precondition(lambda self: self.strays)
    @rule()
    def tidy(self) -> None:
        """Remove the unexpected files."""
        for path in self.strays:
            path.unlink(missing_ok=True)
        self.strays.clear()

    @precondition(lambda self: self.begun)
    @rule()
    def verify_says_what_is_there(self) -> None:
        """The findings of synth verify are the clips that are not sound, and the strays."""
        found = self.place / "verify.json"
        try:
            verify(VerifyConfig(self.out, found))
            said_well = True
        except JobError:
            said_well = False
        result = json.loads(found.read_text())
        planned = {row["clip"] for file in self.out.glob("plan*.jsonl") for row in read_jsonl(file)}
        partial = set(self.out.glob("*/*/.*.partial"))
        assert set(result["faults"]) == planned - self.sound
        assert {Path(path) for path in result["surplus"]} - partial == self.strays
        assert said_well == (not result["faults"] and not result["surplus"])

    @precondition(lambda self: self.begun)
    @rule(dies_at=DEATHS)
    def pack_it(self, dies_at: int | None) -> None:
        """Pack the set: refused unless every clip is sound, and the parts are merged."""
        code = in_fork(lambda: pack(PackConfig(str(self.tars), self.out, clips_per_shard=2)), dies_at)
        manifest = self.out / MANIFEST
        merged = {row["clip"] for row in read_jsonl(manifest)} if manifest.is_file() else set()
        is_complete = len(self.sound & merged) == len(plan()) and all((self.out / name).is_file() for name in BESIDE)
        assert code in ((0, KILLED) if is_complete else (2, KILLED)), (
            f"{len(self.sound)} sound, pack ended {code} {said()}"
        )
        self.whole = self.whole or code == 0

    @precondition(lambda self: self.whole)
    @rule(dies_at=DEATHS)
    def unpack_it(self, dies_at: int | None) -> None:
        """Unpack the set into another folder: the same clips."""
        code = in_fork(lambda: unpack(UnpackConfig(str(self.tars), self.back)), dies_at)
        assert code in (0, KILLED), f"unpacking is refused: {code} {said()}"
        if code == 0:
            frames = {clip.name: sorted((self.back / "multi_shot" / clip.name).iterdir()) for clip in plan()}
            for clip in plan():
                assert [np.asarray(Image.open(frame)).tobytes() for frame in frames[clip.name]] == pixels(clip)
            assert not list(self.back.rglob("*.partial"))
            assert {row["clip"] for row in read_jsonl(self.back / MANIFEST)} == {clip.name for clip in plan()}

    @precondition(lambda self: self.back.exists())
    @rule()
    def throw_the_copy_away(self) -> None:
        """Remove what was unpacked."""
        shutil.rmtree(self.back)

    @invariant()
    def nothing_is_lost(self) -> None:
        """Sound clips are on the disk as they were written."""
        STEPS["rendered_set"] += 1
        if hasattr(self, "sound"):
            assert self.sound <= self._sound_on_disk()


def _planned(config: RenderConfig) -> list[Clip]:
    """The plan, drawn once for all steps."""
    return [clip for clip in plan() if config.part is None or config.part.holds(clip.identity.person)]
