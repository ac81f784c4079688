"""Two measures of points against each other, as SVG inside a page."""

from __future__ import annotations

import io
import re
from typing import Any

from .front import number
from .points import MEASURES, Group

#: Colours that stand for those of the page, whatever it is read in.
_TEXT, _POINT = "#010203", "#040506"
#: Above so many points those alone have a number that no other beats.
_NUMBERED = 24
#: The greatest value over the least, above which an axis is logarithmic.
_DECADE = 10


def scatter(group: Group, x: str, y: str) -> str:
    """The points that have both measures, numbered as in the group, from 1; filled: none is better.

    An axis whose values are above zero and far apart is logarithmic.  Colours are ``currentColor``
    and the custom property ``--point`` of the page's style.
    """
    import matplotlib
    from matplotlib.figure import Figure
    from matplotlib.ticker import EngFormatter, NullFormatter, PercentFormatter

    style: Any = {
        "svg.fonttype": "none",
        "svg.hashsalt": f"{group.title} {x} {y}",
        "font.size": 10,
        **dict.fromkeys(
            ["text.color", "axes.labelcolor", "axes.edgecolor", "xtick.color", "ytick.color"], _TEXT
        ),
    }
    best = group.best(x, y)
    shown = [
        (k, px, py)
        for k, point in enumerate(group.points)
        if (px := point.values[x]) is not None and (py := point.values[y]) is not None
    ]
    with matplotlib.rc_context(style):
        figure = Figure(figsize=(4.4, 3.4), layout="tight")
        axis = figure.add_subplot()
        for k, px, py in shown:
            face = _POINT if best[k] else "none"
            axis.scatter(px, py, s=36, facecolors=face, edgecolors=_POINT, gid=f"point-{k}")
        for name, side, k in ((x, axis.xaxis, 1), (y, axis.yaxis, 2)):
            values = [point[k] for point in shown]
            side.set_label_text(MEASURES[name])
            if name == "accuracy":
                side.set_major_formatter(PercentFormatter(xmax=1))
                continue
            if max(values) > _DECADE * min(values) > 0:
                (axis.set_xscale if k == 1 else axis.set_yscale)("log")
                side.set_minor_formatter(NullFormatter())
            side.set_major_formatter(EngFormatter(sep=""))
        axis.margins(0.12)
        axis.grid(alpha=0.2, color=_TEXT)
        figure.draw_without_rendering()
        named = [p for p in shown if len(shown) <= _NUMBERED or best[p[0]]]
        number(axis, [p[1] for p in named], [p[2] for p in named], [p[0] + 1 for p in named])
        file = io.StringIO()
        figure.savefig(file, format="svg", transparent=True, metadata={"Date": None})
    return _inline(file.getvalue(), f"{MEASURES[y]} over {MEASURES[x]}, {group.title}")


def _inline(svg: str, title: str) -> str:
    """Without what only a file of its own needs, with a label, in the colours of the page."""
    import markupsafe

    body = svg[svg.index("<svg") :]
    body = re.sub(r"<metadata>.*?</metadata>", "", body, flags=re.DOTALL)
    # Groups are named alike in all plots; paths that are referred to have names of their own.
    body = re.sub(r'<g id="(?!point-)[^"]*"', "<g", body)
    body = re.sub(r'<g id="(point-\d+)"', r'<g class="\1"', body)
    body = re.sub(r' (width|height)="[\d.]+pt"', "", body, count=2)
    body = body.replace(_TEXT, "currentColor").replace(_POINT, "var(--point)")
    label = markupsafe.escape(title)
    return body.replace("<svg", f'<svg role="img" aria-label="{label}"', 1)
