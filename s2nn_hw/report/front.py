"""Plans side by side: which is how fast, and takes how much."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any


def draw(data: Mapping[str, Any], path: Path) -> None:
    """Inferences a second over the area of a plan's front, the chosen one filled, as SVG."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    figure, axis = pyplot.subplots(figsize=(7.2, 4.6))
    points = data["front"]
    axis.plot(
        [100 * point["area"] for point in points],
        [point["inferences_per_second"] for point in points],
        color="C0",
        linewidth=1,
        zorder=1,
    )
    for point in points:
        mine = point == data["predicted"]
        axis.scatter(
            100 * point["area"],
            point["inferences_per_second"],
            s=60 if mine else 36,
            facecolors="C0" if mine else "white",
            edgecolors="C0",
            zorder=2,
        )
        axis.annotate(
            words(point),
            (100 * point["area"], point["inferences_per_second"]),
            xytext=(6, -10),
            textcoords="offset points",
            fontsize=7,
        )
    axis.set_title(f"plans for {data['board'] or data['device']}: filled the one that was chosen")
    axis.set_xlabel("area: mean share of look-up tables, flip-flops and memories, in %")
    axis.set_ylabel("inferences a second")
    axis.set_yscale("log")
    label_rates(axis)
    axis.margins(0.12)
    axis.grid(alpha=0.3)
    figure.tight_layout()
    with matplotlib.rc_context({"svg.hashsalt": data["network"]}):
        figure.savefig(path, metadata={"Date": None}, bbox_inches="tight")
    pyplot.close(figure)


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
