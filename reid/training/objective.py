"""Losses of a batch: identity, ranking, pose and attention."""

import torch
from torch import Tensor, nn

from reid.data.loading.mixed_batches import taken_apart
from reid.functional.losses import attention_loss, batch_hard_ranking_loss, identity_loss, pose_loss
from reid.functional.pose_targets import PoseTargets, TargetSize, pose_targets
from reid.runtime.distributed import of_all
from reid.runtime.precision import autocast
from reid.training.state import Setting


def chunk_losses(model: nn.Module, batch: dict[str, Tensor], setting: Setting) -> dict[str, Tensor]:
    """The parts of the loss of one batch, and their weighted sum as "loss" (paper, Section 3.4); scalars.

    With `joints` and `visible` in the batch, every stage of the pose network is taught too, and so it is by the
    rendered frames that stand beside it (see `reid.data.loading.mixed_batches`); with `maps` it does not run; with
    `seen`, temporal
    attention is taught, if that weighs anything. Where nothing else is to be learnt, nothing but the pose network runs.
    Of a group, each process has its share of the batch; the ranking loss is that of the whole batch, the others are of
    the share. What a frozen network is measured by is a part too, and not in the sum, which learning rates follow.
    """
    config, group = setting.config, setting.group
    batch, rendered = taken_apart(batch)
    frames = batch["frames"].float() / 255  # (B, T, 3, H, W)
    taught = rendered["frames"].flatten(0, 1).float() / 255 if rendered else None
    pose_only = learns_pose_alone(setting) and "joints" in batch
    with autocast(config, frames.device):
        output = model(frames, batch["valid"], batch.get("maps"), pose_only, taught, setting.attention_apart)
    if pose_only:
        error = pose_loss(output.pose.heat, output.pose.paf, targets_of(batch, config.pose_scale))
        return {"loss": setting.pose_weight * error, "pose": error}
    parts = {
        "identity": identity_loss(output.logits.float(), batch["label"]),
        "ranking": batch_hard_ranking_loss(
            of_all(output.descriptor.float(), group), of_all(batch["label"], group), config.margin
        ),
    }
    loss = config.identity_weight * parts["identity"] + config.ranking_weight * parts["ranking"]
    if output.pose is not None and "joints" in batch:
        parts["pose"] = pose_loss(output.pose.heat, output.pose.paf, targets_of(batch, config.pose_scale))
        loss = loss + (setting.pose_weight * parts["pose"] if config.lr_pose else 0)
    if output.taught is not None:
        parts["pose"] = pose_loss(output.taught.heat, output.taught.paf, targets_of(rendered, config.pose_scale))
        loss = loss + setting.pose_weight * parts["pose"]
    weighed = config.variant == "align-tap" and output.frame_weights is not None  # else by the pose network's joints
    if weighed and "seen" in batch and setting.attention_weight:
        valid = batch["valid"]
        parts["attention"] = attention_loss(output.frame_weights[valid].float(), batch["seen"][valid])
        loss = loss + (setting.attention_weight * parts["attention"] if config.lr_tap else 0)
    accuracy = (output.logits.argmax(1) == batch["label"]).float().mean()
    return {"loss": loss, **parts, "accuracy": accuracy}


def learns_pose_alone(setting: Setting) -> bool:
    """Whether nothing else is to be learnt: no other loss weighs anything, and all but the pose network is frozen."""
    config = setting.config
    others = config.identity_weight, config.ranking_weight, setting.attention_weight
    rates = config.lr_appearance, config.lr_tap, config.lr_classifier
    return config.lr_pose > 0 and not any(others) and not any(rates) and config.variant != "baseline"


def true_maps_of(batch: dict[str, Tensor], pose_scale: float = 1.0) -> Tensor:
    """What the pose network should say of a rendered batch, see `targets_of`: (B, T, 57, h, w), 0 at invalid frames."""
    of_valid = targets_of(batch, pose_scale).maps  # (M, 57, h, w)
    maps = of_valid.new_zeros(*batch["valid"].shape, *of_valid.shape[1:])
    maps[batch["valid"]] = of_valid
    return maps


def targets_of(batch: dict[str, Tensor], pose_scale: float = 1.0) -> PoseTargets:
    """What the pose network, which sees them enlarged `pose_scale` times, should say of a rendered batch's M valid
    frames."""
    valid, (height, width) = batch["valid"], batch["frames"].shape[-2:]
    visible = batch["visible"][valid]  # (M, 18); a rendered joint is always known, seen or not
    labelled = torch.ones_like(visible)
    return pose_targets(batch["joints"][valid], labelled, TargetSize(height, width, pose_scale), visible)
