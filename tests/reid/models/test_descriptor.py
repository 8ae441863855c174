"""Generalised-mean pooling, the batch-norm neck, descriptors of length 1, and networks without a classifier."""

from dataclasses import replace
from typing import Any

import pytest
import torch
from torch.nn import functional as F

from reid.configs.groups.model import VARIANTS, ModelConfig, Variant
from reid.models.alignnet import AlignNet, AlignNetOutput
from reid.models.part_pooling import frame_descriptor, generalised_mean, part_features

TINY = ModelConfig(appearance="resnet18", appearance_weights="none", pose_stages=1, pose_width=0.125, tap_channels=8)
VALID = torch.tensor([[True, True], [True, False], [True, True]])
FRAMES = torch.rand(3, 2, 3, 64, 32, generator=torch.Generator().manual_seed(0))


def tiny(classes: int = 4, **changes: Any) -> AlignNet:
    return AlignNet(replace(TINY, **changes), classes, torch.Generator().manual_seed(1))


def maps() -> tuple[torch.Tensor, torch.Tensor]:
    """f_a (2, 5, 4, 3), some cells negative, and part attention (2, 3, 4, 3) that sums to 1."""
    generator = torch.Generator().manual_seed(0)
    attention = torch.rand(2, 3, 12, generator=generator).softmax(dim=2).view(2, 3, 4, 3)
    return torch.randn(2, 5, 4, 3, generator=generator).double() + 0.5, attention.double()


def test_generalised_mean_is_the_root_of_the_mean_of_powers() -> None:
    appearance, attention = maps()
    power = torch.tensor([2.5], dtype=torch.float64)
    found = generalised_mean(appearance, attention, power)
    assert found.shape == (2, 20)
    for n in range(2):
        for c in range(5):
            cells = [max(1e-6, float(value)) ** 2.5 for value in appearance[n, c].flatten()]
            assert float(found[n, c]) == pytest.approx((sum(cells) / 12) ** 0.4)
            for part in range(3):
                weights = attention[n, part].flatten().tolist()
                weighted = sum(weight * cell for weight, cell in zip(weights, cells, strict=True))
                assert float(found[n, 5 * (1 + part) + c]) == pytest.approx(weighted**0.4)
    assert torch.equal(found[:, :5], generalised_mean(appearance, None, power))


def test_power_of_one_is_the_average_and_a_large_one_the_maximum() -> None:
    appearance, attention = maps()
    appearance = appearance.abs()
    averages = frame_descriptor(appearance, part_features(appearance, attention), attended=True)
    one, many = (torch.tensor([power], dtype=torch.float64) for power in (1.0, 200.0))
    torch.testing.assert_close(generalised_mean(appearance, attention, one), averages)
    found = generalised_mean(appearance, None, many)
    torch.testing.assert_close(found, appearance.amax(dim=(2, 3)), rtol=0.02, atol=0)


def test_power_is_trained_and_is_in_float32_under_autocast() -> None:
    appearance = maps()[0].abs().float()
    power = torch.tensor([3.0], requires_grad=True)
    with torch.autocast("cpu", torch.bfloat16):
        found = generalised_mean(appearance, maps()[1].float(), power)
    assert found.dtype == torch.float32
    assert torch.equal(found, generalised_mean(appearance, maps()[1].float(), power))
    (gradient,) = torch.autograd.grad(found.sum(), power)
    assert float(gradient) > 0  # a larger power gives larger means


@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize("neck", ["none", "batch-norm"])
@pytest.mark.parametrize("pooling", ["average", "gem"])
def test_every_parameter_is_in_one_group_and_has_a_gradient(variant: Variant, neck: str, pooling: str) -> None:
    model = tiny(variant=variant, neck=neck, pooling=pooling).train()
    groups = model.parameter_groups()
    listed = [id(parameter) for group in groups.values() for parameter in group]
    assert sorted(listed) == sorted(map(id, model.parameters()))
    found = model(FRAMES, VALID)
    (found.logits.square().sum() + found.embedding.square().sum()).backward()
    without = {name for name, parameter in model.named_parameters() if parameter.grad is None}
    assert {name for name in without if not name.startswith("pose.")} == (
        {"neck.bias"} if neck == "batch-norm" else set()
    )
    if pooling == "gem":
        assert any(parameter is model.power for parameter in groups["appearance"])
        assert model.power.item() == 3.0
    if neck == "batch-norm":
        assert any(parameter is model.neck.weight for parameter in groups["classifier"])


