"""The whole network (Fig. 3): two streams, part alignment, temporal attention, and the classifier on top."""

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from alignnet_common.coco18 import JOINTS
from reid.configs.model import ModelConfig
from reid.models.appearance import AppearanceNet, appearance_input
from reid.models.openpose import POSE_CHANNELS, PoseMaps, PoseNet, pose_input
from reid.models.part_pooling import (
    area_average,
    composite_part_maps,
    frame_descriptor,
    joint_maps,
    part_features,
    spatial_softmax,
    visibility,
)
from reid.models.tap import TAP, video_descriptor
from reid.models.weights import first_generator, load_pose_weights


@dataclass(frozen=True)
class AlignNetOutput:
    """What the network says of B chunks of T frames."""

    descriptor: Tensor
    """(B, D) video descriptors, Eq. 7; compared by Euclidean distance."""
    logits: Tensor
    """(B, classes) of the classifier."""
    frame_weights: Tensor | None
    """(B, T, 4) in 0..1, what Eq. 7 gave [f_a, upper, middle, lower]; 0 at padded frames; None where all frames weigh
    the same."""
    pose: PoseMaps | None
    """Maps of the M valid frames only, in the order of `frames[valid]`; None where the pose net did not run."""
    taught: PoseMaps | None = None
    """Maps of the further images that only the pose net looked at; None where there were none."""
    frame_descriptors: Tensor | None = None
    """(B, T, D) what each frame says before Eq. 7, 0 at padded frames; None for the pose net alone."""


class AlignNet(nn.Module):
    """Chunks of frames to video descriptors and class logits.

    Only valid frames enter the nets: padding costs nothing and can leak into no batch norm and no average. The part
    TAP looks at the upper part alone and its weight serves all three parts, as Section 3.3 does; with
    `config.tap_input` "joints" both TAPs look at the joints' heat maps instead, and still one serves all three.

    Args:
        config: the network; `config.variant` "baseline" has no pose net and no TAP, "align-avg" has no TAP.
        classes: K, the number of training identities, of the classifier.
        generator: where weights that no file gives are drawn from; default: seed 0.

    Raises UserError where weights cannot be had or do not fit.
    """

    def __init__(self, config: ModelConfig, classes: int, generator: torch.Generator | None = None) -> None:
        super().__init__()
        if classes < 1:
            raise ValueError(f"classes must be at least 1, not {classes}")
        generator = first_generator() if generator is None else generator
        self.config = config
        self.classes = classes
        self.appearance = AppearanceNet(config.appearance, config.stride, config.appearance_weights, generator)
        self.pose: PoseNet | None = None
        self.appearance_tap: TAP | None = None
        self.part_tap: TAP | None = None
        channels = self.appearance.channels
        if config.variant != "baseline":
            self.pose = PoseNet(config.pose_stages, config.pose_width, generator)
            if config.pose_weights is not None:
                load_pose_weights(self.pose, config.pose_weights)
        if config.variant == "align-tap":
            judged = len(JOINTS) if config.tap_input == "joints" else channels
            self.appearance_tap = TAP(judged, config.tap_channels, generator)
            self.part_tap = TAP(judged, config.tap_channels, generator)
        self.descriptor_size: int = channels if config.variant == "baseline" else 4 * channels
        self.classifier = nn.utils.skip_init(nn.Linear, self.descriptor_size, classes)
        nn.init.normal_(self.classifier.weight, std=0.01, generator=generator)
        nn.init.zeros_(self.classifier.bias)

    def forward(
        self,
        frames: Tensor,
        valid: Tensor,
        pose_maps: Tensor | None = None,
        pose_only: bool = False,
        taught: Tensor | None = None,
        attention_apart: bool = False,
    ) -> AlignNetOutput:
        """Describe B chunks.

        Args:
            frames: (B, T, 3, H, W) float, RGB in 0..1; both streams normalise them by themselves.
            valid: (B, T) bool, False at padded frames.
            pose_maps: (B, T, 57, h, w) on any grid over the frames (the pose net's is H / 8 x W / 8, times
                `config.pose_scale`), used in place of the pose net (ground truth, or cached), which then does not run.
                `baseline` looks at neither.
            pose_only: run the pose net alone, to be taught; descriptor and logits are 0.
            attention_apart: no gradient goes from the descriptor into temporal attention, nor from that into the maps.
            taught: (N, 3, H, W), like `frames`: further images, for the pose net alone; not with `pose_maps`.

        Raises TypeError where the frames are not floats, ValueError on a shape that does not fit or a chunk that has
        no valid frame.
        """
        _check_inputs(frames, valid, pose_maps)
        images = frames[valid]  # (M, 3, H, W)
        if pose_only and self.pose is not None:
            nothing = frames.new_zeros(len(frames), self.descriptor_size)
            pose = self.pose(pose_input(images, self.config.pose_scale))
            return AlignNetOutput(nothing, nothing[:, :1].expand(-1, self.classes), None, pose)
        appearance = self.appearance(appearance_input(images))  # (M, C, h, w), Eq. 1
        pose, weights, further = None, None, None
        if self.pose is None:
            described = appearance.mean(dim=(2, 3), dtype=torch.float32)  # (M, C)
        else:
            if pose_maps is None:
                seen = images if taught is None else torch.cat([images, taught])
                pose = self.pose(pose_input(seen, self.config.pose_scale))
                if taught is not None:
                    pose, further = pose.divided(len(images))
                maps = pose.last
            else:
                maps = pose_maps[valid].to(appearance.dtype)
            height, width = appearance.shape[-2:]
            attention = part_attention(maps, height, width, self.config.part_gain, self.config.limb_fields)
            parts = part_features(appearance, attention)  # (M, 3, C, h, w)
            described = frame_descriptor(appearance, parts, self.config.part_pooling == "attended")  # (M, 4C)
            judged = [each.detach() if attention_apart else each for each in (appearance, parts, maps)]
            weights = self._frame_weights(*judged)  # (M, 4)
        frame_weights = None if weights is None else _to_chunks(weights, valid)
        pooled_by = frame_weights.detach() if frame_weights is not None and attention_apart else frame_weights
        plain = described.new_ones(*valid.shape, 1)
        of_frames = _to_chunks(described, valid)
        weigh = plain if pooled_by is None else pooled_by
        average, gain = self.config.frame_pooling == "average", self.config.frame_gain
        descriptor = video_descriptor(of_frames, weigh, valid, average, gain)
        return AlignNetOutput(descriptor, self.classifier(descriptor), frame_weights, pose, further, of_frames)

    @property
    def weighs_frames(self) -> bool:
        """Whether some frames may weigh more than others in Eq. 7."""
        variant, visible = self.config.variant, self.config.part_visibility
        return variant == "align-tap" or (variant == "align-avg" and visible == "pose")

    def recompute(self, wanted: bool) -> None:
        """Whether training computes what both streams held a second time, in place of keeping it in memory."""
        self.appearance.recompute = wanted
        if self.pose is not None:
            self.pose.recompute = wanted

    def parameter_groups(self) -> dict[str, list[nn.Parameter]]:
        """Every parameter once, in the four groups that have their own learning rates (Section 4.2).

        Keys "appearance", "pose", "tap", "classifier"; the groups that a variant lacks are empty.
        """
        modules: dict[str, list[nn.Module | None]] = {
            "appearance": [self.appearance],
            "pose": [self.pose],
            "tap": [self.appearance_tap, self.part_tap],
            "classifier": [self.classifier],
        }
        return {
            group: [parameter for module in members if module is not None for parameter in module.parameters()]
            for group, members in modules.items()
        }

    def _frame_weights(self, appearance: Tensor, parts: Tensor, maps: Tensor) -> Tensor | None:
        """(M, 4) weights of f_a (M, C, h, w) and of the three parts (M, 3, C, h, w), whose pose maps are (M, 57, h, w);
        None where all frames weigh the same."""
        seen = visibility(maps).to(appearance.dtype) if self.config.part_visibility == "pose" else None
        if self.appearance_tap is None or self.part_tap is None:
            return seen
        judged = [appearance, parts[:, 0]]
        if self.config.tap_input == "joints":
            judged = [joint_maps(maps, *appearance.shape[-2:]).to(appearance.dtype)] * 2
        of_appearance, of_parts = self.appearance_tap(judged[0]), self.part_tap(judged[1])
        weights = torch.stack([of_appearance, of_parts, of_parts, of_parts], dim=1)
        return weights if seen is None else weights * seen


