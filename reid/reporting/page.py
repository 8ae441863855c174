"""The report page of a pre-training and a fine-tuning run."""

import base64
import html
import string
from pathlib import Path
from typing import Any

import numpy as np

from alignnet_common.files import asset
from reid.reporting.charts import as_svg, draw_cmc_axes, new_chart

TEMPLATE = asset("report.html")


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
    """The whole page as HTML."""
    finetune = result["finetune"]
    lead, reading = introduction(result)
    return string.Template(TEMPLATE.read_text()).substitute(
        title=f"Person re-identification on {html.escape(finetune['data']['name'])}",
        lead=html.escape(lead),
        cards="".join(card(stage, result[stage]["rank1"]) for stage in STAGES),
        reading=html.escape(reading),
        rows="".join(table_row(stage, result[stage]) for stage in STAGES),
        protocol=html.escape(
            f"{finetune['data']['protocol']}; CMC, step mAP. Split: {finetune['data']['split']}. All in percent."
        ),
        cmc_chart=cmc_chart({stage: result[stage]["cmc"] for stage in STAGES}),
        loss_chart=loss_chart(metrics),
        figures="".join(figure(path) for path in sheets) or "<p>No contact sheets were given.</p>",
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


def card(stage: str, rank1: float) -> str:
    """One large number."""
    kind = "card best" if stage == "finetuned" else "card"
    return f'<div class="{kind}"><b>{rank1:.1f} %</b><span>rank-1, {STAGES[stage]}</span></div>'


def table_row(stage: str, block: dict[str, Any]) -> str:
    """One row of the table."""
    numbers = [block[key] for key in ("rank1", "rank5", "rank10", "rank20", "mAP")]
    return f"<tr><td>{stage}</td>{''.join(f'<td>{number:.1f}</td>' for number in numbers)}</tr>"


def figure(path: Path) -> str:
    """A contact sheet, with the picture inside the page."""
    picture = base64.b64encode(path.read_bytes()).decode()
    caption = html.escape(f"{path.parent.name}: {SHEET_CAPTIONS[path.name]}")
    image = f'<img alt="{caption}" src="data:image/png;base64,{picture}">'
    return f"<figure>{image}<figcaption>{caption}</figcaption></figure>"


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


def facts(result: dict[str, Any]) -> str:
    """Seed, data, versions, as a definition list."""
    pretrain, finetune, size = result["pretrain"], result["finetune"], result["sizes"]
    known = {
        "pre-trained on": f"{pretrain['data']['name']}, {describe(size['pretrain'])}, {size['pretrain_steps']} steps",
        "fine-tuned on": f"{finetune['data']['name']}, {describe(size['finetune'])}, {size['finetune_steps']} steps",
        "started from": finetune["started_from"]["text"],
        "seeds": f"{pretrain['seed']} (pre-training), {finetune['seed']} (fine-tuning)",
        "data fingerprints": f"{pretrain['data']['fingerprint'][:16]}, {finetune['data']['fingerprint'][:16]}",
        "device": finetune["device"],
        "time": f"{trained(pretrain):.0f} s pre-training, {trained(finetune):.0f} s fine-tuning, without testing",
        "versions": ", ".join(f"{name} {version}" for name, version in finetune["versions"].items()),
    }
    return "".join(f"<dt>{html.escape(key)}</dt><dd>{html.escape(str(value))}</dd>" for key, value in known.items())


def trained(result: dict[str, Any]) -> float:
    """Seconds of all steps of a training, however often it was stopped."""
    seconds: float = result["training"]["seconds"]
    return seconds


def describe(counted: dict[str, int]) -> str:
    """Counts in words."""
    return f"{counted['ids']} people, {counted['tracklets']} tracklets, {counted['frames']} frames"
