"""What a camera does to light: from the renderer's linear radiance to the 8-bit frame that a recorder stores.

A camera's character is what separates one camera's pictures from another's, and what re-identification has to see
through: exposure, white balance, tone, saturation, sharpness, resolution, noise and compression.
"""

import io
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFilter

Floats = NDArray[np.float64]
Bytes = NDArray[np.uint8]


@dataclass(frozen=True)
class Sensor:
    """The photometric character of one camera."""

    exposure: float
    """Stops above or below an automatic exposure."""
    white_balance: tuple[float, float, float]
    """Gains of red, green and blue."""
    contrast: float
    """Slope of the tone curve at middle grey; 1 is neutral."""
    black_level: float
    """Haze added to every pixel, 0..1."""
    saturation: float
    """0 grey, 1 neutral."""
    source_height: float
    """Height in pixels of the person's box in the camera's own frame: smaller is softer, it is scaled to 128."""
    blur: float
    """Standard deviation of the lens's blur, in pixels of the crop."""
    sharpen: float
    """Strength of the camera's own sharpening, 0 to 1."""
    noise: float
    """Standard deviation of the noise at middle grey, 0..1."""
    jpeg_quality: int
    """Quality of the recorder's compression, 1 to 95."""


def sensor_rand(rng: np.random.Generator) -> Sensor:
    """Draw a camera's character."""
    warm, green = rng.normal(0, 0.09), rng.normal(0, 0.035)
    return Sensor(
        exposure=rng.normal(-0.15, 0.35),
        white_balance=(float(np.exp(warm)), float(np.exp(green)), float(np.exp(-warm))),
        contrast=rng.uniform(0.8, 1.2),
        black_level=float(rng.exponential(0.02)),
        saturation=rng.uniform(0.65, 1.2),
        source_height=float(np.exp(rng.uniform(np.log(60), np.log(220)))),
        blur=rng.uniform(0.2, 0.8),
        sharpen=rng.uniform(0, 0.8),
        noise=float(np.exp(rng.uniform(np.log(0.004), np.log(0.022)))),
        jpeg_quality=int(rng.integers(45, 95)),
    )


def automatic_gain(radiance: Floats) -> float:
    """The gain that brings the mean log luminance of a clip (..., 3) to middle grey, 0.18."""
    luminance = radiance @ np.array([0.2126, 0.7152, 0.0722])
    return float(0.18 / np.exp(np.log(np.maximum(luminance, 1e-4)).mean()))


def develop(radiance: Floats, gain: float, sensor: Sensor, rng: np.random.Generator) -> Bytes:
    """One frame (H, W, 3) of linear radiance as `sensor` would store it: uint8 RGB of the same size."""
    exposed = radiance * gain * 2**sensor.exposure * np.array(sensor.white_balance)
    display = tone_curve(exposed, sensor.contrast)
    grey = (display @ np.array([0.299, 0.587, 0.114]))[..., None]
    display = np.clip(grey + sensor.saturation * (display - grey), 0, 1)
    display = sensor.black_level + (1 - sensor.black_level) * display
    picture = optics(display, sensor)
    # Shot noise grows with the root of the light; half of it stays in the dark.
    spread = sensor.noise * np.sqrt(0.25 + 1.5 * picture)
    picture = picture + spread * rng.normal(size=picture.shape)
    return compressed(to_bytes(picture), sensor.jpeg_quality)


def tone_curve(linear: Floats, contrast: float) -> Floats:
    """Linear light to display values in 0..1: sRGB's curve with rolled-off highlights and a slope about middle grey."""
    bright = np.maximum(linear, 0)
    rolled = np.where(bright > 0.6, 0.6 + 0.4 * (1 - np.exp(-(bright - 0.6) / 0.4)), bright)
    encoded = np.where(rolled <= 0.0031308, 12.92 * rolled, 1.055 * np.maximum(rolled, 1e-9) ** (1 / 2.4) - 0.055)
    return np.clip(0.46 + contrast * (encoded - 0.46), 0, 1)


def optics(display: Floats, sensor: Sensor) -> Floats:
    """Blur, the camera's own resolution, and its sharpening, on values in 0..1."""
    height, width = display.shape[:2]
    picture = Image.fromarray(to_bytes(display))
    picture = picture.filter(ImageFilter.GaussianBlur(sensor.blur))
    if sensor.source_height < height:
        small = (max(8, round(width * sensor.source_height / height)), max(16, round(sensor.source_height)))
        picture = picture.resize(small, Image.Resampling.BOX).resize((width, height), Image.Resampling.BICUBIC)
    if sensor.sharpen > 0:
        picture = picture.filter(ImageFilter.UnsharpMask(radius=1.5, percent=int(100 * sensor.sharpen), threshold=0))
    return np.asarray(picture, dtype=np.float64) / 255


def to_bytes(display: Floats) -> Bytes:
    """Values in 0..1 to uint8, rounded."""
    return np.clip(np.rint(display * 255), 0, 255).astype(np.uint8)


def compressed(picture: Bytes, quality: int) -> Bytes:
    """The picture after a round trip through JPEG."""
    stream = io.BytesIO()
    Image.fromarray(picture).save(stream, format="JPEG", quality=quality)
    return np.asarray(Image.open(stream).convert("RGB"))
