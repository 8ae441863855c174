"""Learning-rate schedule, parameter groups, losses of a batch, option ranges."""

import math
from dataclasses import replace

import pytest
import torch
from torch.utils.data import DataLoader, Dataset

from alignnet_common.cli import field_help
from alignnet_common.errors import UserError
from reid.configs.groups.training import TrainConfig
from reid.data.transforms.augmentation import Augmentation
from reid.functional.losses import batch_hard_ranking_loss, identity_loss, pose_loss
from reid.functional.pose_targets import TargetSize, pose_targets
from reid.models.batch_norm import freeze_norms
from reid.runtime.device import pick_device
from reid.training.loop import next_batch
from reid.training.objective import AlignNetLoss, GroundTruthWeights, targets_of, true_maps_of
from reid.training.schedule import Schedule
from reid.training.setup import build_model, build_optimizer
from reid_folders import TINY
from training_batches import CONFIG, batch_of, with_visible_shares


def factors(config, losses, per_epoch=1):
    schedule, found = Schedule(), []
    planned = len(losses)
    for step, loss in enumerate(losses):
        found.append(schedule.factor(config, step, planned))
        schedule.add(loss)
        if (step + 1) % per_epoch == 0:
            schedule.end_epoch(config)
    return found


def test_warm_up_is_linear():
    config = replace(CONFIG, warmup_steps=4)
    assert factors(config, [1.0] * 6) == [0.25, 0.5, 0.75, 1.0, 1.0, 1.0]


def test_the_rate_drops_when_the_loss_saturates_and_a_few_times_only():
    config = replace(CONFIG, patience=2, lr_drop=0.1, max_drops=2)
    falling = [1.0, 0.9, 0.8, 0.7]
    assert factors(config, [*falling, 0.6]) == [1.0] * 5
    flat = factors(config, [*falling, 0.7, 0.7, 0.7, 0.7, 0.7, 0.7, 0.7, 0.7, 0.7])
    assert flat == pytest.approx([1.0] * 6 + [0.1] * 2 + [0.01] * 5)


def test_a_hair_lower_is_saturated_too():
    config = replace(CONFIG, patience=2, threshold=0.01)
    assert factors(config, [1.0, 0.999, 0.998, 0.997])[-1] == pytest.approx(0.1)
    assert factors(config, [1.0, 0.98, 0.96, 0.94])[-1] == 1.0


def test_an_epoch_is_judged_by_its_mean():
    config = replace(CONFIG, patience=1)
    assert factors(config, [2.0, 0.0, 0.0, 1.0, 3.0, 3.0], per_epoch=2)[-1] == 1.0
    assert factors(config, [2.0, 0.0, 2.0, 1.0, 0.0, 0.0], per_epoch=2)[-2:] == pytest.approx([0.1, 0.1])


def test_cosine_ends_at_zero_with_the_epochs():
    config = replace(CONFIG, schedule="cosine", warmup_steps=2)
    found = factors(config, [1.0] * 12)
    assert found[:2] == [0.5, 1.0]
    expected = [0.5 * (1 + math.cos(math.pi * step / 10)) for step in range(10)]
    assert found[2:] == pytest.approx(expected)


def test_four_groups_each_with_its_rate_and_a_rate_of_zero_freezes():
    config = replace(CONFIG, lr_appearance=1.0, lr_pose=0.0, lr_tap=0.3, lr_classifier=0.4, optimizer="sgd")
    model = build_model(config, 3)
    optimizer = build_optimizer(model, config)
    assert {group["name"]: group["lr"] for group in optimizer.param_groups} == {
        "appearance": 1.0,
        "tap": 0.3,
        "classifier": 0.4,
    }
    assert isinstance(optimizer, torch.optim.SGD)
    assert not any(parameter.requires_grad for parameter in model.parameter_groups()["pose"])
    taken = {id(parameter) for group in optimizer.param_groups for parameter in group["params"]}
    assert taken == {id(parameter) for parameter in model.parameters() if parameter.requires_grad}
    with pytest.raises(UserError, match="nothing to train"):
        build_optimizer(model, replace(config, lr_appearance=0, lr_tap=0, lr_classifier=0))


POSE = GroundTruthWeights(pose=1.0)


