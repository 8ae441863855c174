"""Descriptors of boxes in frames, as trackers ask for them: roboflow's trackers, boxmot, and others like them."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

from alignnet_common.arrays import AnyFloats, Bytes, Singles
from alignnet_common.errors import UserError
from reid.evaluation.camera_statistics import read_statistics
from reid.inference.camera_norm import with_camera
from reid.inference.describer import Describer, load

TINY = 1e-12
"""Length of a descriptor that has no direction."""


class ReIDEncoder:
    """Appearance of the persons in a frame, for a tracker.

        encoder = ReIDEncoder("small")
        tracker = boxmot.BotSort(reid_model=encoder)  # get_features(xyxys, img)
        tracker = BoTSORTTracker(reid_model=encoder)  # extract_features(detections, frame) of roboflow's trackers

    Neither package is imported. The interfaces are those of boxmot 25.0.0 (`reid_model`: an object with
    `get_features(boxes, image)`) and of roboflow's trackers (`ReIDEncoder` in `core/botsort/appearance.py` at commit
    5b8ee85f, and `ReIDPathEncoder`; release 2.6.1 has no appearance yet).

    Args:
        weights: name of a shipped network, run folder, model file or ONNX file, as for `load`; or a `Describer`.
        device: auto, cpu, cuda, cuda:1 or mps.
        bgr: whether frames are BGR, as OpenCV, boxmot and trackers have them. Frames of PyAV are RGB.
        statistics: statistics of cameras, such as cameras.safetensors of a run of reid adapt.
        camera: the camera, one of `statistics`.

    Raises UserError as `load`, and where the statistics are of another network or have no such camera.
    """

    def __init__(
        self,
        weights: str | Path | Describer = "small",
        device: str | torch.device = "auto",
        *,
        bgr: bool = True,
        statistics: str | Path | None = None,
        camera: str | None = None,
    ) -> None:
        describer = weights if isinstance(weights, Describer) else load(weights, device)
        self.describer = describer if statistics is None else of_camera(describer, Path(statistics), camera)
        """The network that describes."""
        self.bgr = bgr
        """Whether frames are BGR."""

    @property
    def embedding_dim(self) -> int:
        """Numbers in a descriptor, D."""
        return self.describer.descriptor_size

    @property
    def device(self) -> torch.device:
        """Device of the network."""
        return self.describer.device

    def get_features(self, xyxys: AnyFloats, img: Bytes) -> Singles:
        """Descriptors (N, D) float32 of length 1 of N boxes in a frame, as boxmot asks for them.

        Args:
            xyxys: (N, 4) left, top, right, bottom in pixels of the frame. Boxes are clipped to the frame, and are then
                one pixel high and wide at least.
            img: (H, W, 3) uint8, BGR or RGB, see `bgr`.

        Raises ValueError on turned boxes (N, 5), on numbers that are not finite, and on another kind of frame.
        """
        boxes = np.asarray(xyxys, np.float64)
        if not boxes.size:
            return np.zeros((0, self.embedding_dim), np.float32)
        crops = crops_of(boxes, img)
        return unit_rows(self.describer.describe_images([crop[..., ::-1] if self.bgr else crop for crop in crops]))

    def extract_features(self, detections: Any, frame: Bytes) -> Singles:
        """Descriptors (N, D) float32 of length 1 of the boxes `detections.xyxy`, as roboflow's trackers ask for them.

        detections -- a supervision.Detections, or another object with xyxy. Otherwise as `get_features`.
        """
        return self.get_features(detections.xyxy, frame)

    def extract_features_from_paths(
        self, image_paths: Sequence[str | Path], batch_size: int = 64, normalize: bool = True
    ) -> Singles:
        """Descriptors (N, D) float32 of image files, of length 1 with `normalize`, `batch_size` at a time.

        Raises UserError on an unreadable file.
        """
        rows = self.describer.describe_images(list(image_paths), batch_size)
        return unit_rows(rows) if normalize else rows


def of_camera(describer: Describer, statistics: Path, camera: str | None) -> Describer:
    """The network with the statistics of a camera. Raises UserError as `ReIDEncoder`."""
    if not statistics.is_file():
        raise UserError(f"no such file: {statistics}")
    found = read_statistics(statistics, describer.sha256)
    assert found is not None  # it is whatever they were measured on
    known = {*found.values, *found.too_few}
    if camera not in known:
        raise UserError(f"{statistics}: has no camera {camera} (cameras: {', '.join(sorted(known))})")
    return with_camera(describer, found, str(camera))


def crops_of(boxes: AnyFloats, frame: Bytes) -> list[Bytes]:
    """The pixels (h, w, 3) of boxes (N, 4) in a frame (H, W, 3) uint8. Raises as `ReIDEncoder.get_features`."""
    if boxes.ndim != 2 or boxes.shape[1] != 4 or not np.isfinite(boxes).all():
        raise ValueError(f"boxes must be (N, 4) left, top, right, bottom, finite, not {boxes.shape} {boxes[:1]}")
    if frame.ndim != 3 or frame.shape[2] != 3 or frame.dtype != np.uint8 or 0 in frame.shape:
        raise ValueError(f"a frame must be (H, W, 3) uint8, not {frame.shape} {frame.dtype}")
    height, width = frame.shape[:2]
    first = np.clip(boxes[:, :2].round(), 0, (width - 1, height - 1)).astype(int)
    last = np.clip(boxes[:, 2:].round(), first + 1, (width, height)).astype(int)
    return [frame[y:bottom, x:right] for (x, y), (right, bottom) in zip(first.tolist(), last.tolist(), strict=True)]


def unit_rows(rows: Singles) -> Singles:
    """Rows (N, D) divided by their lengths. Raises UserError where a row has no direction."""
    lengths = np.linalg.norm(rows, axis=1, keepdims=True)
    if not (np.isfinite(lengths) & (lengths > TINY)).all():
        raise UserError("the network's descriptor is not finite, or zero: train it again")
    found: Singles = rows / lengths
    return found
