"""Temporal attention pooling (Section 3.3): a weight for every frame, and the video descriptor they make."""

import torch
from torch import Tensor, nn

from reid.models.weights import draw_weights, first_generator


class TAP(nn.Module):
    """The fully convolutional net N that judges a frame by its feature map (Eqs. 8 and 9).

    Two 3x3 convolutions (channels to hidden to hidden) that keep h x w, batch norm and ReLU after the first; then
    the mean over space and channels, one number a frame, and a sigmoid.
    """

    def __init__(self, channels: int, hidden: int = 256, generator: torch.Generator | None = None) -> None:
        super().__init__()
        with torch.device("meta"):  # no memory and no random numbers until draw_weights
            self.conv1 = nn.Conv2d(channels, hidden, 3, padding=1, bias=False)  # batch norm brings the bias
            self.bn1 = nn.BatchNorm2d(hidden)
            self.conv2 = nn.Conv2d(hidden, hidden, 3, padding=1)
        self.to_empty(device="cpu")
        # He's scale leaves Eq. 8 near 0 at first: every frame weighs about 1/2, where the sigmoid is steepest.
        draw_weights(self, first_generator() if generator is None else generator)

    def quality(self, features: Tensor) -> Tensor:
        """Eq. 8: feature maps (N, C, h, w) to one unbounded number a frame (N,)."""
        x = torch.relu(self.bn1(self.conv1(features)))
        return self.conv2(x).mean(dim=(1, 2, 3))

    def forward(self, features: Tensor, valid: Tensor | None = None) -> Tensor:
        """Eq. 9: the weight of every frame (N,), in 0..1, from its feature map (N, C, h, w).

        Frames that `valid` (N,) bool leaves out weigh 0 and are not seen at all: neither batch norm's statistics nor
        any weight depends on what they hold.
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
        valid: (B, T) bool, at least one frame of every chunk; what the other frames hold, NaN included, is not used.
        average: divide by the sum of the weights, as "weighted average" (Section 3.3) says, in place of the number of
            frames, which keeps the paper's sum comparable among chunks of unequal length. In a sum, weights near 0
            draw all descriptors together, which the ranking loss likes; in an average only their ratios count.
        gain: power of the weights, at least 1, that makes much of small differences among them; the paper has none, 1.

    Returns (B, G * C).
    """
    if gain != 1:
        # In an average ratios alone count: of the largest weight's, no power of all comes near 0.
        largest = weights.masked_fill(~valid[:, :, None], 0.0).amax(dim=1, keepdim=True).detach().clamp_min(1e-6)
        weights = (weights / largest if average else weights) ** gain
    blocks = frame_descriptors.unflatten(2, (weights.shape[2], -1))  # (B, T, G, C)
    weighted = (weights[..., None] * blocks).masked_fill(~valid[:, :, None, None], 0.0)
    count = valid.sum(dim=1)[:, None].to(weights.dtype)  # (B, 1)
    total = weights.masked_fill(~valid[:, :, None], 0.0).sum(dim=1).clamp_min(1e-6) if average else count
    return (weighted.sum(dim=1) / total[..., None]).flatten(1)