def losses(model, batch, config=CONFIG, weights=POSE):
    """The losses of a batch, by name."""
    return AlignNetLoss(model, config, weights)(batch)


def test_at_a_rate_of_zero_what_batch_norms_remember_moves_unless_they_are_frozen():
    """And the help says so, of the two networks that have any."""
    for group, normed in (("appearance", True), ("tap", True), ("pose", False), ("classifier", False)):
        said = field_help(TrainConfig)[f"lr_{group}"]
        assert ("--batch-norm frozen" in said) == normed
        assert ("; 0 freezes it." in said) == (not normed)
    model = build_model(CONFIG, 2).train()
    for frozen in (False, True):
        if frozen:
            freeze_norms(model)
        before = model.appearance.bn1.running_mean.clone()
        with torch.no_grad():
            losses(model, batch_of([0, 0, 1, 1]), weights=GroundTruthWeights())
        assert torch.equal(model.appearance.bn1.running_mean, before) == frozen


@torch.no_grad()
def test_the_ranking_loss_is_of_what_the_neck_gets_and_the_identity_loss_of_what_it_gives():
    config = replace(CONFIG, neck="batch-norm", unit_length=True, label_smoothing=0.1, margin=0.7)
    model = build_model(config, 2).eval()
    model.neck.running_mean.fill_(0.2)
    batch = batch_of([0, 0, 1, 1])
    found = losses(model, batch, config, GroundTruthWeights())
    output = model(batch.frames.float() / 255, batch.valid)
    assert float(found["ranking"]) == pytest.approx(
        float(batch_hard_ranking_loss(output.embedding, batch.label, 0.7)), rel=1e-5
    )
    assert float(found["ranking"]) != float(batch_hard_ranking_loss(output.descriptor, batch.label, 0.7))
    smoothed = identity_loss(output.logits, batch.label, 0.1)
    assert float(found["identity"]) == pytest.approx(float(smoothed), rel=1e-5)
    assert float(found["identity"]) != pytest.approx(float(identity_loss(output.logits, batch.label)), rel=1e-5)


@torch.no_grad()
def test_the_loss_is_the_weighted_sum_of_its_parts():
    config = replace(CONFIG, identity_weight=0.5, ranking_weight=2.0, margin=0.7)
    model = build_model(config, 2).eval()
    batch = batch_of([0, 0, 1, 1])
    found = losses(model, batch, config, GroundTruthWeights(pose=3.0))
    output = model(batch.frames.float() / 255, batch.valid)
    joints, visible = batch.joints.flatten(0, 1), batch.visible.flatten(0, 1)
    targets = pose_targets(joints, torch.ones(8, 18, dtype=torch.bool), TargetSize(48, 32), visible)
    parts = {
        "identity": identity_loss(output.logits, batch.label),
        "ranking": batch_hard_ranking_loss(output.descriptor, batch.label, 0.7),
        "pose": pose_loss(output.pose.heat, output.pose.paf, targets),
    }
    for name, value in parts.items():
        assert float(found[name]) == pytest.approx(float(value), rel=1e-5)
    whole = 0.5 * parts["identity"] + 2.0 * parts["ranking"] + 3.0 * parts["pose"]
    assert float(found["loss"]) == pytest.approx(float(whole), rel=1e-5)


@torch.no_grad()
def test_losses_of_frozen_networks_are_not_in_the_total():
    """Learning rates follow the loss: a part that nothing can lower would hide what the others do."""
    batch = with_visible_shares(batch_of([0, 0, 1, 1]))
    config = replace(CONFIG, lr_pose=0.0, lr_tap=0.0)
    weights = GroundTruthWeights(pose=1.0, attention=2.0)
    found = losses(build_model(config, 2).eval(), batch, config, weights)
    assert found["pose"] > 0
    assert found["attention"] > 0
    assert float(found["loss"]) == pytest.approx(float(found["identity"] + found["ranking"]), rel=1e-6)


class Spoilt(Dataset):
    def __len__(self):
        return 2

    def __getitem__(self, number):
        raise UserError("here.png: unreadable image")


@pytest.mark.parametrize("workers", [0, 1])
def test_a_mistake_that_a_worker_finds_is_one_line(workers):
    batches = iter(DataLoader(Spoilt(), num_workers=workers))
    with pytest.raises(UserError) as raised:
        next_batch(batches)
    assert str(raised.value) == "here.png: unreadable image"


