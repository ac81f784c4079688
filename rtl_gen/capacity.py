"""How much the buffers of joining branches must hold, and the proof that it suffices.

Where a layer reads two branches, the shorter one has to wait in its buffer for the longer one,
which itself needs more of their common source first.  Which pixels wait for which is a matter of
windows alone, not of data or time, so the room is computed, not measured.

The proof: the core is a network of processes that each read and write their streams in a fixed
order and wait for both, a full buffer being a stream of free places.  Such networks are
determinate (Kahn 1974): whether they come to a standstill does not depend on who moves when.  One
play in any order therefore speaks for all stalls; and as a core that has answered one frame is
empty again, one frame speaks for all of them.
"""

from collections import defaultdict
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from s2nn_hw.ir import INPUT

from .feeds import ConvPlan, Feed, ParallelPlan, UnrolledPlan, WindowPlan, windows_of
from .plan import CorePlan, LayerPlan, NodePlan, feeds_of

_Array = npt.NDArray[np.int64]


def with_room_for_joins(plan: CorePlan, ahead: int) -> CorePlan:
    """The plan with line buffers that hold what waits for other branches, and some pixels more."""
    needs: dict[str, dict[str, _Array]] = {}
    nodes: dict[str, NodePlan] = {}
    for node in plan.layers:
        feeds = feeds_of(node)
        needs[node.layer] = _needs(feeds, needs)
        if isinstance(node, LayerPlan) and len(node.feeds) > 1:
            node = replace(
                node, feeds=tuple(_roomy(f, needs[node.layer], nodes, ahead) for f in node.feeds)
            )
        nodes[node.layer] = node
    return replace(plan, layers=tuple(nodes.values()))


def least_depths(plan: CorePlan) -> dict[str, dict[WindowPlan, int]]:
    """By layer, of its line buffers: the fewest pixels with which the core comes to its end.

    That is of each by itself, the others being as planned.  The last of the pixels that another
    branch asks for need not be in the buffer: it may wait where it is forked.
    """
    needs: dict[str, dict[str, _Array]] = {}
    nodes: dict[str, NodePlan] = {}
    found = {}
    for node in plan.layers:
        feeds = feeds_of(node)
        needs[node.layer] = _needs(feeds, needs)
        nodes[node.layer] = node
        found[node.layer] = {
            windows: max(windows.least_depth, _held(windows, needs[node.layer], nodes) - 1)
            for windows in map(windows_of, feeds)
            if windows is not None
        }
    return found


def _needs(
    feeds: tuple[Feed | WindowPlan, ...], needs: dict[str, dict[str, _Array]]
) -> dict[str, _Array]:
    """Per source, directly read or not: its last pixel that each output pixel waits for."""
    result: dict[str, _Array] = {}
    for feed in feeds:
        windows = windows_of(feed)
        last = np.array([-1] if windows is None else windows.needs)
        found = {feed.source: last}
        for source, pixels in needs.get(feed.source, {}).items():
            found[source] = pixels[last]
        for source, pixels in found.items():
            if source in result:
                pixels = np.maximum(result[source], pixels)
            result[source] = pixels
    return result


def _roomy(feed: Feed, needs: dict[str, _Array], nodes: dict[str, NodePlan], ahead: int) -> Feed:
    """The feed with room for what the other branches make it hold."""
    if not isinstance(feed, ConvPlan | ParallelPlan | UnrolledPlan):
        return feed
    windows = feed.windows
    rows = -(-(_held(windows, needs, nodes) + ahead) // windows.size[1])
    return replace(feed, windows=replace(windows, rows=max(windows.rows, rows)))


def _held(windows: WindowPlan, needs: dict[str, _Array], nodes: dict[str, NodePlan]) -> int:
    """Pixels, the first that a window needs and those sent until all branches have theirs."""
    sent = [_sent(windows.source, source, pixels, nodes) for source, pixels in needs.items()]
    return int((np.stack(sent) - np.array(windows.frees)).max())


def _sent(node: str, source: str, pixels: _Array, nodes: dict[str, NodePlan]) -> _Array:
    """Pixels that a node must have sent before each of these of a source can be taken."""
    if node == source:
        return pixels + 1
    if node == INPUT:
        return np.zeros_like(pixels)
    sent = np.zeros_like(pixels)
    for feed in feeds_of(nodes[node]):
        windows = windows_of(feed)
        if windows is None:
            continue
        taken = _sent(feed.source, source, pixels, nodes)
        done = np.searchsorted(np.array(windows.frees), taken - windows.depth)
        sent = np.maximum(sent, done)
    return sent


def check_progress(plan: CorePlan) -> CorePlan:
    """The plan, after a frame's step has been played to its end; see the top of this file."""
    feeds = {node.layer: feeds_of(node) for node in plan.layers}
    total = {name: _windows(f) for name, f in feeds.items()}
    total[INPUT] = plan.words
    readers = {source: plan.readers(source) for source in total}
    taken: dict[tuple[str, int], int] = defaultdict(int)
    sent: dict[str, int] = defaultdict(int)
    last = plan.layers[-1].layer
    moved = True
    while moved:
        moved = False
        for source in total:
            own = readers[source]
            # A word is gone when all have taken it; one more may wait to be taken.
            if sent[source] < total[source] and all(taken[r] >= sent[source] for r in own):
                done = source == INPUT or _fires(source, feeds[source], sent[source], taken, total)
                if done:
                    sent[source] += 1
                    moved = True
            for reader in own:
                feed = feeds[reader[0]][reader[1]]
                while taken[reader] < sent[source] and _takes(feed, taken[reader], sent[reader[0]]):
                    taken[reader] += 1
                    moved = True
    assert sent[last] == total[last], "the buffers of a join are too small"
    return plan


def _windows(feeds: tuple[Feed | WindowPlan, ...]) -> int:
    windows = windows_of(feeds[0])
    return 1 if windows is None else windows.windows


def _fires(
    name: str,
    feeds: tuple[Feed | WindowPlan, ...],
    window: int,
    taken: dict[tuple[str, int], int],
    total: dict[str, int],
) -> bool:
    """Whether all that the window needs was taken."""
    for k, feed in enumerate(feeds):
        windows = windows_of(feed)
        needed = total[feed.source] if windows is None else windows.needs[window] + 1
        if taken[name, k] < needed:
            return False
    return True


def _takes(feed: Feed | WindowPlan, pixel: int, fired: int) -> bool:
    """Whether there is room for the pixel after so many windows."""
    windows = windows_of(feed)
    if windows is None:
        return True
    frees = windows.frees[fired] if fired < windows.windows else windows.words + windows.frees[0]
    return pixel < frees + windows.depth
