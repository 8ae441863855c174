"""Rank queries against a gallery: a file of features, or the tracklets of a data set described by a checkpoint.

    python -m reid.evaluate --features F.npz --protocol official --rerank --json OUT.json
    python -m reid.evaluate --features QUERY.npz --gallery-features GALLERY.npz --page PAGE.html
    python -m reid.evaluate --dataset prid --root FOLDER --weights runs/finetune-prid --split 0 --json OUT.json
    python -m reid.evaluate --dataset prid --root FOLDER --weights RUNS --splits all --out FOLDER
    python -m reid.evaluate --dataset synthetic --root FOLDER --weights RUN --clothes all

With --features, PyTorch is neither needed nor imported.
"""

import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from alignnet_common.errors import UserError
from alignnet_common.files import sha256_of_file, write_atomically, write_json, write_text
from alignnet_common.run_record import command_line, now, run_record
from reid.commands import PROGRAM
from reid.configs.evaluate import EvaluateConfig, split_numbers
from reid.configs.groups.ranking import Clothes
from reid.data import ONE_DIVISION, load_splits
from reid.data.fingerprint import data_record, dataset_notes
from reid.data.tracklets.types import ReidData, split_number
from reid.evaluation.extracted_features import is_extracted, query_and_gallery
from reid.evaluation.features_file import read_features
from reid.evaluation.retrieval import (
    Metrics,
    NothingToRankError,
    check_outfits_known,
    mean_metrics,
    metrics_dict,
    std_metrics,
    table,
)
from reid.metrics.chance import chance_ranking
from reid.metrics.labels import Labels
from reid.metrics.protocols import CLOTHES_NAMES, NoPositiveError, rules_of
from reid.metrics.ranking import PLAIN, RankingOptions, rank_features
from reid.metrics.reranking import K1, K2, LAMBDA
from reid.reporting.paper_tables import page
from reid.runtime.run_dir import RESULT

if TYPE_CHECKING:
    from reid.evaluation.evaluator import SplitResult

PROG = "python -m reid.evaluate"

SETTINGS: tuple[Clothes, ...] = ("general", "same", "changed")
"""Settings of clothes that --clothes all evaluates."""

Found = dict[Clothes, dict[str, Any] | str]
"""Result by setting of clothes, or a sentence that says why there is none."""


def evaluate(config: EvaluateConfig) -> None:
    """Rank, print a table, and write --json and --out. Raises UserError on options or files that do not fit."""
    check_files(config)
    started, clock = now(), time.perf_counter()
    if (features := config.features) is not None:
        found = by_clothes(config, lambda ranking: evaluate_features(features, ranking, config.gallery_features))
    else:
        found = evaluate_checkpoint(config)
    result = result_of(found)
    device = result.get("device", "cpu (numpy)")
    record = result | run_record(command_line(PROG), config, device, started, time.perf_counter() - clock)
    if config.json is not None:
        write_json(config.json, record)
    if config.out is not None:
        write_page(config.out, record)
    if config.page is not None:
        write_galleries(config, config.page, record)
    print(table(shown_rows(found)))  # after the files: a closed pipe ends the command here
    print("".join(f"{counted_queries(clothes, each)}\n" for clothes, each in found.items()), end="")


def by_clothes(config: EvaluateConfig, one: Callable[[RankingOptions], dict[str, Any]]) -> Found:
    """The result of `one` in the setting of --clothes, or in each of SETTINGS with --clothes all.

    Of several settings, one without a match gives a sentence in place of a result; it is an error for one alone.
    """
    if config.clothes != "all":
        return {config.clothes: one(ranking_of(config, config.clothes))}
    found: Found = {"general": one(ranking_of(config, "general"))}
    for clothes in SETTINGS[1:]:
        try:
            found[clothes] = one(ranking_of(config, clothes))
        except NothingToRankError as none:
            found[clothes] = str(none)
    return found


def result_of(found: Found) -> dict[str, Any]:
    """The content of result.json: that of the first setting of clothes; with several, `by_clothes` has each of them."""
    result = next(iter(found.values()))
    assert isinstance(result, dict)
    if len(found) == 1:
        return result
    names = (*(name for name in result["chance"]), "chance", "std", "rules")
    blocks = {
        clothes: {"none": each} if isinstance(each, str) else {name: each[name] for name in names if name in each}
        for clothes, each in found.items()
    }
    return result | {"clothes": "all", "by_clothes": blocks}


def shown_rows(found: Found) -> dict[str, Metrics]:
    """The rows of the printed table: chance and result, with several splits each of them, their mean and deviation."""
    rows: dict[str, Metrics] = {}
    for clothes, result in found.items():
        if isinstance(result, str):
            continue
        shown = {"chance": result["chance"], "result": result}
        if result.get("std"):
            each = {f"split {each['split']}": each for each in result["per_split"]} if len(found) == 1 else {}
            shown |= each | {"mean": shown.pop("result"), "± std": result["std"]}
        rows |= {name if len(found) == 1 else f"{clothes}: {name}": block for name, block in shown.items()}
    return rows


