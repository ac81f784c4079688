"""How much there is to do: events of words, pixels and windows, and the floor of every layer."""

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

from rtl_gen.feeds import (
    Bank,
    ConvPlan,
    DensePlan,
    Feed,
    FramePlan,
    ParallelPlan,
    UnrolledPlan,
    WindowPlan,
)
from rtl_gen.plan import CorePlan, NodePlan, PoolPlan
from s2nn_hw.ir import INPUT

#: Values of each source, (frames, *shape): the input's pixels, spikes, sums of pools.  A frame of
#: several steps is as many here, one after the other.
Values = Mapping[str, npt.NDArray[np.unsignedinteger]]

_Counts = npt.NDArray[np.int64]


def word_events(feed: DensePlan, values: npt.NDArray[np.unsignedinteger]) -> _Counts:
    """Events in each bank's share of each word, (frames, planes, banks, words)."""
    order = np.array(feed.order)
    flat = values.reshape(len(values), -1)
    placed = np.where(order >= 0, flat[:, np.maximum(order, 0)], 0)
    placed = placed.reshape(len(values), feed.words, feed.positions)
    result = np.empty((len(values), feed.planes, len(feed.banks), feed.words), dtype=np.int64)
    for p in range(feed.planes):
        bits = placed >> p & 1
        for b, bank in enumerate(feed.banks):
            result[:, p, b] = bits[:, :, list(bank.positions)].sum(axis=2)
    return result


def pixel_events(feed: ConvPlan, bank: Bank, values: npt.NDArray[np.unsignedinteger]) -> _Counts:
    """Events of a bank at each pixel, (frames, planes, pixels).

    Spikes at the same place of several groups share a row of weights and are one event.
    """
    n, windows = len(values), feed.windows
    grouped = values.reshape(n, feed.groups, -1, windows.words)[:, :, list(bank.positions)]
    result = np.empty((n, windows.planes, windows.words), dtype=np.int64)
    for p in range(windows.planes):
        result[:, p] = (grouped >> p & 1).max(axis=1).sum(axis=1)
    return result


def pixel_marks(windows: WindowPlan, values: npt.NDArray[np.unsignedinteger]) -> _Counts:
    """Whether each pixel is more than zero, 0 or 1, (frames, 1, pixels)."""
    flat = values.reshape(len(values), windows.channels, windows.words)
    return (flat.max(axis=1) > 0).astype(np.int64)[:, None]


def window_sums(windows: WindowPlan, pixels: _Counts) -> _Counts:
    """Sums over each window of what its pixels have, (…, pixels) to (…, windows)."""
    taps = windows.window.pixels(windows.size)
    # Padding, tap -1, is the zero behind the pixels.
    padded = np.concatenate([pixels, np.zeros_like(pixels[..., :1])], axis=-1)
    sums = np.zeros((*pixels.shape[:-1], len(taps)), dtype=np.int64)
    for column in taps.T:
        sums += padded.take(column, axis=-1)
    return sums


def _window_events(feed: Feed, values: npt.NDArray[np.unsignedinteger]) -> _Counts:
    """Events of each window, (frames, windows); on the parallel engine its bits that are set."""
    if isinstance(feed, DensePlan):
        return word_events(feed, values).sum(axis=(1, 2, 3))[:, None]
    if isinstance(feed, FramePlan):
        bits = np.bitwise_count(values.reshape(len(values), -1))
        return bits.sum(axis=1, dtype=np.int64)[:, None]
    if isinstance(feed, ParallelPlan | UnrolledPlan):
        flat = values.reshape(len(values), feed.windows.channels, feed.windows.words)
        bits = np.sum([(flat >> p & 1).sum(axis=1) for p in range(feed.planes)], axis=0)
        return window_sums(feed.windows, bits.astype(np.int64))
    pixels = np.sum([pixel_events(feed, bank, values) for bank in feed.banks], axis=(0, 2))
    return window_sums(feed.windows, pixels)


