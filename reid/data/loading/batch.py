"""A batch of B chunks of T frames, as training reads it: frames, labels and, for rendered people, ground truth."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any, Self

import torch
from torch import Tensor
from torch.utils.data import default_collate

from reid.data.transforms.augmentation import augmented_frames, augmented_joints, augmented_maps

RENDERED = "rendered_"
"""Prefix of the rendered frames' tensors in a batch that is written to a file."""


@dataclass(frozen=True)
class Batch:
    """Tensors of B chunks of T frames. One chunk of the data set is the same without the first dimension B."""

    frames: Tensor
    """(B, T, 3, H, W) uint8, RGB."""

    valid: Tensor
    """(B, T) bool: False at padded frames."""

    label: Tensor
    """(B,) class of each chunk's identity, from 0."""

    change: Tensor | None = None
    """(B, 10) augmentation of each chunk that is still to be applied; see `reid.data.transforms.augmentation`."""

    joints: Tensor | None = None
    """(B, T, 18, 2) float32: ground-truth joints, pixels of the frames; inside the frame or not."""

    visible: Tensor | None = None
    """(B, T, 18) bool: joints that are inside the frame and not occluded."""

    seen: Tensor | None = None
    """(B, T) visible share of the person, 0..1."""

    maps: Tensor | None = None
    """(B, T, 57, h, w) pose maps: cached, of frames without occlusion augmentation; or of the exact joints."""

    covered: Tensor | None = None
    """(B, T) bool: frames that occlusion augmentation has covered in part, if any may be."""

    rendered: "Batch | None" = None
    """Frames of a rendered set that train the pose network only."""

    @classmethod
    def collate(cls, chunks: Sequence[Self]) -> Self:
        """Stack single chunks into a batch; for `DataLoader(collate_fn=...)`."""
        return cls(**default_collate([chunk.tensors() for chunk in chunks]))

    def tensors(self) -> dict[str, Tensor]:
        """The tensors that are there, by field name, without those of `rendered`."""
        found = {field.name: getattr(self, field.name) for field in fields(self) if field.name != "rendered"}
        return {name: tensor for name, tensor in found.items() if tensor is not None}

    def as_dict(self) -> dict[str, Tensor]:
        """All tensors by name, those of `rendered` with the prefix `RENDERED`: plain values for a file."""
        rendered = {} if self.rendered is None else self.rendered.tensors()
        return self.tensors() | {RENDERED + name: tensor for name, tensor in rendered.items()}

    def to(self, device: torch.device) -> Self:
        """The batch on a device."""
        return self._mapped("to", device, non_blocking=True)

    def pin_memory(self) -> Self:
        """The batch in page-locked memory; called by DataLoader(pin_memory=True)."""
        return self._mapped("pin_memory")

    def _mapped(self, method: str, *args: Any, **options: Any) -> Self:
        moved: dict[str, Any] = {n: getattr(tensor, method)(*args, **options) for n, tensor in self.tensors().items()}
        rendered = None if self.rendered is None else self.rendered._mapped(method, *args, **options)
        return replace(self, **moved, rendered=rendered)

    def augmented(self, pose_scale: float = 1.0) -> Self:
        """The batch with the augmentation `change` applied to each chunk, and `change` removed.

        Joints, visibility and maps (of frames enlarged `pose_scale` times) change with the frames; `seen` falls by the
        share of the visible joints that the augmentation hides.
        """
        if self.change is None:
            return self
        changed: dict[str, Any] = {"frames": augmented_frames(self.frames, self.change), "change": None}
        if self.joints is not None and self.visible is not None:
            before = self.visible.sum(dim=2)  # (B, T)
            height, width = self.frames.shape[-2:]
            joints, visible = augmented_joints(self.joints, self.visible, self.change, height=height, width=width)
            changed |= {"joints": joints, "visible": visible}
            if self.seen is not None:
                share = visible.sum(dim=2) / before.clamp_min(1)
                changed["seen"] = torch.where(before > 0, self.seen * share, self.seen)
        if self.maps is not None:
            changed["maps"] = augmented_maps(self.maps, self.change, pose_scale)
        rendered = None if self.rendered is None else self.rendered.augmented(pose_scale)
        return replace(self, **changed, rendered=rendered)


def with_rendered(batches: Iterable[Batch], rendered: Iterable[Batch]) -> Iterator[Batch]:
    """Each batch with one of the other set as its `rendered`; ends with the shorter."""
    for batch, beside in zip(batches, rendered, strict=False):
        yield replace(batch, rendered=beside)
