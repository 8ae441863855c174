"""Recall, precision and IDF1 of tracks, against cases that are counted by hand."""

import json

import numpy as np
import pytest

from alignnet_common.errors import UserError
from benchmarks.search.track_quality import (
    Followed,
    TrackQualityConfig,
    between,
    measure,
    quality,
    read_tracks,
    read_truth,
)

LEFT, RIGHT, NOWHERE = (0, 0, 10, 20), (50, 0, 60, 20), (200, 200, 210, 220)


def sequence(*frames):
    """Each frame as pairs of a track and a box."""
    return {
        number: Followed(np.array([track for track, _ in pairs]), np.array([box for _, box in pairs], float))
        for number, pairs in enumerate(frames, 1)
        if pairs
    }


def test_equal_tracks_with_other_numbers_agree_fully():
    truth = sequence(*[[(1, LEFT), (2, RIGHT)]] * 4)
    found = sequence(*[[(8, RIGHT), (7, LEFT)]] * 4)
    result = quality(found, truth)
    assert (result.recall, result.precision, result.idf1, result.switches) == (1, 1, 1, 0)
    assert (result.true_boxes, result.boxes, result.true_tracks, result.tracks) == (8, 8, 2, 2)


def test_a_track_that_breaks_costs_the_shorter_part():
    """One person in ten frames, of which the last four are a second track: IDTP 6, IDFP 4, IDFN 4."""
    truth = sequence(*[[(1, LEFT)]] * 10)
    found = sequence(*[[(1, LEFT)]] * 6, *[[(2, LEFT)]] * 4)
    result = quality(found, truth)
    assert (result.recall, result.precision, result.switches) == (1, 1, 1)
    assert result.identity_matches == 6 and result.idf1 == pytest.approx(0.6)


def test_two_persons_who_change_places_for_the_tracker():
    """After six of ten frames each track is on the other person: IDTP 12 of 20 boxes."""
    truth = sequence(*[[(1, LEFT), (2, RIGHT)]] * 10)
    found = sequence(*[[(1, LEFT), (2, RIGHT)]] * 6, *[[(2, LEFT), (1, RIGHT)]] * 4)
    result = quality(found, truth)
    assert result.identity_matches == 12 and result.idf1 == pytest.approx(0.6) and result.switches == 2


def test_persons_who_are_missed_and_boxes_of_nobody():
    """Two frames: one of two persons is found, and in the second frame a box of nobody as well."""
    truth = sequence([(1, LEFT), (2, RIGHT)], [(1, LEFT), (2, RIGHT)])
    found = sequence([(1, LEFT)], [(1, LEFT), (5, NOWHERE)])
    result = quality(found, truth)
    assert result.recall == 0.5 and result.precision == pytest.approx(2 / 3)
    assert result.idf1 == pytest.approx(2 * 2 / (4 + 3))


def test_boxes_agree_from_an_overlap_on_and_one_box_is_of_one_person():
    truth = sequence([(1, (0, 0, 10, 10))])
    half = (0, 0, 10, 5)
    assert quality(sequence([(1, half)]), truth, 0.5).matched == 1
    assert quality(sequence([(1, half)]), truth, 0.51).matched == 0
    assert quality(sequence([(1, LEFT), (2, LEFT)]), sequence([(1, LEFT)])).matched == 1


def test_as_many_boxes_as_possible_are_matched():
    """The first box overlaps both persons, the second the first person alone: by overlap alone one would be left."""
    truth = sequence([(1, (0, 0, 10, 10)), (2, (4, 0, 14, 10))])
    found = sequence([(1, (1, 0, 11, 10)), (2, (-3, 0, 7, 10))])
    assert quality(found, truth, 0.5).matched == 2


def test_without_boxes_shares_are_unknown():
    nothing = quality({}, {})
    assert all(np.isnan(share) for share in (nothing.recall, nothing.precision, nothing.idf1))
    missed = quality({}, sequence([(1, LEFT)]))
    assert missed.recall == 0 and np.isnan(missed.precision) and missed.idf1 == 0


def test_the_command_reads_both_files_and_some_of_the_frames(tmp_path, capsys):
    (tmp_path / "gt.txt").write_text("".join(f"{frame},3,10,20,30,80,1,-1,-1,-1\n" for frame in range(1, 11)))
    rows = "".join(f"yard,0001,{frame},0.1,10,20,30,80,0.9,p\n" for frame in range(1, 6))
    (tmp_path / "tracks.csv").write_text("camera,track,frame,time,x,y,w,h,score,path\n" + rows)
    config = {"tracks": tmp_path, "truth": tmp_path / "gt.txt"}
    measure(TrackQualityConfig(**config, out=tmp_path / "figures.json"))
    figures = json.loads((tmp_path / "figures.json").read_text())
    assert figures == json.loads(capsys.readouterr().out)
    assert (figures["recall"], figures["precision"], figures["idf1"]) == (0.5, 1, pytest.approx(2 * 5 / 15, abs=1e-4))
    measure(TrackQualityConfig(**config, first=4, last=6))
    assert json.loads(capsys.readouterr().out)["recall"] == pytest.approx(2 / 3, abs=1e-4)
    assert sorted(between(read_truth(tmp_path / "gt.txt"), 9, None)) == [9, 10]
    with pytest.raises(UserError, match="has no camera hall"):
        read_tracks(tmp_path, "hall")
    (tmp_path / "gt.txt").write_text("1,-1,10,20,30,80\n")
    with pytest.raises(UserError, match="boxes without a track"):
        measure(TrackQualityConfig(**config))
