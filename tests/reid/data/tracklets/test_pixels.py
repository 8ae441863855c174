"""Every kind of picture becomes one upright 8-bit RGB image, or is refused in one line."""

import struct
import warnings
import zlib
from io import BytesIO

import numpy as np
import pytest
from PIL import Image

from alignnet_common.files import PROJECT_ROOT
from reid.data.tracklets.frames import UnreadableImageError, read_frame
from reid.inference.images import pixels
from reid_folders import command, figure, write_own

COLOUR = figure(3, 0, 1)[0]
GREY = np.repeat(COLOUR.mean(-1).round().astype(np.uint8)[..., None], 3, axis=-1)


def png_of_16_bits(image, colour_type):
    """A PNG file of (H, W, C) uint8 as 16 bits a channel; Pillow itself writes only grey ones."""

    def part(name, content):
        return struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))

    lines = b"".join(b"\0" + line.tobytes() for line in (image.astype(">u2") * 257))
    header = struct.pack(">IIBBBBB", image.shape[1], image.shape[0], 16, colour_type, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + part(b"IHDR", header) + part(b"IDAT", zlib.compress(lines)) + part(b"IEND", b"")


def saved(image, form, **how):
    stream = BytesIO()
    image.save(stream, form, **how)
    return stream.getvalue()


def grey_of_16_bits():
    return Image.fromarray(GREY[..., 0].astype(np.uint16) * 257)


def turned_by_exif(form):
    """A picture that lies on its side, and the Exif orientation that puts it upright."""
    exif = Image.Exif()
    exif[0x112] = 6
    return saved(Image.fromarray(COLOUR).transpose(Image.Transpose.ROTATE_90), form, exif=exif)


WITH_ALPHA = np.dstack([COLOUR, np.full(COLOUR.shape[:2], 90, np.uint8)])
SHARP = {
    "grey of 16 bits": (saved(grey_of_16_bits(), "PNG"), GREY),
    "grey of 16 bits, TIFF": (saved(grey_of_16_bits(), "TIFF"), GREY),
    "grey of 16 bits, PGM": (b"P5\n64 128\n65535\n" + (GREY[..., 0].astype(">u2") * 257).tobytes(), GREY),
    "grey of 16 bits and alpha": (png_of_16_bits(np.dstack([GREY[..., 0], WITH_ALPHA[..., 3]]), 4), GREY),
    "colour of 16 bits": (png_of_16_bits(COLOUR, 2), COLOUR),
    "colour of 16 bits and alpha": (png_of_16_bits(WITH_ALPHA, 6), COLOUR),
    "grey": (saved(Image.fromarray(GREY[..., 0]), "PNG"), GREY),
    "alpha": (saved(Image.fromarray(WITH_ALPHA), "PNG"), COLOUR),
    "cmyk": (saved(Image.fromarray(COLOUR).convert("CMYK"), "TIFF"), COLOUR),
    "webp": (saved(Image.fromarray(COLOUR), "WEBP", lossless=True), COLOUR),
    "tiff": (saved(Image.fromarray(COLOUR), "TIFF"), COLOUR),
    "upright by Exif": (turned_by_exif("PNG"), COLOUR),
    "upright by Exif, TIFF": (turned_by_exif("TIFF"), COLOUR),
    "animated": (
        saved(Image.fromarray(COLOUR), "PNG", save_all=True, append_images=[Image.fromarray(GREY)]),
        COLOUR,
    ),
    "several pages": (
        saved(Image.fromarray(COLOUR), "TIFF", save_all=True, append_images=[Image.fromarray(GREY)]),
        COLOUR,
    ),
}
ROUNDED = {
    "palette": (saved(Image.fromarray(COLOUR).quantize(200), "PNG"), 3),
    "palette with alpha": (saved(Image.fromarray(COLOUR).quantize(200), "PNG", transparency=bytes(200)), 3),
    "jpeg": (saved(Image.fromarray(COLOUR), "JPEG", quality=98), 6),
    "cmyk jpeg": (saved(Image.fromarray(COLOUR).convert("CMYK"), "JPEG", quality=98), 6),
    "jpeg upright by Exif": (turned_by_exif("JPEG"), 6),
}


def read(folder, content):
    path = folder / "1.png"  # Pillow goes by the content
    path.write_bytes(content)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = read_frame(path)
    assert found.dtype == np.uint8
    with Image.open(path) as image:
        np.testing.assert_array_equal(pixels(image), found)
    return found


@pytest.mark.parametrize("name", SHARP)
def test_the_same_picture_in_every_form(tmp_path, name):
    content, wanted = SHARP[name]
    np.testing.assert_array_equal(read(tmp_path, content), wanted)


@pytest.mark.parametrize("name", ROUNDED)
def test_a_similar_picture_in_forms_that_round(tmp_path, name):
    content, tolerance = ROUNDED[name]
    assert np.abs(read(tmp_path, content).astype(int) - COLOUR).mean() < tolerance


@pytest.mark.parametrize("kind", [np.int32, np.float32])
def test_a_picture_whose_white_is_not_known_is_refused_and_found_by_decode(tmp_path, capsys, kind):
    root = write_own(tmp_path / "own")
    path = root / "yard" / "bo" / "img_9.png"
    path.write_bytes(saved(Image.fromarray(GREY[..., 0].astype(kind)), "TIFF"))
    with pytest.raises(UnreadableImageError, match="save it with 8 or 16 bits"):
        read_frame(path)
    with pytest.raises(ValueError, match="save it with 8 or 16 bits"):
        pixels(Image.fromarray(GREY[..., 0].astype(kind)))
    assert command("data", ["--root", str(root), "--dataset", "folder", "--decode"]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert f"{path}: unreadable image (32 bits a channel" in line


@pytest.mark.filterwarnings("ignore:Corrupt EXIF")
def test_a_damaged_exif_block_does_not_stop_the_picture(tmp_path):
    found = read(tmp_path, saved(Image.fromarray(COLOUR), "PNG", exif=b"Exif\0\0MM\0*\xff\xff\xff\xff" + bytes(9)))
    np.testing.assert_array_equal(found, COLOUR)


def test_any_damage_is_an_unreadable_image(tmp_path):
    rng = np.random.default_rng(0)
    whole = [content for content, _ in SHARP.values()] + [content for content, _ in ROUNDED.values()]
    path = tmp_path / "1.png"
    for number in range(600):
        content = bytearray(whole[number % len(whole)])
        for place in rng.integers(0, min(len(content), 400), 3):
            content[place] = rng.integers(0, 256)
        path.write_bytes(content[: len(content) if number % 2 else rng.integers(1, len(content))])
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            try:
                assert read_frame(path).shape[2] == 3
            except UnreadableImageError as refused:
                assert str(path) in str(refused)


def test_one_place_decodes_pictures():
    """A second place would not turn them upright, nor know 16 bits. `reporting` reads a chart of its own."""
    found = {
        file.relative_to(PROJECT_ROOT).as_posix()
        for file in (PROJECT_ROOT / "reid").rglob("*.py")
        if any(way in file.read_text() for way in ("Image.open(", "imread(", "read_image("))
    }
    assert found == {"reid/data/tracklets/frames.py", "reid/reporting/page.py"}
