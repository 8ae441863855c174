"""The graphs compute what AlignNet computes, for every variant and option, and nothing of padded frames."""

import pytest
import torch

from reid.configs.groups.model import PAPER_SETTINGS, VARIANTS
from reid.exporting.graphs import BLOCKS, FrameGraph, PoolingGraph, VideoGraph, interface_of, without
from small_networks import random_frames, small_network


@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize(
    "options",
    [
        {},
        PAPER_SETTINGS | {"frame_pooling": "sum", "frame_gain": 2.0},
        {"part_visibility": "pose", "tap_input": "joints", "frame_gain": 3.0},
        {"part_visibility": "pose", "frame_pooling": "sum", "pose_scale": 2.0, "stride": 32},
        {"pooling": "gem", "neck": "batch-norm", "unit_length": True},
    ],
)
@torch.no_grad()
def test_graphs_give_the_outputs_of_the_network(variant, options):
    model = small_network(variant, **options)
    frames, valid = random_frames(3, 4)
    expected = model(frames, valid)
    assert not torch.allclose(expected.descriptor[0], expected.descriptor[1], rtol=0.01)
    tolerance = 1e-5 * float(expected.descriptor.abs().max())

    def equal(found, wanted):
        torch.testing.assert_close(found, wanted, rtol=0, atol=tolerance)

    equal(VideoGraph(model)(frames, valid), expected.descriptor)
    described, weights = FrameGraph(model)(frames[valid])
    equal(described, expected.frame_descriptors[valid])
    wanted = torch.ones(len(described), BLOCKS) if expected.frame_weights is None else expected.frame_weights[valid]
    torch.testing.assert_close(weights, wanted)
    chunks, chunk_weights = torch.full((3, 4, described.shape[1]), torch.nan), torch.full((3, 4, BLOCKS), torch.nan)
    chunks[valid], chunk_weights[valid] = described, weights
    equal(PoolingGraph(model)(chunks, chunk_weights, valid), expected.descriptor)


def test_a_graph_holds_the_parts_that_it_uses_and_the_network_keeps_all():
    model = small_network("align-tap")
    parts = set(dict(model.named_children()))
    assert not list(PoolingGraph(model).parameters())
    assert {name.split(".")[1] for name, _ in FrameGraph(model).named_parameters()} == parts - {"classifier"}
    assert without(model, ()).classifier is model.classifier
    assert set(dict(model.named_children())) == parts


@pytest.mark.parametrize("graph", ["video", "frames", "pooling"])
def test_an_interface_names_the_inputs_and_outputs_of_its_graph(graph):
    model = small_network("align-avg")
    interface = interface_of(graph, model, 64, 32)
    module = {"video": VideoGraph, "frames": FrameGraph, "pooling": PoolingGraph}[graph](model)
    with torch.no_grad():
        outputs = module(*interface.example())
    outputs = (outputs,) if isinstance(outputs, torch.Tensor) else outputs
    for found, shape in zip(outputs, interface.outputs.values(), strict=True):
        assert found.shape == torch.Size([{"batch": 2, "images": 6}.get(side, side) for side in shape])
