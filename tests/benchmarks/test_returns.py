"""Persons who come back: tracks of persons, gaps, queries, ranks and chance; one made-up video from end to end."""

import itertools
import json

import numpy as np
import pytest
import torch

from alignnet_common.errors import UserError
from benchmarks.search.returns import Ranked, Return, ReturnsConfig, agreeing, joined, measure, owners, returns_of
from benchmarks.search.track_quality import Followed
from reid.configs.groups.model import ModelConfig
from reid.configs.video.index import IndexConfig
from reid.configs.video.tracks import TracksConfig
from reid.index.run import index
from reid.models.alignnet import AlignNet
from reid.models.checkpoint import save_model

LEFT, RIGHT = (0, 0, 10, 20), (50, 0, 60, 20)


def sequence(frames):
    """Pairs of a track and a box, by frame."""
    return {
        number: Followed(np.array([track for track, _ in pairs]), np.array([box for _, box in pairs], float))
        for number, pairs in frames.items()
        if pairs
    }


def test_a_track_is_of_the_person_with_whom_it_agrees_most():
    truth = sequence({frame: [(1, LEFT), (2, RIGHT)] for frame in range(1, 11)})
    found = sequence({frame: [(7, LEFT if frame < 5 else RIGHT), (8, (200, 0, 210, 20))] for frame in range(1, 11)})
    assert owners(agreeing(found, truth, 0.5)) == {7: 2}


def test_a_gap_is_a_return_from_outside_only_where_the_truth_has_nobody():
    """Person 1 is out of the frame in frames 21 to 50, person 2 is there, but has no track in frames 31 to 60."""
    truth = sequence(
        {
            frame: [*([(1, LEFT)] if frame <= 20 or frame > 50 else []), (2, (50 + frame, 0, 60 + frame, 20))]
            for frame in range(1, 81)
        }
    )
    found = sequence(
        {
            frame: [
                *([(10 if frame <= 20 else 11, LEFT)] if frame <= 20 or frame > 50 else []),
                *([(20 if frame <= 30 else 21, (50 + frame, 0, 60 + frame, 20))] if frame <= 30 or frame > 60 else []),
            ]
            for frame in range(1, 81)
        }
    )
    times = {frame: (frame - 1) / 10 for frame in found}
    assert returns_of(found, truth, times, 2.0, 0.5) == [
        Return(1, True, 10, 1.9, 5.0, 1.0, (0, 0, 10, 20)),
        Return(2, False, 20, 2.9, 6.0, 1.5, (66, 0, 10, 20)),
    ]
    assert returns_of(found, truth, times, 3.2, 0.5) == []


def test_a_track_that_goes_on_meanwhile_leaves_no_gap():
    truth = sequence({frame: [(1, LEFT)] for frame in range(1, 61)})
    found = sequence(
        {frame: [*([(1, LEFT)] if frame <= 10 else []), (2, (1, 0, 11, 20))] for frame in range(1, 61)}
        | {frame: [(2, (1, 0, 11, 20)), (3, LEFT)] for frame in range(50, 61)}
    )
    assert returns_of(found, truth, {frame: frame / 10 for frame in found}, 1.0, 0.5) == []


def test_chance_is_that_of_all_orders():
    hits, right = 6, 2
    orders = [sorted(places)[0] + 1 for places in itertools.combinations(range(hits), right)]
    some = Ranked(hits, right, 1)
    for first in (1, 3, 5, 10):
        assert some.by_chance(first) == pytest.approx(np.mean([place <= first for place in orders]))
    assert some.rank_by_chance == pytest.approx(np.mean(orders))


def test_numbers_of_one_person_are_joined_or_refused():
    truth = sequence({1: [(1, LEFT), (19, RIGHT)], 2: [(3, LEFT)]})
    assert [each.tracks.tolist() for each in joined(truth, ["1=19"]).values()] == [[1, 1], [3]]
    for wrong in ("1,19", "1=7", "one", ""):
        with pytest.raises(UserError, match="not numbers of persons in --truth"):
            joined(truth, [wrong])


def test_a_person_who_comes_back_is_found_in_a_video(tmp_path, capsys):
    """Red is away in frames 31 to 60, and white as well; blue stays."""
    av = pytest.importorskip("av")
    pytest.importorskip("norfair")
    colours = {1: (220, 30, 30), 2: (30, 30, 220), 3: (240, 240, 240)}
    truth, boxes = [], []
    with av.open(str(tmp_path / "yard.avi"), "w") as container:
        stream = container.add_stream("mpeg4", rate=10)
        stream.width, stream.height, stream.pix_fmt, stream.bit_rate = 240, 128, "yuv420p", 2_000_000
        for frame in range(1, 91):
            image = np.full((128, 240, 3), 100, np.uint8)
            for person, colour in colours.items():
                if person == 2 or not 30 < frame <= 60:
                    left = 80 * (person - 1) + 10 + frame // 10
                    image[30:90, left : left + 26] = colour
                    late = 10 * (frame > 60) if person != 2 else 0
                    truth.append(f"{frame},{person + late},{left},30,26,60\n")
                    boxes.append(f"{frame},{person + late},{left},30,26,60,0.9\n")
            for packet in stream.encode(av.VideoFrame.from_ndarray(image, format="rgb24")):
                container.mux(packet)
        for packet in stream.encode():
            container.mux(packet)
    (tmp_path / "truth.txt").write_text("".join(truth))
    (tmp_path / "boxes.txt").write_text("".join(boxes))
    from reid.tracks.run import tracks

    tracks(TracksConfig([tmp_path / "yard.avi"], tmp_path / "tracks", boxes=tmp_path / "boxes.txt"))
    network = ModelConfig("baseline", appearance="mobilenetv2_035", appearance_weights="none", unit_length=True)
    save_model(
        AlignNet(network, 0, torch.Generator().manual_seed(1)),
        tmp_path / "network.safetensors",
        {"images": {"height": 64, "width": 32, "chunk": 2}},
    )
    index(IndexConfig([tmp_path / "tracks"], tmp_path / "index", str(tmp_path / "network.safetensors")))
    config = ReturnsConfig(
        tmp_path / "yard.avi",
        tmp_path / "tracks",
        tmp_path / "index",
        tmp_path / "truth.txt",
        same=["1=11", "3=13"],
        out=tmp_path / "returns.json",
    )
    measure(config)
    record = json.loads(config.out.read_text())
    assert [(each["person"], each["left"], each["end"], each["start"]) for each in record["returns"]] == [
        (1, True, 2.9, 6.0),
        (3, True, 2.9, 6.0),
    ]
    assert record["tracks"] == 5
    assert [each["all"] for each in record["returns"]] == [{"hits": 3, "right": 1, "rank": 1}] * 2
    assert [each["later"]["hits"] for each in record["returns"]] == [2, 2]  # blue is there at the same time
    assert "| out of the frame, hits | 2 | 3.0 | 1.0 | 2 (0.7) |" in capsys.readouterr().out
