"""reid search: crops, tracklets and boxes find their tracklet; filters, answers, files, refusals."""

import csv
import json
import os
import re
import shutil
import sys
from pathlib import Path

import numpy as np
import pytest

from alignnet_common.errors import UserError
from reid.configs.video.index import IndexConfig
from reid.configs.video.search import SearchConfig
from reid.index.run import index
from reid.index.store import Store
from reid.search.rank import answer
from reid.search.run import search


def found(config):
    search(config)
    return json.loads(config.json.read_text())


def test_the_files_are_there_before_anything_is_printed(indexed, tmp_path, monkeypatch):
    def closed(*words, **options):
        raise BrokenPipeError

    monkeypatch.setattr("builtins.print", closed)
    files = tmp_path / "F.json", tmp_path / "F.csv", tmp_path / "F.html"
    with pytest.raises(BrokenPipeError):
        search(SearchConfig(indexed, track="cam_b/0001", json=files[0], csv=files[1], html=files[2]))
    assert all(path.is_file() for path in files)


def test_crops_of_a_tracklet_find_it(indexed, tracks, tmp_path, capsys):
    crops = sorted((tracks / "cam_b/0007").glob("*.png"))
    record = found(SearchConfig(indexed, crops, json=tmp_path / "F.json", top_k=5))
    first = record["hits"][0]
    assert (first["camera"], first["track"]) == ("cam_b", "0007") and first["score"] > 0.99
    assert len(record["hits"]) == 5 and [hit["rank"] for hit in record["hits"]] == [1, 2, 3, 4, 5]
    assert first["start"] == pytest.approx(6.1) and first["end"] > first["start"]
    scores = [hit["score"] for hit in record["hits"]]
    assert scores == sorted(scores, reverse=True)
    assert record["searched"]["tracklets"] == 48 and record["searched"]["hours"] > 0
    assert "cam_b/0007" in capsys.readouterr().out


def test_a_tracklet_is_not_its_own_hit(indexed, tmp_path):
    record = found(SearchConfig(indexed, track="cam_a/0003", json=tmp_path / "F.json", top_k=100))
    names = [(hit["camera"], hit["track"]) for hit in record["hits"]]
    assert len(names) == 47 and ("cam_a", "0003") not in names and record["query"]["camera"] == "cam_a"
    assert {(hit["camera"], hit["track"]) for hit in record["hits"] if hit["at_once"]} == set()  # a clip a second


def test_a_hit_that_its_camera_sees_with_the_query_is_another_person(indexed, tmp_path):
    """Of the copied index, cam_a/0004 and cam_b/0004 now begin with cam_a/0003."""
    folder = tmp_path / "index"
    shutil.copytree(indexed, folder)
    for path in folder.glob("blocks/*/rows.jsonl"):
        rows = [json.loads(line) for line in path.read_text().splitlines()]
        rows = [row | {"start": 2.05} if row["track"] == "0004" else row for row in rows]
        path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    config = SearchConfig(folder, track="cam_a/0003", json=tmp_path / "F.json", html=tmp_path / "F.html", top_k=100)
    hits = found(config)["hits"]
    assert [f"{hit['camera']}/{hit['track']}" for hit in hits if hit["at_once"]] == ["cam_a/0004"]
    assert [hit["same"] for hit in hits if hit["at_once"]] == [False]
    page = (tmp_path / "F.html").read_text()
    assert page.count("another person: seen at the same time by the same camera") == page.count('class="apart"') == 1


def test_cameras_and_times_are_filters(indexed, tmp_path):
    config = SearchConfig(
        indexed, track="cam_a/0003", not_cameras=["cam_a"], after=5.0, before=9.0, json=tmp_path / "F.json", top_k=100
    )
    hits = found(config)["hits"]
    assert hits and {hit["camera"] for hit in hits} == {"cam_b"}
    assert all(hit["end"] >= 5 and hit["start"] <= 9 for hit in hits)


def test_false_alarms_grow_as_the_score_falls(indexed, tmp_path):
    hits = found(SearchConfig(indexed, track="cam_a/0003", cameras=["cam_b"], json=tmp_path / "F.json", top_k=24))[
        "hits"
    ]
    alarms = [hit["false_alarms_per_hour"] for hit in hits]
    assert alarms == sorted(alarms) and alarms[0] > 0
    assert hits[-1]["same"] is None  # 576 pairs of tracklets are too few to deny