def part_attention(
    pose_maps: Tensor, height: int, width: int, gain: float = 1.0, limb_fields: str = "signed"
) -> Tensor:
    """Pose maps (M, 57, h, w) on any grid to the three parts' attention (M, 3, height, width): Eqs. 2 and 3.

    The maps are area-averaged to the appearance grid after Eq. 2: three maps cost less than 57. Both are linear where
    limb fields are signed; where they are not, fields of one coarse cell must not cancel either.
    """
    return spatial_softmax(area_average(composite_part_maps(pose_maps, limb_fields), height, width), gain)


def _to_chunks(values: Tensor, valid: Tensor) -> Tensor:
    """Values (M, ...) of the valid frames put back in their places: (B, T, ...), zero elsewhere."""
    chunks = values.new_zeros(*valid.shape, *values.shape[1:])
    chunks[valid] = values
    return chunks


def _check_inputs(frames: Tensor, valid: Tensor, pose_maps: Tensor | None) -> None:
    if not frames.is_floating_point():
        raise TypeError(f"frames must be floats in 0..1, not {frames.dtype}")
    if frames.ndim != 5 or frames.shape[2] != 3:
        raise ValueError(f"frames must be (B, T, 3, H, W), not {tuple(frames.shape)}")
    if valid.dtype != torch.bool or valid.shape != frames.shape[:2]:
        raise ValueError(f"valid must be bool {tuple(frames.shape[:2])}, not {valid.dtype} {tuple(valid.shape)}")
    if pose_maps is not None and (pose_maps.ndim != 5 or pose_maps.shape[:3] != (*valid.shape, POSE_CHANNELS)):
        raise ValueError(f"pose_maps must be {(*valid.shape, POSE_CHANNELS)} x h x w, not {tuple(pose_maps.shape)}")
    if not bool(valid.any(dim=1).all()):
        raise ValueError("a chunk has no valid frame")
