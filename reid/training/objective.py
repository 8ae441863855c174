"""Losses of a batch (Section 3.4 of the paper): identity, ranking, pose and attention, and their weighted sum."""

from dataclasses import dataclass, replace

import torch
from torch import Tensor, nn

from reid.configs.finetune import FinetuneConfig
from reid.configs.groups.training import TrainConfig
from reid.configs.pretrain import PretrainConfig
from reid.data.loading.batch import Batch
from reid.functional.losses import attention_loss, batch_hard_ranking_loss, identity_loss, pose_loss
from reid.functional.pose_targets import PoseTargets, TargetSize, pose_targets
from reid.models.alignnet import AlignNet, AlignNetOutput, check_inputs
from reid.models.openpose import PoseMaps
from reid.runtime.distributed import SINGLE_PROCESS, ProcessGroup, all_gather
from reid.runtime.precision import autocast

Losses = dict[str, Tensor]
"""Scalars by name: "loss", the weighted sum that is minimised, its parts, and "accuracy" of the classifier."""


@dataclass(frozen=True)
class GroundTruthWeights:
    """Weights of the losses that need ground truth."""

    pose: float = 0.0
    """Of the pose loss, at least 0."""

    attention: float = 0.0
    """Of the attention loss, at least 0."""

    detach_attention: bool = False
    """Whether the attention loss alone trains temporal attention, and trains nothing else."""

    @classmethod
    def of(cls, config: TrainConfig) -> "GroundTruthWeights":
        """The weights that the options of a training give; 0 for losses that the command does not have."""
        match config:
            case PretrainConfig():
                return cls(config.pose_weight, config.attention_weight, config.attention_apart)
            case FinetuneConfig():
                return cls(config.pose_weight)
            case _:
                return cls()


class AlignNetLoss(nn.Module):
    """The network with its losses: a batch to scalars. DistributedDataParallel wraps this module.

    Losses and when they are computed:

    - identity: softmax cross entropy of the logits, with label smoothing if the options say so.
    - ranking: batch-hard triplet loss of the descriptors before the neck, over the batches of all processes.
    - pose: where the batch, or its rendered frames, has joints; at every stage of the pose network.
    - attention: where the batch has `seen`, the variant is align-tap and the weight is not 0.

    The pose loss of a frozen pose network, and the attention loss of a frozen TAP, are computed but left out of
    "loss", because the plateau schedule follows "loss". Where the pose loss is the only one with a weight and only the
    pose network has a learning rate, nothing else runs (`pose_only`).
    """

    def __init__(
        self,
        model: AlignNet,
        config: TrainConfig,
        weights: GroundTruthWeights | None = None,
        group: ProcessGroup = SINGLE_PROCESS,
    ) -> None:
        super().__init__()
        self.model = model
        self.config = config
        self.weights = GroundTruthWeights.of(config) if weights is None else weights
        self.group = group

    @property
    def pose_only(self) -> bool:
        """Whether the pose loss is the only one that trains anything."""
        config = self.config
        other_weights = config.identity_weight, config.ranking_weight, self.weights.attention
        other_rates = config.lr_appearance, config.lr_tap, config.lr_classifier
        return config.lr_pose > 0 and not any(other_weights) and not any(other_rates) and config.variant != "baseline"

    def forward(self, batch: Batch) -> Losses:
        """The losses of a batch that is augmented already (`Batch.augmented`)."""
        frames = batch.frames.float() / 255  # (B, T, 3, H, W)
        check_inputs(frames, batch.valid, batch.maps)
        if self.pose_only and batch.joints is not None:
            return self._pose_losses(frames, batch)
        with autocast(self.config, frames.device):
            output, rendered_pose = self._outputs(frames, batch)
        assert output.logits is not None, "a network that is trained has a classifier"
        parts = {
            "identity": identity_loss(output.logits.float(), batch.label, self.config.label_smoothing),
            "ranking": batch_hard_ranking_loss(
                all_gather(output.embedding.float(), self.group),
                all_gather(batch.label, self.group),
                self.config.margin,
            ),
        }
        loss = self.config.identity_weight * parts["identity"] + self.config.ranking_weight * parts["ranking"]
        if output.pose is not None and batch.joints is not None:
            parts["pose"] = self._pose_loss(output.pose, batch)
            loss = loss + (self.weights.pose * parts["pose"] if self.config.lr_pose else 0)
        if rendered_pose is not None and batch.rendered is not None:
            parts["pose"] = self._pose_loss(rendered_pose, batch.rendered)
            loss = loss + self.weights.pose * parts["pose"]
        # In align-avg, frame weights are the pose network's confidence, which the attention loss must not train.
        attends = self.config.variant == "align-tap" and self.weights.attention > 0
        if attends and output.frame_weights is not None and batch.seen is not None:
            weights, seen = output.frame_weights[batch.valid], batch.seen[batch.valid]
            parts["attention"] = attention_loss(weights.float(), seen)
            loss = loss + (self.weights.attention * parts["attention"] if self.config.lr_tap else 0)
        accuracy = (output.logits.argmax(1) == batch.label).float().mean()
        return {"loss": loss, **parts, "accuracy": accuracy}

    def _outputs(self, frames: Tensor, batch: Batch) -> tuple[AlignNetOutput, PoseMaps | None]:
        """Outputs of the network, and the pose maps of the rendered frames, which share its pass through the pose
        network."""
        model, detach = self.model, self.weights.detach_attention
        if model.pose is None:
            return model.describe(frames, batch.valid, None, detach), None
        if batch.maps is not None:
            return model.describe(frames, batch.valid, batch.maps[batch.valid], detach), None
        images = frames[batch.valid]  # (M, 3, H, W)
        if batch.rendered is None:
            pose, rendered_pose = model.estimate_pose(images), None
        else:
            rendered = batch.rendered.frames.flatten(0, 1).float() / 255
            pose, rendered_pose = model.estimate_pose(torch.cat([images, rendered])).divided(len(images))
        output = model.describe(frames, batch.valid, pose.last, detach)
        return replace(output, pose=pose), rendered_pose

    def _pose_losses(self, frames: Tensor, batch: Batch) -> Losses:
        with autocast(self.config, frames.device):
            pose = self.model.estimate_pose(frames[batch.valid])
        error = self._pose_loss(pose, batch)
        return {"loss": self.weights.pose * error, "pose": error}

    def _pose_loss(self, pose: PoseMaps, batch: Batch) -> Tensor:
        return pose_loss(pose.heat, pose.paf, targets_of(batch, self.config.pose_scale))


def targets_of(batch: Batch, pose_scale: float = 1.0) -> PoseTargets:
    """Ground-truth maps of the M valid frames of a rendered batch, on the grid of frames enlarged `pose_scale` times.

    Raises ValueError if the batch has no joints.
    """
    if batch.joints is None or batch.visible is None:
        raise ValueError("the batch has no joints")
    valid, (height, width) = batch.valid, batch.frames.shape[-2:]
    visible = batch.visible[valid]  # (M, 18)
    labelled = torch.ones_like(visible)  # a rendered joint is always known, visible or not
    return pose_targets(batch.joints[valid], labelled, TargetSize(height, width, pose_scale), visible)


def true_maps_of(batch: Batch, pose_scale: float = 1.0) -> Tensor:
    """Ground-truth maps (B, T, 57, h, w) of a rendered batch, 0 at padded frames; see `targets_of`."""
    of_valid = targets_of(batch, pose_scale).maps  # (M, 57, h, w)
    maps = of_valid.new_zeros(*batch.valid.shape, *of_valid.shape[1:])
    maps[batch.valid] = of_valid
    return maps
