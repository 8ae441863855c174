"""reid evaluate --page: ranked galleries of files of reid extract, and errors of one line."""

import re
import subprocess
import sys

import numpy as np
import pytest
from PIL import Image

from alignnet_common.files import PROJECT_ROOT
from reid_folders import command

FACTS = {"model": "net", "model_sha256": "ab" * 32, "normalized": False, "height": 8, "width": 4, "flip_test": False}


def write_features(folder, name="F.npz", persons=("anna", "ben", "cleo"), tracklets=False):
    """Descriptors of each person by cameras a and b. By camera b, ben looks like anna."""
    places = {"anna": (0.0, 0.1), "ben": (5.0, 0.25), "cleo": (9.0, 9.1)}
    rows = [(person, camera, place) for person in persons for camera, place in zip("ab", places[person], strict=True)]
    paths = []
    for number, (person, camera, _) in enumerate(rows):
        path = f"{camera}/{person}" + ("" if tracklets else ".png")
        for file in [f"{path}/{frame}.png" for frame in range(3)] if tracklets else [path]:
            (folder / file).parent.mkdir(parents=True, exist_ok=True)
            Image.new("RGB", (4, 8), (40 * number, 0, 0)).save(folder / file)
        paths.append(path)
    columns = {"paths": np.array(paths), "persons": np.array([row[0] for row in rows])}
    columns |= {"cameras": np.array([row[1] for row in rows]), "root": str(folder)}
    features = np.array([[row[2], 1.0] for row in rows], np.float32)
    np.savez(folder / name, features=features, **columns, **FACTS)
    return folder / name


@pytest.mark.parametrize("tracklets", [False, True])
def test_the_page_shows_failures_with_names_and_pictures(tmp_path, tracklets, capsys):
    features = write_features(tmp_path, tracklets=tracklets)
    assert command("evaluate", ["--features", str(features), "--page", str(tmp_path / "page.html")]) == 0
    page = (tmp_path / "page.html").read_text()
    assert "rank-1" in capsys.readouterr().out
    assert "Failures: 2 of 6 queries" in page
    ranks = re.findall(r"<h4>Identity (\w+): first correct match at rank (\d)", page)
    assert ranks[:2] == [("ben", "3")] * 2 and sorted(ranks[2:]) == [("anna", "1")] * 2 + [("cleo", "1")] * 2
    assert page.count('src="data:image/jpeg;base64,') == 6 * (1 + 5)
    assert "ab" * 32 in page and str(features) in page


def test_two_files_are_queries_and_gallery(tmp_path):
    query = write_features(tmp_path / "query", persons=("cleo",))
    gallery = write_features(tmp_path / "gallery")
    words = ["--features", str(query), "--gallery-features", str(gallery), "--page", str(tmp_path / "page.html")]
    assert command("evaluate", words) == 0
    assert "Failures: 0 of 2 queries" in (tmp_path / "page.html").read_text()


def test_the_page_needs_no_torch(tmp_path):
    words = ["evaluate", "--features", str(write_features(tmp_path)), "--page", str(tmp_path / "page.html")]
    code = f"import sys; from reid.commands import PROGRAM; PROGRAM.main({words!r}); assert 'torch' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True, cwd=PROJECT_ROOT, capture_output=True)


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (["--features", "{}/F.npz", "--page", "{}"], "is a folder"),
        (["--features", "{}/F.npz", "--page", "{}/p.html", "--rerank"], "leave --rerank"),
        (["--features", "{}/other.npz", "--page", "{}/p.html"], "of reid extract"),
        (["--features", "{}/moved.npz", "--page", "{}/p.html"], "no such image"),
    ],
)
def test_mistakes_are_one_line(tmp_path, words, complaint, capsys):
    write_features(tmp_path)
    moved = dict(np.load(write_features(tmp_path, "moved.npz")))
    np.savez(tmp_path / "moved.npz", **moved | {"root": str(tmp_path / "elsewhere")})
    sides = {f"{side}_{kind}": np.arange(2) for side in ("query", "gallery") for kind in ("pids", "cams")}
    np.savez(tmp_path / "other.npz", query_features=np.eye(2), gallery_features=np.eye(2), **sides)
    assert command("evaluate", [word.format(tmp_path) for word in words]) == 2
    said = capsys.readouterr().err
    assert complaint in said and len(said.splitlines()) == 1
    assert not (tmp_path / "p.html").exists()
