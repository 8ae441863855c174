"""The report page of a pre-training and a fine-tuning run."""

import io
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from alignnet_common.html import image_source, ready_html, render_template
from alignnet_common.images import check_size
from reid.reporting.charts import as_svg, draw_cmc_axes, new_chart
from reid.reporting.views import NetworkViews

STAGES = ("chance", "untrained", "pretrained", "camera_norm", "adapted", "finetuned")
"""Results that the page may have, in order."""

SHORT_NAMES = {
    "chance": "chance level",
    "untrained": "untrained",
    "pretrained": "direct transfer",
    "camera_norm": "with camera statistics",
    "adapted": "adapted, no labels",
    "finetuned": "fine-tuned",
}
"""Names of the results in the legend of the chart."""

COLOURS = {
    "chance": "#9aa4b0",
    "untrained": "#c98a2b",
    "pretrained": "#5a9bd4",
    "camera_norm": "#6fae8f",
    "adapted": "#2f855a",
    "finetuned": "#1763a6",
}


SHEET_CAPTIONS = {
    "people.png": "each identity in camera a and in camera b",
    "over-time.png": "tracklets over time, camera a beside camera b",
    "truth.png": "ground truth beside each frame: part masks, joints (pink if occluded), visible box, visible share",
}


def render_page(
    result: dict[str, Any],
    metrics: dict[str, list[dict[str, Any]]],
    sheets: list[Path],
    views: NetworkViews | str,
) -> str:
    """The whole page as HTML; its template is assets/report.html.

    views -- ranked galleries and attention of the fine-tuned network, or the reason why they are left out.
    """
    data = result["finetune"]["data"]
    lead, reading = introduction(result)
    names = stage_names(result["finetune"]["config"])
    stages = [stage for stage in STAGES if stage in result]
    protocol = f"{data['protocol']}. Split: {data['split']}. All in percent; mAP by non-interpolated AP."
    return render_template(
        "report.html",
        title=f"Person re-identification on {data['name']}",
        lead=lead,
        cards=[card(names[stage], result[stage]["rank1"], stage == "finetuned") for stage in stages],
        reading=reading,
        header=["", "rank-1", "rank-5", "rank-10", "rank-20", "mAP"],
        rows=[table_row(names[stage], result[stage]) for stage in stages],
        protocol=protocol + unlabelled_note(result),
        cmc_chart=ready_html(cmc_chart({stage: result[stage]["cmc"] for stage in stages})),
        loss_chart=ready_html(loss_chart(metrics)),
        views=None if isinstance(views, str) else views,
        views_note=views if isinstance(views, str) else "",
        variant=result["sizes"]["network"]["variant"],
        sheets=[(caption(path), small_picture(path)) for path in sheets],
        facts=facts(result),
    )


def stage_names(config: Mapping[str, Any]) -> dict[str, str]:
    """Names of `STAGES` for people; `config` holds the options of the fine-tuning."""
    kinds = {"none": "random initialization", "imagenet": "ImageNet initialization"}
    built = kinds.get(config.get("appearance_weights", ""), "random or ImageNet initialization")
    return {
        "chance": "chance level",
        "untrained": f"untrained ({built})",
        "pretrained": "pre-trained on synthetic data, no fine-tuning (direct transfer)",
        "camera_norm": "the same, with statistics of each camera",
        "adapted": "adapted to the cameras, without labels",
        "finetuned": "fine-tuned",
    }


def unlabelled_note(result: Mapping[str, Any]) -> str:
    """A sentence about what an adaptation without labels has seen; nothing without one."""
    if "adapted" not in result:
        return ""
    seen = max(each["adapted_to_tested"] for each in result["adapted"]["per_split"])
    statistics = ", and describes with statistics of each camera" if result["adapted"]["camera_norm"] else ""
    return (
        f" The adaptation saw the tracklets of {seen} of {result['sizes']['query']['ids']} test identities, without "
        f"labels{statistics}."
    )


def introduction(result: dict[str, Any]) -> tuple[str, str]:
    """Two paragraphs: training and test data of the network, and the meaning of rank-1."""
    finetune, size = result["finetune"], result["sizes"]
    tested = size["query"]["ids"]
    seen = finetune.get("trained_on_tested", 0)
    name = finetune["data"]["name"]
    network = size["network"]
    stages = network["pose_stages"]
    pose = "" if network["variant"] == "baseline" else f" and {stages} pose stage{'s' if stages > 1 else ''}"
    lead = (
        f"{network['variant']} with {network['appearance']}{pose}, pre-trained on "
        f"{size['pretrain']['ids']} synthetic identities, fine-tuned on {size['finetune']['ids']} identities of "
        f"{name}, tested on {tested} other identities"
        + (f". {seen} of the test identities were in the training data: the results are not valid." if seen else ".")
    )
    gallery, queries = size["gallery"]["tracklets"], size["query"]["tracklets"]
    two_cameras = tested == queries == size["gallery"]["ids"] == gallery  # as in PRID2011
    protocol = (
        f"{queries} queries, one tracklet per test identity from one camera; the gallery is the {gallery} tracklets of "
        "the other camera."
        if two_cameras
        else f"{queries} queries of {tested} test identities; the gallery has {gallery} tracklets."
    )
    rank1 = "Rank-1 is the percentage of queries whose nearest gallery tracklet is of the same identity."
    return lead, f"{protocol} {rank1} One query changes it by {100 / max(1, queries):.2g} points."


