"""One page about a pre-training and a fine-tuning run: `python -m reid.report --pretrain RUN --finetune RUN --out DIR`.

Writes DIR/report.html, which needs no other file, and DIR/result.json, the same for scripts.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from alignnet_common.cli import run_command
from alignnet_common.errors import UserError
from alignnet_common.files import read_jsonl, sha256_of_file, write_atomically, write_json
from reid.reporting.page import SHEET_CAPTIONS, render_page


@dataclass(frozen=True)
class ReportConfig:
    """Make one page, with result.json beside it, about a pre-training and a fine-tuning run."""

    pretrain: Path = Path("runs/pretrain")
    """Run of python -m reid.pretrain."""

    finetune: Path = Path("runs/finetune-prid")
    """Run of python -m reid.finetune that started from it."""

    sheets: Path | None = None
    """Folder of contact sheets (python -m synth.preview), one folder a set. Default: none are shown."""

    out: Path = Path("runs/report")
    """Folder that the page is written to."""


def report(config: ReportConfig) -> None:
    """Read both runs, write the page and the JSON."""
    pretrain, finetune = read_result(config.pretrain), read_result(config.finetune)
    missing = [name for name in ("chance", "untrained", "initial", "finetuned") if name not in finetune]
    if missing:
        raise UserError(f"{config.finetune / 'result.json'} has no {missing[0]}: it is not of python -m reid.finetune")
    if not holds(config.pretrain, pretrain, finetune["started_from"]):
        raise UserError(
            f"{config.finetune} did not start from what {config.pretrain} holds, but from "
            f"{finetune['started_from']['text']}: name the run that it started from (--pretrain)"
        )
    blocks = {
        "chance": finetune["chance"],
        "untrained": finetune["untrained"],
        "pretrained": finetune["initial"],
        "finetuned": finetune["finetuned"],
    }
    result = {**blocks, "sizes": sizes(pretrain, finetune), "pretrain": pretrain, "finetune": finetune}
    metrics = {name: read_losses(folder) for name, folder in runs_of(config).items()}
    write_json(config.out / "result.json", result)
    page = render_page(result, metrics, find_sheets(config.sheets))
    write_atomically(config.out / "report.html", page.encode())
    print(f"{config.out / 'report.html'} and {config.out / 'result.json'} are written")


def holds(run_folder: Path, result: Mapping[str, Any], start: Mapping[str, Any]) -> bool:
    """Whether what a training started from is the network of a run, or a checkpoint of it that is still there."""
    if start.get("sha256") is None:
        return False
    if start["sha256"] == result.get("model", {}).get("sha256"):
        return True
    file = Path(start.get("file") or "")
    inside = run_folder.resolve() in file.resolve().parents
    return inside and file.is_file() and sha256_of_file(file) == start["sha256"]


def runs_of(config: ReportConfig) -> dict[str, Path]:
    """The two runs by the name that they have on the page."""
    return {"pre-training": config.pretrain, "fine-tuning": config.finetune}


def read_result(run_folder: Path) -> dict[str, Any]:
    """A run's result.json. Raises UserError where the run is not there or not finished."""
    path = run_folder / "result.json"
    try:
        return json.loads(path.read_text())
    except FileNotFoundError:
        raise UserError(f"no {path}: the run is not there or not finished (--resume finishes it)") from None
    except json.JSONDecodeError as broken:
        raise UserError(f"{path}: not JSON ({broken.msg}); run it again") from None


def read_losses(run_folder: Path) -> list[dict[str, Any]]:
    """A run's metrics.jsonl. Raises UserError where it learnt nothing about who people are."""
    rows = read_jsonl(run_folder / "metrics.jsonl")
    if any("identity" not in row for row in rows):
        raise UserError(f"{run_folder}: learnt joints alone (python -m reid.pose train): name a run of reid.pretrain")
    return rows


def sizes(pretrain: dict[str, Any], finetune: dict[str, Any]) -> dict[str, Any]:
    """How large everything was."""
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
    """PNG files of the contact sheets, set by set, in the order of SHEET_CAPTIONS."""
    if folder is None:
        return []
    if not folder.is_dir():
        raise UserError(f"--sheets {folder}: no such folder: make sheets with python -m synth.preview")
    sets = sorted(path for path in folder.iterdir() if path.is_dir())
    return [path / name for path in sets for name in SHEET_CAPTIONS if (path / name).is_file()]


if __name__ == "__main__":
    run_command(report, ReportConfig, "python -m reid.report")
