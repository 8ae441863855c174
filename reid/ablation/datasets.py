"""What the ablation's data sets hold, checked before the first training: splits, steps, and who was seen before."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from alignnet_common.errors import UserError
from alignnet_common.files import sha256_of_file
from reid.configs.data import DatasetName
from reid.configs.finetune import FinetuneConfig
from reid.configs.pretrain import PretrainConfig
from reid.configs.training import TrainConfig
from reid.data import ONE_DIVISION, load_splits
from reid.data.datasets.synthetic import load_pretraining
from reid.data.fingerprint import data_record, division, fingerprint
from reid.data.tracklets.types import ReidData, split_number
from reid.evaluation.evaluator import fingerprints
from reid.evaluation.retrieval import Metrics, chance_of, mean_metrics
from reid.metrics.protocols import Protocol
from reid.models.checkpoint import load_model
from reid.provenance.notes import trainings_of_pose
from reid.provenance.seen_people import trained_on, trained_on_tested, trainings_of
from reid.provenance.start import model_file
from reid.training.batches import chunks_and_sampler, last_step


@dataclass(frozen=True)
class TrainedOn:
    """The rendered set that networks are pre-trained on."""

    people: Sequence[Mapping[str, Any]]
    """Name, fingerprint and pids, as a network's file has them: of what it starts from, and of the rendered set."""

    record: dict[str, Any]
    """See `reid.data.fingerprint.data_record`."""

    steps: int
    """Steps of a pre-training."""

    start: str | None
    """SHA-256 of the run that they start from (--init); None where they start from none."""


@dataclass(frozen=True)
class Tested:
    """A data set under the splits that are asked for."""

    name: str
    """Name of the data that was really read."""

    record: dict[str, Any]
    """See `reid.data.fingerprint.data_record`; of the first split."""

    fingerprints: dict[int, str]
    """By number of the split."""

    divisions: dict[int, str]
    """See `reid.data.fingerprint.division`, by number of the split."""

    sources: dict[int, str]
    """Where each split comes from."""

    steps: dict[int, int]
    """Steps of a fine-tuning on each split."""

    chance: Metrics
    """What a random order is expected to give, the mean over the splits."""

    rendered: str | None
    """Fingerprint of the rendered set beside it (--rendered); None where there is none."""

    known: int
    """Persons tested whom pre-training has seen already, in the split with the most of them."""

    def as_record(self) -> dict[str, Any]:
        """All of it as plain values."""
        known = {"known_from_pretraining": self.known}
        return self.record | {"splits": self.sources, "chance": self.chance} | known


def look_at_pretraining(options: PretrainConfig) -> TrainedOn:
    """Read the rendered set. Raises UserError where it does not serve."""
    data = load_pretraining(options.data, options.validation_ids, options.seed)
    record = data_record(data, fingerprint(data))
    init = None if options.init is None else model_file(options.init)
    before = trainings_of_pose(options) if init is None else trainings_of(load_model(init)[1])
    people = [*before, trained_on(data, record["fingerprint"])]
    steps = steps_on(data, options, f"pre-training on {options.data}")
    return TrainedOn(people, record, steps, None if init is None else sha256_of_file(init))


def look_at_tested(
    dataset: DatasetName, options: FinetuneConfig, splits: Sequence[int], protocol: Protocol, seen: TrainedOn | None
) -> Tested:
    """Read a data set under each of `splits`; `seen` is what networks were pre-trained on.

    Raises UserError where the data is not there or damaged, a split is missing, or there is nothing to train on or to
    rank.
    """
    try:
        return _looked_at(dataset, options, splits, protocol, seen)
    except UserError as fault:  # its advice names options of reid.finetune
        where = f"the folder is --roots.{dataset}, all else is in the file --finetune.{dataset}"
        raise UserError(f"{fault} (here {where})") from fault


def _looked_at(
    dataset: DatasetName, options: FinetuneConfig, splits: Sequence[int], protocol: Protocol, seen: TrainedOn | None
) -> Tested:
    every = load_splits(options, options.seed)
    chosen = {number: every[0] if dataset in ONE_DIVISION else split_number(every, number) for number in splits}
    prints = fingerprints(chosen)
    first = chosen[splits[0]]
    known = [trained_on_tested(seen.people, data, prints[number]) for number, data in chosen.items()] if seen else [0]
    return Tested(
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
    """Steps that a training takes. Raises UserError, which begins with `where`, where there are too few people."""
    try:
        _, sampler = chunks_and_sampler(options, data)
    except UserError as few:
        raise UserError(f"{where}: {few}") from few
    return last_step(options, sampler)
