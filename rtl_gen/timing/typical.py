"""Cycles of typical frames: means of a few."""

from dataclasses import replace

import numpy as np

from rtl_gen.feeds import windows_of
from rtl_gen.plan import CorePlan, feeds_of

from .schedule import schedule, steady
from .work import Values

#: Windows of frames that typical cycles are predicted from: about a second.
WINDOWS = 20_000


def typical(plan: CorePlan, values: Values, windows: int = WINDOWS) -> tuple[int, float | None]:
    """How many frames were played, and the mean interval between them, None of one alone.

    Parameters
    ----------
    values: of all sources for some frames, of which played() says how many are.
    """
    frames = played(plan, values, windows)
    if frames == 1:
        return 1, None
    intervals = schedule(plan, _first(plan, values, frames), steady(frames, plan)).intervals
    return frames, round(float(intervals.mean()), 3)


def played(plan: CorePlan, values: Values, windows: int = WINDOWS) -> int:
    """How many frames have so many windows in all layers: two at least, if there are two."""
    feeds = [windows_of(feed) for node in plan.layers for feed in feeds_of(node)]
    each = sum(1 if feed is None else feed.windows for feed in feeds)
    there = min(map(len, values.values())) // plan.steps
    return min(there, max(2, windows // (each * plan.steps)))


def alone(plan: CorePlan, values: Values, frames: int) -> float:
    """The mean latency of the first frames, each of which comes when the one before is answered.

    values: of all sources for some frames, which may be fewer.
    """
    frames = min(frames, min(map(len, values.values())) // plan.steps)
    source = replace(steady(frames, plan), alone=np.ones(frames, dtype=np.bool_))
    return round(float(schedule(plan, _first(plan, values, frames), source).latencies.mean()), 3)


def _first(plan: CorePlan, values: Values, frames: int) -> Values:
    return {name: found[: frames * plan.steps] for name, found in values.items()}
