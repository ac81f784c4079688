"""Trials of a sweep by what they are good at."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

_WORDS = {
    "inferences_per_second": "inferences a second",
    "area": "area: mean share of the device, in %",
    "accuracy": "accuracy",
    "toggles": "toggles a frame",
}


def draw(
    rows: Sequence[Mapping[str, Any]],
    best: Sequence[int],
    objectives: Sequence[str],
    target: str,
    path: Path,
) -> None:
    """The first objective over each of the others, as SVG; those that no other beats are filled.

    rows: with ``number``, ``model``, ``state`` and the objectives; best: numbers of these.
    """
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    from .front import label_rates

    first, *others = objectives
    done = [row for row in rows if row["state"] == "complete"]
    models = list(dict.fromkeys(row["model"] for row in done))
    size = (5.4 * len(others), 4.4)
    figure, axes = pyplot.subplots(1, len(others), figsize=size, squeeze=False)
    for axis, other in zip(axes[0], others, strict=True):
        for k, model in enumerate(models):
            for filled in (False, True):
                shown = [
                    row
                    for row in done
                    if row["model"] == model and (row["number"] in best) == filled
                ]
                axis.scatter(
                    [row[other] * (100 if other == "area" else 1) for row in shown],
                    [row[first] for row in shown],
                    s=30,
                    marker="os^DvP"[k % 6],
                    edgecolors=f"C{k % 10}",
                    facecolors=f"C{k % 10}" if filled else "none",
                    label=model if filled else None,
                )
        axis.set_xlabel(_WORDS[other])
        axis.set_ylabel(_WORDS[first])
        axis.set_yscale("log")
        label_rates(axis)
        axis.grid(alpha=0.3)
    if done:
        axes[0][0].legend(title="filled: none is better", fontsize=8)
    figure.suptitle(f"{len(done)} trials, {target}")
    figure.tight_layout()
    figure.savefig(path, metadata={"Date": None})
    pyplot.close(figure)
