"""AlignNet (Fig. 3 of the paper): appearance and pose streams, part alignment, temporal attention, classifier."""

from dataclasses import dataclass, replace

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from alignnet_common.coco18 import JOINTS
from reid.configs.groups.model import ModelConfig
from reid.models.appearance import appearance_input, appearance_net
from reid.models.openpose import POSE_CHANNELS, PoseMaps, PoseNet, pose_input
from reid.models.part_pooling import (
    area_average,
    composite_part_maps,
    frame_descriptor,
    generalised_mean,
    joint_maps,
    part_features,
    rooted,
    shortened,
    spatial_softmax,
    visibility,
)
from reid.models.tap import TAP, video_descriptor
from reid.models.weights import first_generator, load_pose_weights

FIRST_POWER = 3.0
"""Initial exponent of generalised-mean pooling."""

DEVIATION, DEVIATION_AFTER_NECK = 0.01, 0.001
"""Standard deviation of the classifier's initial weights."""


@dataclass(frozen=True)
class AlignNetOutput:
    """Outputs for B chunks of T frames."""

    descriptor: Tensor
    """(B, D) video descriptors, Eq. 7, after the neck if there is one; compared by Euclidean distance."""
    embedding: Tensor
    """(B, D) video descriptors before the neck, for the ranking loss."""
    logits: Tensor | None
    """(B, classes) of the classifier; None for a network without one."""
    frame_weights: Tensor | None
    """(B, T, 4) in 0..1, the weights of [f_a, upper, middle, lower] in Eq. 7; 0 at padded frames; None if all frames
    have equal weight."""
    frame_descriptors: Tensor
    """(B, T, D) frame descriptors of Eq. 6, before the temporal pooling of Eq. 7 and the neck; 0 at padded frames."""
    pose: PoseMaps | None = None
    """Maps of the M valid frames only, in the order of `frames[valid]`; None if the pose network did not run."""


