"""The schedule of a whole core."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from rtl_gen.engines.unrolled import in_step
from rtl_gen.feeds import (
    ConvPlan,
    DensePlan,
    Feed,
    FramePlan,
    ParallelPlan,
    UnrolledPlan,
    windows_of,
)
from rtl_gen.layers.event import port_of
from rtl_gen.lib.slots import Slots
from rtl_gen.lib.tree import levels
from rtl_gen.plan import CorePlan, LayerPlan, NodePlan, PoolPlan, feeds_of
from s2nn_hw.ir import INPUT

from .dense import DenseFeed
from .encoder import Encoder, FoldedEncoder, encoder
from .frames import FrameFeed
from .layers import (
    dense_unit,
    parallel_unit,
    pool,
    result_latency,
    stepped_unit,
    unrolled_unit,
    window_unit,
)
from .lock import Lock
from .processes import (
    LONG_AGO,
    Channel,
    Link,
    Process,
    Processes,
    SlotTimes,
    fork,
    merge,
    serialise,
)
from .steps import membranes, replay, totals
from .windows import EventUnit, WindowFeed, WindowUnit
from .work import Values, pixel_events, pixel_marks, word_events


@dataclass(frozen=True, kw_only=True, eq=False)
class Schedule:
    """Cycles of the handshakes at the ports, counted like the source's.

    accepted: int64 (frames, beats in).
    delivered: int64 (frames, beats out).
    """

    accepted: npt.NDArray[np.int64]
    delivered: npt.NDArray[np.int64]

    @property
    def latencies(self) -> npt.NDArray[np.int64]:
        """Of each frame, from its first beat in to its last beat out."""
        return self.delivered[:, -1] - self.accepted[:, 0]

    @property
    def intervals(self) -> npt.NDArray[np.int64]:
        """Between the last beats out of consecutive frames."""
        return np.diff(self.delivered[:, -1])


@dataclass(frozen=True, kw_only=True, eq=False)
class Source:
    """When beats are offered.

    waits: int64 (frames, beats): a beat is offered ``1 + wait`` cycles after the one before it was
        accepted, the very first at cycle ``wait``.
    alone: bool (frames,): the frame's first beat is instead offered ``wait + 1 + settle`` cycles
        after the previous frame's result was delivered.
    ready: bool (period,): whether the sink takes a beat in cycle c, at ``c % period``.
    """

    waits: npt.NDArray[np.int64]
    alone: npt.NDArray[np.bool_]
    settle: int
    ready: npt.NDArray[np.bool_]


def schedule(plan: CorePlan, values: Values, source: Source, *, share: bool = True) -> Schedule:
    """Predict the cycle of every handshake for the given frames.

    Without ``share`` an encoder's two ports never take spikes of two words in one cycle.
    """
    model = _Model(plan, values, len(source.waits) * plan.steps, share)
    delivered = model.processes.channel()
    accepted = np.zeros(source.waits.shape, dtype=np.int64)
    results = np.zeros((len(source.waits), plan.output.beats), dtype=np.int64)
    model.processes.add(_input(plan, source, model.inputs(), delivered, accepted))
    model.processes.add(_output(model.results, source.ready, delivered, results))
    model.processes.run()
    return Schedule(accepted=accepted, delivered=results)


def steady(frames: int, plan: CorePlan) -> Source:
    """A source and a sink that never wait."""
    return Source(
        waits=np.zeros((frames, plan.input.beats), dtype=np.int64),
        alone=np.zeros(frames, dtype=np.bool_),
        settle=0,
        ready=np.ones(1, dtype=np.bool_),
    )


def bounds(plan: CorePlan) -> tuple[int, int]:
    """The greatest latency of a frame alone, and the greatest interval that lasts.

    A frame of nothing but spikes, of which no two words share a cycle, is an upper bound for every
    other: each cycle in the model is a maximum or a sum of earlier ones and of event counts, so
    fewer events never make anything later; nor does sharing a cycle between words.
    """
    # Of a map, slots hold windows: the second frame already follows at the lasting interval.
    maps = any(windows_of(feed) for node in plan.layers for feed in feeds_of(node))
    frames = 4 if maps else 4 * max(n.slots for n in plan.layers)
    full = {}
    for node in plan.layers:
        for feed in feeds_of(node):
            windows = windows_of(feed)
            if windows is None:
                size = int(np.max(feed.order)) + 1
            else:
                size = windows.channels * windows.words
            full[feed.source] = np.full(
                (frames * plan.steps, size), 2**feed.planes - 1, dtype=np.uint32
            )
    result = schedule(plan, full, steady(frames, plan), share=False)
    return int(result.latencies[0]), int(result.intervals[-1])


class _Model:
    """The layers' processes, and the streams that join them.

    frames: of a single step each, as the layers see them.
    """

    def __init__(self, plan: CorePlan, values: Values, frames: int, share: bool):
        self.plan = plan
        self.values = values
        self.frames = frames
        self.share = share
        self.processes = Processes()
        self.links = {
            reader: self.processes.link()
            for name in (INPUT, *(node.layer for node in plan.layers))
            for reader in plan.readers(name)
        }
        for node in plan.layers:
            self._node(node)

    def inputs(self) -> Link:
        """The stream of the input's words."""
        words = self._spread(INPUT, map_=True)
        if not self.plan.replays:
            return words
        given = self.processes.link()
        steps = self.plan.steps
        frames = self.frames // steps
        self.processes.add(replay(given, words, frames=frames, words=self.plan.words, steps=steps))
        return given

    def _node(self, node: NodePlan) -> None:
        if isinstance(node, PoolPlan):
            out = self._spread(node.layer, map_=True)
            feed = self._windows(node.windows, (node.layer, 0), 1)
            part = WindowUnit(feed, 0, [pixel_marks(node.windows, self._of(node.windows.source))])
            results = self.processes.link()
            self.processes.add(merge([results], out))
            slots = SlotTimes(results, node.slots, Slots.free_latency)
            self.processes.add(pool(part, self.frames * node.windows.windows, slots))
            return
        if node.engine == "unrolled":
            self._unrolled(node)
            return
        last = node is self.plan.layers[-1]
        is_map = not isinstance(node.feeds[0], FramePlan)
        out = self._out(node, map_=is_map)
        searched = last and not node.totals
        latency = result_latency(node, self.plan.output.classes if searched else 0)
        if not is_map:
            feeds = []
            for k, feed in enumerate(node.feeds):
                assert isinstance(feed, DensePlan)
                words = self.links[node.layer, k]
                if feed.parts > 1:
                    words = self.processes.link()
                    self.processes.add(serialise(self.links[node.layer, k], words, feed.parts))
                made = DenseFeed(
                    feed,
                    word_events(feed, self._of(feed.source)),
                    words,
                    self.processes.channel(),
                    self._encoders(node, feed),
                )
                self.processes.add(made.process())
                feeds.append(made)
            slots = SlotTimes(out, node.slots, Slots.free_latency)
            self.processes.add(dense_unit(feeds, slots, latency))
            return
        feeds = [
            self._windows(feed.windows, (node.layer, k), node.pixels)
            for k, feed in enumerate(node.feeds)
        ]
        counts = [self._counts(feed) for feed in node.feeds]
        total = self.frames * feeds[0].plan.windows
        outs = [self.processes.link() for _ in range(node.pixels)]
        for u, link in enumerate(outs):
            parts = [
                WindowUnit(f, u, c)
                if isinstance(own, ParallelPlan)
                else EventUnit(f, u, c, self._encoders(node, own))
                for f, c, own in zip(feeds, counts, node.feeds, strict=True)
            ]
            slots = SlotTimes(link, node.slots, Slots.free_latency)
            own = len(range(u, total, node.pixels))
            if node.engine == "parallel":
                work = node.planes * max(feed.steps for feed in node.feeds)
                self.processes.add(parallel_unit(parts, own, work, slots, latency))
            else:
                self.processes.add(window_unit(parts, own, slots, latency))
        self.processes.add(merge(outs, out))

    def _unrolled(self, node: LayerPlan) -> None:
        """A layer on the unrolled engine, and all that move with it."""
        if node.follows:
            return
        stages, end = node.stages, node
        while end.bound and end is not self.plan.layers[-1]:
            ((reader, _),) = self.plan.readers(end.layer)
            end = self.plan.node(reader)
            assert isinstance(end, LayerPlan)
            stages += end.stages
        last = end is self.plan.layers[-1]
        # A pipeline that is bound to others goes on with them to the end, else up to its results.
        last = end is self.plan.layers[-1] and end.bound
        if last:
            out = self._results()
            stages += end.totals + end.fabric.level_cycles * levels(self.plan.output.classes)
        else:
            out = self._out(end, map_=windows_of(end.feeds[0]) is not None)
        lock = Lock(out, stages, skid=last)
        (feed, *_), reader = node.feeds, (node.layer, 0)
        if in_step(node.feeds):
            assert isinstance(feed, FramePlan)
            self.processes.add(stepped_unit(feed, self.frames, self.links[reader], lock))
            return
        parts = [self._gathered(f, (node.layer, k)) for k, f in enumerate(node.feeds)]
        windows = windows_of(node.feeds[0])
        total = self.frames * (1 if windows is None else windows.windows)
        self.processes.add(unrolled_unit(parts, total, lock))

    def _out(self, node: LayerPlan, *, map_: bool) -> Link:
        """The stream of a layer's potentials or spikes, to what is behind them."""
        if node is self.plan.layers[-1]:
            out = self._results()
            if not node.totals:
                return out
            given = self.processes.link()
            stages = 1 + node.fabric.level_cycles * levels(self.plan.output.classes)
            self.processes.add(totals(given, Lock(out, stages, skid=True), node.steps))
            return given
        out = self._spread(node.layer, map_=map_)
        if node.membranes is None:
            return out
        given = self.processes.link()
        self.processes.add(membranes(given, out, node.membranes))
        return given

    def _results(self) -> Link:
        """The stream of results, before they are sent in beats."""
        out = self.processes.link()
        self.results = self.processes.link()
        self.processes.add(serialise(out, self.results, self.plan.output.beats))
        return out

    def _gathered(self, feed: Feed, reader: tuple[str, int]) -> WindowUnit | FrameFeed:
        """What the unrolled engine gathers of a projection."""
        if isinstance(feed, FramePlan):
            made = FrameFeed(feed, self.frames, self.links[reader])
            self.processes.add(made.process())
            return made
        assert isinstance(feed, UnrolledPlan)
        marks = pixel_marks(feed.windows, self._of(feed.source))
        return WindowUnit(self._windows(feed.windows, reader, 1), 0, [marks])

    def _encoders(self, node: LayerPlan, feed: Feed) -> list[Encoder | FoldedEncoder]:
        """Those of a projection's banks."""
        assert isinstance(feed, DensePlan | ConvPlan)
        ports = [port_of(feed, bank, spare=not node.masked) for bank in feed.banks]
        return [encoder(port, share=self.share, fold=node.fold) for port in ports]

    def _windows(self, windows, reader: tuple[str, int], units: int) -> WindowFeed:
        feed = WindowFeed(windows, self.frames, self.links[reader], units)
        self.processes.add(feed.process())
        return feed

    def _counts(self, feed: Feed) -> list[npt.NDArray[np.int64]]:
        """Per reader of a projection, what it finds at each pixel."""
        values = self._of(feed.source)
        if isinstance(feed, ConvPlan):
            return [pixel_events(feed, bank, values) for bank in feed.banks]
        assert isinstance(feed, ParallelPlan)
        return [pixel_marks(feed.windows, values)]

    def _of(self, source: str) -> npt.NDArray[np.unsignedinteger]:
        return self.values[source]

    def _spread(self, name: str, *, map_: bool) -> Link:
        """A stream to all that read a source."""
        readers = self.plan.readers(name)
        branches = []
        for reader in readers:
            link = self.links[reader]
            if not map_:
                node = self.plan.node(reader[0])
                assert isinstance(node, LayerPlan)
                feed = node.feeds[reader[1]]
                assert isinstance(feed, FramePlan)
                whole = self.processes.link()
                self.processes.add(serialise(whole, link, feed.words))
                link = whole
            branches.append(link)
        if len(branches) == 1:
            return branches[0]
        joined = self.processes.link()
        self.processes.add(fork(joined, branches))
        return joined


