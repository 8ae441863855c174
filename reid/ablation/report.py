"""Report of the finished trainings of the ablation: ablation.md and ablation.json."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from alignnet_common.cli import as_plain
from alignnet_common.files import write_json, write_text
from reid.ablation.cell import read_evaluation, read_result
from reid.ablation.datasets import FinetuningData, PretrainingData
from reid.ablation.grid import Grid, Training
from reid.ablation.tables import Kind, Ranked, Summary, page, summaries
from reid.configs.finetune import FinetuneConfig
from reid.configs.groups.data import DatasetName
from reid.configs.groups.ranking import Protocol
from reid.configs.pretrain import PretrainConfig
from reid.provenance.notes import notes_on_pose


@dataclass(frozen=True)
class Prepared:
    """The grid with its options and data, before the first training."""

    grid: Grid
    protocol: Protocol
    plan: tuple[Training, ...]
    pretrain: PretrainConfig
    finetune: dict[DatasetName, FinetuneConfig]
    """Options of fine-tuning by data set, except for the factors of the grid."""

    seen: PretrainingData | None
    """Data of pre-training; None if the grid has none."""

    tested: dict[DatasetName, FinetuningData]

    def fingerprint_of(self, training: Training) -> str:
        """Fingerprint of the training data."""
        if isinstance(training.config, FinetuneConfig):
            return self.tested[training.config.dataset].fingerprints[training.config.split_or_first]
        assert self.seen is not None
        return self.seen.record["fingerprint"]

    def division_of(self, training: Training) -> str:
        """Split of the training data, see `reid.data.fingerprint.division`."""
        if isinstance(training.config, FinetuneConfig):
            return self.tested[training.config.dataset].divisions[training.config.split_or_first]
        assert self.seen is not None
        return self.seen.record["division"]

    def steps_of(self, training: Training) -> int:
        """Number of steps of a training."""
        if isinstance(training.config, FinetuneConfig):
            return self.tested[training.config.dataset].steps[training.config.split_or_first]
        assert self.seen is not None
        return self.seen.steps

    @property
    def cells(self) -> tuple[Training, ...]:
        """The fine-tunings, which are the cells of the tables."""
        return tuple(each for each in self.plan if isinstance(each.config, FinetuneConfig))


def notes(prepared: Prepared) -> list[str]:
    """Notes and warnings about the data sets and initial weights, a line each."""
    lines = []
    for tested in prepared.tested.values():
        data = tested.record
        lines += [f"note: {tested.name}: {line}" for line in data["notes"]]
        lines += [f"warning: {tested.name}: {line}" for line in data["warnings"]]
        if tested.known:
            lines.append(
                f"warning: {tested.name}: pre-training sees {tested.known} of the persons tested: no valid figures; "
                "render another set for one of the two (--data, --roots)"
            )
    return lines + notes_on_starts(prepared)


def notes_on_starts(prepared: Prepared) -> list[str]:
    """Notes about pose networks with random initial weights that are not trained on joints."""
    lines = []
    for training in prepared.plan:
        config = training.config
        if isinstance(config, FinetuneConfig) and training.needs is None:
            name, file = f"{prepared.tested[config.dataset].name}, without pre-training", f"finetune.{config.dataset}"
        elif isinstance(config, PretrainConfig) and config.init is None:
            name, file = "pre-training", "pretrain"
        else:
            continue
        found = notes_on_pose(config, config.joints_teach)
        lines += [f"note: {name}: {note} (here in the file --{file})" for note in found]
    return list(dict.fromkeys(lines))


def write_report(prepared: Prepared, failures: Mapping[str, str], record: Mapping[str, Any]) -> str:
    """Write ablation.json and ablation.md with all finished trainings; returns the page.

    failures -- errors by the training's name. record -- see `alignnet_common.run_record.run_record`.
    """
    records = [cell_record(each, prepared) for each in prepared.cells]
    seeds = len(prepared.grid.seeds)
    planned = {tested.name: len(tested.sources) * seeds for tested in prepared.tested.values()}
    found = summaries(ranked_of(records), planned)
    result = {
        "means": [as_record(each) for each in found],
        "cells": records,
        "pretrainings": [pretraining_record(each) for each in prepared.plan if each not in prepared.cells],
        "failures": dict(failures),
        "data": {dataset: tested.as_record() for dataset, tested in prepared.tested.items()},
        "pretraining_data": prepared.seen.record if prepared.seen else None,
        "protocol": prepared.protocol,
        "pretrain": as_plain(prepared.pretrain) if prepared.seen else None,
        "finetune": {dataset: as_plain(each) for dataset, each in prepared.finetune.items()},
        **record,
    }
    write_json(prepared.grid.run / "ablation.json", result)
    text = page(found, report_notes(prepared, records, failures))
    write_text(prepared.grid.run / "ablation.md", text)
    return text


def cell_record(training: Training, prepared: Prepared) -> dict[str, Any]:
    """Record of a fine-tuning: its factors and, if evaluated, its rankings with and without post-processing."""
    config = training.config
    assert isinstance(config, FinetuneConfig)
    found = read_evaluation(training, prepared.protocol)
    result = read_result(training) if found else None
    return {
        "folder": training.name,
        "dataset": config.dataset,
        "data": prepared.tested[config.dataset].name,
        "start": training.start,
        "variant": config.variant,
        "split": config.split,
        "seed": config.seed,
        "finished": found is not None,
        **(found or {}),
        **({"training": result["training"], "started_from": result["started_from"]} if result else {}),
    }


def pretraining_record(training: Training) -> dict[str, Any]:
    """Record of a pre-training: its factors and, if finished, its training."""
    result = read_result(training)
    record = {"folder": training.name, "variant": training.config.variant, "seed": training.config.seed}
    known = {name: result[name] for name in ("data", "training", "model")} if result else {}
    return record | {"finished": result is not None} | known


def ranked_of(records: Sequence[Mapping[str, Any]]) -> list[Ranked]:
    """The rankings of all evaluated networks."""
    return [
        Ranked(
            Kind(each["data"], each["start"], each["variant"], ranking["score_norm"], ranking["rerank"]),
            each["split"],
            each["seed"],
            {name: value for name, value in ranking.items() if name not in ("score_norm", "rerank")},
        )
        for each in records
        for ranking in each.get("rankings", ())
    ]


def as_record(each: Summary) -> dict[str, Any]:
    """A summary as plain values for ablation.json."""
    kept = ("runs", "planned", "mean", "std", "std_over_splits", "std_over_seeds")
    return as_plain(each.kind) | {name: getattr(each, name) for name in kept}


def report_notes(prepared: Prepared, records: Sequence[Mapping[str, Any]], failures: Mapping[str, str]) -> list[str]:
    """Lines of the page about data, splits, seeds and errors."""
    lines = []
    for dataset, tested in prepared.tested.items():
        of_set = [each for each in records if each["dataset"] == dataset]
        sources = list(tested.sources.values())
        splits = sources[0] if len(sources) == 1 else f"{len(sources)} splits, {sources[0]} to {sources[-1]}"
        lines.append(
            f"{tested.name}: {splits}; {sum(each['finished'] for each in of_set)} of {len(of_set)} networks are "
            f"measured; chance is rank-1 {tested.chance['rank1']:.1f}, mAP {tested.chance['mAP']:.1f}; "
            f"data fingerprint {tested.record['fingerprint'][:16]}"
        )
        seen = max((each.get("trained_on_tested", 0) for each in of_set), default=0)
        if seen and not tested.known:  # overlap with pre-training is in `notes`
            lines.append(
                f"warning: {tested.name}: networks have seen up to {seen} of the persons tested, in what "
                f"--pose-weights or --rendered of the file --finetune.{dataset} names: no valid figures"
            )
    if prepared.seen:
        counts = prepared.seen.record["counts"]["train"]
        lines.append(
            f"Pre-training: {counts['ids']} rendered persons, {counts['frames']} frames; "
            f"data fingerprint {prepared.seen.record['fingerprint'][:16]}"
        )
    lines.append(f"Training seeds: {', '.join(map(str, prepared.grid.seeds))}. Protocol: {prepared.protocol}.")
    return [*lines, *notes(prepared), *(f"failed: {name}: {reason}" for name, reason in failures.items())]