def test_average_pooling_without_neck_has_the_same_tensors_as_ever() -> None:
    names = {name.split(".")[0] for name in tiny().state_dict()}
    assert names == {"appearance", "pose", "appearance_tap", "part_tap", "classifier"}
    found = tiny().eval()(FRAMES, VALID)
    assert found.embedding is found.descriptor


def test_the_neck_is_a_batch_norm_whose_bias_stays_and_the_classifier_has_none() -> None:
    model = tiny(neck="batch-norm").train()
    found = model(FRAMES, VALID)
    mean, variance = found.embedding.mean(dim=0), found.embedding.var(dim=0, unbiased=False)
    expected = (found.embedding - mean) / (variance + 1e-5).sqrt()
    torch.testing.assert_close(found.descriptor, expected, rtol=1e-3, atol=1e-3)
    torch.testing.assert_close(found.logits, found.descriptor @ model.classifier.weight.T)
    assert model.classifier.bias is None and not model.neck.bias.requires_grad
    plain = tiny().train()(FRAMES, VALID)
    torch.testing.assert_close(found.embedding, plain.descriptor)
    torch.testing.assert_close(model.descriptor_of(found.embedding), found.descriptor)


@pytest.mark.parametrize(("neck", "deviation"), [("none", 0.01), ("batch-norm", 0.001)])
def test_the_classifier_after_a_neck_starts_from_a_tenth_of_the_weights(neck: str, deviation: float) -> None:
    weights = tiny(neck=neck).classifier.weight.detach()
    assert float(weights.std()) == pytest.approx(deviation, rel=0.05)


def test_the_descriptor_before_the_neck_may_be_compared() -> None:
    before, after = (tiny(neck="batch-norm", neck_feat=feat).eval() for feat in ("before", "after"))
    found, other = before(FRAMES, VALID), after(FRAMES, VALID)
    assert torch.equal(found.descriptor, found.embedding) and torch.equal(found.embedding, other.embedding)
    assert torch.equal(found.logits, other.logits)
    assert not torch.equal(found.descriptor, other.descriptor)
    assert torch.equal(before.descriptor_of(found.embedding), found.embedding)
    assert torch.equal(tiny(neck_feat="before").eval()(FRAMES, VALID).descriptor, found.embedding)


@pytest.mark.parametrize("neck", ["none", "batch-norm"])
def test_unit_length_scales_descriptors_and_not_the_classifiers_input(neck: str) -> None:
    scaled, plain = (tiny(neck=neck, pooling="gem", unit_length=unit).eval()(FRAMES, VALID) for unit in (True, False))
    for name in ("descriptor", "embedding"):
        torch.testing.assert_close(getattr(scaled, name), F.normalize(getattr(plain, name), dim=1))
        torch.testing.assert_close(getattr(scaled, name).norm(dim=1), torch.ones(3))
    assert torch.equal(scaled.logits, plain.logits)
    assert torch.equal(scaled.frame_descriptors, plain.frame_descriptors)


def test_a_network_without_classifier_describes_alike() -> None:
    with torch.no_grad():
        whole: AlignNetOutput = tiny().eval()(FRAMES, VALID)
        bare = tiny(classes=0)
        assert bare.classifier is None and sorted(bare.parameter_groups()) == [
            "appearance",
            "classifier",
            "pose",
            "tap",
        ]
        found = bare.eval()(FRAMES, VALID)
    assert found.logits is None
    assert torch.equal(found.descriptor, whole.descriptor)


def test_generalised_mean_of_parts_needs_attended_parts() -> None:
    with pytest.raises(ValueError, match=r"--pooling gem .* --part-pooling attended"):
        replace(TINY, pooling="gem", part_pooling="mean")
    assert tiny(variant="baseline", pooling="gem", part_pooling="mean").power is not None