def test_without_joints_or_a_pose_net_there_is_no_pose_loss():
    batch = batch_of([0, 0, 1, 1])
    baseline = replace(CONFIG, variant="baseline")
    assert "pose" not in losses(build_model(baseline, 2), batch, baseline)
    assert "pose" not in losses(build_model(CONFIG, 2), replace(batch, joints=None, visible=None))


@torch.no_grad()
def test_attention_is_taught_how_much_is_seen_where_that_weighs_something():
    model = build_model(CONFIG, 2).eval()
    batch = with_visible_shares(batch_of([0, 0, 1, 1]))
    plain = losses(model, batch)
    assert "attention" not in plain
    found = losses(model, batch, weights=GroundTruthWeights(pose=1.0, attention=2.0))
    weights = model(batch.frames.float() / 255, batch.valid).frame_weights
    expected = sum(float((weights[..., column] - batch.seen).square().mean()) for column in range(4)) / 4
    assert float(found["attention"]) == pytest.approx(expected, rel=1e-5)
    assert float(found["loss"]) == pytest.approx(float(plain["loss"]) + 2 * expected, rel=1e-5)
    frozen = {"lr_appearance": 0.0, "lr_tap": 0.0, "lr_classifier": 0.0}
    alone = replace(CONFIG, identity_weight=0.0, ranking_weight=0.0, **frozen)
    # DistributedDataParallel waits for the gradient of every parameter that is not frozen.
    other = replace(alone, lr_tap=0.1)
    assert set(losses(model, batch, other)) == {"loss", "identity", "ranking", "pose", "accuracy"}
    assert set(losses(model, batch, alone)) == {"loss", "pose"}
    assert "attention" in losses(model, batch, alone, GroundTruthWeights(pose=1.0, attention=1.0))


@torch.no_grad()
def test_attention_that_nobody_learns_is_not_in_the_loss():
    """Without temporal attention frames may weigh by the pose network's joints: they are not to be taught by it."""
    config = replace(CONFIG, variant="align-avg", part_visibility="pose")
    model = build_model(config, 2).eval()
    batch = with_visible_shares(batch_of([0, 0, 1, 1]))
    found = losses(model, batch, config, GroundTruthWeights(pose=1.0, attention=2.0))
    assert "attention" not in found


def test_attention_apart_is_taught_by_the_truth_alone_and_teaches_nothing_else():
    """Each loss reaches its own parameters, and the descriptor is the same."""
    batch = with_visible_shares(batch_of([0, 0, 1, 1]))
    batch = replace(batch, joints=None, visible=None)
    gradients, values = {}, {}
    for apart in (False, True):
        model = build_model(CONFIG, 2)
        found = losses(model, batch, weights=GroundTruthWeights(1.0, attention=2.0, detach_attention=apart))
        for name in ("identity", "ranking", "attention"):
            model.zero_grad()
            found[name].backward(retain_graph=True)
            for group, parameters in model.parameter_groups().items():
                norms = [float(one.grad.norm()) for one in parameters if one.grad is not None]
                gradients[apart, name, group] = sum(norms) > 0
        values[apart] = {name: value.item() for name, value in found.items()}
    assert values[True] == values[False]
    reached = {key for key, value in gradients.items() if value}
    assert {group for apart, name, group in reached if apart and name == "attention"} == {"tap"}
    assert {group for apart, name, group in reached if apart and name == "ranking"} == {"appearance", "pose"}
    assert {group for apart, name, group in reached if not apart and name == "ranking"} == {"appearance", "pose", "tap"}
    assert {group for apart, name, group in reached if not apart and name == "attention"} >= {"appearance", "tap"}


@torch.no_grad()
def test_true_maps_take_the_place_of_the_pose_network():
    model = build_model(CONFIG, 2).eval()
    batch = batch_of([0, 0, 1, 1])
    found = losses(model, replace(batch, maps=true_maps_of(batch)))
    assert "pose" not in found
    targets = targets_of(batch)
    maps = torch.cat([targets.heat, targets.paf], dim=1).unflatten(0, (4, 2))
    output = model(batch.frames.float() / 255, batch.valid, maps)
    assert float(found["identity"]) == pytest.approx(float(identity_loss(output.logits, batch.label)), rel=1e-6)
    assert float(found["identity"]) != pytest.approx(float(losses(model, batch)["identity"]), rel=1e-4)


