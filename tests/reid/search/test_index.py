"""reid index: what is added, removed, forgotten; interruptions; other networks; damage."""

import io
import json
import shutil

import numpy as np
import pytest
from PIL import Image

from alignnet_common.errors import UserError
from alignnet_common.locks import file_lock
from reid.configs.video.index import IndexConfig
from reid.evaluation.camera_statistics import read_statistics, write_statistics
from reid.index import plan
from reid.index.run import index
from reid.index.store import IndexRow, Store


@pytest.fixture
def copied(tracks, tmp_path):
    """A copy of the tracklets that a test may change."""
    return shutil.copytree(tracks, tmp_path / "tracks")


def content(folder):
    """Vectors by tracklet."""
    return {
        row.name: vector.tobytes()
        for block in Store(folder).blocks()
        for row, vector in zip(block.rows, block.vectors(), strict=True)
    }


def result(folder):
    return json.loads((folder / "result.json").read_text())


def test_each_tracklet_has_a_descriptor_times_and_a_picture(indexed):
    rows = [(block, row) for block in Store(indexed).blocks() for row in block.rows]
    assert len(rows) == 48 and {row.camera for _, row in rows} == {"cam_a", "cam_b"}
    for block, row in rows:
        assert Image.open(io.BytesIO(block.thumbnail(row))).height == 128 and row.frames == 4
    vectors = np.concatenate([block.vectors() for block in Store(indexed).blocks()]).astype(float)
    assert np.abs(np.linalg.norm(vectors, axis=1) - 1).max() < 0.01
    assert result(indexed)["tracklets"] == result(indexed)["added"] == result(indexed)["described"] == 48
    assert (indexed / "false-matches.json").is_file()


def test_what_is_there_is_not_described_again(indexed, tracks, weights, tmp_path):
    folder = shutil.copytree(indexed, tmp_path / "index")
    index(IndexConfig([tracks], folder, str(weights)))
    assert (result(folder)["added"], result(folder)["removed"], result(folder)["described"]) == (0, 0, 0)
    assert content(folder) == content(indexed)


def test_a_new_tracklet_is_described_alone_and_one_that_is_gone_is_removed(copied, weights, tmp_path):
    folder, apart = tmp_path / "index", tmp_path / "apart"
    first = sorted((copied / "cam_a").iterdir())[0]
    shutil.move(first, apart)
    index(IndexConfig([copied], folder, str(weights)))
    assert result(folder)["tracklets"] == 47
    shutil.move(apart, first)
    index(IndexConfig([copied], folder, str(weights)))
    assert (result(folder)["added"], result(folder)["removed"], result(folder)["described"]) == (1, 0, 1)
    shutil.rmtree(first)
    index(IndexConfig([copied], folder, str(weights)))
    assert (result(folder)["added"], result(folder)["removed"], result(folder)["described"]) == (0, 1, 0)
    assert f"cam_a/{first.name}" not in content(folder)


def test_folders_are_added_and_removed_by_name(tracks, copied, weights, tmp_path):
    folder = tmp_path / "index"
    index(IndexConfig([tracks], folder, str(weights)))
    index(IndexConfig([copied], folder, str(weights)))
    assert result(folder)["tracklets"] == 96 and len(result(folder)["sources"]) == 2
    index(IndexConfig(index=folder, remove=[tracks]))
    assert result(folder)["tracklets"] == 48 and result(folder)["sources"] == [str(copied)]
    with pytest.raises(UserError, match=r"no tracklet in .* is from this folder"):
        index(IndexConfig(index=folder, remove=[tracks]))


def test_a_forgotten_tracklet_is_not_added_again(indexed, tracks, weights, tmp_path):
    folder = shutil.copytree(indexed, tmp_path / "index")
    name = min(content(folder))
    index(IndexConfig(index=folder, forget=[name]))
    assert name not in content(folder) and len(content(folder)) == 47
    index(IndexConfig([tracks], folder, str(weights)))
    assert name not in content(folder) and result(folder)["described"] == 0
    with pytest.raises(UserError, match="--forget cam_x/1: not in"):
        index(IndexConfig(index=folder, forget=["cam_x/1"]))


def test_interrupted_again_and_again_the_index_is_the_same(tracks, weights, tmp_path, monkeypatch):
    monkeypatch.setattr(plan, "MOST", 5)
    whole, folder = tmp_path / "whole", tmp_path / "index"
    index(IndexConfig([tracks], whole, str(weights)))
    write = np.save
    kills = 0

    def killed(file, array):
        nonlocal kills
        if kills < 6 and len(Store(folder).block_keys()) == kills:
            kills += 1
            file.write(b"half of it")
            raise KeyboardInterrupt
        write(file, array)

    monkeypatch.setattr(np, "save", killed)
    for _ in range(6):
        with pytest.raises(KeyboardInterrupt):
            index(IndexConfig([tracks], folder, str(weights)))
    index(IndexConfig([tracks], folder, str(weights)))
    assert kills == 6 and content(folder) == content(whole)
    assert Store(folder).block_keys() == Store(whole).block_keys()
    assert not list((folder / "blocks").glob(".*"))


