"""Options of reid ablation."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, get_args

from reid.configs.groups.checks import require
from reid.configs.groups.data import DatasetName
from reid.configs.groups.model import Variant
from reid.configs.groups.ranking import Protocol

Start = Literal["without", "synthetic"]
"""Initial weights of fine-tuning. without: no synthetic pre-training; synthetic: pre-trained on synthetic persons."""


@dataclass(frozen=True)
class AblationConfig:
    """Train and evaluate the grid of the paper's Tables 1a, 1b and 2, and write these tables with the results.

    The same command continues an interrupted one; finished trainings are not repeated.
    """

    run: Path = Path("runs/ablation")
    """Folder for all results, with a folder for each training."""

    datasets: tuple[DatasetName, ...] = ()
    """Data sets for fine-tuning and testing. Default: those of prid, ilids and mars whose folders exist, and those of
    --roots; if there is none, the synthetic data set in data/synthetic."""

    roots: dict[DatasetName, Path] = field(default_factory=dict)
    """Folders of data sets: --roots.prid FOLDER. Default: as in the --finetune file, or in reid.finetune."""

    data: Path | None = None
    """Synthetic data set for pre-training. Default: as in the --pretrain file, or data/synthetic."""

    starts: tuple[Start, ...] = ("without", "synthetic")
    """Initial weights of fine-tuning: without (ImageNet or random), synthetic (pre-trained on synthetic persons)."""

    variants: tuple[Variant, ...] = ("baseline", "align-avg", "align-tap")
    """Networks, as --variant of reid.finetune."""

    splits: tuple[int, ...] = tuple(range(10))
    """Numbers of the splits, 0-9. mars and market have only split 0, whatever is given here."""

    seeds: tuple[int, ...] = (0,)
    """Seeds of the trainings. The splits do not depend on them."""

    pretrain: Path | None = None
    """YAML file with the options of pre-training (of reid.pretrain). Default: its defaults."""

    finetune: dict[DatasetName, Path] = field(default_factory=dict)
    """YAML file with the options of fine-tuning on a data set (of reid.finetune): --finetune.prid FILE. Default: its
    defaults."""

    protocol: Protocol = "step"
    """Evaluation protocol: step, torchreid or official; see reid.evaluate."""

    keep_checkpoints: bool = False
    """Keep the checkpoints of finished trainings; otherwise only model.safetensors is kept."""

    dry_run: bool = False
    """Print the trainings and their status only."""

    def __post_init__(self) -> None:
        for name in ("datasets", "starts", "variants", "splits", "seeds"):
            values = getattr(self, name)
            twice = next((value for value in values if values.count(value) > 1), None)
            require(twice is None, f"--{name} names {twice} twice")
            require(bool(values) or name == "datasets", f"--{name} is empty: name at least one")
        for split in self.splits:
            require(0 <= split <= 9, f"--splits: a split is 0 to 9, not {split}")
        for seed in self.seeds:
            require(seed >= 0, f"--seeds must not be negative, not {seed}")
        for option, named in (("roots", self.roots), ("finetune", self.finetune)):
            for dataset in named:
                known = get_args(DatasetName)
                require(
                    dataset in known, f"--{option}: there is no data set {dataset}: it is one of {', '.join(known)}"
                )