class AlignNet(nn.Module):
    """Chunks of frames to video descriptors and class logits (Fig. 3 of the paper).

    Only valid frames enter the networks, so padding affects neither batch norms nor averages. The part TAP judges a
    frame by its upper part, and its weight serves all three parts (Section 3.3). With `config.tap_input` "joints" both
    TAPs judge the heat maps of the joints instead.

    Args:
        config: the network; variant "baseline" has no pose network and no TAP, "align-avg" has no TAP.
        classes: number of training identities, the outputs of the classifier; 0 for a network without one.
        generator: source of all random initial weights; default: seed 0.

    Raises UserError if weights cannot be loaded or there is no such backbone, ValueError if `classes` is below 0.
    """

    frame_mean: Tensor | None
    """(D,) mean of a camera's frame descriptors as `rooted` gives them, which is subtracted from each; None: frame
    descriptors stay as they are. See `can_centre`."""

    frame_directions: Tensor | None
    """(R, D) directions that all cameras share, along which centred frame descriptors are shortened, as
    `reid.evaluation.between_cameras` finds them; None: none."""

    def __init__(self, config: ModelConfig, classes: int, generator: torch.Generator | None = None) -> None:
        super().__init__()
        if classes < 0:
            raise ValueError(f"classes must be at least 0, not {classes}")
        generator = first_generator() if generator is None else generator
        self.config = config
        self.classes = classes
        self.appearance = appearance_net(config.appearance, config.stride, config.appearance_weights, generator)
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
        self.power = nn.Parameter(torch.tensor([FIRST_POWER])) if config.pooling == "gem" else None
        self.neck = _neck(self.descriptor_size) if config.neck == "batch-norm" else None
        necked = self.neck is not None
        self.classifier = _classifier(self.descriptor_size, classes, necked, generator) if classes else None
        self.register_buffer("frame_mean", None, persistent=False)
        self.register_buffer("frame_directions", None, persistent=False)

    def forward(self, frames: Tensor, valid: Tensor, pose_maps: Tensor | None = None) -> AlignNetOutput:
        """Describe B chunks.

        Args:
            frames: (B, T, 3, H, W) float, RGB in 0..1; both streams normalise them.
            valid: (B, T) bool, False at padded frames.
            pose_maps: (B, T, 57, h, w) on any grid over the frames, used in place of the pose network (ground truth or
                cached maps); ignored by the baseline. Default: the pose network runs.

        Raises TypeError if the frames are not floats, ValueError on a shape that does not fit or a chunk without a
        valid frame.
        """
        check_inputs(frames, valid, pose_maps)
        if pose_maps is not None or self.pose is None:
            return self.describe(frames, valid, None if pose_maps is None else pose_maps[valid])
        pose = self.estimate_pose(frames[valid])
        return replace(self.describe(frames, valid, pose.last), pose=pose)

    def estimate_pose(self, images: Tensor) -> PoseMaps:
        """Pose maps at every stage of images (N, 3, H, W) float, RGB in 0..1, enlarged by `config.pose_scale` before.

        The grid is ceil(H * scale / 8) x ceil(W * scale / 8). Raises ValueError for the baseline.
        """
        if self.pose is None:
            raise ValueError("the baseline has no pose network")
        return self.pose(pose_input(images, self.config.pose_scale))

    def describe(
        self, frames: Tensor, valid: Tensor, pose_maps: Tensor | None, detach_attention: bool = False
    ) -> AlignNetOutput:
        """Descriptors and logits from frames and the pose maps (M, 57, h, w) of the M valid frames (Eqs. 1 to 7).

        The baseline ignores the maps, all other variants need them. With `detach_attention` no gradient passes from
        the descriptor into temporal attention, nor from temporal attention into the feature maps.
        """
        described, weights = self.describe_frames(frames[valid], pose_maps, detach_attention)
        frame_weights = None if weights is None else _to_chunks(weights, valid)
        frame_descriptors = _to_chunks(described, valid)
        pooling = described.new_ones(*valid.shape, 1) if frame_weights is None else frame_weights
        embedding = self.pool_frames(frame_descriptors, pooling.detach() if detach_attention else pooling, valid)
        necked = embedding if self.neck is None else self.neck(embedding)
        logits = None if self.classifier is None else self.classifier(necked)
        compared = self._scaled(embedding if self.config.neck_feat == "before" else necked)
        return AlignNetOutput(compared, self._scaled(embedding), logits, frame_weights, frame_descriptors)

    def describe_frames(
        self, images: Tensor, pose_maps: Tensor | None, detach_attention: bool = False
    ) -> tuple[Tensor, Tensor | None]:
        """Frame descriptors (M, D) of Eq. 6, and frame weights (M, 4) or None if all frames have equal weight.

        images -- (M, 3, H, W), RGB in 0..1. pose_maps -- (M, 57, h, w). The last two arguments are those of `describe`.
        """
        normalised = appearance_input(images, self.appearance.mean, self.appearance.std)
        appearance = self.appearance(normalised)  # (M, C, h, w), Eq. 1
        if self.pose is None:
            if self.power is None:
                return self._centred(appearance.mean(dim=(2, 3), dtype=torch.float32)), None  # (M, C)
            return self._centred(generalised_mean(appearance, None, self.power)), None
        if pose_maps is None:
            raise ValueError(f"{self.config.variant} needs pose maps")
        maps = pose_maps.to(appearance.dtype)
        height, width = appearance.shape[-2:]
        attention = part_attention(maps, height, width, self.config.part_gain, self.config.limb_fields)
        parts = part_features(appearance, attention)  # (M, 3, C, h, w)
        described = (
            frame_descriptor(appearance, parts, self.config.part_pooling == "attended")
            if self.power is None
            else generalised_mean(appearance, attention, self.power)
        )  # (M, 4C)
        judged = [each.detach() if detach_attention else each for each in (appearance, parts, maps)]
        return self._centred(described), self._frame_weights(*judged)

    def _centred(self, described: Tensor) -> Tensor:
        if self.frame_mean is None:
            return described
        centred = rooted(described) - self.frame_mean
        return centred if self.frame_directions is None else shortened(centred, self.frame_directions)

    def pool_frames(self, frame_descriptors: Tensor, weights: Tensor, valid: Tensor) -> Tensor:
        """Video descriptors (B, D) of Eq. 7 from frame descriptors (B, T, D) and weights (B, T, 4) or (B, T, 1).

        Values of frames that are not valid (B, T), NaN included, are not used. See `descriptor_of`.
        """
        average = self.config.frame_pooling == "average"
        return video_descriptor(frame_descriptors, weights, valid, average, self.config.frame_gain)

    def descriptor_of(self, embedding: Tensor) -> Tensor:
        """Descriptors (B, D) as they are compared, of video descriptors (B, D) of Eq. 7: through the neck unless
        `config.neck_feat` is "before", and of length 1 if `config.unit_length`."""
        if self.neck is None or self.config.neck_feat == "before":
            return self._scaled(embedding)
        return self._scaled(self.neck(embedding))

    def _scaled(self, descriptors: Tensor) -> Tensor:
        return F.normalize(descriptors, dim=1) if self.config.unit_length else descriptors

    @property
    def weighs_frames(self) -> bool:
        """Whether frames may have unequal weights in Eq. 7."""
        variant, visible = self.config.variant, self.config.part_visibility
        return variant == "align-tap" or (variant == "align-avg" and visible == "pose")

    @property
    def can_centre(self) -> bool:
        """Whether `frame_mean` may be set: descriptors have length 1, and are those before the neck."""
        return self.config.unit_length and (self.neck is None or self.config.neck_feat == "before")

    def recompute(self, wanted: bool) -> None:
        """Switch activation checkpointing of both streams on or off."""
        self.appearance.recompute = wanted
        if self.pose is not None:
            self.pose.recompute = wanted

    def parameter_groups(self) -> dict[str, list[nn.Parameter]]:
        """Every parameter once, in the four groups with learning rates of their own (Section 4.2).

        Keys "appearance", "pose", "tap", "classifier"; a group that the variant lacks is empty. The exponent of
        generalised-mean pooling is in "appearance", the neck in "classifier".
        """
        modules: dict[str, list[nn.Module | None]] = {
            "appearance": [self.appearance],
            "pose": [self.pose],
            "tap": [self.appearance_tap, self.part_tap],
            "classifier": [self.neck, self.classifier],
        }
        groups = {
            group: [parameter for module in members if module is not None for parameter in module.parameters()]
            for group, members in modules.items()
        }
        groups["appearance"] += [] if self.power is None else [self.power]
        return groups

    def _frame_weights(self, appearance: Tensor, parts: Tensor, maps: Tensor) -> Tensor | None:
        """(M, 4) weights of f_a (M, C, h, w) and of the three parts (M, 3, C, h, w), from them and the pose maps
        (M, 57, h, w); None if all frames have equal weight."""
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
    """Pose maps (M, 57, h, w) on any grid to the attention of the three parts (M, 3, height, width): Eqs. 2 and 3.

    The maps are area-averaged to the appearance grid after Eq. 2, on 3 maps instead of 57. With signed limb fields both
    steps are linear and their order makes no difference; with magnitudes, averaging first would let opposite vectors
    within a cell cancel.
    """
    return spatial_softmax(area_average(composite_part_maps(pose_maps, limb_fields), height, width), gain)


