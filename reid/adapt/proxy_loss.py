"""The loss of a batch against the camera proxies of a round, and the memory that holds them."""

from dataclasses import dataclass
from typing import Self

import torch
from torch import Tensor
from torch.nn import functional as F

from reid.adapt.clustering.clusters import Clusters
from reid.adapt.clustering.description import Described
from reid.configs.adapt import AdaptConfig
from reid.functional.proxy_contrast import across_cameras_loss, proxies_of, update_proxies, within_camera_loss


@dataclass
class ProxyMemory:
    """One vector for each of P proxies, and what the proxies are of."""

    vectors: Tensor
    """(P, D) of length 1; changes from step to step."""

    cluster_of: Tensor
    """(P,) cluster of each proxy."""

    camera_of: Tensor
    """(P,) camera of each proxy."""

    @classmethod
    def of(cls, clusters: Clusters, described: Described, device: torch.device) -> Self:
        """The memory at the start of a round: the means of the proxies' descriptors."""
        proxies = torch.from_numpy(clusters.proxies)
        means = proxies_of(torch.from_numpy(described.whole), proxies, len(clusters.cluster_of))
        vectors = F.normalize(torch.from_numpy(described.lifted(means.numpy())), dim=1)
        cluster_of, camera_of = torch.from_numpy(clusters.cluster_of), torch.from_numpy(clusters.camera_of)
        return cls(vectors.to(device), cluster_of.to(device), camera_of.to(device))

    def losses(self, descriptors: Tensor, proxies: Tensor, config: AdaptConfig) -> dict[str, Tensor]:
        """`loss`, the sum of `within`, the loss within a camera, and `across`, the one across cameras; scalars.

        descriptors -- (B, D) of the network. proxies -- (B,) number of each one's proxy.
        """
        similarity = F.normalize(descriptors.float(), dim=1) @ self.vectors.T
        clusters, cameras = self.cluster_of[proxies], self.camera_of[proxies]
        within = within_camera_loss(similarity, proxies, cameras, self.camera_of, config.temperature)
        where = clusters, cameras, self.cluster_of, self.camera_of
        across = across_cameras_loss(similarity, *where, config.temperature, config.negatives)
        return {"loss": within + across, "within": within, "across": across}

    def update(self, descriptors: Tensor, proxies: Tensor, config: AdaptConfig) -> None:
        """Move the proxies towards the descriptors (B, D) of a batch."""
        update_proxies(self.vectors, F.normalize(descriptors.float(), dim=1), proxies, config.memory_momentum)
