"""The pose net against OpenPose's layer table, written out here a second time, and a plain forward pass."""

from pathlib import Path

import pytest
import safetensors.torch
import torch
from torch.nn import functional as F

from alignnet_common.errors import UserError
from reid.models.checkpoint import load_pose_weights
from reid.models.openpose import PoseMaps, PoseNet, pose_input


def openpose_shapes() -> dict[str, tuple[int, ...]]:
    """Name and weight shape of every convolution of OpenPose COCO-18, from the prototxt's figures."""
    shapes: dict[str, tuple[int, ...]] = {}
    trunk = "1_1 3 64, 1_2 64 64, 2_1 64 128, 2_2 128 128, 3_1 128 256, 3_2 256 256, 3_3 256 256, 3_4 256 256"
    for line in f"{trunk}, 4_1 256 512, 4_2 512 512, 4_3_CPM 512 256, 4_4_CPM 256 128".split(", "):
        name, inputs, outputs = line.split()
        shapes[f"conv{name}"] = (int(outputs), int(inputs), 3, 3)
    for branch, outputs in (("L1", 38), ("L2", 19)):
        for i in (1, 2, 3):
            shapes[f"conv5_{i}_CPM_{branch}"] = (128, 128, 3, 3)
        shapes[f"conv5_4_CPM_{branch}"] = (512, 128, 1, 1)
        shapes[f"conv5_5_CPM_{branch}"] = (outputs, 512, 1, 1)
        for stage in range(2, 7):
            shapes[f"Mconv1_stage{stage}_{branch}"] = (128, 185, 7, 7)
            for i in (2, 3, 4, 5):
                shapes[f"Mconv{i}_stage{stage}_{branch}"] = (128, 128, 7, 7)
            shapes[f"Mconv6_stage{stage}_{branch}"] = (128, 128, 1, 1)
            shapes[f"Mconv7_stage{stage}_{branch}"] = (outputs, 128, 1, 1)
    return shapes


def small_net(stages: int = 3) -> PoseNet:
    return PoseNet(stages=stages, width=0.125, generator=torch.Generator().manual_seed(3))


