"""Layers and pools as processes."""

from collections.abc import Sequence

from rtl_gen.engines.event import EventEngine
from rtl_gen.engines.parallel import ParallelEngine
from rtl_gen.feeds import FramePlan
from rtl_gen.layers.event import memory_latency
from rtl_gen.layers.pool import PoolLayer
from rtl_gen.lib.potentials import StoredPotentials
from rtl_gen.lib.slots import Slots
from rtl_gen.lib.tree import levels
from rtl_gen.plan import LayerPlan

from .dense import DenseFeed
from .frames import FrameFeed
from .lock import Lock
from .processes import LONG_AGO, Link, Process, SlotTimes
from .windows import EventUnit, WindowUnit


def dense_unit(feeds: list[DenseFeed], slots: SlotTimes, latency: int) -> Process:
    """A layer of dense projections; ``latency`` from a window's end to its result."""
    planes = feeds[0].plan.planes
    for frame in range(len(feeds[0].taken)):
        for feed in feeds:
            if not feed.whole:
                yield feed.whole
            feed.whole.popleft()
        end = 0
        for plane in reversed(range(planes)):
            end = max(feed.plane(plane) for feed in feeds)
            if plane == 0:
                free = yield from slots.free()
                end = max(end, free)
            for feed in feeds:
                feed.end(end)
        slots.push(end + latency)
        for feed in feeds:
            feed.left.put(frame)


def unrolled_unit(parts: Sequence[WindowUnit | FrameFeed], windows: int, lock: Lock) -> Process:
    """A layer on the unrolled engine, for so many windows."""
    for _ in range(windows):
        for part in parts:
            yield from part.begin()
        handed_over = yield from lock.enter(max(part.plane(0) for part in parts))
        for part in parts:
            part.finish()
            part.end(handed_over)


def stepped_unit(feed: FramePlan, frames: int, words: Link, lock: Lock) -> Process:
    """A layer on the unrolled engine that takes words in the cycles in which it moves."""
    at = LONG_AGO
    for _ in range(frames):
        yield from lock.learn()
        for _ in range(feed.words):
            if not words.offered:
                yield words.offered
            at = lock.moving(max(words.offered.popleft(), at + 1))
            words.taken.put(at)
        yield from lock.enter(at + feed.held)


def window_unit(parts: list[EventUnit], windows: int, slots: SlotTimes, latency: int) -> Process:
    """A unit of a layer of convolutions, for so many windows."""
    rounds = parts[0].rounds
    for _ in range(windows):
        for part in parts:
            yield from part.begin()
        end = 0
        for round_ in reversed(range(rounds)):
            end = max(part.plane(round_) for part in parts)
            if round_ == 0:
                for part in parts:
                    part.finish()
                free = yield from slots.free()
                end = max(end, free)
            for part in parts:
                part.end(end)
        slots.push(end + latency)


def parallel_unit(
    parts: list[WindowUnit], windows: int, work: int, slots: SlotTimes, latency: int
) -> Process:
    """A layer on the parallel engine, for so many windows of so many cycles of work."""
    finished = LONG_AGO
    for _ in range(windows):
        for part in parts:
            yield from part.begin()
        gathered = max(part.plane(0) for part in parts)
        handed_over = max(gathered, finished)
        for part in parts:
            part.finish()
            part.end(handed_over)
        free = yield from slots.free()
        finished = max(handed_over + work, free)
        slots.push(finished + latency)


def pool(part: WindowUnit, windows: int, slots: SlotTimes) -> Process:
    """layers.pool.PoolLayer, for so many windows."""
    for _ in range(windows):
        yield from part.begin()
        # An entry is taken in the cycle in which it can be read.
        end = part.plane(0) - 1
        part.finish()
        free = yield from slots.free()
        end = max(end, free)
        part.end(end + 1)
        part.popped[0][-1] = end
        slots.push(end + PoolLayer.latency)


def result_latency(plan: LayerPlan, classes: int) -> int:
    """From the end of a window to the first cycle of its result.

    classes: of the readout, which tells the class too; 0 for any other layer.
    """
    reading = (
        ParallelEngine.latency
        if plan.engine == "parallel"
        else EventEngine.before_memory + memory_latency(plan)
    )
    adding = StoredPotentials.latency if plan.stored else plan.adding
    searching = 1 + plan.fabric.level_cycles * levels(classes) if classes else 0
    waiting = plan.sign_stage and not classes
    return reading + adding + waiting + searching + Slots.read_latency