def card(name: str, rank1: float, best: bool) -> dict[str, Any]:
    """Rank-1 after one stage, for a card of the page."""
    return {"value": f"{rank1:.1f} %", "label": f"rank-1, {name}", "best": best}


def table_row(name: str, block: dict[str, Any]) -> list[str]:
    """One row of the table of results."""
    return [name, *(f"{block[key]:.1f}" for key in ("rank1", "rank5", "rank10", "rank20", "mAP"))]


def caption(path: Path) -> str:
    """Caption of an image grid: the name of its data set, and its contents."""
    return f"{path.parent.name}: {SHEET_CAPTIONS[path.name]}"


def small_picture(path: Path) -> str:
    """An image grid as a JPEG data URL, a quarter of the size of its PNG."""
    stream = io.BytesIO()
    with Image.open(path) as grid:
        check_size(grid)
        grid.convert("RGB").save(stream, "JPEG", quality=78, optimize=True)
    return image_source(stream.getvalue(), "jpeg")


def cmc_chart(curves: dict[str, list[float]]) -> str:
    """CMC curves in percent, as SVG."""
    drawing, axes = new_chart()
    for stage, curve in curves.items():
        dash = (0, (4, 3)) if stage == "chance" else "solid"
        axes.plot(
            range(1, len(curve) + 1), curve, label=SHORT_NAMES[stage], color=COLOURS[stage], linewidth=2, linestyle=dash
        )
    draw_cmc_axes(axes, max(map(len, curves.values())))
    return as_svg(drawing, axes)


def loss_chart(metrics: dict[str, list[dict[str, Any]]]) -> str:
    """Cross-entropy plus triplet loss over the steps of each run, raw and smoothed, as SVG."""
    drawing, axes = new_chart()
    for (name, rows), colour in zip(metrics.items(), ("#5a9bd4", "#1763a6"), strict=True):
        # Without the pose loss, which has another scale and is not part of every training.
        losses = np.array([row["identity"] + row["ranking"] for row in rows])
        reach = max(1, len(losses) // 25)
        smooth = [losses[max(0, i - reach) : i + reach + 1].mean() for i in range(len(losses))]
        steps = [row["step"] for row in rows]
        axes.plot(steps, losses, color=colour, alpha=0.2, linewidth=1)
        axes.plot(steps, smooth, color=colour, linewidth=2, label=name)
    axes.set(title="Cross-entropy plus triplet loss", xlabel="step", ylabel="loss")
    axes.set_ylim(bottom=0)
    axes.legend(frameon=False, loc="upper right")
    return as_svg(drawing, axes)


def facts(result: dict[str, Any]) -> dict[str, str]:
    """Data, seeds, device, times and versions, by name."""
    pretrain, finetune, size = result["pretrain"], result["finetune"], result["sizes"]
    return {
        "pre-training": f"{pretrain['data']['name']}: {describe(size['pretrain'])}, {size['pretrain_steps']} steps",
        "fine-tuning": f"{finetune['data']['name']}: {describe(size['finetune'])}, {size['finetune_steps']} steps",
        "initial weights": finetune["started_from"]["text"],
        "seeds": f"{pretrain['seed']} (pre-training), {finetune['seed']} (fine-tuning)",
        "dataset checksums": f"{pretrain['data']['fingerprint'][:16]}, {finetune['data']['fingerprint'][:16]}",
        "device": finetune["device"],
        "training time": f"{trained(pretrain):.0f} s pre-training, {trained(finetune):.0f} s fine-tuning",
        "versions": ", ".join(f"{name} {version}" for name, version in finetune["versions"].items()),
    }


def trained(result: dict[str, Any]) -> float:
    """Seconds of all steps of a training, over all its sessions."""
    seconds: float = result["training"]["seconds"]
    return seconds


def describe(counted: dict[str, int]) -> str:
    """Counts of identities, tracklets and frames as text."""
    return f"{counted['ids']} identities, {counted['tracklets']} tracklets, {counted['frames']} frames"
