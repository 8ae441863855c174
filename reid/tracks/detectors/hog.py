"""OpenCV's detector of upright persons: histograms of oriented gradients and a linear SVM.

Dalal and Triggs, CVPR 2005, https://doi.org/10.1109/CVPR.2005.177; the SVM is OpenCV's getDefaultPeopleDetector.
"""

from collections.abc import Sequence

import numpy as np

from alignnet_common.arrays import Bytes, Floats
from alignnet_common.errors import UserError
from reid.tracks.detectors.detections import Detections, Detector

WINDOW = (64, 128)
"""Width and height of the SVM's window, pixels: smaller persons are not found."""

MARGINS = (0.285, 0.185)
"""Share of the window's width left and right of the person, and of its height above and below: the medians of the true
boxes in frames 1 to 395 of PETS2009 S2.L1. In the images that the SVM was trained on: 16 pixels, 0.25 and 0.125."""

STRIDE, STEP = 8, 1.05
"""Pixels between two windows, and the ratio of two sizes of the image that are looked at."""

FEWEST = 2
"""Windows that agree, less one: those that few others confirm are left out (cv::groupRectangles)."""


def hog_detector(size: int, threshold: float) -> Detector:
    """OpenCV's HOG detector.

    Args:
        size: longer side of the image that is looked at, pixels; see `WINDOW`.
        threshold: lowest score: distance from the SVM's plane.

    Raises UserError where OpenCV is not installed.
    """
    try:
        import cv2
    except ImportError as missing:
        raise UserError("--detector hog needs OpenCV: pip install opencv-python-headless") from missing
    cv2.setNumThreads(1)  # frames are shared among threads already
    finder = cv2.HOGDescriptor()
    finder.setSVMDetector(cv2.HOGDescriptor_getDefaultPeopleDetector())

    def detect(images: Sequence[Bytes]) -> list[Detections]:
        return [found_in(image) for image in images]

    def found_in(image: Bytes) -> Detections:
        height, width = image.shape[:2]
        ratio = size / max(height, width)
        shape = max(WINDOW[0], round(width * ratio)), max(WINDOW[1], round(height * ratio))
        looked_at = cv2.resize(np.ascontiguousarray(image[..., ::-1]), shape, interpolation=cv2.INTER_LINEAR)
        windows, scores = finder.detectMultiScale(
            looked_at, winStride=(STRIDE, STRIDE), scale=STEP, groupThreshold=FEWEST
        )
        sides = without_margins(np.asarray(windows, float).reshape(-1, 4))
        found = np.asarray(scores, np.float32).reshape(-1)
        kept = found > threshold
        scale = np.array([width / shape[0], height / shape[1]] * 2)
        return Detections((sides[kept] * scale).astype(np.float32), found[kept])

    return detect


def without_margins(windows: Floats) -> Floats:
    """Left, top, right, bottom (K, 4) of the persons in windows (K, 4) of left, top, width, height."""
    margins = windows[:, 2:] * MARGINS
    corners: Floats = np.concatenate([windows[:, :2] + margins, windows[:, :2] + windows[:, 2:] - margins], axis=1)
    return corners
