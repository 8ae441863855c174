"""Losses against camera proxies, by hand and by their gradients, and the memory of the proxies."""

import pytest
import torch
from torch.nn import functional as F

from reid.functional.proxy_contrast import across_cameras_loss, proxies_of, update_proxies, within_camera_loss

CLUSTER_OF, CAMERA_OF = torch.tensor([0, 0, 1, 2, 2]), torch.tensor([0, 1, 0, 0, 1])
SIMILARITY = torch.tensor([[0.9, 0.4, 0.1, 0.2, -0.3], [0.2, 0.1, 0.8, -0.1, 0.5]])


def test_the_own_proxy_among_those_of_the_camera():
    found = within_camera_loss(SIMILARITY, torch.tensor([0, 2]), torch.tensor([0, 0]), CAMERA_OF, 0.5)
    rows = [[0.9, 0.1, 0.2], [0.2, 0.8, -0.1]]
    expected = [-F.log_softmax(torch.tensor(row) / 0.5, 0)[own] for row, own in zip(rows, (0, 1), strict=True)]
    assert found == pytest.approx(sum(expected).item() / 2, abs=1e-6)


def test_the_clusters_other_cameras_against_the_hardest_others():
    clusters, cameras = torch.tensor([0, 1]), torch.tensor([0, 0])
    found = across_cameras_loss(SIMILARITY, clusters, cameras, CLUSTER_OF, CAMERA_OF, 0.5, negatives=2)
    # The second descriptor's cluster has one camera: it is left out. The own camera's proxy, 0.9, is no term.
    expected = -F.log_softmax(torch.tensor([0.4, 0.2, 0.1]) / 0.5, 0)[0]
    assert found == pytest.approx(expected.item(), abs=1e-6)
    several = across_cameras_loss(
        SIMILARITY[:1], clusters[:1], cameras[:1], torch.tensor([0, 0, 0, 1, 1]), torch.tensor([0, 1, 2, 0, 1]), 1.0
    )
    terms = torch.tensor([0.4, 0.1, 0.2, -0.3])
    assert several == pytest.approx(-(F.log_softmax(terms, 0)[:2].mean()).item(), abs=1e-6)


def test_without_another_camera_the_loss_is_zero_and_has_a_gradient():
    similarity = SIMILARITY.clone().requires_grad_()
    found = across_cameras_loss(similarity, torch.tensor([1, 1]), torch.tensor([0, 0]), CLUSTER_OF, CAMERA_OF, 0.5)
    found.backward()
    assert (found.item(), similarity.grad.abs().max().item()) == (0, 0)


def test_gradients_are_finite_and_pull_towards_the_positive():
    similarity = SIMILARITY[:1].clone().requires_grad_()
    one, first = torch.tensor([0]), torch.tensor([0])
    loss = across_cameras_loss(similarity, one, first, CLUSTER_OF, CAMERA_OF, 0.07)
    (loss + within_camera_loss(similarity, one, first, CAMERA_OF, 0.07)).backward()
    assert torch.isfinite(similarity.grad).all()
    assert similarity.grad[0, 0] < 0
    assert similarity.grad[0, 1] < 0
    assert (similarity.grad[0, 2:4] > 0).all()


def test_proxies_are_means_of_length_1_and_follow_their_descriptors():
    descriptors = F.normalize(torch.tensor([[1.0, 0.0], [0.0, 1.0], [3.0, 4.0], [1.0, 1.0]]), dim=1)
    memory = proxies_of(descriptors, torch.tensor([0, 0, 1, -1]), 2)
    assert torch.allclose(memory, torch.tensor([[0.5**0.5, 0.5**0.5], [0.6, 0.8]]))
    update_proxies(memory, descriptors[:2], torch.tensor([1, 1]), momentum=0.5)
    first = F.normalize(torch.tensor([1.6, 0.8]), dim=0)
    assert torch.allclose(memory[1], F.normalize(0.5 * first + torch.tensor([0.0, 0.5]), dim=0))
    assert torch.allclose(memory[0], torch.tensor([0.5**0.5, 0.5**0.5]))
