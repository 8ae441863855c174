"""IBN-Net-a: which norms are halved, what the halves compute, and how files of networks with and without it load."""

from pathlib import Path

import pytest
import timm
import torch
import torchvision
from torch import nn
from torch.nn import functional as F

from alignnet_common.errors import UserError
from reid.models.appearance import appearance_net
from reid.models.batch_norm import InstanceBatchNorm, freeze_norms

IMAGES = torch.randn(3, 3, 64, 32, generator=torch.Generator().manual_seed(0))


def halved(net: nn.Module) -> list[str]:
    return [name for name, module in net.named_modules() if isinstance(module, InstanceBatchNorm)]


@pytest.mark.parametrize(
    ("name", "blocks"), [("resnet18_ibn_a", (2, 2, 2)), ("resnet34_ibn_a", (3, 4, 6)), ("resnet50_ibn_a", (3, 4, 6))]
)
def test_names_are_those_of_the_published_networks(name: str, blocks: tuple[int, ...]) -> None:
    """XingangPan/IBN-Net: `layerN.M.bn1.IN.weight`, `.IN.bias`, and a batch norm `.BN` for the other half."""
    net = appearance_net(name, 32, "none")
    assert halved(net) == [f"layer{n}.{m}.bn1" for n, count in enumerate(blocks, 1) for m in range(count)]
    names = {key.removeprefix("layer1.0.bn1.") for key in net.state_dict() if key.startswith("layer1.0.bn1.")}
    of_batch_norm = {f"BN.{kind}" for kind in ("weight", "bias", "running_mean", "running_var", "num_batches_tracked")}
    assert names == of_batch_norm | {"IN.weight", "IN.bias"}
    assert net.state_dict()["layer2.0.bn1.IN.weight"].shape == net.state_dict()["layer2.0.bn1.BN.weight"].shape == (64,)


def test_halves_are_instance_and_batch_norm() -> None:
    norm = nn.BatchNorm2d(6, eps=1e-3)
    found, x = InstanceBatchNorm(norm), torch.randn(4, 6, 5, 3, generator=torch.Generator().manual_seed(1))
    y = found.train()(x)
    own = (x - x.mean((2, 3), keepdim=True)) / (x.var((2, 3), keepdim=True, unbiased=False) + 1e-3).sqrt()
    batch = (x - x.mean((0, 2, 3), keepdim=True)) / (x.var((0, 2, 3), keepdim=True, unbiased=False) + 1e-3).sqrt()
    torch.testing.assert_close(y[:, :3], own[:, :3])
    torch.testing.assert_close(y[:, 3:], batch[:, 3:])
    freeze_norms(found)
    assert found.IN.training and not found.BN.training
    torch.testing.assert_close(found(x)[:, :3], own[:, :3])  # instance norm has no statistics to freeze


def test_a_plain_networks_file_loads_in_both_halves(tmp_path: Path) -> None:
    with torch.random.fork_rng():
        torch.manual_seed(1)
        state = torchvision.models.resnet18().state_dict()
        state["layer1.0.bn1.weight"].uniform_()
        state["layer1.0.bn1.running_mean"].uniform_()
    torch.save(state, tmp_path / "plain.pth")
    net = appearance_net("resnet18_ibn_a", 16, tmp_path / "plain.pth")
    norm = net.layer1[0].bn1
    assert torch.equal(torch.cat([norm.IN.weight, norm.BN.weight]), state["layer1.0.bn1.weight"])
    assert torch.equal(norm.BN.running_mean, state["layer1.0.bn1.running_mean"][32:])
    assert torch.equal(net.layer4[0].bn1.weight, state["layer4.0.bn1.weight"])
    torch.save(net.state_dict() | {"fc.weight": torch.ones(1)}, tmp_path / "halves.pth")
    again = appearance_net("resnet18_ibn_a", 16, tmp_path / "halves.pth")
    assert all(torch.equal(tensor, net.state_dict()[name]) for name, tensor in again.state_dict().items())
    with pytest.raises(UserError, match=r"halves\.pth: not the weights of torchvision's resnet18: "):
        appearance_net("resnet18", 16, tmp_path / "halves.pth")


def test_networks_of_timm_keep_their_activations(tmp_path: Path) -> None:
    """The first norm of each block up to a sixteenth of the resolution; timm's norms have the activation inside."""
    whole = timm.create_model("mobilenetv2_035").eval()
    torch.save(whole.state_dict(), tmp_path / "plain.pth")
    net = appearance_net("mobilenetv2_035_ibn_a", 32, tmp_path / "plain.pth").eval()
    assert halved(net) == [
        f"net.blocks.{stage}.{block}.bn1" for stage, count in enumerate((1, 2, 3, 4, 3)) for block in range(count)
    ]
    block, plain = net.net.blocks[1][0], whole.blocks[1][0]
    x = plain.conv_pw(torch.rand(2, 8, 8, 8, generator=torch.Generator().manual_seed(2)))
    half = x.shape[1] // 2
    with torch.no_grad():
        found, expected = block.bn1(x), plain.bn1(x)
        torch.testing.assert_close(found[:, half:], expected[:, half:])
        torch.testing.assert_close(found[:, :half], F.relu6(F.instance_norm(x[:, :half], eps=plain.bn1.eps)))
        assert net(IMAGES).shape == (3, 1280, 2, 1)
