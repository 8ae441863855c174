"""Report of a pre-training and a fine-tuning run: `python -m reid.report --pretrain RUN --finetune RUN --out DIR`.

Writes DIR/report.html, which is self-contained, and DIR/result.json with the same results. The page shows ranked
galleries, part attention and frame weights of the fine-tuned network, which is run over its test tracklets once:
descriptors are kept in DIR/features.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from alignnet_common.checked.forms import ANY, AtLeast, mismatch
from alignnet_common.checked.json_file import read_json as read_checked
from alignnet_common.errors import UserError
from alignnet_common.files import sha256_of_file, write_json, write_text
from reid.commands import PROGRAM
from reid.reporting.page import SHEET_CAPTIONS, render_page
from reid.reporting.views import NetworkViews
from reid.runtime.run_dir import RESULT, read_metrics


@dataclass(frozen=True)
class ReportConfig:
    """Write a page and result.json about a pre-training and a fine-tuning run."""

    pretrain: Path = Path("runs/pretrain")
    """Run of python -m reid.pretrain."""

    finetune: Path = Path("runs/finetune-prid")
    """Run of python -m reid.finetune that started from it."""

    sheets: Path | None = None
    """Folder of image grids (python -m synth.preview), with one folder per data set. Default: no grids."""

    out: Path = Path("runs/report")
    """Folder for the page."""

    galleries: bool = True
    """Show ranked galleries, part attention and frame weights: runs the fine-tuned network over all test tracklets,
    which takes long for a large data set without a GPU."""

    data: Path | None = None
    """Folder of the data that the network was fine-tuned on, if it has moved. Default: as in the fine-tuning run."""

    features: Path | None = None
    """Folder of descriptors that reid.evaluate has computed, to be used again (its OUT/features). Default: features in
    the folder of the page."""

    camera_norm: Path | None = None
    """Result of reid evaluate --camera-norm, by the pre-trained network on the same test: one more row. Default:
    none."""

    adapted: Path | None = None
    """Result of reid evaluate by a network that reid adapt has made of the pre-trained one, on the same test: one more
    row. Default: none."""


def report(config: ReportConfig) -> None:
    """Read both runs, write the page and result.json. Raises UserError where the runs do not belong together."""
    pretrain, finetune = read_result(config.pretrain), read_result(config.finetune)
    check_form(config.pretrain / RESULT, pretrain, RUN)
    missing = [name for name in ("chance", "untrained", "initial", "finetuned") if name not in finetune]
    if missing:
        raise UserError(f"{config.finetune / RESULT} has no {missing[0]}: it is not of python -m reid.finetune")
    check_form(config.finetune / RESULT, finetune, FINETUNED)
    if not holds(config.pretrain, pretrain, finetune["started_from"]):
        raise UserError(
            f"{config.finetune} did not start from what {config.pretrain} holds, but from "
            f"{finetune['started_from']['text']}: name the run that it started from (--pretrain)"
        )
    blocks = {
        "chance": finetune["chance"],
        "untrained": finetune["untrained"],
        "pretrained": finetune["initial"],
        **further_results(config, finetune),
        "finetuned": finetune["finetuned"],
    }
    result = {**blocks, "sizes": sizes(pretrain, finetune), "pretrain": pretrain, "finetune": finetune}
    metrics = {name: read_losses(folder) for name, folder in runs_of(config).items()}
    sheets = find_sheets(config.sheets)
    write_json(config.out / RESULT, result)
    views = view_network(config, finetune)
    if isinstance(views, str):
        print(f"note: {views}")
    page = render_page(result, metrics, sheets, views)
    write_text(config.out / "report.html", page)
    print(f"{config.out / 'report.html'} and {config.out / RESULT} are written")


def further_results(config: ReportConfig, finetune: Mapping[str, Any]) -> dict[str, Any]:
    """The results of --camera-norm and --adapted by stage. Raises UserError where one is missing or of another test."""
    found = {}
    for stage, path in (("camera_norm", config.camera_norm), ("adapted", config.adapted)):
        if path is None:
            continue
        block = read_json(path)
        check_form(path, block, BLOCK | {"data?": {"division?": str}, "per_split?": [{"adapted_to_tested?": int}]})
        if block.get("data", {}).get("division") != finetune["data"]["division"]:
            flag = "--" + stage.replace("_", "-")
            raise UserError(
                f"{flag} {path}: is not of the test of {config.finetune}: evaluate with the same data and split"
            )
        found[stage] = block
    return found


def holds(run_folder: Path, result: Mapping[str, Any], start: Mapping[str, Any]) -> bool:
    """Whether the weights `start`, from which a training started, are the model or an existing checkpoint of a run."""
    if start.get("sha256") is None:
        return False
    if start["sha256"] == result.get("model", {}).get("sha256"):
        return True
    file = Path(start.get("file") or "")
    inside = run_folder.resolve() in file.resolve().parents
    return inside and file.is_file() and sha256_of_file(file) == start["sha256"]


def view_network(config: ReportConfig, finetune: Mapping[str, Any]) -> NetworkViews | str:
    """Ranked galleries and attention of the fine-tuned network, or the reason in one line why they are left out."""
    if not config.galleries:
        return "Ranked galleries, part attention and frame weights are left out (--no-galleries)."
    from reid.visualisation.network import network_views  # here, because importing PyTorch takes seconds

    try:
        return network_views(config.finetune, finetune, config.features or config.out / "features", config.data)
    except UserError as missing:
        return f"Ranked galleries, part attention and frame weights are left out: {missing}"


def runs_of(config: ReportConfig) -> dict[str, Path]:
    """The two run folders by their titles on the page."""
    return {"pre-training": config.pretrain, "fine-tuning": config.finetune}


COUNTS = {name: AtLeast(0, int) for name in ("ids", "tracklets", "frames")}
BLOCK = dict.fromkeys(("rank1", "rank5", "rank10", "rank20", "mAP"), float) | {"cmc": [float]}
NETWORK = {"variant": str, "appearance": str, "stride": int, "pose_stages": int, "pose_width": float}
DATA = {"name": str, "fingerprint": str, "counts": {"train": COUNTS}}
RUN: dict[str, Any] = {
    "data": DATA,
    "training": {"steps": AtLeast(0, int), "seconds": AtLeast(0)},
    "seed": int,
    "device": str,
    "versions": {str: (str, None)},
    "model?": {"sha256?": str},
}
"""Form of the result of a training."""

FINETUNED = RUN | {
    "data": {
        "name": str,
        "fingerprint": str,
        "split": str,
        "protocol": str,
        "division": str,
        "counts": {"train": COUNTS, "query": COUNTS, "gallery": COUNTS},
    },
    **dict.fromkeys(("chance", "untrained", "initial", "finetuned"), BLOCK),
    "config": NETWORK | {"appearance_weights?": str},
    "trained_on_tested?": int,
    "started_from": {"text": str, "sha256?": (str, None), "file?": (str, None)},
}
"""Form of the result of a fine-tuning."""


def check_form(path: Path, result: Mapping[str, Any], form: Any) -> None:
    """Raise UserError where a result is of another form."""
    reason = mismatch(result, form)
    if reason is not None:
        raise UserError(f"{path}: {reason}: the file is damaged, or of another version; run it again")


def read_result(run_folder: Path) -> dict[str, Any]:
    """A run's result.json. Raises UserError where it is missing or damaged."""
    return read_json(run_folder / RESULT)


