"""python -m reid.evaluate: a file of features without PyTorch, and a checkpoint on a data set."""

import json
import subprocess
import sys

import numpy as np
import pytest

from alignnet_common.files import PROJECT_ROOT
from reid import evaluate
from reid.metrics import rank_features
from reid_folders import TINY, command, flags, write_prid, write_rendered


def some_features(seed=0, queries=30, gallery=40, size=6):
    rng = np.random.default_rng(seed)
    return {
        "query_features": rng.normal(size=(queries, size)).astype(np.float32),
        "query_pids": rng.integers(1, 12, queries),
        "query_cams": rng.integers(0, 3, queries),
        "gallery_features": rng.normal(size=(gallery, size)).astype(np.float32),
        "gallery_pids": rng.integers(-1, 12, gallery),
        "gallery_cams": rng.integers(0, 3, gallery),
    }


def by_hand(arrays):
    """CMC at 1, 5, 10, 20, mAP, and the number of queries with a positive, one query at a time."""
    first, precisions = [], []
    for feature, pid, cam in zip(arrays["query_features"], arrays["query_pids"], arrays["query_cams"], strict=True):
        items = []
        for other, other_pid, other_cam in zip(
            arrays["gallery_features"], arrays["gallery_pids"], arrays["gallery_cams"], strict=True
        ):
            if other_pid == -1 or (other_pid == pid and other_cam == cam):
                continue
            distance = np.sqrt(((feature.astype(np.float64) - other.astype(np.float64)) ** 2).sum())
            items.append((distance, other_pid == pid))
        hits = [place for place, (_, match) in enumerate(sorted(items, key=lambda item: item[0]), 1) if match]
        if hits:
            first.append(hits[0])
            precisions.append(np.mean([(n + 1) / place for n, place in enumerate(hits)]))
    ranks = {f"rank{k}": 100 * np.mean([place <= k for place in first]) for k in (1, 5, 10, 20)}
    return ranks | {"mAP": 100 * np.mean(precisions), "valid_queries": len(first)}


@pytest.mark.parametrize("seed", range(3))
def test_figures_of_features_equal_the_naive_ones(tmp_path, seed, capsys):
    arrays = some_features(seed)
    np.savez(tmp_path / "f.npz", **arrays)
    assert command("evaluate", ["--features", str(tmp_path / "f.npz"), "--json", str(tmp_path / "out.json")]) == 0
    found = json.loads((tmp_path / "out.json").read_text())
    for name, value in by_hand(arrays).items():
        assert found[name] == pytest.approx(value, abs=1e-3)
    assert found["queries"] == 30
    assert found["protocol"] == "step"
    assert found["queries_without_positive"] == 30 - found["valid_queries"]
    assert found["post_processing"] == {"rerank": None, "score_norm": None}
    assert f"{found['valid_queries']} of 30 queries" in capsys.readouterr().out


def test_features_need_no_torch(tmp_path):
    np.savez(tmp_path / "f.npz", **some_features())
    script = (
        "import runpy, sys\n"
        f"sys.argv = ['evaluate', '--features', {str(tmp_path / 'f.npz')!r}, '--json', {str(tmp_path / 'o.json')!r}]\n"
        "try:\n    runpy.run_module('reid.evaluate', run_name='__main__')\n"
        "except SystemExit as end:\n    assert end.code == 0, end.code\n"
        "assert 'torch' not in sys.modules and 'torchvision' not in sys.modules\n"
    )
    subprocess.run([sys.executable, "-c", script], cwd=PROJECT_ROOT, check=True)
    assert json.loads((tmp_path / "o.json").read_text())["valid_queries"] > 0


def test_pids_may_be_stored_as_other_numbers(tmp_path):
    arrays = some_features()
    np.savez(tmp_path / "int.npz", **arrays)
    np.savez(tmp_path / "float.npz", **{n: a.astype(np.float64) for n, a in arrays.items()})
    found = [evaluate.evaluate_features(tmp_path / name) for name in ("int.npz", "float.npz")]
    assert found[0]["mAP"] == found[1]["mAP"]


def standing_queries(seed=0):
    """Features whose queries are in the gallery: every third item is a query."""
    arrays = some_features(seed, gallery=90)
    rows = np.flatnonzero(arrays["gallery_pids"] > 0)[::3]
    for kind in ("features", "pids", "cams"):
        arrays[f"query_{kind}"] = arrays[f"gallery_{kind}"][rows]
    return arrays | {"query_index": rows}