def counted_queries(clothes: Clothes, result: dict[str, Any] | str) -> str:
    """How many queries count, and by which protocol, as a sentence."""
    if isinstance(result, str):
        return f"{clothes}: {result}"
    worn = "" if clothes == "general" else f", {CLOTHES_NAMES[clothes]}"
    counts = f"{result['valid_queries']} of {result['queries']} queries have a positive"
    return f"{counts}; protocol: {result['protocol']}{worn}"


def check_files(config: EvaluateConfig) -> None:
    """Raise UserError where --features, --weights, --json and --out do not go together or name no file."""
    if (config.features is None) == (config.weights is None):
        raise UserError("give either --features FILE.npz, or --weights RUN with --dataset and --root")
    if config.gallery_features is not None and config.features is None:
        raise UserError("--gallery-features is the gallery of the queries in --features: name both")
    if config.camera_norm and config.features is not None:
        raise UserError("--camera-norm needs --weights: for files of features, give it to reid extract")
    if config.page is not None:
        check_page(config)
    if config.json is not None and config.json.is_dir():
        raise UserError(f"--json {config.json} is a folder; name a file")
    if config.out is not None and (config.features is not None or (config.out.exists() and not config.out.is_dir())):
        raise UserError(
            f"--out {config.out}: must be a folder, and needs --weights; write the result of --features with --json"
        )


def check_page(config: EvaluateConfig) -> None:
    """Raise UserError where --page cannot be made of --features, or names no file in a folder."""
    page, features = config.page, config.features
    assert page is not None
    if features is None or not (config.gallery_features or is_extracted(features)):
        raise UserError(f"--page {page}: needs --features FILE of reid extract, which names the images")
    if page.is_dir():
        raise UserError(f"--page {page} is a folder; name a file")


def write_galleries(config: EvaluateConfig, page: Path, record: dict[str, Any]) -> None:
    """Write the page of --page."""
    from reid.visualisation.features_page import features_page  # imports Matplotlib, which few evaluations need

    assert config.features is not None
    write_atomically(
        page, features_page(config.features, config.gallery_features, record).encode(errors="backslashreplace")
    )
    print(f"{page} is written")


def evaluate_features(path: Path, options: RankingOptions = PLAIN, gallery_path: Path | None = None) -> dict[str, Any]:
    """The result for a file of features, or for one of queries and one of a gallery.

    Raises UserError where the files cannot be ranked.
    """
    extracted = gallery_path is not None or is_extracted(path)
    arrays = query_and_gallery(path, gallery_path) if extracted else read_features(path)
    query, gallery = (
        Labels(arrays[f"{side}_pids"], arrays[f"{side}_cams"], arrays.get(f"{side}_outfits"))
        for side in ("query", "gallery")
    )
    rows = arrays.get("query_index")
    if options.clothes != "general" and (query.outfits is None or gallery.outfits is None):
        advice = "a file of any program needs query_outfits and gallery_outfits, and files of reid extract have none"
        raise UserError(f"--clothes {options.clothes}: {path} names no outfits: {advice}")
    try:
        ranking = rank_features(
            arrays["query_features"], arrays["gallery_features"], query, gallery, options, query_index=rows
        )
        chance = chance_ranking(query, gallery, options.protocol, rows, clothes=options.clothes)
    except NoPositiveError as none:
        raise NothingToRankError(f"{path}: {none}") from none
    except ValueError as misfit:
        raise UserError(f"{path}: {misfit}") from misfit
    files = {"features": path} | ({} if gallery_path is None else {"gallery_features": gallery_path})
    return {
        **metrics_dict(ranking),
        "chance": metrics_dict(chance),
        **ranking_record(options),
        **{name: {"file": str(file), "sha256": sha256_of_file(file)} for name, file in files.items()},
    }


