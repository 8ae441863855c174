"""The frame at a time, sought: that of decoding from the beginning, in containers and codecs of many kinds."""

from fractions import Fraction

import numpy as np
import pytest

from alignnet_common.errors import UserError
from reid.search.query import frame_at
from reid.tracks import seek
from reid.tracks.video import Video

av = pytest.importorskip("av")

WIDTH, HEIGHT, FRAMES = 64, 48, 90


def picture(number):
    """A frame that its number can be read from: a white bar on grey that moves by two pixels every second frame."""
    image = np.full((HEIGHT, WIDTH, 3), 40 + number, np.uint8)
    left = number // 2 % (WIDTH - 8)
    image[8:40, left : left + 8] = 255
    return image


def write(path, codec, options=None, times=None, start=0, rate=10, pixels="yuv420p"):
    """Frames at `times`, in thousandths of a second from `start` on, by default `rate` a second."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=rate, options=options or {})
        stream.width, stream.height, stream.pix_fmt = WIDTH, HEIGHT, pixels
        base = Fraction(1, rate) if times is None else Fraction(1, 1000)
        stream.codec_context.time_base = base
        for number, time in enumerate(range(FRAMES) if times is None else times):
            frame = av.VideoFrame.from_ndarray(picture(number), format="rgb24")
            frame.pts, frame.time_base = time + start, base
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    return path


STEPS = np.random.default_rng(0).integers(15, 400, FRAMES)
STEPS[FRAMES // 2] = 3000
UNEVEN = np.cumsum(STEPS).tolist()
"""Times with a pause of three seconds in the middle, thousandths of a second."""
B_FRAMES = {"g": "30", "bf": "3", "x264-params": "b-adapt=0:scenecut=0"}
VIDEOS = {
    "h264.mp4": ("libx264", B_FRAMES),
    "long-gop.mp4": ("libx264", {"g": "1000", "bf": "2"}),
    "open-gop.mkv": ("libx264", {"g": "12", "bf": "3", "x264-params": "open-gop=1:b-pyramid=normal:scenecut=0"}),
    "refresh.mkv": ("libx264", {"g": "20", "x264-params": "intra-refresh=1"}),
    "h264.mkv": ("libx264", B_FRAMES),
    "h265.mp4": ("libx265", {"g": "20", "x265-params": "log-level=none:bframes=3"}),
    "mpeg4.avi": ("mpeg4", {"g": "12"}),
    "b-frames.avi": ("mpeg4", {"g": "12", "bf": "2"}),
    "h264.avi": ("libx264", B_FRAMES),
    "motion.avi": ("mjpeg", None),
    "mpeg2.mkv": ("mpeg2video", {"g": "12", "bf": "2"}),
    "h264.ts": ("libx264", B_FRAMES),
    "mpeg2.mpg": ("mpeg2video", {"g": "12", "bf": "2"}),
    "raw.h264": ("libx264", B_FRAMES),
    "vp9.webm": ("libvpx-vp9", {"g": "25"}),
    "flash.flv": ("flv", {"g": "15"}),
}
SHIFTED = {"uneven.mp4": UNEVEN, "uneven.mkv": UNEVEN}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("videos")


def made(folder, name):
    path = folder / name
    if not path.exists():
        if name in SHIFTED:
            return write(path, "libx264", {"g": "20", "bf": "2"}, times=SHIFTED[name])
        if name.startswith("late"):
            return write(path, "libx264", B_FRAMES, times=[100 * number for number in range(FRAMES)], start=7300)
        codec, options = VIDEOS[name]
        write(path, codec, options, rate=25 if name.endswith(".mpg") else 10, pixels=pixels_of(codec))
    return path


def pixels_of(codec):
    return "yuvj420p" if codec == "mjpeg" else "yuv420p"


def by_decoding(path, time):
    """The frame at a time, by the rule itself: the last that is not later, else the first."""
    shown = None
    for frame in Video(path, float("inf")):
        if shown is not None and frame.time > time + 1e-6:
            break
        shown = frame
    return shown.image


@pytest.mark.parametrize("name", [*VIDEOS, *SHIFTED, "late.mp4", "late.mkv"])
def test_the_frame_is_that_of_decoding_from_the_beginning(folder, name):
    path = made(folder, name)
    known = list(Video(path, float("inf")))
    assert len(known) >= FRAMES - 3
    ends = [frame.time for frame in known]
    rng = np.random.default_rng(1)
    between = [
        one + share * (other - one) for one, other, share in zip(ends, ends[1:], rng.random(FRAMES), strict=False)
    ]
    for time in [*rng.permutation(ends)[:25], *rng.permutation(between)[:25], 0.0, ends[-1] + 0.5]:
        np.testing.assert_array_equal(frame_at(path, float(time)), by_decoding(path, float(time)))
    with pytest.raises(UserError, match="ends at"):
        frame_at(path, ends[-1] + 1.5)


@pytest.mark.parametrize(
    ("name", "sought"),
    [
        ("h264.mp4", True),
        ("h264.mkv", True),
        ("open-gop.mkv", True),
        ("h265.mp4", True),
        ("mpeg4.avi", True),
        ("motion.avi", True),
        ("vp9.webm", True),
        ("uneven.mp4", True),
        ("late.mp4", True),
        ("h264.ts", False),
        ("mpeg2.mpg", False),
        ("raw.h264", False),
    ],
)
def test_which_containers_are_sought(folder, name, sought):
    video = Video(made(folder, name), float("inf"))
    assert (seek._from_key_frame(video, 6.95 if not name.endswith(".mpg") else 2.9) is not None) == sought


def test_a_late_frame_costs_its_own_group_alone(folder, monkeypatch):
    seen = []
    decoded = seek._decoded
    monkeypatch.setattr(seek, "_decoded", lambda packet: seen.append(1) or decoded(packet))
    monkeypatch.setattr(Video, "decoded", None)  # not from the beginning
    frame_at(made(folder, "h264.mp4"), 7.05)
    assert 10 < len(seen) < 30


def damaged(folder, name, change):
    path = folder / f"damaged-{name}"
    content = bytearray(made(folder, name).read_bytes())
    path.write_bytes(change(content))
    return path


def without_index(content):
    place = content.rindex(b"idx1")
    return content[:place]


def cut(content):
    return content[: len(content) * 2 // 3]


def with_wrong_index(content):
    """Every entry of the index says that it is a key frame at the same place."""
    place = content.rindex(b"idx1")
    for entry in range(place + 8, len(content) - 15, 16):
        content[entry + 4 : entry + 8] = b"\x10\0\0\0"
    return content


def with_zeros(content):
    middle = len(content) // 2
    content[middle : middle + 300] = bytes(300)
    return content


@pytest.mark.parametrize(
    ("name", "change"),
    [
        ("mpeg4.avi", without_index),
        ("mpeg4.avi", cut),
        ("mpeg4.avi", with_wrong_index),
        ("mpeg4.avi", with_zeros),
        ("h264.mkv", cut),
        ("h264.mkv", with_zeros),
        ("h264.ts", cut),
    ],
)
def test_a_damaged_file_gives_the_same_frames(folder, tmp_path, name, change):
    path = damaged(folder, name, change)
    known = list(Video(path, float("inf")))
    assert len(known) > 20
    for frame in known[:: max(1, len(known) // 15)]:
        np.testing.assert_array_equal(frame_at(path, frame.time + 0.01), by_decoding(path, frame.time + 0.01))