def _window_work(feed: Feed, values: npt.NDArray[np.unsignedinteger]) -> _Counts:
    """Cycles that each window takes a unit, (frames, windows): those of its fullest bank."""
    if isinstance(feed, DensePlan):
        ports = np.array([bank.ports for bank in feed.banks])
        of_banks = -(-word_events(feed, values).sum(axis=3) // ports)
        return np.maximum(1, of_banks.max(axis=2)).sum(axis=1)[:, None]
    assert isinstance(feed, ConvPlan)
    # Of a plane without any spikes one cycle is left, too.
    of_banks = [window_sums(feed.windows, pixel_events(feed, b, values)) for b in feed.banks]
    return np.maximum(1, np.maximum.reduce(of_banks)).sum(axis=1)


def _window_steps(feed: Feed, pixels: int, values: npt.NDArray[np.unsignedinteger]) -> _Counts:
    """Cycles that each window takes at the least, (frames, windows)."""
    if isinstance(feed, FramePlan) and not isinstance(feed, DensePlan):
        return np.ones((len(values), 1), dtype=np.int64)
    if isinstance(feed, ParallelPlan | UnrolledPlan):
        # While one window is added up, the next is gathered, a pixel a cycle.
        gathered = window_sums(feed.windows, pixel_marks(feed.windows, values))[:, 0]
        steps = feed.steps * feed.planes if isinstance(feed, ParallelPlan) else 1
        return np.maximum(gathered, steps)
    return -(-_window_events(feed, values) // (feed.lanes * pixels))


def events(node: NodePlan, values: Values) -> npt.NDArray[np.int64]:
    """Spikes that reach an accumulator for each frame, or pixels that a pool reads, (frames,)."""
    if isinstance(node, PoolPlan):
        return _window_marks(node, values).sum(axis=1)
    return np.sum([_window_events(f, values[f.source]).sum(axis=1) for f in node.feeds], axis=0)


def _window_marks(node: PoolPlan, values: Values) -> _Counts:
    """Pixels of each window that are not empty, (frames, windows)."""
    windows = node.windows
    return window_sums(windows, pixel_marks(windows, values[windows.source]))[:, 0]


def needs(plan: CorePlan, values: Values) -> dict[str, npt.NDArray[np.int64]]:
    """Per layer and frame, the cycles that it needs by itself, see need()."""
    return {node.layer: need(plan, node, values) for node in plan.layers}


def need(plan: CorePlan, node: NodePlan, values: Values) -> npt.NDArray[np.int64]:
    """Per frame, the cycles that a layer of the plan needs by itself, with its banks as they are.

    A window takes as long as its fullest bank; windows at a time are taken to be alike.
    """
    least = _floor(plan, node, values)
    if not isinstance(node, PoolPlan) and node.engine == "event":
        work = [_window_work(feed, values[feed.source]) for feed in node.feeds]
        cycles = np.maximum.reduce(work).sum(axis=1) * node.fold // node.pixels
        least = np.maximum(least, cycles)
    return least.reshape(-1, plan.steps).sum(axis=1)


def floors(plan: CorePlan, values: Values) -> dict[str, npt.NDArray[np.int64]]:
    """Per layer and frame, the fewest cycles that any such engine needs.

    The greater of the beats that come in, and the sum over the windows of the events over the
    lanes, at least one cycle each, times the words of a row; of several projections that of the
    slowest, as each has its lanes.  A pool takes a pixel that is not empty a cycle, and so does the
    parallel engine while it gathers the window that it will then add up.
    """
    return {
        node.layer: _floor(plan, node, values).reshape(-1, plan.steps).sum(axis=1)
        for node in plan.layers
    }


def _floor(plan: CorePlan, node: NodePlan, values: Values) -> npt.NDArray[np.int64]:
    """Of each step."""
    if isinstance(node, PoolPlan):
        sources = [(node.windows.source, node.windows.words)]
        steps = _window_marks(node, values)
    else:
        sources = [(feed.source, feed.words) for feed in node.feeds]
        steps = np.maximum.reduce(
            [_window_steps(feed, node.pixels, values[feed.source]) for feed in node.feeds]
        )
        steps = np.maximum(1, steps) * node.fold
    beats = max(plan.input.step_beats if source == INPUT else words for source, words in sources)
    return np.maximum(beats, np.maximum(1, steps).sum(axis=1))
