"""The report page of a pre-training and a fine-tuning run."""

from pathlib import Path
from typing import Any

import numpy as np

from alignnet_common.html import image_source, ready_html, render_template
from reid.reporting.charts import as_svg, draw_cmc_axes, new_chart

STAGES = {
    "chance": "a guess",
    "untrained": "the network before any training",
    "pretrained": "after rendered people",
    "finetuned": "after fine-tuning",
}


COLOURS = {"chance": "#9aa4b0", "untrained": "#c98a2b", "pretrained": "#5a9bd4", "finetuned": "#1763a6"}


SHEET_CAPTIONS = {
    "people.png": "each person by camera a and by camera b",
    "over-time.png": "clips over time: camera a, and beside it camera b",
    "truth.png": "the exact truth beside each frame: part masks, joints (hidden ones in pink), visible box and ratio",
}


def render_page(result: dict[str, Any], metrics: dict[str, list[dict[str, Any]]], sheets: list[Path]) -> str:
    """The whole page as HTML; its template is assets/report.html."""
    data = result["finetune"]["data"]
    lead, reading = introduction(result)
    return render_template(
        "report.html",
        title=f"Person re-identification on {data['name']}",
        lead=lead,
        cards=[card(stage, result[stage]["rank1"]) for stage in STAGES],
        reading=reading,
        header=["", "rank-1", "rank-5", "rank-10", "rank-20", "mAP"],
        rows=[table_row(stage, result[stage]) for stage in STAGES],
        protocol=f"{data['protocol']}; CMC, step mAP. Split: {data['split']}. All in percent.",
        cmc_chart=ready_html(cmc_chart({stage: result[stage]["cmc"] for stage in STAGES})),
        loss_chart=ready_html(loss_chart(metrics)),
        sheets=[(caption(path), image_source(path.read_bytes(), "png")) for path in sheets],
        facts=facts(result),
    )


def introduction(result: dict[str, Any]) -> tuple[str, str]:
    """What was trained and tested on whom, and how the numbers are to be read."""
    finetune, size = result["finetune"], result["sizes"]
    tested = size["query"]["ids"]
    seen = finetune.get("trained_on_tested", 0)
    name = finetune["data"]["name"]
    network = size["network"]
    pose = "" if network["variant"] == "baseline" else f" and {network['pose_stages']} pose stage(s)"
    lead = (
        f"{network['variant']} with {network['appearance']}{pose}, pre-trained on "
        f"{size['pretrain']['ids']} rendered people, fine-tuned on {size['finetune']['ids']} people of {name}, and "
        f"tested on {tested} others " + (f"of whom training saw {seen}." if seen else "that no training saw.")
    )
    gallery, searches = size["gallery"]["tracklets"], size["query"]["tracklets"]
    two_cameras = tested == searches == size["gallery"]["ids"] == gallery  # as in PRID2011
    looked_for = (
        f"Each of the {tested} people is looked for, from one camera, among {gallery} tracklets of the other."
        if two_cameras
        else f"The {tested} people are looked for {searches} times, each time among {gallery} tracklets."
    )
    reading = f"{looked_for} Rank-1 is the share of searches whose first answer is right."
    return lead, reading


def card(stage: str, rank1: float) -> dict[str, Any]:
    """Rank-1 after one stage, for a card of the page."""
    return {"value": f"{rank1:.1f} %", "label": f"rank-1, {STAGES[stage]}", "best": stage == "finetuned"}


def table_row(stage: str, block: dict[str, Any]) -> list[str]:
    """One row of the table of results."""
    return [stage, *(f"{block[key]:.1f}" for key in ("rank1", "rank5", "rank10", "rank20", "mAP"))]


def caption(path: Path) -> str:
    """Caption of a contact sheet: the name of its set, and its contents."""
    return f"{path.parent.name}: {SHEET_CAPTIONS[path.name]}"


def cmc_chart(curves: dict[str, list[float]]) -> str:
    """CMC curves in percent, as SVG."""
    drawing, axes = new_chart()
    for stage, curve in curves.items():
        dash = (0, (4, 3)) if stage == "chance" else "solid"
        axes.plot(range(1, len(curve) + 1), curve, label=stage, color=COLOURS[stage], linewidth=2, linestyle=dash)
    draw_cmc_axes(axes, max(map(len, curves.values())))
    return as_svg(drawing, axes)


def loss_chart(metrics: dict[str, list[dict[str, Any]]]) -> str:
    """The loss over the steps of each run, smoothed, as SVG."""
    drawing, axes = new_chart()
    for (name, rows), colour in zip(metrics.items(), ("#5a9bd4", "#1763a6"), strict=True):
        # The pose loss is of another scale than what is learnt about identity, and not every training has one.
        losses = np.array([row["identity"] + row["ranking"] for row in rows])
        reach = max(1, len(losses) // 25)
        smooth = [losses[max(0, i - reach) : i + reach + 1].mean() for i in range(len(losses))]
        steps = [row["step"] for row in rows]
        axes.plot(steps, losses, color=colour, alpha=0.2, linewidth=1)
        axes.plot(steps, smooth, color=colour, linewidth=2, label=name)
    axes.set(title="Identity and ranking loss", xlabel="step", ylabel="loss")
    axes.set_ylim(bottom=0)
    axes.legend(frameon=False, loc="upper right")
    return as_svg(drawing, axes)


def facts(result: dict[str, Any]) -> dict[str, str]:
    """Data, seeds, device, times and versions, by name."""
    pretrain, finetune, size = result["pretrain"], result["finetune"], result["sizes"]
    return {
        "pre-trained on": f"{pretrain['data']['name']}, {describe(size['pretrain'])}, {size['pretrain_steps']} steps",
        "fine-tuned on": f"{finetune['data']['name']}, {describe(size['finetune'])}, {size['finetune_steps']} steps",
        "started from": finetune["started_from"]["text"],
        "seeds": f"{pretrain['seed']} (pre-training), {finetune['seed']} (fine-tuning)",
        "data fingerprints": f"{pretrain['data']['fingerprint'][:16]}, {finetune['data']['fingerprint'][:16]}",
        "device": finetune["device"],
        "time": f"{trained(pretrain):.0f} s pre-training, {trained(finetune):.0f} s fine-tuning, without testing",
        "versions": ", ".join(f"{name} {version}" for name, version in finetune["versions"].items()),
    }


def trained(result: dict[str, Any]) -> float:
    """Seconds of all steps of a training, however often it was stopped."""
    seconds: float = result["training"]["seconds"]
    return seconds


def describe(counted: dict[str, int]) -> str:
    """Counts in words."""
    return f"{counted['ids']} people, {counted['tracklets']} tracklets, {counted['frames']} frames"