def _neck(size: int) -> nn.BatchNorm1d:
    """Batch norm of descriptors with a fixed bias of 0 (BNNeck, Luo et al. 2019)."""
    neck = nn.BatchNorm1d(size)
    neck.bias.requires_grad_(False)
    return neck


def _classifier(size: int, classes: int, necked: bool, generator: torch.Generator) -> nn.Linear:
    """A linear layer with normally distributed weights and zero bias.

    After a neck it has no bias: its planes then pass through the origin, around which the neck centres the descriptors.
    Its weights are `DEVIATION_AFTER_NECK`, a tenth of those without a neck, as in Luo et al. 2019: descriptors would
    otherwise learn to fit random directions.
    """
    classifier: nn.Linear = nn.utils.skip_init(nn.Linear, size, classes, bias=not necked)
    deviation = DEVIATION_AFTER_NECK if necked else DEVIATION
    nn.init.normal_(classifier.weight, std=deviation, generator=generator)
    if not necked:
        nn.init.zeros_(classifier.bias)
    return classifier


def _to_chunks(values: Tensor, valid: Tensor) -> Tensor:
    """Values (M, ...) of the valid frames at their positions in (B, T, ...); zero elsewhere."""
    chunks = values.new_zeros(*valid.shape, *values.shape[1:])
    chunks[valid] = values
    return chunks


def check_inputs(frames: Tensor, valid: Tensor, pose_maps: Tensor | None = None) -> None:
    """Check the arguments of `AlignNet.forward`; raises TypeError and ValueError as it does."""
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
