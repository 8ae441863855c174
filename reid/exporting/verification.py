"""An exported file against PyTorch, on random frames."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from alignnet_common.errors import JobError
from reid.exporting.graphs import BLOCKS
from reid.models.alignnet import AlignNet, AlignNetOutput

TOLERANCE = 1e-4
"""Largest difference from PyTorch, as a share of the largest absolute value of the output."""

CASES = ((1, 1), (2, 7), (1, 15), (1, 40))
"""Chunks and frames that are compared. The second chunk of two has `SHORT` valid frames, and NaN in the others."""

SHORT = 3

Runner = Callable[..., tuple[Tensor, ...]]
"""A loaded file: inputs in the order of its interface to outputs."""


@dataclass(frozen=True)
class Case:
    """Frames, and what the network gives for them."""

    frames: Tensor
    """(B, T, 3, H, W) in 0..1, NaN where not valid."""

    valid: Tensor
    """(B, T) bool."""

    expected: AlignNetOutput

    @property
    def name(self) -> str:
        """B×T."""
        return "×".join(map(str, self.valid.shape))

    def inputs(self, graph: str) -> tuple[Tensor, ...]:
        """Inputs of a graph."""
        if graph == "video":
            return self.frames, self.valid
        if graph == "frames":
            return (self.frames[self.valid],)
        padding = torch.where(self.valid[..., None], 0.0, torch.nan)  # added: NaN in frames that are not valid
        return self.expected.frame_descriptors + padding, self._weights() + padding, self.valid

    def outputs(self, graph: str) -> tuple[Tensor, ...]:
        """Outputs of a graph for its inputs."""
        if graph == "frames":
            return self.expected.frame_descriptors[self.valid], self._weights()[self.valid]
        return (self.expected.descriptor,)

    def _weights(self) -> Tensor:
        weights = self.expected.frame_weights
        return torch.ones(*self.valid.shape, BLOCKS) if weights is None else weights


def cases_of(model: AlignNet, height: int, width: int) -> tuple[Case, ...]:
    """A case of each of `CASES`, with random frames of `height` x `width` pixels: a colour of each frame, and noise."""
    generator = torch.Generator().manual_seed(0)
    found = []
    for chunks, length in CASES:
        colours = torch.rand(chunks, length, 3, 1, 1, generator=generator)
        noise = torch.rand(chunks, length, 3, height, width, generator=generator)
        valid = torch.ones(chunks, length, dtype=torch.bool)
        valid[1:, SHORT:] = False
        frames = (0.5 * (colours + noise)).masked_fill(~valid[..., None, None, None], torch.nan)
        with torch.inference_mode():
            found.append(Case(frames, valid, model(frames, valid)))
    return tuple(found)


def differences(run: Runner, graph: str, cases: tuple[Case, ...]) -> dict[str, float]:
    """The largest difference of each case, over the outputs, as a share of the largest value of the output."""
    return {
        case.name: max(
            _difference(found, expected)
            for found, expected in zip(run(*case.inputs(graph)), case.outputs(graph), strict=True)
        )
        for case in cases
    }


def check_differences(found: Mapping[str, float], file: str) -> None:
    """Raise JobError where a difference is above `TOLERANCE` or no number."""
    for name, worst in found.items():
        if not worst <= TOLERANCE:
            raise JobError(
                f"{file}: differs from PyTorch by {worst:.1e} of the largest value on {name} frames, more than "
                f"{TOLERANCE:.0e}, and is not written: try other versions of torch and onnxruntime"
            )


def _difference(found: Tensor, expected: Tensor) -> float:
    """The largest difference over the largest absolute value of `expected`; infinite where NaN or another shape."""
    if found.shape != expected.shape or not bool(found.isfinite().all()):
        return float("inf")
    return float((found - expected).abs().max() / expected.abs().max())
