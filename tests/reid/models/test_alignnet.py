"""The whole network: what it computes from its parts, padding that cannot leak, gradients, variants, bad input."""

from dataclasses import replace
from typing import Any

import pytest
import torch

from reid.configs.groups.model import PAPER_SETTINGS, VARIANTS, ModelConfig
from reid.functional.losses import batch_hard_ranking_loss, identity_loss
from reid.models.alignnet import AlignNet, AlignNetOutput

TINY = ModelConfig(
    appearance="resnet18", appearance_weights="none", pose_stages=2, pose_width=0.125, tap_channels=8, stride=16
)
VALID = torch.tensor([[True, True, True], [True, True, False], [True, False, True]])


def tiny(variant: str = "align-tap", seed: int = 0, **changes: Any) -> AlignNet:
    generator = torch.Generator().manual_seed(seed)
    return AlignNet(replace(TINY, variant=variant, **changes), classes=5, generator=generator)


def frames(chunks: int = 3, length: int = 3, seed: int = 0) -> torch.Tensor:
    return torch.rand(chunks, length, 3, 64, 32, generator=torch.Generator().manual_seed(seed))


def plain_descriptor(model: AlignNet, chunk: list[torch.Tensor]) -> torch.Tensor:
    """The video descriptor of one chunk in eval mode, from the two nets' maps on, frame by frame in float64."""
    groups = [
        [0, 1, 14, 15, 16, 17, *range(47, 57)],
        [2, 5, 3, 6, 4, 7, 33, 34, 35, 36, 19, 20, 41, 42, 43, 44, 25, 26],
        [8, 11, 9, 12, 10, 13, 21, 22, 23, 24, 27, 28, 29, 30],
    ]
    total, weighed = torch.zeros(model.descriptor_size, dtype=torch.float64), [0.0] * 4
    config = model.config
    for image in chunk:
        mean, std = torch.tensor([0.485, 0.456, 0.406]), torch.tensor([0.229, 0.224, 0.225])
        f_a = model.appearance(((image - mean[:, None, None]) / std[:, None, None])[None])[0].double()
        cells = f_a.shape[1] * f_a.shape[2]
        blocks = [f_a.sum(dim=(1, 2)) / cells]
        weights = [1.0] * 4
        if model.pose is not None:
            bgr = torch.stack([image[2], image[1], image[0]]) * 255 / 256 - 0.5
            maps = model.pose(bgr[None]).last[0].double()
            upper = None
            for group in groups:
                part = torch.zeros(f_a.shape[1:], dtype=torch.float64)
                side = maps.shape[1] // part.shape[0]
                channels = maps[group]
                if config.limb_fields == "magnitude":  # six joints, then the fields' x and y
                    lengths = (channels[6::2].square() + channels[7::2].square()).sqrt()
                    channels = torch.cat([channels[:6], lengths])
                for y in range(part.shape[0]):
                    for x in range(part.shape[1]):
                        area = channels[:, y * side : (y + 1) * side, x * side : (x + 1) * side]
                        part[y, x] = area.mean()
                attention = (config.part_gain * part).exp() / (config.part_gain * part).exp().sum()
                upper = f_a * attention if upper is None else upper
                blocks.append((f_a * attention).sum(dim=(1, 2)) / (cells if config.part_pooling == "mean" else 1))
            if model.appearance_tap is not None and model.part_tap is not None and upper is not None:
                judged = [f_a.float(), upper.float()]
                if config.tap_input == "joints":
                    tops = torch.zeros(18, *f_a.shape[1:])
                    for y in range(f_a.shape[1]):
                        for x in range(f_a.shape[2]):
                            cell = maps[:18, y * side : (y + 1) * side, x * side : (x + 1) * side]
                            tops[:, y, x] = cell.amax(dim=(1, 2)).float()
                    judged = [tops, tops]
                of_parts = model.part_tap(judged[1][None]).item()
                weights = [model.appearance_tap(judged[0][None]).item(), of_parts, of_parts, of_parts]
            if config.part_visibility == "pose":
                heights = [min(1.0, max(0.0, maps[joint].max().item())) for joint in range(18)]
                joints = [list(range(18)), *(sorted(group[:6]) for group in groups)]
                seen = [sum(heights[joint] for joint in some) / len(some) for some in joints]
                weights = [weight * share for weight, share in zip(weights, seen, strict=True)]
        weights = [weight**config.frame_gain for weight in weights]
        total += torch.cat([weight * block for weight, block in zip(weights, blocks, strict=False)])
        weighed = [one + weight for one, weight in zip(weighed, weights, strict=True)]
    if config.frame_pooling == "sum":
        return total / len(chunk)
    over = torch.tensor(weighed[: len(total) // f_a.shape[0]]).repeat_interleave(f_a.shape[0])
    return total / over


def trained_a_little(model: AlignNet) -> AlignNet:
    """Batch norm statistics that are not 0 and 1, TAP weights that differ, and maps that are not near zero."""
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if name.startswith(("pose.conv5_5", "pose.Mconv7")):
                parameter.mul_(30)
        model(frames(seed=5), VALID)
    return model.eval()


@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize(
    "reading",
    [
        PAPER_SETTINGS | {"frame_pooling": "sum"},  # the paper's equations
        PAPER_SETTINGS,
        PAPER_SETTINGS | {"part_gain": 20.0, "part_pooling": "attended"},
        {},
        {"part_visibility": "pose"},
        {"tap_input": "joints"},
        {"frame_gain": 6.0},
        PAPER_SETTINGS | {"frame_pooling": "sum", "frame_gain": 2.0},
    ],
)
@torch.no_grad()
def test_descriptor_is_the_papers_from_the_nets_maps_on(variant: str, reading: dict[str, Any]) -> None:
    model = trained_a_little(tiny(variant, **reading))
    found = model(frames(), VALID)
    for b in range(3):
        expected = plain_descriptor(model, [frames()[b, t] for t in range(3) if VALID[b, t]])
        torch.testing.assert_close(found.descriptor[b].double(), expected, rtol=1e-4, atol=1e-6)
    logits = found.descriptor @ model.classifier.weight.T + model.classifier.bias
    torch.testing.assert_close(found.logits, logits)


@pytest.mark.parametrize(("variant", "size"), [("baseline", 512), ("align-avg", 2048), ("align-tap", 2048)])
@torch.no_grad()
def test_variants_have_their_outputs(variant: str, size: int) -> None:
    model = tiny(variant)
    found = model(frames(), VALID)
    assert model.descriptor_size == size
    assert found.descriptor.shape == (3, size)
    assert found.logits.shape == (3, 5)
    assert (found.pose is None) == (variant == "baseline")
    assert (found.frame_weights is None) == (variant != "align-tap")
    if found.pose is not None:
        assert found.pose.last.shape == (7, 57, 8, 4)
        assert len(found.pose.heat) == 2
    if found.frame_weights is not None:
        assert found.frame_weights.shape == (3, 3, 4)
        assert bool((found.frame_weights[VALID] > 0).all())
        assert float(found.frame_weights[~VALID].abs().max()) == 0.0
        assert torch.equal(found.frame_weights[..., 1], found.frame_weights[..., 3])
    names = {name.split(".")[0] for name, _ in model.named_parameters()}
    parts = {"baseline": set(), "align-avg": {"pose"}, "align-tap": {"pose", "appearance_tap", "part_tap"}}
    assert names == {"appearance", "classifier"} | parts[variant]


@torch.no_grad()
def test_pose_of_the_output_is_of_the_valid_frames_in_order() -> None:
    model = tiny().eval()
    found = model(frames(), VALID).pose
    alone = model(frames()[1:2, 1:2], torch.ones(1, 1, dtype=torch.bool)).pose
    assert found is not None
    assert alone is not None
    torch.testing.assert_close(found.last[4:5], alone.last, rtol=1e-4, atol=1e-5)  # 3 valid frames, then 1, 1


def outputs(found: AlignNetOutput) -> list[torch.Tensor]:
    return [found.descriptor, found.logits] + ([] if found.frame_weights is None else [found.frame_weights])


@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize("training", [True, False])
@torch.no_grad()
def test_what_padded_frames_hold_changes_nothing(variant: str, training: bool) -> None:
    clean, dirty = frames(), frames()
    dirty[~VALID] = float("nan")
    first, second = tiny(variant).train(training), tiny(variant).train(training)
    for mine, other in zip(outputs(first(clean, VALID)), outputs(second(dirty, VALID)), strict=True):
        assert torch.equal(mine, other)
    state = second.state_dict()
    assert all(torch.equal(tensor, state[name]) for name, tensor in first.state_dict().items())


@pytest.mark.parametrize("training", [True, False])
@torch.no_grad()
def test_how_much_padding_there_is_changes_nothing(training: bool) -> None:
    longer = torch.full((3, 8, 3, 64, 32), 0.7)
    longer[:, 2:5] = frames()
    longer_valid = torch.zeros(3, 8, dtype=torch.bool)
    longer_valid[:, 2:5] = VALID
    first, second = tiny().train(training), tiny().train(training)
    short, long = first(frames(), VALID), second(longer, longer_valid)
    torch.testing.assert_close(short.descriptor, long.descriptor, rtol=1e-6, atol=1e-7)
    torch.testing.assert_close(short.logits, long.logits, rtol=1e-6, atol=1e-7)
    state = second.state_dict()
    assert all(torch.equal(tensor, state[name]) for name, tensor in first.state_dict().items())


def reid_loss(found: AlignNetOutput) -> torch.Tensor:
    labels = torch.tensor([0, 0, 1])
    return identity_loss(found.logits, labels) + batch_hard_ranking_loss(found.descriptor, labels, margin=5.0)


def test_reid_loss_reaches_every_parameter_the_pose_net_too() -> None:
    model = tiny()
    reid_loss(model(frames(), VALID)).backward()
    for name, parameter in model.named_parameters():
        assert parameter.grad is not None, name
        assert float(parameter.grad.abs().sum()) > 0, name
        assert bool(parameter.grad.isfinite().all()), name


def test_given_pose_maps_replace_the_pose_net() -> None:
    model = tiny()
    maps = torch.randn(3, 3, 57, 8, 4, generator=torch.Generator().manual_seed(1))
    found = model(frames(), VALID, maps)
    assert found.pose is None
    reid_loss(found).backward()
    groups = model.parameter_groups()
    assert all(parameter.grad is None for parameter in groups["pose"])
    assert all(parameter.grad is not None for parameter in groups["appearance"] + groups["tap"])
    dirty = maps.clone()
    dirty[~VALID] = float("nan")
    with torch.no_grad():
        model.eval()
        expected = model(frames(), VALID, maps).descriptor
        assert torch.equal(model(frames(), VALID, dirty).descriptor, expected)
        assert not torch.equal(model(frames(), VALID, maps.flip(3)).descriptor, expected)
        own = torch.zeros_like(maps)
        pose = model(frames(), VALID).pose
        assert pose is not None
        own[VALID] = pose.last
        assert torch.equal(model(frames(), VALID, own).descriptor, model(frames(), VALID).descriptor)


@torch.no_grad()
def test_the_pose_net_alone_sees_the_frames_enlarged() -> None:
    plain, enlarged = tiny().eval(), tiny(pose_scale=2.0).eval()
    found = enlarged(frames(), VALID)
    large = torch.nn.functional.interpolate(frames().flatten(0, 1), scale_factor=2.0, mode="bilinear")
    expected = plain(large.unflatten(0, (3, 3)), VALID).pose
    assert found.pose is not None
    assert expected is not None
    assert found.pose.last.shape == (7, 57, 16, 8)
    assert torch.equal(found.pose.last, expected.last)
    alone = enlarged.estimate_pose(frames()[VALID])
    assert torch.equal(alone.last, expected.last)
    # Maps of any grid may be given, and the appearance net knows nothing of the factor.
    maps = torch.zeros(3, 3, 57, 16, 8)
    maps[VALID] = expected.last
    assert torch.equal(plain(frames(), VALID, maps).descriptor, found.descriptor)
    assert not torch.equal(plain(frames(), VALID).descriptor, found.descriptor)


@pytest.mark.parametrize("stride", [8, 32])
def test_other_strides(stride: int) -> None:
    with torch.no_grad():
        assert tiny(stride=stride)(frames(), VALID).descriptor.shape == (3, 2048)


@pytest.mark.parametrize("variant", VARIANTS)
def test_the_four_groups_hold_every_parameter_once(variant: str) -> None:
    model = tiny(variant)
    groups = model.parameter_groups()
    assert list(groups) == ["appearance", "pose", "tap", "classifier"]
    grouped = [id(parameter) for group in groups.values() for parameter in group]
    assert sorted(grouped) == sorted(id(parameter) for parameter in model.parameters())
    assert bool(groups["pose"]) == (variant != "baseline")
    assert bool(groups["tap"]) == (variant == "align-tap")
    torch.optim.SGD([{"params": group} for group in groups.values()], lr=0.1)


def test_weights_come_from_the_generator_alone() -> None:
    before = torch.get_rng_state()
    first, second, other = tiny(seed=3), tiny(seed=3), tiny(seed=4)
    assert torch.equal(before, torch.get_rng_state())
    assert all(torch.equal(t, second.state_dict()[name]) for name, t in first.state_dict().items())
    for name in ("appearance.conv1.weight", "pose.conv1_1.weight", "part_tap.conv1.weight", "classifier.weight"):
        assert not torch.equal(first.state_dict()[name], other.state_dict()[name]), name


@pytest.mark.parametrize(
    "change",
    [
        {"variant": "align"},
        {"appearance": "_ibn_a"},
        {"pooling": "gem", "part_pooling": "mean"},
        {"neck": "layer-norm"},
        {"stride": 4},
        {"pose_stages": 0},
        {"pose_width": 0.0},
        {"pose_scale": 0.5},
        {"limb_fields": "unsigned"},
        {"tap_channels": 0},
    ],
)
def test_configurations_that_do_not_exist_are_refused(change: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="--" + next(iter(change)).replace("_", "-")):
        replace(TINY, **change)


def test_inputs_that_do_not_fit_are_refused() -> None:
    model = tiny("baseline")
    with pytest.raises(TypeError, match="uint8"):
        model((frames() * 255).to(torch.uint8), VALID)
    with pytest.raises(ValueError, match="frames must be"):
        model(frames()[:, :, :2], VALID)
    with pytest.raises(ValueError, match="valid must be"):
        model(frames(), VALID[:2])
    with pytest.raises(ValueError, match="valid must be"):
        model(frames(), VALID.float())
    with pytest.raises(ValueError, match="pose_maps must be"):
        model(frames(), VALID, torch.zeros(3, 3, 56, 8, 4))
    with pytest.raises(ValueError, match="no valid frame"):
        model(frames(), torch.tensor([[True] * 3, [False] * 3, [True] * 3]))
    with pytest.raises(ValueError, match="classes"):
        AlignNet(TINY, classes=-1)
