"""What makes a step fast or small changes what it costs, not what it computes."""

import os
from dataclasses import replace

import pytest
import torch
from torch.autograd.graph import saved_tensors_hooks

from alignnet_common.errors import UserError
from reid.configs.groups.training import TrainConfig
from reid.runtime.precision import precision_of
from reid.training.objective import AlignNetLoss, GroundTruthWeights
from reid.training.setup import build_model, build_optimizer, prepare_model
from reid_folders import TINY
from training_batches import batch_of

CONFIG = TrainConfig(**TINY)
CPU = torch.device("cpu")
BATCH = batch_of([0, 0, 1, 1])


def one_step(pose_in_float32=False, **changes):
    """The loss of a step, the bytes held for its backward pass, and the model after it."""
    config = replace(CONFIG, **changes)
    model = prepare_model(build_model(config, 2), config, CPU).train()
    model.pose.in_float32 = pose_in_float32
    optimizer = build_optimizer(model, config)
    own = {parameter.data_ptr() for parameter in model.parameters()}
    held = {}

    def keep(tensor):
        if tensor.data_ptr() not in own:
            held[tensor.data_ptr()] = tensor.nbytes
        return tensor

    with saved_tensors_hooks(keep, lambda tensor: tensor):
        losses = AlignNetLoss(model, config, GroundTruthWeights(pose=1.0))(BATCH)
    losses["loss"].backward()
    optimizer.step()
    return float(losses["loss"].detach()), sum(held.values()), model.state_dict()


def test_what_is_computed_again_is_the_same_to_the_bit_in_less_memory():
    loss, held, state = one_step()
    again, less, found = one_step(recompute=True)
    assert again == loss
    # Batch norms too: their statistics are those of one forward pass.
    assert [name for name in state if not torch.equal(state[name], found[name])] == []
    assert less < held / 2


def test_the_layout_changes_no_more_than_the_last_digits():
    loss, _, _ = one_step(channels_last="no")
    other, _, found = one_step(channels_last="yes")
    assert other == pytest.approx(loss, rel=1e-4)
    assert innermost(found)


def innermost(state):
    """Whether the channels are, in a model's weights."""
    weights = state["appearance.layer1.0.conv1.weight"]
    return weights.is_contiguous(memory_format=torch.channels_last) and not weights.is_contiguous()


def test_bfloat16_is_near_and_the_parameters_stay_what_they_are():
    loss, _, _ = one_step()
    other, _, found = one_step(precision="bfloat16")
    assert other == pytest.approx(loss, rel=0.05) and other != loss
    assert innermost(found)
    assert not innermost(one_step()[2])
    assert {tensor.dtype for tensor in found.values()} == {torch.float32, torch.int64}


def test_a_step_in_bfloat16_but_for_the_pose_network_is_as_near():
    """As a GPU takes it."""
    loss, _, _ = one_step()
    in_both, _, _ = one_step(precision="bfloat16")
    again, _, found = one_step(precision="bfloat16", pose_in_float32=True, recompute=True)
    assert again == pytest.approx(loss, rel=0.05) and again not in (loss, in_both)
    assert {tensor.dtype for tensor in found.values()} == {torch.float32, torch.int64}


def test_by_itself_a_cpu_computes_in_float32_and_a_gpu_in_what_it_has(monkeypatch):
    gpu = torch.device("cuda")
    assert precision_of(CONFIG, CPU) == torch.float32
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda including_emulation: True)
    assert precision_of(CONFIG, gpu) == torch.bfloat16
    assert precision_of(replace(CONFIG, precision="float32"), gpu) == torch.float32
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda including_emulation: False)
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda device: "an old one")
    assert precision_of(CONFIG, gpu) == torch.float32
    with pytest.raises(UserError, match="an old one has none: use float32"):
        precision_of(replace(CONFIG, precision="bfloat16"), gpu)


@pytest.mark.slow
@pytest.mark.skipif("REID_SLOW" not in os.environ, reason="compiles for minutes: set REID_SLOW=1")
def test_compiled_networks_say_the_same():
    loss, _, state = one_step()
    compiled, _, found = one_step(compile=True)
    assert compiled == pytest.approx(loss, rel=1e-3)
    assert found.keys() == state.keys()
