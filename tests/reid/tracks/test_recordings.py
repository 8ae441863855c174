"""reid tracks: several recordings of one camera on one clock, and what search, serve and link make of them."""

import csv
import json
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from alignnet_common.errors import UserError
from reid.configs.video.tracks import TracksConfig
from reid.index.store import IndexRow
from reid.inference.sources import find_source
from reid.link.run import write_mot
from reid.serve.videos import KnownVideo, Recording, frame_as_jpeg, videos_of
from reid.tracks.crops import CropWriter
from reid.tracks.run import tracks

av = pytest.importorskip("av")
pytest.importorskip("norfair")

WIDTH, HEIGHT, FRAMES, RATE = 160, 128, 20, 10
GREYS = {"early": 60, "late": 180}


def write_video(path):
    """Two seconds of a grey scene, with a person who walks."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream("mpeg4", rate=RATE)
        stream.width, stream.height, stream.pix_fmt, stream.bit_rate = WIDTH, HEIGHT, "yuv420p", 2_000_000
        for number in range(FRAMES):
            image = np.full((HEIGHT, WIDTH, 3), GREYS[path.stem], np.uint8)
            image[20:80, 10 + 3 * number : 34 + 3 * number] = (200, 40, 40)
            for packet in stream.encode(av.VideoFrame.from_ndarray(image, format="rgb24")):
                container.mux(packet)
        for packet in stream.encode():
            container.mux(packet)
    rows = [(frame, 7, 10 + 3 * (frame - 1), 20, 24, 60, 0.9) for frame in range(1, FRAMES + 1)]
    text = "".join(",".join(map(str, row)) + "\n" for row in rows)
    (path.parent / f"{path.stem}.txt").write_text(text)
    return path


@pytest.fixture(scope="module")
def videos(tmp_path_factory):
    folder = tmp_path_factory.mktemp("videos")
    return [write_video(folder / f"{name}.mp4") for name in GREYS]


def options(videos, out, starts=(0.0, 100.0)):
    return TracksConfig(list(videos), out, ["yard"] * len(videos), list(starts), boxes=videos[0].parent)


def table(out):
    with (out / "tracks.csv").open(newline="") as file:
        return list(csv.DictReader(file))


def check_both(out):
    rows = table(out)
    assert {row["camera"] for row in rows} == {"yard"} and {row["track"] for row in rows} == {"0001", "0002"}
    times = {name: [float(row["time"]) for row in rows if row["track"] == name] for name in ("0001", "0002")}
    assert times["0001"] == pytest.approx([n / RATE for n in range(FRAMES)])
    assert times["0002"] == pytest.approx([100 + n / RATE for n in range(FRAMES)])
    assert all((out / row["path"]).is_file() for row in rows) and len({row["path"] for row in rows}) == 2 * FRAMES
    found = find_source(str(out), tracklets=True)
    assert [(row.track, row.start, row.end) for row in found.rows] == [("0001", 0.0, 1.9), ("0002", 100.0, 101.9)]
    camera = json.loads((out / "result.json").read_text())["cameras"]["yard"]
    assert [(Path(each["video"]).stem, each["start"]) for each in camera["recordings"]] == [("early", 0), ("late", 100)]
    assert camera["duration"] == 101.9 and camera["tracks"] == 2 and camera["crops"] == 2 * FRAMES


def test_dates_are_seconds_since_1970_and_a_recording_is_the_same_by_either(videos, tmp_path, capsys):
    out = tmp_path / "tracks"
    tracks(options(videos, out, ["2026-11-30T08:00:00", "2026-11-30T08:01:40.5"]))
    times = {name: [float(row["time"]) for row in table(out) if row["track"] == name] for name in ("0001", "0002")}
    assert times["0001"] == pytest.approx([1796025600 + n / RATE for n in range(FRAMES)], abs=1e-4)
    assert times["0002"] == pytest.approx([1796025700.5 + n / RATE for n in range(FRAMES)], abs=1e-4)
    tracks(options(videos, out, [1796025600, 1796025700.5]))
    assert capsys.readouterr().out.count("finished already") == 2
    with pytest.raises(UserError, match=r"at 2026-11-30 08:00:00\.0 lasts .* the one at 2026-11-30 08:00:00\.5"):
        tracks(options(videos, tmp_path / "other", ["2026-11-30T08:00:00Z", "2026-11-30T08:00:00.5Z"]))


def test_two_recordings_of_a_camera_are_on_one_clock(videos, tmp_path, capsys):
    out = tmp_path / "tracks"
    tracks(options(videos, out))
    check_both(out)
    capsys.readouterr()
    before = (out / "tracks.csv").read_bytes()
    tracks(options(videos, out))
    printed = capsys.readouterr().out
    assert "yard: finished already, 1 tracks\nyard@100: finished already, 1 tracks" in printed
    assert (out / "tracks.csv").read_bytes() == before


def test_the_order_on_the_command_line_does_not_matter(videos, tmp_path):
    tracks(options(videos[::-1], tmp_path / "tracks", (100.0, 0.0)))
    check_both(tmp_path / "tracks")


def test_a_recording_is_added_later(videos, tmp_path):
    """The first command names no start: that is 0."""
    out = tmp_path / "tracks"
    boxes = videos[0].parent
    tracks(TracksConfig([videos[0]], out, ["yard"], boxes=boxes / "early.txt"))
    assert "recordings" not in json.loads((out / "result.json").read_text())["cameras"]["yard"]
    tracks(TracksConfig([videos[1]], out, ["yard"], [100.0], boxes=boxes / "late.txt"))
    check_both(out)


def test_a_killed_recording_leaves_the_finished_one_and_is_made_again(videos, tmp_path, monkeypatch):
    out = tmp_path / "tracks"
    rename = Path.rename

    def killed(self, target):
        done = rename(self, target)
        if Path(target).name == "0002" and Path(target).parent.name == "yard":  # before the table is written
            raise KeyboardInterrupt
        return done

    monkeypatch.setattr(Path, "rename", killed)
    with pytest.raises(KeyboardInterrupt):
        tracks(options(videos, out))
    monkeypatch.undo()
    assert sorted(path.name for path in (out / "yard").iterdir()) == ["0001", "0002"]
    tracks(options(videos, out))
    check_both(out)


def test_an_unfinished_recording_alone_is_removed(tmp_path):
    (tmp_path / "yard" / "0001").mkdir(parents=True)
    CropWriter(tmp_path, "yard")
    assert not (tmp_path / "yard").exists()


@pytest.mark.parametrize("starts", [(0.0, 0.5), (100.0, 99.5)])
def test_recordings_that_overlap_are_refused_before_any_is_read(videos, tmp_path, starts):
    with pytest.raises(
        UserError, match=r"camera yard: the recording at (0|99\.5) s lasts 2\.0 s, beyond the beginning"
    ):
        tracks(options(videos, tmp_path / "tracks", starts))
    assert not (tmp_path / "tracks").exists()


def test_a_recording_that_overlaps_with_a_finished_one_is_refused(videos, tmp_path):
    out = tmp_path / "tracks"
    tracks(options(videos, out, (10.0, 100.0)))
    with pytest.raises(UserError, match=r"the recording at 9\.5 s lasts"):
        tracks(TracksConfig([videos[1]], out, ["yard"], [9.5], boxes=videos[0].parent / "late.txt"))


def test_a_start_within_a_second_of_the_end_before_is_taken_for_it(videos, tmp_path):
    """Headers and clocks are not exact, and two tracks at the same time are taken for two persons."""
    tracks(options(videos, tmp_path / "tracks", (0.0, 1.5)))
    times = [float(row["time"]) for row in table(tmp_path / "tracks")]
    assert times == sorted(times) and times[FRAMES] == times[FRAMES - 1] == 1.9


@pytest.mark.parametrize(
    ("starts", "message"),
    [
        ([], r"two videos are of camera yard: name a camera for each \(--cameras\), or say when each begins"),
        ([0.0], "--starts has 1 times for 2 videos"),
        ([0.0, -1.0], "--starts -1.0: must be seconds from 0 on"),
        ([0.0, float("nan")], "must be seconds from 0 on"),
        ([5.0, 5.0], r"the same camera and beginning \(--starts\): yard at 5 s"),
    ],
)
def test_starts_that_do_not_fit_are_one_line(starts, message):
    with pytest.raises(ValueError, match=message):
        TracksConfig([Path("a.mp4"), Path("b.mp4")], cameras=["yard", "yard"], starts=starts)


class OneSource:
    """An index with tracklets of one folder, as far as `videos_of` asks."""

    def __init__(self, source):
        self._rows = (IndexRow(str(source), "yard", "0001", "", FRAMES, 0.0, 1.9),)

    def blocks(self):
        return [self]

    @property
    def rows(self):
        return self._rows


def test_serve_shows_the_file_of_the_moment(videos, tmp_path):
    out = tmp_path / "tracks"
    tracks(options(videos, out))
    video = videos_of(OneSource(out))["yard"]
    assert (video.start, video.duration) == (0.0, 101.9)
    assert video.at(1.0) == (videos[0], 1.0) and video.at(100.5) == (videos[1], pytest.approx(0.5))
    for time, grey in ((1.0, GREYS["early"]), (100.5, GREYS["late"])):
        with Image.open(BytesIO(frame_as_jpeg(video, time))) as shown:
            assert abs(int(np.asarray(shown)[110, 5].mean()) - grey) < 12
    with pytest.raises(UserError, match=r"nothing is recorded at 50 s \(recorded: 0 to 1\.9 s, 100 to 101\.9 s\)"):
        video.at(50.0)
    with pytest.raises(UserError, match="nothing is recorded at 3 s"):
        KnownVideo((Recording(videos[0], 10.0, 1.9),), (WIDTH, HEIGHT)).at(3.0)


def test_link_writes_the_boxes_of_each_recording(videos, tmp_path):
    out = tmp_path / "tracks"
    tracks(options(videos, out))
    rows = [IndexRow(str(out), "yard", track, "", FRAMES, 0.0, 1.0) for track in ("0001", "0002")]
    write_mot(tmp_path / "mot", rows, np.array([0, 0]))
    assert sorted(path.name for path in (tmp_path / "mot").iterdir()) == ["yard.txt", "yard@100.txt"]
    for path in (tmp_path / "mot").iterdir():
        assert [line.split(",")[:2] for line in path.read_text().splitlines()] == [
            [str(frame), "1"] for frame in range(1, FRAMES + 1)
        ]