@pytest.mark.parametrize("protocol", ["step", "torchreid", "official"])
@pytest.mark.parametrize("options", [[], ["--score-norm", "symmetric"], ["--rerank", "--score-norm", "column"]])
def test_protocols_and_post_processing(tmp_path, protocol, options):
    arrays = standing_queries()
    np.savez(tmp_path / "f.npz", **arrays)
    argv = ["--features", str(tmp_path / "f.npz"), "--protocol", protocol, "--json", str(tmp_path / "out.json")]
    assert command("evaluate", argv + options) == 0
    found = json.loads((tmp_path / "out.json").read_text())
    expected = rank_features(
        *(arrays[f"{side}_{kind}"] for kind in ("features", "pids", "cams") for side in ("query", "gallery")),
        protocol=protocol,
        query_index=arrays["query_index"],
        rerank="--rerank" in options,
        score_norm=options[-1] if options else None,
    )
    assert found["protocol"] == protocol
    assert found["mAP"] == pytest.approx(100 * expected.mAP, abs=1e-9)
    assert found["mINP"] == pytest.approx(100 * expected.mINP, abs=1e-9)
    assert found["cmc"] == pytest.approx(100 * expected.cmc[:20], abs=1e-9)
    assert found["post_processing"]["score_norm"] == (options[-1] if options else None)
    assert bool(found["post_processing"]["rerank"]) == ("--rerank" in options)


@pytest.mark.parametrize(
    ("rows", "complaint"),
    [
        (None, "needs query_index"),
        (lambda r: r[:-1], "query_index must be"),
        (lambda r: r + 0.5, "query_index must be whole numbers"),
        (lambda r: r * 1e300, "query_index must be whole numbers"),
        (lambda r: np.roll(r, 1), "rows are counted from 0"),
        (lambda r: r + 90, "rows are 0..89"),
        (lambda r: -1 - r, "rows are 0..89"),
        (lambda r: r.astype(str), "query_index must be"),
    ],
)
def test_faulty_query_index(tmp_path, capsys, rows, complaint):
    arrays = standing_queries()
    index = arrays.pop("query_index")
    if rows is not None:
        arrays["query_index"] = rows(index)
        arrays["query_cams"][0], arrays["gallery_cams"][index[0]] = 7, 7  # so that no neighbour looks the same
    np.savez(tmp_path / "f.npz", **arrays)
    argv = ["--features", str(tmp_path / "f.npz"), "--protocol", "torchreid", "--json", str(tmp_path / "out.json")]
    assert command("evaluate", argv) == 2
    printed = capsys.readouterr()
    assert len(printed.err.splitlines()) == 1
    assert complaint in printed.err
    assert not (tmp_path / "out.json").exists()


def test_a_gallery_of_queries_alone_and_unknown_names(tmp_path, capsys):
    arrays = some_features(queries=20)
    for kind in ("features", "pids", "cams"):
        arrays[f"gallery_{kind}"] = arrays[f"query_{kind}"]
    np.savez(tmp_path / "f.npz", **arrays, query_index=np.arange(20))
    file = ["--features", str(tmp_path / "f.npz")]
    for argv, complaint in (
        ([*file, "--protocol", "torchreid"], "all of the gallery is junk (pid -1) or a query"),
        ([*file, "--protocol", "mars"], "--protocol"),
        ([*file, "--score-norm", "both"], "score-norm"),
        ([*file, "--json", str(tmp_path)], "is a folder"),
    ):
        assert command("evaluate", argv) == 2
        printed = capsys.readouterr()
        assert len(printed.err.splitlines()) == 1
        assert complaint in printed.err


def spoiled(**changes):
    arrays = some_features()
    for name, change in changes.items():
        arrays[name] = change(arrays[name])
    return {name: array for name, array in arrays.items() if array is not None}


def with_nan(features):
    features[3, 2] = np.nan
    return features