def read_json(path: Path) -> dict[str, Any]:
    """A result file. Raises UserError where it is missing or damaged."""
    try:
        found: dict[str, Any] = read_checked(path, {str: ANY}, "run it again")
    except FileNotFoundError:
        raise UserError(f"no {path}: the run is not there or not finished (--resume finishes it)") from None
    return found


def read_losses(run_folder: Path) -> list[dict[str, Any]]:
    """The rows of a run's metrics.jsonl. Raises UserError where the run has no identity loss."""
    rows = read_metrics(run_folder)
    if any("identity" not in row or "ranking" not in row for row in rows):
        raise UserError(f"{run_folder}: has no identity loss (python -m reid.pose train): name a run of reid.pretrain")
    return rows


def sizes(pretrain: dict[str, Any], finetune: dict[str, Any]) -> dict[str, Any]:
    """Numbers of identities, tracklets, frames and steps, and the size of the network."""
    network = finetune["config"]
    return {
        "pretrain": pretrain["data"]["counts"]["train"],
        "finetune": finetune["data"]["counts"]["train"],
        "query": finetune["data"]["counts"]["query"],
        "gallery": finetune["data"]["counts"]["gallery"],
        "pretrain_steps": pretrain["training"]["steps"],
        "finetune_steps": finetune["training"]["steps"],
        "network": {name: network[name] for name in ("variant", "appearance", "stride", "pose_stages", "pose_width")},
    }


def find_sheets(folder: Path | None) -> list[Path]:
    """PNG files of the image grids of each data set, in the order of SHEET_CAPTIONS."""
    if folder is None:
        return []
    if not folder.is_dir():
        raise UserError(f"--sheets {folder}: no such folder: make image grids with python -m synth.preview")
    sets = sorted(path for path in folder.iterdir() if path.is_dir())
    return [path / name for path in sets for name in SHEET_CAPTIONS if (path / name).is_file()]


if __name__ == "__main__":
    PROGRAM.run("report")
