"""A synthetic data set: clips of the manifest, ground-truth joints, held-out persons."""

import json

import numpy as np
import pytest

from alignnet_common.errors import UserError
from filled_sets import filled
from reid.data.datasets.annotations import read_joints
from reid.data.datasets.synthetic import load_pretraining, load_synthetic, read_clips
from reid_folders import FIGURE, write_rendered
from synth.planning.config import RenderConfig
from synth.planning.plan import make_plan


def test_clips_and_joints(tmp_path):
    write_rendered(tmp_path, persons=3, frames=2)
    clips = read_clips(tmp_path)
    assert [(clip.pid, clip.camera) for clip in clips] == [(pid, camera) for pid in (1, 2, 3) for camera in (0, 1)]
    joints = read_joints(clips[0])
    assert joints.positions.shape == (2, 18, 2)
    assert joints.visible.all()
    assert np.abs(joints.positions - FIGURE).max() <= 4


def test_clips_that_are_not_in_the_manifest_are_not_read(tmp_path):
    write_rendered(tmp_path, persons=3, frames=1)
    manifest = tmp_path / "manifest.jsonl"
    manifest.write_text("".join(line + "\n" for line in manifest.read_text().splitlines()[:-1]))
    assert [(clip.pid, clip.camera) for clip in read_clips(tmp_path)][-1] == (3, 0)


def test_hidden_joints_may_have_any_value(tmp_path):
    write_rendered(tmp_path, persons=1, frames=2)
    path = tmp_path / "annotations" / "cam_a" / "person_0001.npz"
    arrays = dict(np.load(path))
    arrays["joints_visible"][0, 3] = False
    arrays["joints2d"][0, 3] = np.nan
    np.savez(path, **arrays)
    joints = read_joints(read_clips(tmp_path)[0])
    assert np.isfinite(joints.positions).all()
    assert not joints.visible[0, 3]


def test_splits_are_by_person_with_queries_of_camera_a(tmp_path):
    write_rendered(tmp_path, persons=6, frames=1)
    data = load_synthetic(tmp_path, split=1, seed=0)
    assert data.name == "synthetic"
    assert {t.pid for t in data.query} == {t.pid for t in data.gallery}
    assert {t.pid for t in data.train}.isdisjoint({t.pid for t in data.query})
    assert {t.camera for t in data.query} == {0}
    assert data != load_synthetic(tmp_path, split=2, seed=0)


def test_persons_are_held_out_of_pretraining(tmp_path):
    write_rendered(tmp_path, persons=6, frames=1)
    everybody = load_pretraining(tmp_path, held_out=0, seed=0)
    assert len(everybody.train) == 12
    assert everybody.query == ()
    some = load_pretraining(tmp_path, held_out=2, seed=0)
    assert len(some.train) == 8
    assert len({t.pid for t in some.query}) == 2
    with pytest.raises(UserError, match="too few to keep 5 out"):
        load_pretraining(tmp_path, held_out=5, seed=0)


def test_the_first_persons_are_trained_on_beside_the_same_held_out_ones(tmp_path):
    write_rendered(tmp_path, persons=7, frames=1)
    every = load_pretraining(tmp_path, held_out=2, seed=3)
    others = sorted({t.pid for t in every.train})
    for count in (2, 5):
        some = load_pretraining(tmp_path, held_out=2, seed=3, trained=count)
        assert sorted({t.pid for t in some.train}) == others[:count]
        assert (some.query, some.gallery) == (every.query, every.gallery)
    assert some.train == every.train
    assert load_pretraining(tmp_path, 0, 0, trained=3).split == "the first 3 of 7 persons"
    with pytest.raises(UserError, match="5 persons to train on, fewer than --ids 6"):
        load_pretraining(tmp_path, held_out=2, seed=3, trained=6)


def test_faults(tmp_path):
    with pytest.raises(UserError, match=r"python -m synth\.render"):
        read_clips(tmp_path / "absent")
    with pytest.raises(UserError, match="not a rendered set"):
        read_clips(tmp_path)
    root = write_rendered(tmp_path / "set", persons=2, frames=2)
    manifest = root / "manifest.jsonl"
    whole = manifest.read_text()
    for rows, complaint in (
        ("", "names no clip"),
        (json.dumps({"clip": "cam_c/person_0001", "frames": 2}) + "\n", "a row without clip"),
        (json.dumps({"clip": "cam_a/person_0009", "frames": 2}) + "\n", "not there"),
        (whole.replace('"frames": 2', '"frames": 3'), "3 in the manifest"),
        ("nonsense\n" + whole, "cannot be read"),
    ):
        manifest.write_text(rows)
        with pytest.raises(UserError, match=complaint):
            read_clips(root)
    manifest.write_text(whole)
    path = root / "annotations" / "cam_a" / "person_0001.npz"
    arrays = dict(np.load(path))
    np.savez(path, **(arrays | {"joints2d": arrays["joints2d"][:1]}))
    with pytest.raises(UserError, match="not fit"):
        read_joints(read_clips(root)[0])
    path.write_bytes(b"not an archive")
    with pytest.raises(UserError, match="unreadable annotations"):
        read_joints(read_clips(root)[0])