@pytest.mark.parametrize(
    ("rate", "tracklets", "pairs", "same"),
    [
        (None, 10, 0, None),
        (1e-4, 100, 10_000, True),
        (1e-2, 50, 10_000, None),
        (0.1, 50, 10_000, False),
        (0.1, 50, 9_999, None),
    ],
)
def test_the_answer_depends_on_the_false_matches_that_are_expected(rate, tracklets, pairs, same):
    assert answer(rate, tracklets, pairs) is same


def test_a_box_in_a_video_is_a_query(indexed, tracks, tmp_path):
    av = pytest.importorskip("av")
    from PIL import Image

    crop = np.array(Image.open(sorted((tracks / "cam_a/0005").glob("*.png"))[0]).convert("RGB"))
    path = tmp_path / "cam_a.avi"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("ffv1", rate=10)
        stream.width, stream.height, stream.pix_fmt = 160, 160, "bgr0"
        for number in range(20):
            image = np.full((160, 160, 3), 90, np.uint8)
            if number == 12:
                image[16 : 16 + crop.shape[0], 40 : 40 + crop.shape[1]] = crop
            for packet in stream.encode(av.VideoFrame.from_ndarray(image, format="rgb24")):
                container.mux(packet)
        for packet in stream.encode():
            container.mux(packet)
    box = [40.0, 16.0, float(crop.shape[1]), float(crop.shape[0])]
    record = found(SearchConfig(indexed, video=path, time=1.25, box=box, json=tmp_path / "F.json"))
    assert record["query"]["camera"] == "cam_a" and record["hits"][0]["track"] == "0005"
    with pytest.raises(UserError, match="not in the frame of 160 × 160 pixels"):
        search(SearchConfig(indexed, video=path, time=1.0, box=[500.0, 10.0, 60.0, 100.0]))
    with pytest.raises(UserError, match=r"--time 60: .*cam_a\.avi ends at 1\.9 s"):
        search(SearchConfig(indexed, video=path, time=60.0, box=box))


def test_the_table_and_the_page_have_the_hits(indexed, tmp_path):
    config = SearchConfig(indexed, track="cam_b/0001", csv=tmp_path / "F.csv", html=tmp_path / "F.html", top_k=6)
    search(config)
    with (tmp_path / "F.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 6 and rows[0]["rank"] == "1" and float(rows[0]["score"]) > float(rows[5]["score"])
    page = (tmp_path / "F.html").read_text()
    assert page.count("data:image/jpeg") == 7 and "Timeline" in page and "{{" not in page
    assert not re.search(r'(src|href)="https?:', page)  # nothing from elsewhere
    between = json.loads(re.search(r"const between = (\[.*?\]);\n", page).group(1))
    assert np.array(between).shape == (6, 6) and np.allclose(np.diag(between), 1, atol=0.01)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"track": "cam_a/9999"}, "--track cam_a/9999: not in"),
        ({"track": "cam_a/0001", "cameras": ["roof"]}, "camera roof: not in .* cam_a, cam_b"),
        ({"track": "cam_a/0001", "not_cameras": ["cam_a", "cam_b"]}, "leaves no camera to search"),
        ({"track": "cam_a/0001", "index": Path("none")}, "no index there"),
    ],
)
def test_what_is_not_there_is_one_line(indexed, options, message):
    with pytest.raises(UserError, match=message):
        search(SearchConfig(**{"index": indexed} | options))


def test_another_network_is_refused(indexed, tracks):
    crops = sorted((tracks / "cam_b/0007").glob("*.png"))
    with pytest.raises(UserError, match="not the network of"):
        search(SearchConfig(indexed, crops, weights="small"))
    with pytest.raises(UserError, match="--camera roof: not in"):
        search(SearchConfig(indexed, crops, camera="roof"))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({}, "name the person"),
        ({"track": "a/b", "crop": ["x.png"]}, "name the person"),
        ({"video": "x.mp4"}, "--video needs --time SECONDS and --box"),
        ({"video": "x.mp4", "time": 1.0, "box": [1.0, 2.0, 0.0, 4.0]}, "width and height must be above 0"),
        ({"track": "yard"}, "name it as CAMERA/TRACK"),
        ({"track": "a/b", "time": 1.0}, "belong to --video"),
    ],
)
def test_options_that_do_not_fit_are_one_line(options, message):
    with pytest.raises(ValueError, match=message):
        SearchConfig(**options)


