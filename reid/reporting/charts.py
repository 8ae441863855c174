"""Charts as SVG text; equal numbers give equal text. matplotlib, which takes a second to import, waits for a chart."""

import html
import io
from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


def new_chart() -> "tuple[Figure, Axes]":
    """An empty chart of the standard size."""
    from matplotlib.figure import Figure

    drawing = Figure(figsize=(5.4, 3.9), layout="tight")
    return drawing, drawing.add_subplot()


def as_svg(drawing: "Figure", axes: "Axes") -> str:
    """A finished chart as an SVG element."""
    from matplotlib import rc_context

    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(alpha=0.25)
    stream = io.StringIO()
    with rc_context({"svg.hashsalt": "report", "svg.fonttype": "none"}):
        drawing.savefig(stream, format="svg", metadata={"Date": None})
    text = stream.getvalue()
    label = html.escape(axes.get_title())
    return f'<svg role="img" aria-label="{label}"' + text[text.index("<svg") + len("<svg") :]


def draw_cmc_axes(axes: "Axes", length: int) -> None:
    """Title, labels and limits of a chart of CMC curves up to rank `length`."""
    from matplotlib.ticker import MaxNLocator

    axes.set(title="Cumulative matching characteristic", xlabel="rank", ylabel="found within the first k, %")
    axes.set(xlim=(1, max(2, length)), ylim=(0, 102))
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.legend(frameon=False, loc="lower right")


def cmc_of_splits(mean: Sequence[float], splits: Sequence[Sequence[float]], chance: Sequence[float], title: str) -> str:
    """SVG of the mean CMC in percent, with a thin curve for each split and a dashed one for chance."""
    drawing, axes = new_chart()
    ranks = range(1, len(mean) + 1)
    for curve in splits if len(splits) > 1 else ():
        axes.plot(ranks, curve, color="#5a9bd4", alpha=0.35, linewidth=1)
    label = f"mean of {len(splits)} splits" if len(splits) > 1 else title
    axes.plot(ranks, mean, color="#1763a6", linewidth=2, label=label)
    axes.plot(ranks, chance, color="#9aa4b0", linewidth=2, linestyle=(0, (4, 3)), label="chance")
    draw_cmc_axes(axes, len(mean))
    axes.set_title(f"CMC, {title}")
    return as_svg(drawing, axes)