@torch.no_grad()
def test_a_pose_network_that_sees_enlarged_frames_is_taught_on_the_finer_grid():
    config = replace(CONFIG, pose_scale=1.5)
    model = build_model(config, 2).eval()
    batch = batch_of([0, 0, 1, 1])
    joints, visible = batch.joints.flatten(0, 1), batch.visible.flatten(0, 1)
    known = torch.ones(8, 18, dtype=torch.bool)
    targets = pose_targets(1.5 * joints + 0.25, known, TargetSize(72, 48), visible)
    said = model(batch.frames.float() / 255, batch.valid).pose
    expected = float(pose_loss(said.heat, said.paf, targets))
    assert float(losses(model, batch, config)["pose"]) == pytest.approx(expected, rel=1e-4)
    frozen = {"lr_appearance": 0.0, "lr_tap": 0.0, "lr_classifier": 0.0}
    alone = replace(config, identity_weight=0.0, ranking_weight=0.0, **frozen)
    assert float(losses(model, batch, alone)["loss"]) == pytest.approx(expected, rel=1e-4)
    still = replace(batch, change=Augmentation().packed().expand(4, -1)).augmented(config.pose_scale)
    maps = true_maps_of(still, config.pose_scale)
    torch.testing.assert_close(maps.flatten(0, 1), targets.maps, rtol=0, atol=1e-5)


def test_weights_depend_on_the_seed_alone():
    first, again = build_model(CONFIG, 2), build_model(CONFIG, 2)
    other = build_model(replace(CONFIG, seed=1), 2)
    weights = [model.classifier.weight for model in (first, again, other)]
    assert (weights[0] == weights[1]).all()
    assert (weights[0] != weights[2]).any()


def test_a_gpu_that_is_not_there(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert pick_device("auto") == pick_device("cpu") == torch.device("cpu")
    with pytest.raises(UserError, match="--device cpu"):
        pick_device("cuda")


@pytest.mark.parametrize(
    ("changes", "complaint"),
    [
        ({"ids_per_batch": 1}, "--ids-per-batch must be at least 2"),
        ({"compile": True, "recompute": True}, "--compile and --recompute do not go together"),
        ({"compile": True, "mixstyle": 0.5}, "--compile and --mixstyle do not go together"),
        ({"mixstyle": 1.1}, "--mixstyle must be at most 1"),
        ({"label_smoothing": 1.0}, "--label-smoothing must be below 1, not 1.0"),
        ({"pooling": "gem", "part_pooling": "mean"}, "--pooling gem .* needs --part-pooling attended"),
        ({"chunks_per_id": 1}, "--chunks-per-id must be at least 2"),
        ({"lr_pose": -1.0}, "--lr-pose must be at least 0"),
        ({"lr_tap": math.nan}, "--lr-tap must be at least 0"),
        ({"flip": 1.5}, "--flip must be at most 1"),
        ({"pose_stages": 7}, "--pose-stages must be at most 6"),
        ({"pose_scale": 0.5}, "--pose-scale must be at least 1, not 0.5"),
        ({"pose_scale": math.nan}, "--pose-scale must be at least 1, not nan"),
        ({"pose_scale": 1.25}, "--pose-scale 1.25 makes frames of 48×32 pixels 60×40: both must be multiples of 8"),
        ({"chunk": 4, "overlap": 4}, "--overlap must be less than --chunk"),
        ({"lr_drop": 1.0}, "--lr-drop"),
        ({"max_steps": -1}, "--max-steps"),
    ],
)
def test_values_out_of_range(changes, complaint):
    with pytest.raises(ValueError, match=complaint):
        TrainConfig(**(TINY | changes))
    TrainConfig(**TINY)
    TrainConfig(**(TINY | {"chunks_per_id": 1, "ranking_weight": 0.0}))
    TrainConfig(**(TINY | {"pose_scale": 1.1, "height": 80, "width": 160}))
    TrainConfig(**(TINY | {"height": 60, "width": 33}))