def plain_forward(state: dict[str, torch.Tensor], images: torch.Tensor, stages: int) -> PoseMaps:
    """OpenPose written out call by call, in float64."""

    def conv(name: str, x: torch.Tensor) -> torch.Tensor:
        weight = state[f"{name}.weight"].double()
        return F.conv2d(x, weight, state[f"{name}.bias"].double(), padding=weight.shape[-1] // 2)

    x = images.double()
    for block in (("1_1", "1_2"), ("2_1", "2_2"), ("3_1", "3_2", "3_3", "3_4"), ("4_1", "4_2", "4_3_CPM", "4_4_CPM")):
        if block[0] != "1_1":
            x = F.max_pool2d(x, kernel_size=2, stride=2)
        for name in block:
            x = conv(f"conv{name}", x).clamp(min=0)
    features, heat, paf = x, [], []
    for stage in range(1, stages + 1):
        pattern, count = ("conv5_{}_CPM_{}", 5) if stage == 1 else (f"Mconv{{}}_stage{stage}_{{}}", 7)
        outputs = {}
        for branch in ("L1", "L2"):
            y = x
            for i in range(1, count):
                y = conv(pattern.format(i, branch), y).clamp(min=0)
            outputs[branch] = conv(pattern.format(count, branch), y)
        paf.append(outputs["L1"])
        heat.append(outputs["L2"])
        x = torch.cat([outputs["L1"], outputs["L2"], features], dim=1)
    return PoseMaps(heat=tuple(heat), paf=tuple(paf))


def test_full_net_is_openpose_name_by_name() -> None:
    net = PoseNet()
    state = net.state_dict()
    expected = {f"{name}.weight": shape for name, shape in openpose_shapes().items()}
    expected |= {f"{name}.bias": shape[:1] for name, shape in openpose_shapes().items()}
    assert {name: tuple(tensor.shape) for name, tensor in state.items()} == expected
    assert len(state) == 184
    assert sum(parameter.numel() for parameter in net.parameters()) == 52_311_446
    weights = {name: torch.full(shape, 0.5) for name, shape in expected.items()}
    net.load_state_dict(weights, strict=True)
    assert all(bool((tensor == 0.5).all()) for tensor in net.state_dict().values())


def test_forward_is_the_plain_forward_at_every_stage() -> None:
    net = small_net()
    generator = torch.Generator().manual_seed(0)
    for parameter in net.parameters():  # biases too, and maps that are not near zero
        parameter.data.add_(torch.empty_like(parameter).normal_(std=0.05, generator=generator))
    images = torch.rand(2, 3, 32, 16, generator=generator) - 0.5
    found, expected = net(images), plain_forward(net.state_dict(), images, stages=3)
    assert len(found.heat) == len(found.paf) == 3
    for mine, plain in zip(found.heat + found.paf, expected.heat + expected.paf, strict=True):
        torch.testing.assert_close(mine.double(), plain, rtol=1e-4, atol=1e-5)
    assert min(maps.std().item() for maps in found.heat + found.paf) > 1e-3
    torch.testing.assert_close(found.last, torch.cat([found.heat[2], found.paf[2]], dim=1), rtol=0, atol=0)


def test_maps_may_be_negative_and_features_may_not() -> None:
    net = small_net(stages=2)
    for name in ("conv5_5_CPM_L1", "conv5_5_CPM_L2", "Mconv7_stage2_L1", "Mconv7_stage2_L2"):
        net.get_parameter(f"{name}.weight").data.zero_()
        net.get_parameter(f"{name}.bias").data.fill_(-1.0)
    maps = net(torch.zeros(1, 3, 16, 16))
    assert all(bool((each == -1).all()) for each in maps.heat + maps.paf)

    net = small_net(stages=2)
    net.get_parameter("conv4_4_CPM.weight").data.zero_()
    net.get_parameter("conv4_4_CPM.bias").data.fill_(-1.0)
    cut_off = net(torch.zeros(1, 3, 16, 16)).last
    net.get_parameter("conv4_4_CPM.bias").data.zero_()
    torch.testing.assert_close(cut_off, net(torch.zeros(1, 3, 16, 16)).last, rtol=0, atol=0)


def test_it_can_be_left_out_of_a_context_of_fewer_bits() -> None:
    net, images = small_net(), torch.rand(2, 3, 32, 16, generator=torch.Generator().manual_seed(0)) - 0.5
    expected = net(images).last
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert not torch.equal(net(images).last.float(), expected)
        net.in_float32 = True
        assert torch.equal(net(images.bfloat16().float()).last, net(images.bfloat16()).last)
        assert torch.equal(net(images).last, expected)


def test_odd_sizes_are_padded_right_and_below_with_pixel_128() -> None:
    net = small_net(stages=1)
    pixels = torch.randint(0, 256, (1, 3, 30, 13), generator=torch.Generator().manual_seed(0)).float()
    padded = torch.full((1, 3, 32, 16), 128.0)
    padded[:, :, :30, :13] = pixels
    found = net(pose_input(pixels / 255)).last
    assert found.shape == (1, 57, 4, 2)
    torch.testing.assert_close(found, net(pose_input(padded / 255)).last, rtol=1e-4, atol=1e-5)


def test_pose_input_is_bgr_over_256_less_a_half() -> None:
    red, green, blue = 255, 128, 3
    image = torch.tensor([red, green, blue]).view(1, 3, 1, 1) / 255
    found = pose_input(image).flatten().tolist()
    assert found == pytest.approx([blue / 256 - 0.5, green / 256 - 0.5, red / 256 - 0.5], abs=1e-6)


def test_same_generator_same_weights_and_global_generator_untouched() -> None:
    before = torch.get_rng_state()
    first, second = small_net().state_dict(), small_net().state_dict()
    assert torch.equal(before, torch.get_rng_state())
    assert all(torch.equal(first[name], second[name]) for name in first)
    other = PoseNet(stages=3, width=0.125, generator=torch.Generator().manual_seed(4)).state_dict()
    assert not torch.equal(first["conv1_1.weight"], other["conv1_1.weight"])


@pytest.mark.parametrize("arguments", [{"stages": 0}, {"stages": 7}, {"width": 0.0}])
def test_sizes_that_do_not_exist_are_refused(arguments: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="pose"):
        PoseNet(**arguments)  # type: ignore[arg-type]


@pytest.mark.parametrize("suffix", [".pth", ".safetensors"])
def test_weights_file_is_loaded_whole(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"pose{suffix}"
    source = PoseNet(stages=3, width=0.125, generator=torch.Generator().manual_seed(9)).state_dict()
    torch.save(source, path) if suffix == ".pth" else safetensors.torch.save_file(source, path)
    net = small_net()
    load_pose_weights(net, path)
    assert all(torch.equal(tensor, source[name]) for name, tensor in net.state_dict().items())


def other_names() -> dict[str, torch.Tensor]:
    return {f"trunk_{name}": tensor for name, tensor in small_net().state_dict().items()}


def test_prefixes_and_wrappers_of_other_programs_are_seen_through(tmp_path: Path) -> None:
    source = PoseNet(stages=3, width=0.125, generator=torch.Generator().manual_seed(9)).state_dict()
    torch.save(
        {"state_dict": {f"model.{name}": tensor for name, tensor in source.items()}, "epoch": 3}, tmp_path / "w.pth"
    )
    net = small_net()
    load_pose_weights(net, tmp_path / "w.pth")
    assert all(torch.equal(tensor, source[name]) for name, tensor in net.state_dict().items())


@pytest.mark.parametrize(
    ("state", "said"),
    [
        (other_names(), "trunk_conv1_1"),
        (small_net(stages=2).state_dict(), "Mconv1_stage3_L1"),
        (PoseNet(stages=3, width=0.25).state_dict(), "conv1_1.weight is"),
        ({"state_dict": {}, "epoch": 3}, "not a state dict"),
        ({}, "not a state dict"),
    ],
)
def test_weights_of_another_net_are_one_line_and_change_nothing(
    tmp_path: Path, state: dict[str, torch.Tensor], said: str
) -> None:
    path = tmp_path / "other.pth"
    torch.save(state, path)
    net = small_net()
    with pytest.raises(UserError) as caught:
        load_pose_weights(net, path)
    message = str(caught.value)
    assert "\n" not in message
    assert str(path) in message
    assert said in message
    untouched = small_net().state_dict()
    assert all(torch.equal(tensor, untouched[name]) for name, tensor in net.state_dict().items())


def test_enlarged_images_keep_their_edges_where_they_were() -> None:
    across = torch.arange(16.0).expand(1, 3, 8, 16) / 16
    plain, found = pose_input(across), pose_input(across, 2.5)
    assert found.shape == (1, 3, 20, 40)
    # Pixel x is at (x + 0.5) / 2.5 - 0.5 of the original, and beyond the middle of an outer pixel its colour goes on.
    source = ((torch.arange(40.0) + 0.5) / 2.5 - 0.5).clamp(0, 15)
    torch.testing.assert_close(found, pose_input((source / 16).expand(1, 3, 20, 40)))
    torch.testing.assert_close(found.mean(), plain.mean())