@pytest.mark.parametrize(
    ("changes", "complaint"),
    [
        ({"query_features": with_nan}, "query features: row 3 holds NaN"),
        ({"gallery_features": lambda f: np.where(f > 2, np.inf, f)}, "holds NaN or infinity"),
        ({"gallery_features": lambda f: f[:, :5]}, "6 and 5 numbers"),
        (
            {"query_features": lambda f: f.astype(np.float64) * 1e200},
            "query features: row 0 holds a number beyond 1e+18",
        ),
        ({"query_features": lambda f: f[:, :0], "gallery_features": lambda f: f[:, :0]}, "at least one row"),
        ({"query_cams": lambda c: c + 1j}, "query_cams must be 30 whole numbers"),
        ({"gallery_features": lambda _: None}, "gallery_features is missing"),
        ({"query_pids": lambda p: p.astype(np.float64) * 1e300}, "query_pids must be whole numbers"),
        ({"query_features": lambda f: f[0]}, "query_features must be numbers"),
        ({"query_features": lambda f: f.astype(str)}, "query_features must be numbers"),
        ({"query_pids": lambda p: p[:-1]}, "query_pids must be 30 whole numbers"),
        ({"gallery_cams": lambda c: c[:, None]}, "gallery_cams must be 40 whole numbers"),
        ({"query_pids": lambda p: p + 0.5}, "query_pids must be whole numbers"),
        ({"query_pids": lambda p: np.where(p == 1, np.nan, p)}, "query_pids must be whole numbers"),
        ({"gallery_pids": lambda _: None}, "gallery_pids is missing"),
        ({"query_pids": lambda p: p + 100}, "has a positive"),
        ({"gallery_pids": lambda p: p * 0 - 1}, "has a positive"),
        (
            {name: lambda a: a[:0] for name in ("gallery_features", "gallery_pids", "gallery_cams")},
            "at least one row",
        ),
    ],
)
def test_faulty_features_are_one_line(tmp_path, capsys, changes, complaint):
    np.savez(tmp_path / "f.npz", **spoiled(**changes))
    assert command("evaluate", ["--features", str(tmp_path / "f.npz"), "--json", str(tmp_path / "out.json")]) == 2
    printed = capsys.readouterr()
    assert len(printed.err.splitlines()) == 1
    assert complaint in printed.err
    assert not (tmp_path / "out.json").exists()


@pytest.mark.parametrize("content", [b"", b"hello", b"PK\x03\x04 and then nothing", None])
def test_files_that_are_no_features(tmp_path, capsys, content):
    path = tmp_path / "f.npz"
    if content is not None:
        path.write_bytes(content)
    assert command("evaluate", ["--features", str(path), "--json", str(tmp_path / "out.json")]) == 2
    assert len(capsys.readouterr().err.splitlines()) == 1


def test_pickled_and_plain_arrays_are_refused(tmp_path, capsys):
    np.savez(tmp_path / "f.npz", **(some_features() | {"query_pids": np.array([object()] * 30)}))
    np.save(tmp_path / "g.npy", np.zeros((3, 3)))
    for name in ("f.npz", "g.npy"):
        assert command("evaluate", ["--features", str(tmp_path / name)]) == 2
        assert "not an .npz of plain arrays" in capsys.readouterr().err


@pytest.fixture(scope="module")
def tuned(tmp_path_factory):
    folder = tmp_path_factory.mktemp("tuned")
    root = write_prid(folder / "prid", persons=8, frames=4)
    options = TINY | {"root": root, "run": folder / "run", "max_steps": 2, "init": "none", "split": 1, "min_frames": 1}
    assert command("finetune", flags(options)) == 0
    return root, folder / "run"


def test_a_checkpoint_gives_the_figures_of_fine_tuning(tuned, tmp_path):
    root, run = tuned
    argv = flags(
        {"dataset": "prid", "root": root, "weights": run, "split": 1, "json": tmp_path / "out.json", "min_frames": 1}
    )
    assert command("evaluate", argv) == 0
    found, before = json.loads((tmp_path / "out.json").read_text()), json.loads((run / "result.json").read_text())
    assert {name: found[name] for name in before["finetuned"]} == before["finetuned"]
    assert found["chance"] == before["chance"]
    assert found["data"]["fingerprint"] == before["data"]["fingerprint"]
    assert found["checkpoint"]["sha256"] == before["model"]["sha256"]
    assert found["images"] == {"height": 48, "width": 32, "chunk": 3}


def test_identities_seen_in_training_are_reported(tuned, capsys):
    root, run = tuned
    assert (
        command("evaluate", flags({"root": root, "weights": run / "model.safetensors", "split": 1, "min_frames": 1}))
        == 0
    )
    assert "was trained on" not in capsys.readouterr().out
    assert (
        command("evaluate", flags({"root": root, "weights": run / "model.safetensors", "split": 2, "min_frames": 1}))
        == 0
    )
    assert "of the 4 persons tested: no valid figure" in capsys.readouterr().out


def test_a_pretrained_network_on_a_rendered_set(tmp_path):
    rendered = write_rendered(tmp_path / "rendered", persons=4, frames=3)
    assert command("pretrain", flags(TINY | {"data": rendered, "run": tmp_path / "run", "max_steps": 1})) == 0
    argv = {"dataset": "synthetic", "root": rendered, "weights": tmp_path / "run", "json": tmp_path / "o.json"}
    assert command("evaluate", flags(argv)) == 0
    notes = json.loads((tmp_path / "o.json").read_text())["data"]["notes"]
    assert any("trained on 2 of the 2 persons tested" in note for note in notes)


@pytest.mark.parametrize("argv", [[], ["--features", "f.npz", "--weights", "c.pt"]])
def test_either_features_or_a_checkpoint_must_be_given(argv, capsys):
    assert command("evaluate", argv) == 2
    assert "either --features" in capsys.readouterr().err
