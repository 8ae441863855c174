"""python -m reid.attention: occlusion of frames, correlation, and written results."""

import json
import shutil

import numpy as np
import pytest
import torch

from alignnet_common.files import read_jsonl, write_jsonl
from reid.configs.attention import AttentionConfig
from reid.data.datasets.synthetic import read_clips
from reid.data.loading.frame_store import FrameStore
from reid.data.loading.occluded_store import OccludedFrames
from reid.data.transforms.occlusion import occlude_from_side
from reid.models.checkpoint import load_model
from reid.recipes import attention
from reid.recipes.attention import BothPoolings, correlation
from reid_folders import TINY, command, flags, write_rendered


@pytest.fixture(scope="module")
def rendered(tmp_path_factory):
    root = write_rendered(tmp_path_factory.mktemp("rendered"), persons=5, frames=5)
    for number, path in enumerate(sorted((root / "annotations").rglob("*.npz"))):
        with np.load(path) as arrays:
            known = dict(arrays)
        known["amodal_box"] = np.tile(np.array([18.0, 10.0, 46.0, 116.0], np.float32), (5, 1))
        # Somebody passes before every second person.
        known["visible_ratio"] = np.array([1.0, 0.8, 0.4, 0.3, 0.9] if number % 2 else [1.0] * 5, np.float32)
        np.savez(path, **known)
    return root


@pytest.fixture(scope="module")
def trained(rendered, tmp_path_factory):
    found = {}
    for variant in ("align-tap", "baseline"):
        folder = found[variant] = tmp_path_factory.mktemp("run") / variant
        words = TINY | {"data": rendered, "run": folder, "max_steps": 1, "variant": variant}
        assert command("pretrain", flags(words)) == 0
    return found


def store_of(clips):
    return FrameStore([path for clip in clips for path in clip.frames], 128, 64, 1.0)


def test_the_given_share_of_frames_is_occluded_by_other_persons(rendered):
    clips = read_clips(rendered)
    store = store_of(clips)
    for share, count in ((0.0, 0), (0.4, 2), (0.99, 4)):
        changed = []
        for clip in clips:
            plain, covered = (one.read(clip.frames)[0] for one in (store, OccludedFrames(store, clips, share, 0)))
            changed.append(int((plain != covered).any(axis=(1, 2, 3)).sum()))
        assert changed == [count] * len(clips)
    one, again, other = (OccludedFrames(store, clips, 0.4, seed).read(clips[0].frames)[0] for seed in (0, 0, 1))
    assert (one == again).all()
    assert (one != other).any()


def test_occlusion_pastes_the_middle_of_the_other_frame_at_a_side():
    cover = np.arange(10, dtype=np.uint8)[None, :, None].repeat(2, 0).repeat(3, 2)
    for from_left, expected in ((True, [3, 4, 5, 6, 99, 99]), (False, [99, 99, 99, 99, 99, 99, 3, 4, 5, 6])):
        frame = np.full((2, 10, 3), 99, np.uint8)
        occlude_from_side(frame, cover, 0.4, from_left)
        assert frame[0, : len(expected), 0].tolist() == expected


@pytest.mark.parametrize(("sign", "expected"), [(1.0, 1.0), (-1.0, -1.0), (0.0, 0.0)])
def test_the_correlation_is_that_of_weights_and_visible_ratios(rendered, sign, expected):
    """Weights that rise with the visible ratio, that fall with it, and equal weights."""
    clips = read_clips(rendered)
    ratio = np.array([1.0, 0.8, 0.4, 0.3, 0.9], np.float32)
    weights = np.tile(0.5 + 0.1 * sign * ratio[:, None] ** 3, (1, 4))
    found = correlation(clips, lambda clip: weights, 0.2)
    assert found["clips"] == 5
    assert found["appearance"] == found["upper"] == {"mean": pytest.approx(expected), "sd": pytest.approx(0)}


def test_results_are_written_and_printed(rendered, trained, tmp_path, capsys):
    options = {
        "data": rendered,
        "weights": trained["align-tap"],
        "json": tmp_path / "f.json",
        "covered": "[0.0,0.4]",
    }
    assert command("attention", flags(options)) == 0
    found = json.loads((tmp_path / "f.json").read_text())
    assert found["correlation"]["clips"] == 5
    assert -1 <= found["correlation"]["upper"]["mean"] <= 1
    assert [row["share"] for row in found["covered"]] == [0.0, 0.4]
    assert all(0 <= row["rank1"] <= 100 and 0 <= row["average"]["rank1"] <= 100 for row in found["covered"])
    printed = capsys.readouterr().out
    assert "Spearman's rho over 5 clips" in printed
    note = f"{trained['align-tap'] / 'model.safetensors'} was trained on 5 of the 5 persons tested: no valid figures"
    assert (found["notes"], printed.count(note)) == ([note], 1)
    # A network without attention is ranked alone.
    assert command("attention", flags(options | {"weights": trained["baseline"]})) == 0
    assert json.loads((tmp_path / "f.json").read_text())["correlation"] is None