def test_an_index_of_an_older_program_without_a_file_of_times_has_the_same_hits(indexed, tmp_path):
    options = {"track": "cam_a/0003", "after": 5.0, "before": 9.0, "top_k": 100}
    record = found(SearchConfig(indexed, json=tmp_path / "F.json", **options))
    older = shutil.copytree(indexed, tmp_path / "index")
    for path in older.rglob("times.npy"):
        path.unlink()
    again = found(SearchConfig(older, json=tmp_path / "F.json", **options))
    assert record["hits"] and again["hits"] == record["hits"] and again["searched"] == record["searched"]


def test_hits_are_those_of_brute_force(indexed, tmp_path):
    query = {}
    scores = {}
    for block in Store(indexed).blocks():
        for row, vector in zip(block.rows, block.vectors().astype(np.float64), strict=True):
            scores[row.name] = vector / np.linalg.norm(vector)
            query |= {row.name: vector} if row.name == "cam_a/0003" else {}
    own = query["cam_a/0003"] / np.linalg.norm(query["cam_a/0003"])
    expected = sorted(((-float(vector @ own), name) for name, vector in scores.items() if name != "cam_a/0003"))
    hits = found(SearchConfig(indexed, track="cam_a/0003", json=tmp_path / "F.json", top_k=12))["hits"]
    assert [f"{hit['camera']}/{hit['track']}" for hit in hits] == [name for _, name in expected[:12]]
    assert [hit["score"] for hit in hits] == pytest.approx([-score for score, _ in expected[:12]], abs=1e-4)


@pytest.mark.parametrize("broken", ["vectors.npy", "times.npy", "rows.jsonl"])
def test_a_damaged_block_is_one_line(indexed, broken, tmp_path):
    folder = shutil.copytree(indexed, tmp_path / "index")
    (folder / "blocks" / Store(folder).block_keys()[0] / broken).write_bytes(b"")
    with pytest.raises(UserError, match=r"damaged .* remove this folder, and index its tracklets again"):
        search(SearchConfig(folder, track="cam_a/0003"))


def test_hits_as_parquet_are_those_of_the_json(indexed, tmp_path):
    parquet = pytest.importorskip("pyarrow.parquet")
    config = SearchConfig(indexed, track="cam_b/0001", json=tmp_path / "F.json", parquet=tmp_path / "F.parquet")
    record = found(config)
    table = parquet.read_table(tmp_path / "F.parquet")
    assert table.to_pylist() == record["hits"] and table.num_rows == 20
    facts = {name.decode(): json.loads(value) for name, value in table.schema.metadata.items()}
    assert facts["query"] == record["query"] and facts["model_sha256"] == record["model_sha256"]


def test_parquet_without_its_package_is_one_line_before_the_search(indexed, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(UserError, match=r"Parquet needs pyarrow .*alignnet-reid\[parquet\]"):
        search(SearchConfig(indexed, track="cam_b/9999", parquet=tmp_path / "F.parquet"))


@pytest.mark.skipif(sys.platform != "linux", reason="names of other systems are Unicode")
def test_names_that_are_not_in_utf8_are_found_and_written_with_backslashes(tracks, weights, tmp_path):
    odd = tmp_path / "own" / "cam_a" / os.fsdecode(b"p\xff")
    shutil.copytree(tracks / "cam_a" / "0001", odd)
    shutil.copytree(tracks / "cam_b" / "0002", tmp_path / "own" / "cam_b" / "q")
    index(IndexConfig([tmp_path / "own"], tmp_path / "index", str(weights)))
    page, table, listed = (tmp_path / name for name in ("hits.html", "hits.csv", "hits.json"))
    search(SearchConfig(tmp_path / "index", track="cam_b/q", html=page, csv=table, json=listed))
    assert r"p\udcff" in page.read_text() and r"p\udcff" in table.read_text()
    assert [hit["track"] for hit in json.loads(listed.read_text())["hits"]] == [odd.name]
