"""Parameters of a camera's sensor and image pipeline."""

from dataclasses import dataclass
from typing import Literal

import numpy as np


@dataclass(frozen=True)
class Sensor:
    """Photometric parameters of one camera."""

    exposure: float
    """Stops relative to the exposure at which a white surface just saturates."""
    auto_white: float
    """Share of the colour of the light that automatic white balance removes, 0 to 1."""
    white_balance: tuple[float, float, float]
    """Error of the white balance: gains of red, green and blue."""
    contrast: float
    """Slope of the tone curve at middle grey; 1 is neutral."""
    gamma: float
    """Exponent on display values: below 1 brightens the shadows, above 1 darkens them."""
    black_level: float
    """Display value of black, 0..1."""
    saturation: float
    """Factor on the chroma: 0 grey, 1 neutral."""
    vignette: tuple[float, float]
    """Linear change of the light across the crop, to the right and down, as a share of the mean: the vignette of a lens
    as seen in a crop away from the image centre."""
    source_height: float
    """Height of the bounding box in the full frame, pixels. The crop is scaled from it to 128 pixels."""
    blur: float
    """Standard deviation of the lens blur, in pixels of the source or of the crop, whichever is smaller."""
    motion_blur: float
    """Length of the motion blur of a panning or shaking camera, uniform over the crop, in its pixels."""
    sharpen: float
    """Strength of the sharpening in the camera, 0 to 1."""
    noise: float
    """Standard deviation of the noise at middle grey in the source, in display values of 0..1."""
    codec: Literal["jpeg", "h264"]
    """Compression of the recorder."""
    loss: int
    """Quantiser of H.264, 20 (fine) to 40 (visible blocks); `jpeg_quality` converts it for JPEG."""


def sensor_rand(rng: np.random.Generator) -> Sensor:
    """Draw the parameters of a camera, from a new network camera to an old analogue one.

    Exposure, contrast and colours vary about as much as between the crops of Market-1501, whose mean is 100 of 255 with
    a standard deviation of 19. Wider ranges transfer worse to real cameras: the network learns to ignore colours.
    """
    warm, green = rng.normal(0, 0.06), rng.normal(0, 0.025)
    codecs: tuple[Literal["jpeg", "h264"], ...] = ("jpeg", "h264")
    return Sensor(
        exposure=rng.normal(-0.35, 0.35),
        auto_white=rng.uniform(0.5, 1.0),
        white_balance=(float(np.exp(warm)), float(np.exp(green)), float(np.exp(-warm))),
        contrast=rng.uniform(0.9, 1.3),
        gamma=float(np.exp(rng.normal(0, 0.12))),
        black_level=float(min(rng.exponential(0.02), 0.12)),
        saturation=rng.uniform(0.7, 1.2),
        vignette=(rng.normal(0, 0.06), rng.normal(0, 0.06)),
        source_height=float(np.exp(rng.uniform(np.log(64), np.log(300)))),
        blur=rng.uniform(0.1, 0.65),
        motion_blur=float(rng.exponential(0.6)),
        sharpen=rng.uniform(0, 0.6),
        noise=float(np.exp(rng.uniform(np.log(0.0015), np.log(0.015)))),
        codec=codecs[rng.integers(2)],
        loss=int(rng.integers(20, 35)),
    )
