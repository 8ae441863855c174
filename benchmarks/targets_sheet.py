"""See what the pose network is taught: `python -m benchmarks.targets_sheet --data OUT --out FILE.png`.

Crops of a rendered set, each beside its heat maps and its part affinity fields, at the eighth of the resolution that
they have and smoothed to the crop's size. Here rather than in `synth`, which knows nothing of networks.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image

from alignnet_common.arrays import Bytes
from alignnet_common.cli import run_command
from alignnet_common.files import replacing
from alignnet_common.images import beside, enlarged, grid, spread_over
from reid.functional.pose_targets import pose_targets
from synth.dataset.layout import RenderedSet
from synth.dataset.reader import finished_rows, read_truth
from synth.report.contact_sheets import frame_of

SCALE = 3


@dataclass(frozen=True)
class SheetConfig:
    """Draw heat maps and part affinity fields over crops of a rendered set."""

    data: Path = Path("data/synthetic")
    """Folder of the set."""

    out: Path = Path("targets.png")
    """The sheet."""

    crops: int = 20
    """Crops, one a clip, evenly spread over the set."""

    def __post_init__(self) -> None:
        """Refuse values that cannot be meant."""
        if self.crops < 1:
            raise ValueError(f"--crops {self.crops}: must be at least 1")


def sheet(config: SheetConfig) -> None:
    """Write the sheet."""
    source = RenderedSet(config.data)
    tiles = []
    for row in spread_over(finished_rows(source), config.crops):
        number = row["frames"] // 2
        truth = read_truth(source, row["clip"], ("joints2d", "joints_visible"))
        tiles.append(
            tile(frame_of(source, row["clip"], number), truth["joints2d"][number], truth["joints_visible"][number])
        )
    with replacing(config.out) as partial, partial.open("wb") as stream:
        Image.fromarray(grid(tiles, min(5, len(tiles)))).save(stream, format="PNG")
    print(f"{config.out}: {len(tiles)} crops with their heat maps and part affinity fields")


def tile(crop: Bytes, joints: NDArray[np.float32], seen: NDArray[np.bool_]) -> Bytes:
    """A crop (H, W, 3), its heat maps over it, and its fields: red to the right, cyan to the left, and so round."""
    height, width = crop.shape[:2]
    targets = pose_targets(
        torch.from_numpy(joints)[None], torch.ones(1, 18, dtype=torch.bool), height, width, torch.from_numpy(seen)[None]
    )
    heat = targets.heat[0, :18].amax(0, keepdim=True)
    fields = targets.paf[0].unflatten(0, (-1, 2))
    strongest = fields.square().sum(1).argmax(0)  # (h, w): of the limbs that meet in a cell, one
    paf = fields.gather(0, strongest[None, None].expand(1, 2, -1, -1))[0]
    angle, strength = torch.atan2(paf[1], paf[0]), paf.square().sum(0, keepdim=True)
    hues = (1 + torch.cos(angle - torch.tensor([0.0, 2.0944, 4.1888])[:, None, None])) / 2
    shown = [crop, over(crop, torch.tensor([1.0, 0.85, 0.0])[:, None, None].expand(3, *heat.shape[1:]), heat)]
    return beside([enlarged(picture, SCALE) for picture in (*shown, over(crop, hues, strength))], 0)


def over(crop: Bytes, colour: torch.Tensor, weight: torch.Tensor) -> Bytes:
    """The crop, darkened, under `colour` (3, h, w) in 0..1, as strong as `weight` (1, h, w); both are scaled to it."""
    size = crop.shape[:2]
    maps = torch.cat([colour * weight, weight])[None]
    full = torch.nn.functional.interpolate(maps, size, mode="bilinear", align_corners=False)[0].permute(1, 2, 0).numpy()
    mixed = 0.6 * crop * (1 - 0.8 * full[..., 3:]) + 0.8 * 255 * full[..., :3]
    return np.clip(mixed, 0, 255).astype(np.uint8)


if __name__ == "__main__":
    run_command(sheet, SheetConfig, "python -m benchmarks.targets_sheet")
