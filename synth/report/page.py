"""The page about a rendered set: its contact sheets and its numbers, in one file of HTML."""

import base64
import html
import string

from alignnet_common.files import asset
from synth.report.statistics import Shares, Spread, Statistics, named_colours

TEMPLATE = asset("preview.html")
WIDTH, BAR, LABEL = 330, 15, 128
"""Pixels: a chart's width, a bar of a list with its gap, and the room for its name."""
TALL = 96
"""Pixels of height of a histogram's highest bar."""
MOST = 40
"""Names that a chart lists; the rest is counted as others."""


def render_page(name: str, numbers: Statistics, sheets: list[tuple[str, bytes]]) -> str:
    """The whole page; `sheets` are captions and JPEG files."""
    on_mask = "no joint is visible" if numbers.joints_on_mask is None else f"{100 * numbers.joints_on_mask:.1f} %"
    cards = {
        "people": f"{numbers.people}",
        "clips": f"{numbers.clips}",
        "frames": f"{numbers.frames}",
        "of the visible joints lie on the person's mask": on_mask,
    }
    return string.Template(TEMPLATE.read_text()).substitute(
        title=html.escape(f"Rendered people: {name}"),
        cards="".join(f'<div class="card"><b>{value}</b><span>{key}</span></div>' for key, value in cards.items()),
        shares="".join(share_chart(shares) for shares in numbers.shares),
        spreads="".join(spread_chart(spread) for spread in numbers.spreads),
        figures="".join(figure(*sheet) for sheet in sheets),
    )


def figure(caption: str, jpeg: bytes) -> str:
    """A contact sheet, with the picture inside the page."""
    text = html.escape(caption)
    picture = base64.b64encode(jpeg).decode()
    return f'<figure><img alt="{text}" src="data:image/jpeg;base64,{picture}"><figcaption>{text}</figcaption></figure>'


def share_chart(shares: Shares) -> str:
    """A list of bars, a name each, in percent of all counts; colours of clothes are shown as they are."""
    whole = sum(shares.counts.values())
    listed = dict(list(shares.counts.items())[:MOST])
    if len(shares.counts) > MOST:
        listed["others"] = whole - sum(listed.values())
    most, room = max(listed.values()), WIDTH - LABEL - 44
    by_colour = named_colours() if shares.title.endswith("colour") else {}
    bars = []
    for number, (name, count) in enumerate(listed.items()):
        top, length = number * BAR, max(1.0, room * count / most)
        fill = (
            f' style="fill:rgb({",".join(f"{value:.0f}" for value in by_colour[name])})"' if name in by_colour else ""
        )
        bars.append(
            f'<text x="{LABEL - 6}" y="{top + 11}" text-anchor="end">{html.escape(name)}</text>'
            f'<rect x="{LABEL}" y="{top + 1}" width="{length:.1f}" height="{BAR - 3}"{fill}/>'
            f'<text x="{LABEL + length + 5:.1f}" y="{top + 11}">{100 * count / whole:.0f} %</text>'
        )
    return chart(shares.title, f"of {whole}, counted over {shares.of}", bars, len(listed) * BAR)


def spread_chart(spread: Spread) -> str:
    """A histogram, with its edges and its median."""
    most, step = max(spread.counts), (WIDTH - 20) / len(spread.counts)
    bars = []
    for number, count in enumerate(spread.counts):
        high = TALL * count / most
        span = f"{spread.edges[number]:g} to {spread.edges[number + 1]:g} {spread.unit}: {count}"
        bars.append(
            f'<rect x="{10 + number * step:.1f}" y="{TALL - high:.1f}" width="{step - 2:.1f}" height="{high:.1f}">'
            f"<title>{html.escape(span)}</title></rect>"
        )
    for place, anchor in ((0, "start"), (len(spread.counts) // 2, "middle"), (len(spread.counts), "end")):
        bars.append(
            f'<text x="{10 + place * step:.1f}" y="{TALL + 14}" text-anchor="{anchor}">{spread.edges[place]:g}</text>'
        )
    low, median, high_end = spread.percentiles
    unit = spread.unit if spread.unit in ("", "°") else f" {spread.unit}"
    words = f"{sum(spread.counts)} {spread.of}; median {median:.3g}{unit}, 90 % in {low:.3g} to {high_end:.3g}"
    return chart(spread.title, words, bars, TALL + 18)


def chart(title: str, words: str, shapes: list[str], height: int) -> str:
    """A titled drawing."""
    return (
        f'<div class="chart"><h3>{html.escape(title)}</h3><p>{html.escape(words)}</p>'
        f'<svg viewBox="0 0 {WIDTH} {height}" role="img" aria-label="{html.escape(title)}">{"".join(shapes)}</svg>'
        "</div>"
    )
