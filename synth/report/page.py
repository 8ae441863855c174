"""The HTML page of a rendered set: contact sheets and charts of its statistics. The template is assets/preview.html."""

from typing import Any

from alignnet_common.html import image_source, render_template
from synth.report.statistics import Shares, Spread, Statistics, named_colours

WIDTH, BAR, LABEL = 330, 15, 128
"""Units of a chart: its width, the height of a row of a bar chart, and the width of the names beside the bars."""
HISTOGRAM = 96
"""Height of a histogram's highest bar, in units of the chart."""
MOST = 40
"""Largest number of names in a bar chart; further names are summed up as "others"."""


def render_page(name: str, numbers: Statistics, sheets: list[tuple[str, bytes]]) -> str:
    """The page of the set `name`; `sheets` are captions and JPEG files."""
    on_mask = "no joint is visible" if numbers.joints_on_mask is None else f"{100 * numbers.joints_on_mask:.1f} %"
    return render_template(
        "preview.html",
        title=f"Rendered people: {name}",
        cards={
            "people": numbers.people,
            "clips": numbers.clips,
            "frames": numbers.frames,
            "of the visible joints lie on the person's mask": on_mask,
        },
        sheets=[(caption, image_source(jpeg, "jpeg")) for caption, jpeg in sheets],
        shares=[bar_chart(shares) for shares in numbers.shares],
        spreads=[histogram(spread) for spread in numbers.spreads],
    )


def bar_chart(shares: Shares) -> dict[str, Any]:
    """Horizontal bars, one per name, in percent of all counts; bars of clothes' colours have that colour."""
    whole = sum(shares.counts.values())
    listed = dict(list(shares.counts.items())[:MOST])
    if len(shares.counts) > MOST:
        listed["others"] = whole - sum(listed.values())
    most, room = max(listed.values()), WIDTH - LABEL - 44
    colours = named_colours() if shares.title.endswith("colour") else {}
    bars = [
        {
            "name": name,
            "top": number * BAR,
            "length": max(1.0, room * count / most),
            "height": BAR - 3,
            "percent": 100 * count / whole,
            "fill": f"rgb({','.join(f'{value:.0f}' for value in colours[name])})" if name in colours else None,
        }
        for number, (name, count) in enumerate(listed.items())
    ]
    text = f"of {whole}, counted over {shares.of}"
    return {"title": shares.title, "text": text, "width": WIDTH, "height": len(bars) * BAR, "left": LABEL, "bars": bars}


def histogram(spread: Spread) -> dict[str, Any]:
    """A histogram with three of its edges; the text has the median and the middle 90 %."""
    bins, most = len(spread.counts), max(spread.counts)
    step = (WIDTH - 20) / bins
    bars = [
        {
            "left": 10 + number * step,
            "top": HISTOGRAM - HISTOGRAM * count / most,
            "width": step - 2,
            "height": HISTOGRAM * count / most,
            "text": f"{spread.edges[number]:g} to {spread.edges[number + 1]:g} {spread.unit}: {count}",
        }
        for number, count in enumerate(spread.counts)
    ]
    ticks = [
        {"x": 10 + edge * step, "anchor": anchor, "text": f"{spread.edges[edge]:g}"}
        for edge, anchor in ((0, "start"), (bins // 2, "middle"), (bins, "end"))
    ]
    low, median, high = spread.percentiles
    unit = spread.unit if spread.unit in ("", "°") else f" {spread.unit}"
    text = f"{sum(spread.counts)} {spread.of}; median {median:.3g}{unit}, 90 % in {low:.3g} to {high:.3g}"
    size = {"width": WIDTH, "height": HISTOGRAM + 18}
    return {"title": spread.title, "text": text, **size, "bars": bars, "ticks": ticks}