def _input(
    plan: CorePlan,
    source: Source,
    words: Link,
    delivered: Channel,
    accepted: npt.NDArray[np.int64],
) -> Process:
    """The port, and the gathering of beats."""
    beats, gather, step = plan.input.beats, plan.gather, plan.input.step_beats
    waits = source.waits.tolist()
    clock = -1
    for f in range(len(waits)):
        if source.alone[f] and f:
            before = LONG_AGO
            while before != f - 1:
                if not delivered:
                    yield delivered
                before, clock = delivered.popleft()
            clock += source.settle
        for k in range(beats):
            clock += 1 + waits[f][k]
            at = k % step
            if at % gather == gather - 1 or at == step - 1:
                words.offered.put(clock)
                if not words.taken:
                    yield words.taken
                clock = words.taken.popleft()
            accepted[f, k] = clock


def _output(
    results: Link,
    ready: npt.NDArray[np.bool_],
    delivered: Channel,
    cycles: npt.NDArray[np.int64],
) -> Process:
    """The sink."""
    period = len(ready)
    at = np.flatnonzero(np.concatenate([ready, ready]))
    wait = (at[np.searchsorted(at, np.arange(period))] - np.arange(period)).tolist()
    for f, row in enumerate(cycles):
        cycle = 0
        for k in range(len(row)):
            if not results.offered:
                yield results.offered
            cycle = results.offered.popleft()
            cycle += wait[cycle % period]
            row[k] = cycle
            results.taken.put(cycle)
        delivered.put((f, cycle))
