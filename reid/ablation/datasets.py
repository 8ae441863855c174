"""The data sets of the ablation, checked before the first training: splits, steps, overlap with pre-training."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from alignnet_common.errors import UserError
from alignnet_common.files import sha256_of_file
from reid.configs.finetune import FinetuneConfig
from reid.configs.groups.data import DatasetName
from reid.configs.groups.ranking import Protocol
from reid.configs.groups.training import TrainConfig
from reid.configs.pretrain import PretrainConfig
from reid.data import ONE_DIVISION, load_splits
from reid.data.datasets.synthetic import load_pretraining
from reid.data.fingerprint import data_record, division, fingerprint
from reid.data.tracklets.types import ReidData, split_number
from reid.evaluation.evaluator import fingerprints
from reid.evaluation.retrieval import Metrics, chance_of, mean_metrics
from reid.models.checkpoint import load_model
from reid.provenance.notes import trainings_of_pose
from reid.provenance.seen_people import trained_on, trained_on_tested, trainings_of
from reid.runtime.run_dir import model_file
from reid.training.batches import chunks_and_sampler, last_step


@dataclass(frozen=True)
class PretrainingData:
    """The synthetic data set of pre-training."""

    people: Sequence[Mapping[str, Any]]
    """Records of the identities seen in training, as in a model file: of the initial weights and of this data set."""

    record: dict[str, Any]
    """See `reid.data.fingerprint.data_record`."""

    steps: int
    """Number of steps of a pre-training."""

    start: str | None
    """SHA-256 of the initial weights (--init); None if there are none."""


@dataclass(frozen=True)
class FinetuningData:
    """A data set for fine-tuning and testing, under the splits of the grid."""

    name: str
    """Name of the data set that was read."""

    record: dict[str, Any]
    """See `reid.data.fingerprint.data_record`; of the first split."""

    fingerprints: dict[int, str]
    """Fingerprint by number of the split."""

    divisions: dict[int, str]
    """See `reid.data.fingerprint.division`, by number of the split."""

    sources: dict[int, str]
    """Source of each split, by number."""

    steps: dict[int, int]
    """Number of steps of a fine-tuning, by number of the split."""

    chance: Metrics
    """Expected figures of a random ranking, mean over the splits."""

    rendered: str | None
    """Fingerprint of the synthetic data set of --rendered; None if there is none."""

    known: int
    """Number of test identities that are in the pre-training data; the largest number over the splits."""

    def as_record(self) -> dict[str, Any]:
        """Plain values for ablation.json."""
        known = {"known_from_pretraining": self.known}
        return self.record | {"splits": self.sources, "chance": self.chance} | known


def read_pretraining_data(options: PretrainConfig) -> PretrainingData:
    """Read the data of pre-training. Raises UserError where they cannot be used."""
    data = load_pretraining(options.data, options.held_out, options.seed, options.ids)
    record = data_record(data, fingerprint(data))
    init = None if options.init is None else model_file(options.init)
    before = trainings_of_pose(options) if init is None else trainings_of(load_model(init)[1])
    people = [*before, trained_on(data, record["fingerprint"])]
    steps = steps_on(data, options, f"pre-training on {options.data}")
    return PretrainingData(people, record, steps, None if init is None else sha256_of_file(init))


def read_finetuning_data(
    dataset: DatasetName,
    options: FinetuneConfig,
    splits: Sequence[int],
    protocol: Protocol,
    seen: PretrainingData | None,
) -> FinetuningData:
    """Read a data set under each of `splits`; `seen` are the data of pre-training.

    Raises UserError where the data are missing or damaged, a split is missing, or there is nothing to train on or to
    rank.
    """
    try:
        return _read(dataset, options, splits, protocol, seen)
    except UserError as fault:  # its advice names options of reid.finetune
        where = f"the folder is --roots.{dataset}, all else is in the file --finetune.{dataset}"
        raise UserError(f"{fault} (here {where})") from fault


def _read(
    dataset: DatasetName,
    options: FinetuneConfig,
    splits: Sequence[int],
    protocol: Protocol,
    seen: PretrainingData | None,
) -> FinetuningData:
    every = load_splits(options, options.seed)
    chosen = {number: every[0] if dataset in ONE_DIVISION else split_number(every, number) for number in splits}
    prints = fingerprints(chosen)
    first = chosen[splits[0]]
    known = [trained_on_tested(seen.people, data, prints[number]) for number, data in chosen.items()] if seen else [0]
    return FinetuningData(
        name=first.name,
        record=data_record(first, prints[splits[0]]),
        fingerprints=prints,
        divisions={number: division(data) for number, data in chosen.items()},
        sources={number: data.split for number, data in chosen.items()},
        steps={number: steps_on(data, options, f"{dataset}, {data.split}") for number, data in chosen.items()},
        chance=mean_metrics([chance_of(data, protocol) for data in chosen.values()]),
        rendered=None if options.rendered is None else fingerprint(load_pretraining(options.rendered, 0, 0)),
        known=max(known),
    )


def steps_on(data: ReidData, options: TrainConfig, where: str) -> int:
    """Number of steps of a training. Raises UserError, beginning with `where`, on too few identities."""
    try:
        _, sampler = chunks_and_sampler(options, data)
    except UserError as few:
        raise UserError(f"{where}: {few}") from few
    return last_step(options, sampler)
