"""Image pipeline of a camera: linear radiance of the renderer to the 8-bit sRGB frames of a recorder.

Steps: automatic exposure and white balance, vignetting, tone curve, saturation, motion blur, resolution, lens blur,
noise, sharpening, compression. Their parameters are those of `synth.cameras.sensor.Sensor`.
"""

import io

import numpy as np
from PIL import Image, ImageFilter
from scipy import ndimage

from alignnet_common.arrays import Bytes, Floats
from synth.cameras.colour import LUMA, LUMINANCE, srgb_encode
from synth.cameras.sensor import Sensor

DARKEST = 0.02
"""Albedo below which a pixel is not used to estimate the light."""
DIMMEST = 0.02
"""Share of the median light of a clip below which a pixel is not used: an unlit corner would dominate a geometric
mean."""


def incident_light(radiance: Floats, albedo: Floats) -> Floats:
    """Light (3,) that falls on the surfaces of a clip, as the radiance of a white surface.

    Geometric mean over the pixels of `radiance` / `albedo`, both linear RGB (..., 3). Dividing by the albedo replaces
    metering of the whole frame, of which only the crop is rendered: metered by its crop, a black coat would become
    grey, and so would a red one.
    """
    lit = albedo.min(-1) > DARKEST
    if not lit.any():
        return np.maximum(radiance.reshape(-1, radiance.shape[-1]).mean(0), 1e-4)
    light = radiance[lit] / albedo[lit]
    brightness = light @ LUMINANCE
    reached = brightness >= DIMMEST * np.median(brightness)
    return np.exp(np.log(np.maximum(light[reached], 1e-4)).mean(0))


def automatic_gains(light: Floats, sensor: Sensor) -> Floats:
    """Gains (3,) of automatic exposure and, by the share `sensor.auto_white`, white balance for `light` (3,)."""
    brightness = light @ LUMINANCE
    return (light / brightness) ** -sensor.auto_white / brightness


def develop(radiance: Floats, gains: Floats, sensor: Sensor, rng: np.random.Generator) -> Bytes:
    """Linear radiance (T, H, W, 3) to the uint8 sRGB frames (T, H, W, 3) that `sensor` records.

    `gains`: (3,) or (T, 3), factors on the radiance. Noise, sharpening and compression are applied at the resolution of
    the source; the crop is scaled up afterwards.
    """
    angle = rng.normal(0, 0.3)
    taken = np.stack([exposed(frame, sensor) for frame in radiance * gains[..., None, None, :]])
    source = [scaled(to_bytes(smeared(frame, sensor.motion_blur, angle)), sensor) for frame in taken]
    # A source larger than the crop is averaged down, which reduces its noise.
    finer = max(1.0, sensor.source_height / radiance.shape[1])
    recorded = np.stack([grained(picture, sensor, finer, rng) for picture in source])
    stored = recorded_h264(recorded, sensor.loss) if sensor.codec == "h264" else recorded_jpeg(recorded, sensor.loss)
    size = (radiance.shape[2], radiance.shape[1])
    return np.stack([np.asarray(Image.fromarray(frame).resize(size, Image.Resampling.BICUBIC)) for frame in stored])


def exposed(light: Floats, sensor: Sensor) -> Floats:
    """Linear light (H, W, 3), middle grey at 0.18, to display values (H, W, 3) in 0..1."""
    height, width = light.shape[:2]
    across, down = np.linspace(-0.5, 0.5, width), np.linspace(-0.5, 0.5, height)[:, None]
    shade = 1 + sensor.vignette[0] * across + sensor.vignette[1] * down
    balanced = light * 2**sensor.exposure * np.array(sensor.white_balance) * np.maximum(shade, 0)[..., None]
    display = tone_curve(balanced, sensor.contrast) ** sensor.gamma
    grey = (display @ LUMA)[..., None]
    display = np.clip(grey + sensor.saturation * (display - grey), 0, 1)
    return sensor.black_level + (1 - sensor.black_level) * display