def test_annotations_with_a_flipped_bit_are_read_or_named(tmp_path):
    """For every flipped bit the arrays are read, or an error names the file."""
    write_rendered(tmp_path, persons=1, frames=2)
    clip = read_clips(tmp_path)[0]
    whole, rng = clip.annotations.read_bytes(), np.random.default_rng(0)
    complaints = 0
    for place in rng.integers(len(whole), size=800):
        broken = bytearray(whole)
        broken[place] ^= 1 << int(rng.integers(8))
        clip.annotations.write_bytes(broken)
        try:
            read_joints(clip)
        except UserError as complaint:
            assert str(clip.annotations) in str(complaint)
            complaints += 1
    assert complaints > 0


OUTFITS = {"ids": 6, "frames": 4, "sightings": 2, "outfits": 2}


def test_a_clip_of_several_outfits_is_tested_sighting_by_sighting(tmp_path):
    plan = make_plan(RenderConfig(**OUTFITS))
    filled(tmp_path, plan)
    data = load_synthetic(tmp_path, split=0, seed=0)
    assert data.protocol.endswith("a tracklet is one sighting, in one outfit")
    assert len(data.train) == 6  # whole clips
    assert {clip.outfit for clip in data.train} == {None}
    worn = {clip.name: clip.outfits for clip in plan}
    for side, camera in ((data.query, "cam_a"), (data.gallery, "cam_b")):
        assert len(side) == 6
        for tracklet in side:
            assert tracklet.outfit == worn[f"{camera}/person_{tracklet.pid:04d}"][tracklet.sequence]
            assert [int(frame.stem) for frame in tracklet.frames] == [2 * tracklet.sequence + n for n in (1, 2)]
    whole = next(clip for clip in read_clips(tmp_path) if clip.pid == data.query[0].pid)
    parts = [tracklet for tracklet in data.query if tracklet.pid == whole.pid]
    joints = [read_joints(tracklet).positions for tracklet in (whole, *parts)]
    np.testing.assert_array_equal(joints[0], np.concatenate(joints[1:]))


def test_a_set_of_one_outfit_a_clip_is_tested_clip_by_clip(tmp_path):
    filled(tmp_path / "changed", make_plan(RenderConfig(ids=6, frames=4, sightings=1, outfits=2)))
    data = load_synthetic(tmp_path / "changed", split=0, seed=0)
    assert len(data.query) == len(data.gallery) == 3
    assert all(
        first.pid == second.pid and first.outfit != second.outfit
        for first, second in zip(data.query, data.gallery, strict=True)
    )
    write_rendered(tmp_path / "older", persons=6, frames=2)  # its manifest names no outfits
    older = load_synthetic(tmp_path / "older", split=0, seed=0)
    assert {clip.outfit for clip in older.tracklets} == {0}
    assert "outfit" not in older.protocol


def test_outfits_without_their_array_are_one_line(tmp_path):
    plan = make_plan(RenderConfig(**OUTFITS))
    filled(tmp_path, plan)
    for path in sorted((tmp_path / "annotations").rglob("*.npz")):
        path.write_bytes(b"not an archive")
    with pytest.raises(UserError, match="unreadable annotations"):
        load_synthetic(tmp_path, split=0, seed=0)


@pytest.mark.parametrize("outfits", [3, "0", [], [-1], [0.5], [True], None])
def test_outfits_of_a_manifest_that_are_no_numbers_are_one_line(tmp_path, outfits):
    manifest = write_rendered(tmp_path, persons=4, frames=1) / "manifest.jsonl"
    rows = [json.loads(line) for line in manifest.read_text().splitlines()]
    rows[1]["outfits"] = outfits
    manifest.write_text("".join(json.dumps(row) + "\n" for row in rows))
    with pytest.raises(UserError, match=r"manifest\.jsonl: .*outfit"):
        read_clips(tmp_path)
