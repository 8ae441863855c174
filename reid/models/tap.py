"""Temporal attention pooling (Section 3.3): frame weights, and the video descriptor as their weighted mean."""

import torch
from torch import Tensor, nn

from reid.models.weights import draw_weights, first_generator


class TAP(nn.Module):
    """The fully convolutional network N that weights a frame by its feature map (Eqs. 8 and 9).

    Two 3x3 convolutions (channels to hidden to hidden) with padding, batch norm and ReLU after the first; then the mean
    over space and channels, one number for each frame, and a sigmoid.
    """

    def __init__(self, channels: int, hidden: int = 256, generator: torch.Generator | None = None) -> None:
        super().__init__()
        with torch.device("meta"):  # no memory and no random numbers until draw_weights
            self.conv1 = nn.Conv2d(channels, hidden, 3, padding=1, bias=False)  # batch norm brings the bias
            self.bn1 = nn.BatchNorm2d(hidden)
            self.conv2 = nn.Conv2d(hidden, hidden, 3, padding=1)
        self.to_empty(device="cpu")
        # With He initialization Eq. 8 starts near 0: weights start near 1/2, where the sigmoid is steepest.
        draw_weights(self, first_generator() if generator is None else generator)

    def quality(self, features: Tensor) -> Tensor:
        """Eq. 8: feature maps (N, C, h, w) to one unbounded number a frame (N,)."""
        x = torch.relu(self.bn1(self.conv1(features)))
        return self.conv2(x).mean(dim=(1, 2, 3))

    def forward(self, features: Tensor, valid: Tensor | None = None) -> Tensor:
        """Eq. 9: the weight of every frame (N,), in 0..1, from its feature map (N, C, h, w).

        Frames for which `valid` (N,) bool is False have weight 0 and do not enter the network or its batch norm.
        """
        if valid is None:
            return torch.sigmoid(self.quality(features))
        weights = torch.sigmoid(self.quality(features[valid]))
        return weights.new_zeros(valid.shape).masked_scatter(valid, weights)


def video_descriptor(
    frame_descriptors: Tensor, weights: Tensor, valid: Tensor, average: bool = False, gain: float = 1.0
) -> Tensor:
    """Eq. 7: the weighted sum of frame descriptors over the valid frames, over the number of valid frames.

    Args:
        frame_descriptors: (B, T, G * C), G blocks of C numbers; the paper's are f_a and three parts, G = 4.
        weights: (B, T, G), the weight of each block of each frame; all ones give the plain average.
        valid: (B, T) bool, at least one frame in every chunk; values of other frames, NaN included, are not used.
        average: divide by the sum of the weights ("weighted average", Section 3.3) instead of the number of frames.
            With the sum of Eq. 7, weights near 0 shrink all descriptors, which lowers the ranking loss; in an average
            only ratios of weights matter.
        gain: exponent on the weights, at least 1; the paper has none (1).

    Returns (B, G * C).
    """
    if gain != 1:
        # In an average only ratios matter: dividing by the largest weight keeps the powers away from 0.
        largest = weights.masked_fill(~valid[:, :, None], 0.0).amax(dim=1, keepdim=True).detach().clamp_min(1e-6)
        weights = (weights / largest if average else weights) ** gain
    blocks = frame_descriptors.unflatten(2, (weights.shape[2], -1))  # (B, T, G, C)
    weighted = (weights[..., None] * blocks).masked_fill(~valid[:, :, None, None], 0.0)
    count = valid.sum(dim=1)[:, None].to(weights.dtype)  # (B, 1)
    total = weights.masked_fill(~valid[:, :, None], 0.0).sum(dim=1).clamp_min(1e-6) if average else count
    return (weighted.sum(dim=1) / total[..., None]).flatten(1)
