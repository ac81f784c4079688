"""Plans side by side: which is how fast, and takes how much."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping, Sequence
from itertools import count
from pathlib import Path
from typing import Any

#: What the words of a plan are.
MEANING = (
    "event 12/6 ram: that engine, 12 lanes over 6 windows at a time (without /: one), weights "
    "loaded into RAM"
)

#: Points of the font of what is written to the plans, and characters of a line of it.
_FONT = 8
_LINE = 104
#: Width and height of a number, and steps to where there is room for it, in points.
_BOX = (11, 10)
_STEPS = ((-8, 10), (8, -10), (-13, 0), (0, 13), (13, 0), (0, -13))


def draw(data: Mapping[str, Any], path: Path) -> None:
    """Inferences a second over the area of a plan's front, the chosen one filled, as SVG.

    Points are numbered as the front is, from 1; what the plans are stands below.
    """
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    figure, axis = pyplot.subplots(figsize=(7.2, 4.6))
    points = data["front"]
    areas = [100 * point["area"] for point in points]
    rates = [point["inferences_per_second"] for point in points]
    axis.plot(areas, rates, color="C0", linewidth=1, zorder=2)
    for point, area, rate in zip(points, areas, rates, strict=True):
        mine = point == data["predicted"]
        face = "C0" if mine else "white"
        axis.scatter(area, rate, s=60 if mine else 36, facecolors=face, edgecolors="C0", zorder=3)
    axis.set_title(f"plans for {data['board'] or data['device']}: filled the one that was chosen")
    axis.set_xlabel("area: mean share of look-up tables, flip-flops and memories, in %")
    axis.set_ylabel("inferences a second")
    axis.set_yscale("log")
    label_rates(axis)
    axis.margins(0.08)
    axis.grid(alpha=0.3)
    figure.tight_layout()
    number(axis, areas, rates)
    figure.text(
        0.02, -0.02, _legend(points), fontsize=_FONT, family="monospace", verticalalignment="top"
    )
    with matplotlib.rc_context({"svg.hashsalt": data["network"]}):
        figure.savefig(path, metadata={"Date": None}, bbox_inches="tight")
    pyplot.close(figure)


def number(
    axis: Any, xs: Sequence[float], ys: Sequence[float], numbers: Sequence[int] | None = None
) -> None:
    """Numbers beside the points, from 1 unless given; the limits must not change after."""
    found = axis.transData.transform(list(zip(xs, ys, strict=True)))
    points = [(float(x), float(y)) for x, y in found * 72 / axis.figure.dpi]
    for k, (x, y), (to_x, to_y) in zip(count(), points, places(points), strict=False):
        axis.annotate(
            str(numbers[k] if numbers else k + 1),
            (xs[k], ys[k]),
            xytext=(to_x - x, to_y - y),
            textcoords="offset points",
            horizontalalignment="center",
            verticalalignment="center",
            fontsize=_FONT,
            arrowprops={"arrowstyle": "-", "color": "0.6", "linewidth": 0.6, "zorder": 1},
        )


def places(points: Sequence[tuple[float, float]]) -> list[tuple[float, float]]:
    """Centres of the numbers of points, as near as there is room: none is on another or a point."""
    taken = list(points)
    for x, y in points:
        near = ((x + k * dx, y + k * dy) for k in count(1) for dx, dy in _STEPS)
        taken.append(next(place for place in near if _free(place, taken)))
    return taken[len(points) :]


def _free(place: tuple[float, float], taken: Sequence[tuple[float, float]]) -> bool:
    width, height = _BOX
    return all(abs(place[0] - x) >= width or abs(place[1] - y) >= height for x, y in taken)


def _legend(points: Sequence[Mapping[str, Any]]) -> str:
    """The plans by number, in lines that are broken between layers."""
    lines = []
    for number, point in enumerate(points, 1):
        layers = (
            words(point).replace(" ", "\N{NO-BREAK SPACE}").replace(",\N{NO-BREAK SPACE}", ", ")
        )
        head = f"{number:>2}  "
        lines += textwrap.wrap(layers, _LINE, initial_indent=head, subsequent_indent="    ")
    return "\n".join([*lines, "", MEANING])


def label_rates(axis: Any) -> None:
    """Marks on a logarithmic axis of rates: between powers of ten only where there are few."""
    from matplotlib.ticker import EngFormatter, NullFormatter

    low, high = axis.get_ylim()
    axis.yaxis.set_major_formatter(EngFormatter(sep=" "))
    few = high < 20 * low
    axis.yaxis.set_minor_formatter(EngFormatter(sep=" ") if few else NullFormatter())


def words(plan: Mapping[str, Any]) -> str:
    """The layers of a plan in short: ``event 4, unrolled``."""
    parts = []
    for engine, lanes, windows, memory in zip(
        plan["engine"], plan["lanes"], plan["windows"], plan["memory"], strict=True
    ):
        text = engine if engine == "unrolled" else f"{engine} {lanes}"
        text += f"/{windows}" if windows > 1 else ""
        parts.append(text + (" ram" if memory == "ram" else ""))
    return ", ".join(parts)