def test_an_index_has_one_network_and_one_kind_of_statistics(indexed, copied, weights, tmp_path):
    folder = shutil.copytree(indexed, tmp_path / "index")
    with pytest.raises(UserError, match="was made with camera_norm False, not True: name another --index"):
        index(IndexConfig([copied], folder, str(weights), camera_norm=True))
    with pytest.raises(UserError, match="was made with model"):
        index(IndexConfig([copied], folder, "small"))


def test_statistics_of_a_camera_are_measured_once(tracks, copied, weights, tmp_path):
    folder = tmp_path / "index"
    index(IndexConfig([tracks], folder, str(weights), camera_norm=True))
    before = (folder / "cameras.safetensors").read_bytes()
    index(IndexConfig([copied], folder, str(weights), camera_norm=True))
    assert (folder / "cameras.safetensors").read_bytes() == before
    names = {row.name for block in Store(folder).blocks() for row in block.rows}
    assert len(names) == 48 and result(folder)["tracklets"] == 96


def test_new_cameras_are_not_centred_beside_descriptors_that_are_not(copied, weights, tmp_path):
    """Those of an index of before, and those of a first camera with too few images."""
    others = tmp_path / "others"
    others.mkdir()
    shutil.move(copied / "cam_b", others / "cam_b")
    folder, few, path = tmp_path / "index", tmp_path / "few", tmp_path / "index/cameras.safetensors"
    index(IndexConfig([copied], folder, str(weights), camera_norm=True))
    sha256 = Store(folder).facts()["model_sha256"]
    assert read_statistics(path, sha256).centred
    write_statistics(path, read_statistics(path, sha256).not_centred(), "")
    for track in sorted((copied / "cam_a").iterdir())[3:]:
        shutil.rmtree(track)
    index(IndexConfig([copied], few, str(weights), camera_norm=True))
    for some in (folder, few):
        index(IndexConfig([others], some, str(weights), camera_norm=True))
        found = read_statistics(some / path.name, sha256)
        assert "cam_b" in found.values and not found.centred


def test_two_writers_are_refused(tracks, weights, tmp_path):
    folder = tmp_path / "index"
    folder.mkdir()
    with file_lock(folder / ".lock"), pytest.raises(UserError, match="another process writes to this index"):
        index(IndexConfig([tracks], folder, str(weights)))


def test_what_is_no_index_or_damaged_is_one_line(indexed, tmp_path):
    with pytest.raises(UserError, match="no index there"):
        index(IndexConfig(index=tmp_path / "none", forget=["a/b"]))
    assert not (tmp_path / "none").exists()
    folder = shutil.copytree(indexed, tmp_path / "index")
    (folder / "blocks" / Store(folder).block_keys()[0] / "rows.jsonl").write_text('{"camera": 1}\n')
    with pytest.raises(UserError, match=r"damaged .* remove this folder, and index its tracklets again"):
        index(IndexConfig(index=folder, forget=["cam_a/1"]))
    (folder / "index.json").write_text("{")
    with pytest.raises(UserError, match=r"index\.json: not JSON"):
        Store(folder).facts()


def test_a_folder_without_tracklets_is_one_line(weights, tmp_path):
    with pytest.raises(UserError, match="no such folder of tracklets"):
        index(IndexConfig([tmp_path / "none"], tmp_path / "index", str(weights)))
    with pytest.raises(ValueError, match="name folders of tracklets"):
        IndexConfig()
    with pytest.raises(ValueError, match="name a tracklet as CAMERA/TRACK"):
        IndexConfig(forget=["yard"])


def test_a_store_that_keeps_blocks_open_maps_them_once_and_lets_removed_ones_go(tmp_path):
    store = Store(tmp_path / "index", keep_open=True)
    rows = [IndexRow("tracks", "c1", "0001", "d1", 1, None, None)]
    for key in ("a", "b"):
        store.add(key, rows, np.ones((1, 4)) / 2, [b"jpeg"])
    first = [block.vectors() for block in store.blocks()]
    assert all(again.vectors() is before for again, before in zip(store.blocks(), first, strict=True))
    Store(tmp_path / "index").remove(["a"])
    (left,) = store.blocks()
    assert left.vectors() is first[1]
    store.add("a", rows, np.full((1, 4), -0.5), [b"jpeg"])
    assert next(store.blocks()).vectors().tolist() == [[-0.5] * 4]
    mapped_each_time = Store(tmp_path / "index").block("b")
    assert mapped_each_time.vectors() is not mapped_each_time.vectors()