def evaluate_checkpoint(config: EvaluateConfig) -> Found:
    """The result for a data set described by a checkpoint, or one a split: each split, and their mean.

    Raises UserError on a fault of the data set or of a checkpoint.
    """
    # Imported here, so that --features needs no PyTorch.
    from reid.evaluation.evaluator import EvaluationOptions, checkpoints_of, evaluate_splits
    from reid.runtime.device import device_name, pick_device

    assert config.weights is not None
    device = pick_device(config.device)
    splits = chosen_splits(load_splits(config, config.seed), config)
    if config.clothes != "general":
        for data in splits.values():
            check_outfits_known(data)
    checkpoints = checkpoints_of(config.weights, tuple(splits))
    print("".join(f"{line}\n" for line in dataset_notes(next(iter(splits.values())))), end="")
    with features_folder(config) as features:

        def one(ranking: RankingOptions) -> dict[str, Any]:
            sizes = (config.chunk, config.height, config.width, config.cache_gib)
            options = EvaluationOptions(device, features, *sizes, config.flip_test, config.camera_norm, ranking)
            results = evaluate_splits(splits, checkpoints, options)
            return checkpoint_record(config, results, ranking) | {"device": device_name(device)}

        found = by_clothes(config, one)
    notes = next(each["data"]["notes"] for each in found.values() if isinstance(each, dict))
    given = next(iter(splits.values())).notes
    print("".join(f"note: {note}\n" for note in notes[len(given) :]), end="")
    return found


def checkpoint_record(config: EvaluateConfig, results: "list[SplitResult]", ranking: RankingOptions) -> dict[str, Any]:
    """The splits of one setting of clothes as plain values."""
    from reid.evaluation.evaluator import leak_notes

    return {
        **over_splits(results),
        **ranking_record(ranking),
        "seeds": {"splits": config.seed if config.split_seed is None else config.split_seed},
        "data": splits_record(results, leak_notes(results)),
        "checkpoint": results[0].checkpoint,
        "images": results[0].images,
        "flip_test": config.flip_test,
        "camera_norm": results[0].camera_norm,
    }


def over_splits(results: "list[SplitResult]") -> dict[str, Any]:
    """Mean and standard deviation over the splits, and the record of each split."""
    metrics = [each.metrics for each in results]
    return {
        **mean_metrics(metrics),
        "std": std_metrics(metrics),
        "chance": mean_metrics([each.chance for each in results]),
        "per_split": [each.record() for each in results],
    }


def splits_record(results: "list[SplitResult]", notes: tuple[str, ...]) -> dict[str, Any]:
    """The record of the first split's data, with the names of all splits, and with `notes` added."""
    first = results[0]
    sources = [each.data.split for each in results]
    split = sources[0] if len(sources) == 1 else f"{len(sources)} splits: {sources[0]} to {sources[-1]}"
    record = data_record(first.data, first.fingerprint)
    return {**record, "split": split, "notes": [*first.data.notes, *notes]}


def ranking_record(options: RankingOptions) -> dict[str, Any]:
    """Protocol and processing of the distances, as they are written into results."""
    return {
        "protocol": options.protocol,
        "clothes": options.clothes,
        "rules": rules_of(options.protocol, options.clothes),
        "post_processing": {
            "rerank": {"k1": K1, "k2": K2, "lambda": LAMBDA} if options.rerank else None,
            "score_norm": options.score_norm,
        },
    }


def ranking_of(config: EvaluateConfig, clothes: Clothes) -> RankingOptions:
    """The options of the ranking in one setting of clothes."""
    return RankingOptions(config.protocol, config.score_norm, config.rerank, clothes=clothes)


def chosen_splits(splits: tuple[ReidData, ...], config: EvaluateConfig) -> dict[int, ReidData]:
    """The splits to evaluate, by number: those of --splits, else the one of --split; all random ones if none is named.

    Raises UserError where there is no split of that number.
    """
    if config.dataset in ONE_DIVISION:
        return {0: splits[0]}
    if config.splits is not None or (config.split is None and config.split_source == "random"):
        numbers = split_numbers(config.splits or "all", len(splits) - 1)
        return {number: split_number(splits, number) for number in numbers}
    return {config.split_or_first: split_number(splits, config.split_or_first)}


@contextmanager
def features_folder(config: EvaluateConfig) -> Iterator[Path]:
    """Folder of the descriptor cache: `features` beside the result; a temporary folder if no result is written."""
    beside = config.out or (config.json.parent if config.json else None)
    if beside is not None:
        yield beside / "features"
    else:
        with tempfile.TemporaryDirectory(prefix="reid-") as folder:
            yield Path(folder)


def write_page(folder: Path, result: dict[str, Any]) -> None:
    """Write result.json, table.md and cmc.svg."""
    from reid.reporting.charts import cmc_of_splits  # here, because importing matplotlib takes half a second

    curves = [each["cmc"] for each in result["per_split"]]
    worn = "" if result["clothes"] in ("general", "all") else f", {CLOTHES_NAMES[result['clothes']]}"
    chart = cmc_of_splits(result["cmc"], curves, result["chance"]["cmc"], f"{result['data']['name']}{worn}")
    write_json(folder / RESULT, result)
    write_text(folder / "table.md", page(result))
    write_text(folder / "cmc.svg", chart)
    print(f"{folder / RESULT}, table.md and cmc.svg are written")


if __name__ == "__main__":
    PROGRAM.run("evaluate")