def tone_curve(linear: Floats, contrast: float) -> Floats:
    """Linear light to display values in 0..1: sRGB with compressed highlights and slope `contrast` at middle grey."""
    bright = np.maximum(linear, 0)
    rolled = np.where(bright > 0.6, 0.6 + 0.4 * (1 - np.exp(-(bright - 0.6) / 0.4)), bright)
    return np.clip(0.46 + contrast * (srgb_encode(rolled) - 0.46), 0, 1)


def smeared(display: Floats, length: float, angle: float) -> Floats:
    """Motion blur: a frame (H, W, 3) averaged along `length` pixels at `angle` radians from the horizontal."""
    if length < 1:
        return display
    reach = int(np.ceil(length / 2))
    along = np.linspace(-length / 2, length / 2, 8 * reach + 1)
    kernel = np.zeros((2 * reach + 1, 2 * reach + 1))
    np.add.at(kernel, tuple(np.rint(reach + along * axis).astype(int) for axis in (np.sin(angle), np.cos(angle))), 1)
    return ndimage.convolve(display, kernel[..., None] / kernel.sum(), mode="nearest")


def scaled(picture: Bytes, sensor: Sensor) -> Image.Image:
    """The frame at the resolution of the source, at most that of the crop, with lens blur; even width and height."""
    height, width = picture.shape[:2]
    share = min(1.0, sensor.source_height / height)
    size = (max(16, 2 * round(width * share / 2)), max(16, 2 * round(height * share / 2)))
    image = Image.fromarray(picture)
    if size != image.size:
        image = image.resize(size, Image.Resampling.BOX)
    return image.filter(ImageFilter.GaussianBlur(sensor.blur))


def grained(picture: Image.Image, sensor: Sensor, finer: float, rng: np.random.Generator) -> Bytes:
    """The frame with sensor noise, its standard deviation divided by `finer`, and sharpening."""
    display = np.asarray(picture, dtype=np.float64) / 255
    # Shot noise grows with the square root of the light; a floor of half the noise remains in the dark.
    spread = sensor.noise / finer * np.sqrt(0.25 + 1.5 * display)
    noisy = to_bytes(display + spread * rng.normal(size=display.shape))
    if sensor.sharpen == 0:
        return noisy
    mask = ImageFilter.UnsharpMask(radius=1.5, percent=int(100 * sensor.sharpen), threshold=0)
    return np.asarray(Image.fromarray(noisy).filter(mask))


def to_bytes(display: Floats) -> Bytes:
    """Values in 0..1 to uint8, rounded."""
    return np.clip(np.rint(display * 255), 0, 255).astype(np.uint8)


def jpeg_quality(loss: int) -> int:
    """JPEG quality (5 to 95) with about the loss of H.264 quantiser `loss`: 94 for 20, 33 for 37."""
    return int(np.clip(round(94 - 3.6 * (loss - 20)), 5, 95))


def recorded_jpeg(frames: Bytes, loss: int) -> Bytes:
    """Frames (T, H, W, 3) encoded as JPEG and decoded."""

    def trip(frame: Bytes) -> Bytes:
        stream = io.BytesIO()
        Image.fromarray(frame).save(stream, format="JPEG", quality=jpeg_quality(loss))
        return np.asarray(Image.open(stream).convert("RGB"))

    return np.stack([trip(frame) for frame in frames])


def recorded_h264(frames: Bytes, loss: int) -> Bytes:
    """Frames (T, H, W, 3) of even height and width, encoded as H.264 with constant quantiser `loss` and decoded."""
    import av  # large, and needed only to render

    stream = io.BytesIO()
    # One thread and a constant quantiser give the same bytes in every run.
    with av.open(stream, "w", format="h264") as container:
        video = container.add_stream("libx264", rate=25, options={"qp": str(loss), "preset": "fast", "threads": "1"})
        video.height, video.width, video.pix_fmt = frames.shape[1], frames.shape[2], "yuv420p"
        for frame in frames:
            container.mux(video.encode(av.VideoFrame.from_ndarray(np.ascontiguousarray(frame), format="rgb24")))
        container.mux(video.encode())
    stream.seek(0)
    with av.open(stream, "r", format="h264") as container:
        decoded = [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]
    return np.stack(decoded)
