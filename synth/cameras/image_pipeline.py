"""What a camera does to light: from the renderer's linear radiance to the 8-bit frame that a recorder stores.

A camera's character is what separates one camera's pictures from another's, and what re-identification has to see
through: exposure, white balance, tone, saturation, sharpness, resolution, noise and compression.
"""

import io

import numpy as np
from PIL import Image, ImageFilter
from scipy import ndimage

from alignnet_common.arrays import Bytes, Floats
from synth.cameras.sensor import Sensor

LUMINANCE = np.array([0.2126, 0.7152, 0.0722])
"""Weights of linear red, green and blue (Rec. 709)."""
DARKEST = 0.02
"""Albedo below which a surface says too little about the light on it."""
DIMMEST = 0.02
"""Share of a clip's median light below which a surface is passed over: a corner that no light reaches would weigh in a
geometric mean like a night."""


def incident_light(radiance: Floats, albedo: Floats) -> Floats:
    """The light (3,) that falls on a clip's surfaces, as what a white one would send back: its geometric mean over the
    pixels, from radiance and albedo (..., 3).

    A camera meters its whole frame, of which a crop shows next to nothing: were the crop metered by itself, a black
    coat would be lifted to grey, and a red one turned so.
    """
    lit = albedo.min(-1) > DARKEST
    if not lit.any():
        return np.maximum(radiance.reshape(-1, radiance.shape[-1]).mean(0), 1e-4)
    light = radiance[lit] / albedo[lit]
    brightness = light @ LUMINANCE
    reached = brightness >= DIMMEST * np.median(brightness)
    return np.exp(np.log(np.maximum(light[reached], 1e-4)).mean(0))


def automatic_gains(light: Floats, sensor: Sensor) -> Floats:
    """The gains (3,) of a camera that has set its exposure, and its white balance in part, to the incident `light`."""
    brightness = light @ LUMINANCE
    return (light / brightness) ** -sensor.auto_white / brightness


def develop(radiance: Floats, gains: Floats, sensor: Sensor, rng: np.random.Generator) -> Bytes:
    """A clip's linear radiance (T, H, W, 3), times `gains` (3,) or (T, 3), as `sensor` would store it: uint8 sRGB,
    as large.

    As in a camera, noise, sharpening and compression happen at the camera's own resolution, and the crop is scaled
    up afterwards.
    """
    angle = rng.normal(0, 0.3)
    taken = np.stack([exposed(frame, sensor) for frame in radiance * gains[..., None, None, :]])
    source = [scaled(to_bytes(smeared(frame, sensor.motion_blur, angle)), sensor) for frame in taken]
    # A source larger than the crop is averaged down to it, and its noise with it.
    finer = max(1.0, sensor.source_height / radiance.shape[1])
    recorded = np.stack([grained(picture, sensor, finer, rng) for picture in source])
    stored = recorded_h264(recorded, sensor.loss) if sensor.codec == "h264" else recorded_jpeg(recorded, sensor.loss)
    size = (radiance.shape[2], radiance.shape[1])
    return np.stack([np.asarray(Image.fromarray(frame).resize(size, Image.Resampling.BICUBIC)) for frame in stored])


def exposed(light: Floats, sensor: Sensor) -> Floats:
    """One frame's light (H, W, 3), 0.18 being middle grey, as display values in 0..1."""
    height, width = light.shape[:2]
    across, down = np.linspace(-0.5, 0.5, width), np.linspace(-0.5, 0.5, height)[:, None]
    shade = 1 + sensor.vignette[0] * across + sensor.vignette[1] * down
    balanced = light * 2**sensor.exposure * np.array(sensor.white_balance) * np.maximum(shade, 0)[..., None]
    display = tone_curve(balanced, sensor.contrast) ** sensor.gamma
    grey = (display @ np.array([0.299, 0.587, 0.114]))[..., None]
    display = np.clip(grey + sensor.saturation * (display - grey), 0, 1)
    return sensor.black_level + (1 - sensor.black_level) * display


def tone_curve(linear: Floats, contrast: float) -> Floats:
    """Linear light to display values in 0..1: sRGB's curve with rolled-off highlights and a slope about middle grey."""
    bright = np.maximum(linear, 0)
    rolled = np.where(bright > 0.6, 0.6 + 0.4 * (1 - np.exp(-(bright - 0.6) / 0.4)), bright)
    encoded = np.where(rolled <= 0.0031308, 12.92 * rolled, 1.055 * np.maximum(rolled, 1e-9) ** (1 / 2.4) - 0.055)
    return np.clip(0.46 + contrast * (encoded - 0.46), 0, 1)


def smeared(display: Floats, length: float, angle: float) -> Floats:
    """A frame (H, W, 3) averaged along a line of `length` pixels at `angle` radians from the horizontal."""
    if length < 1:
        return display
    reach = int(np.ceil(length / 2))
    along = np.linspace(-length / 2, length / 2, 8 * reach + 1)
    kernel = np.zeros((2 * reach + 1, 2 * reach + 1))
    np.add.at(kernel, tuple(np.rint(reach + along * axis).astype(int) for axis in (np.sin(angle), np.cos(angle))), 1)
    return ndimage.convolve(display, kernel[..., None] / kernel.sum(), mode="nearest")


def scaled(picture: Bytes, sensor: Sensor) -> Image.Image:
    """A frame at the camera's own resolution (never above the crop's), through its lens; sides are even."""
    height, width = picture.shape[:2]
    share = min(1.0, sensor.source_height / height)
    size = (max(16, 2 * round(width * share / 2)), max(16, 2 * round(height * share / 2)))
    image = Image.fromarray(picture)
    if size != image.size:
        image = image.resize(size, Image.Resampling.BOX)
    return image.filter(ImageFilter.GaussianBlur(sensor.blur))


def grained(picture: Image.Image, sensor: Sensor, finer: float, rng: np.random.Generator) -> Bytes:
    """A frame with the sensor's noise, divided by `finer`, and the camera's own sharpening."""
    display = np.asarray(picture, dtype=np.float64) / 255
    # Shot noise grows with the root of the light; half of it stays in the dark.
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
    """The JPEG quality that loses about as much as H.264's quantiser at `loss`: 20 is 94, 37 is 33."""
    return int(np.clip(round(94 - 3.6 * (loss - 20)), 5, 95))


def recorded_jpeg(frames: Bytes, loss: int) -> Bytes:
    """Frames (T, H, W, 3) after a round trip through JPEG."""

    def trip(frame: Bytes) -> Bytes:
        stream = io.BytesIO()
        Image.fromarray(frame).save(stream, format="JPEG", quality=jpeg_quality(loss))
        return np.asarray(Image.open(stream).convert("RGB"))

    return np.stack([trip(frame) for frame in frames])


def recorded_h264(frames: Bytes, loss: int) -> Bytes:
    """Frames (T, H, W, 3) with even sides after a round trip through H.264 at a constant quantiser `loss`."""
    import av  # a large library, which only rendering needs

    stream = io.BytesIO()
    # One thread and a constant quantiser: the same bytes on every run.
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