def test_the_chunk_length_is_that_of_the_option_or_of_the_training(trained):
    _, metadata = load_model(trained["baseline"] / "model.safetensors")
    assert attention.chunk_length(AttentionConfig(), metadata["images"]) == TINY["chunk"]
    assert attention.chunk_length(AttentionConfig(chunk=5), metadata["images"]) == 5


def test_both_poolings_append_the_descriptor_of_average_pooling(trained):
    model, _ = load_model(trained["align-tap"] / "model.safetensors")
    generator = torch.Generator().manual_seed(0)
    frames, valid = torch.rand(1, 3, 3, 48, 32, generator=generator), torch.ones(1, 3, dtype=torch.bool)
    with torch.inference_mode():
        weighed, both = model(frames, valid), BothPoolings(model)(frames, valid)
        single = [model(frames[:, [number]], valid[:, :1]).descriptor for number in range(3)]
        # What a padded frame holds is in neither.
        padded = BothPoolings(model)(frames, torch.tensor([[True, True, False]]))
    as_it_is, alike = both.descriptor.chunk(2, dim=1)
    torch.testing.assert_close(as_it_is, weighed.descriptor)
    torch.testing.assert_close(alike, sum(single) / 3)
    assert not torch.equal(as_it_is, alike)
    torch.testing.assert_close(padded.descriptor.chunk(2, dim=1)[1], sum(single[:2]) / 2)


def test_ranking_restores_the_mode_of_the_network(rendered, trained):
    model, _ = load_model(trained["align-tap"] / "model.safetensors")
    clips = read_clips(rendered)
    store = FrameStore([frame for clip in clips for frame in clip.frames], 48, 32, 1.0)
    found = attention.rank_poolings(model, attention.both_directions(rendered, clips), store, 3, torch.device("cpu"))
    assert found.keys() == {"", "average"}
    assert not model.training
    assert not any(part.training for part in model.modules())


def test_the_ranking_is_the_mean_over_draws():
    draws = [{"": {"rank1": 40.0, "mAP": 30.0}, "average": {"rank1": 10.0, "mAP": 0.0}}]
    draws += [{"": {"rank1": 50.0, "mAP": 60.0}, "average": {"rank1": 30.0, "mAP": 0.0}}]
    assert attention.occlusion_row(0.4, draws) == {
        "share": 0.4,
        "rank1": 45,
        "mAP": 45,
        "average": {"rank1": 20, "mAP": 0},
    }


def test_each_draw_has_a_seed_but_frames_without_occlusion_are_ranked_once():
    config = AttentionConfig(draws=3, seed=5)
    assert list(attention.draw_seeds(config, 0.4)) == [5, 6, 7]
    assert list(attention.draw_seeds(config, 0.0)) == [5]


def test_figures_are_the_mean_of_both_directions(rendered):
    """In camera b the fifth person is nearest to the fourth of camera a, so that a query fails from b to a only."""
    clips = read_clips(rendered)
    row = {pid: number for number, pid in enumerate(sorted({clip.pid for clip in clips}))}
    position = {0: [0, 10, 20, 30, 40], 1: [0, 10, 20, 30, 34]}
    described = [[float(position[clip.camera][row[clip.pid]]), 1.0] for clip in clips]
    found = dict(zip(clips, np.array(described, np.float32), strict=True))
    directions = attention.both_directions(rendered, clips)
    assert [len(data.query) for data in directions] == [5, 5]
    assert attention.mean_ranking(found, directions)["rank1"] == pytest.approx((100 + 80) / 2)


def test_bad_input(rendered, trained, tmp_path, capsys):
    alone = write_rendered(tmp_path / "alone", persons=1, frames=2)
    one_camera = write_rendered(tmp_path / "one", persons=3, frames=2)
    rows = [row for row in read_jsonl(one_camera / "manifest.jsonl") if row["clip"].startswith("cam_a")]
    write_jsonl(one_camera / "manifest.jsonl", rows)
    shutil.rmtree(one_camera / "multi_shot" / "cam_b")
    for options, said in (
        ({"weights": trained["baseline"], "data": one_camera}, "one camera"),
        ({"weights": "absent"}, "absent: no such file of weights"),
        ({"weights": trained["align-tap"], "least_change": 0.9}, "the visible ratio changes by 0.9"),
        ({"weights": trained["align-tap"], "held_out": 5}, "too few to keep 5 out"),
        ({"covered": "[1.0]"}, "--covered"),
        ({"chunk": -1}, "--chunk must be at least 0"),
        ({"draws": 0}, "--draws must be at least 1"),
        ({"held_out": -1}, "--held-out must be at least 0"),
        ({"held_out": 1}, "--held-out 1"),
        ({"seed": -1}, "--seed must be at least 0"),
        ({"weights": trained["baseline"], "data": alone}, f"{alone}: one person"),
    ):
        assert command("attention", flags({"data": rendered} | options)) == 2
        error = capsys.readouterr().err
        assert said in error
        assert error.count("\n") == 1
