"""Cycles, exactly: when each beat of each frame goes in and comes out.

The model follows the same rules as the gateware, at the grain of words instead of cycles.  What
it needs of a component it reads from the component.
"""

import itertools
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from .engines.event import EventEngine
from .lib.accumulator import levels
from .lib.queue import WordQueue
from .lib.slots import Slots
from .plan import CorePlan, EventPlan

#: Values of each source, (frames, elements): the input's pixels, the hidden layers' spikes.
Values = Mapping[str, npt.NDArray[np.uint8]]

_LONG_AGO = -(10**9)


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
    frames = len(source.waits)
    stages = [
        _Stage(
            layer,
            counts(layer, values[name]),
            results=plan.output.classes if index == len(plan.layers) - 1 else 0,
            share=share,
        )
        for index, (layer, name) in enumerate(zip(plan.layers, _sources(plan), strict=True))
    ]
    first, last = stages[0], stages[-1]
    beats, gather = plan.input.beats, plan.gather
    accepted = np.zeros((frames, beats), dtype=np.int64)
    delivered = np.zeros((frames, plan.output.beats), dtype=np.int64)
    ready = _NextReady(source.ready)
    waits = source.waits.tolist()
    clock = -1
    for f in range(frames):
        if source.alone[f] and f:
            clock = int(delivered[f - 1, -1]) + source.settle
        first.begin(f)
        for k in range(beats):
            clock += 1 + waits[f][k]
            if k % gather == gather - 1 or k == beats - 1:
                clock = first.accept(clock)
            accepted[f, k] = clock
        done = first.finish()
        for stage, following in itertools.pairwise(stages):
            following.begin(f)
            at = max(done, stage.released[-1] + 1)
            for _ in range(following.words):
                at = following.accept(at) + 1
            stage.released.append(at - 1)
            done = following.finish()
        at = max(done, last.released[-1] + 1)
        for k in range(plan.output.beats):
            at = ready.at_or_after(at)
            delivered[f, k] = at
            at += 1
        last.released.append(at - 1)
    return Schedule(accepted=accepted, delivered=delivered)


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
    frames = 4 * max(layer.slots for layer in plan.layers)
    full = {
        name: np.full((frames, int(np.max(layer.order)) + 1), 2**layer.planes - 1, dtype=np.uint8)
        for layer, name in zip(plan.layers, _sources(plan), strict=True)
    }
    result = schedule(plan, full, steady(frames, plan), share=False)
    return int(result.latencies[0]), int(result.intervals[-1])


def floors(plan: CorePlan, values: Values) -> dict[str, npt.NDArray[np.int64]]:
    """Per layer and frame, the fewest cycles that any such engine needs.

    The greater of the beats that come in and the events over the lanes.
    """
    result = {}
    for index, (layer, name) in enumerate(zip(plan.layers, _sources(plan), strict=True)):
        beats = layer.words if index else plan.input.beats
        steps = np.maximum(1, -(-events(values[name], layer.planes) // layer.lanes))
        result[layer.layer] = np.maximum(beats, steps)
    return result


def events(values: npt.NDArray[np.uint8], planes: int) -> npt.NDArray[np.int64]:
    """Set bits of each frame, (frames,)."""
    flat = values.reshape(len(values), -1)
    return np.sum(
        [(flat >> b & 1).sum(axis=1, dtype=np.int64) for b in range(planes)], axis=0
    ).astype(np.int64)


def counts(layer: EventPlan, values: npt.NDArray[np.uint8]) -> npt.NDArray[np.int64]:
    """Events in each bank's share of each word, (frames, planes, banks, words)."""
    order = np.array(layer.order)
    flat = values.reshape(len(values), -1)
    placed = np.where(order >= 0, flat[:, np.maximum(order, 0)], 0)
    placed = placed.reshape(len(values), layer.words, layer.positions)
    result = np.empty((len(values), layer.planes, len(layer.banks), layer.words), dtype=np.int64)
    for p in range(layer.planes):
        bits = placed >> p & 1
        for b, bank in enumerate(layer.banks):
            result[:, p, b] = bits[:, :, list(bank.positions)].sum(axis=2)
    return result


def _sources(plan: CorePlan) -> Iterator[str]:
    """The source of each layer of the chain."""
    yield "input"
    yield from (layer.layer for layer in plan.layers[:-1])


class _NextReady:
    """The first cycle, from a given one on, in which the sink is ready."""

    def __init__(self, pattern: npt.NDArray[np.bool_]):
        self.period = len(pattern)
        ready = np.flatnonzero(np.concatenate([pattern, pattern]))
        at = np.searchsorted(ready, np.arange(self.period))
        self.wait = (ready[at] - np.arange(self.period)).tolist()

    def at_or_after(self, cycle: int) -> int:
        return int(cycle + self.wait[cycle % self.period])


class _Queue:
    """WordQueue: the cycles at which entries are written and reach the output register."""

    def __init__(self, depth: int):
        self.depth = depth
        #: Per entry, the cycle in which it left the memory.
        self.left: list[int] = []
        self.written = 0
        self.popped = _LONG_AGO
        #: Cycle in which a frame's last entry was written; nothing comes in before.
        self.closed = _LONG_AGO
        self.held = -1
        self.entries: list[tuple[int, int, bool]] = []

    def _room(self, index: int) -> int:
        """First cycle in which the memory has room for the entry of this index."""
        behind = index - self.depth
        return self.left[behind] + 1 if behind >= 0 else _LONG_AGO

    def room(self, cycle: int) -> int:
        """First cycle, from this one on, in which a word can come in."""
        if cycle <= self.closed:
            return self.closed
        return max(cycle, self._room(self.written))

    def push(self, cycle: int, count: int, last: bool) -> None:
        if count:
            if self.held >= 0:
                self.entries.append((self.held, cycle, False))
                self.written += 1
            self.held = count
        if last:
            self.closed = max(cycle + 1, self._room(self.written))
            self.entries.append((max(self.held, 0), self.closed, True))
            self.written += 1
            self.held = -1

    def pop(self, written: int, free: int) -> int:
        """The cycle in which the next entry leaves, given when its reader has room."""
        left = max(written + WordQueue.read_latency - 1, self.popped)
        self.left.append(left)
        self.popped = max(left + 1, free)
        return self.popped


class _Encoder:
    """EventEncoder: when the entries of one window are taken."""

    def __init__(self, ports: int, share: bool):
        self.ports = ports
        self.share = share
        #: Of the newest entry: first cycle as the current one, last cycle, events left to it.
        self.began = _LONG_AGO
        self.ended = _LONG_AGO
        self.popped = _LONG_AGO
        self.left = 0
        self.last = True
        self.stolen = False

    def window(self, queue: _Queue) -> int:
        """Take the entries of a window; returns the cycle in which it could end."""
        for count, written, last in queue.entries:
            if self.ports == 1:
                popped = queue.pop(written, self.ended)
            else:
                # The next entry's place is free once the entry before it is the current one.
                popped = queue.pop(written, max(self.began - 1, self.popped + 1))
                if self.share and self.left & 1 and not self.last and popped < self.ended:
                    count -= 1
                    if not count:
                        # Wholly taken together with the last spike of the entry before.
                        self.began, self.left, self.last = self.ended + 1, 0, last
                        self.popped, self.stolen = popped, True
                        continue
            self.began = max(self.ended, popped) + 1
            self.popped = popped
            self.ended = self.began + max(1, -(-count // self.ports)) - 1
            self.left, self.last, self.stolen = count, last, False
        queue.entries.clear()
        return self.ended

    def end(self, cycle: int) -> None:
        """The window ended in this cycle."""
        self.ended = cycle
        if self.stolen:
            self.began = cycle + 1


class _Stage:
    """A layer: its queues, encoders and slots."""

    def __init__(self, plan: EventPlan, taken: npt.NDArray[np.int64], *, results: int, share: bool):
        self.words = plan.words
        self.slots = plan.slots
        self.taken = taken
        self.queues = [[_Queue(plan.queue) for _ in plan.banks] for _ in range(plan.planes)]
        self.all_queues = [queue for plane in self.queues for queue in plane]
        self.encoders = [_Encoder(bank.ports, share) for bank in plan.banks]
        #: From the end of a frame's last window to the first cycle of its result.
        self.latency = EventEngine.latency + levels(plan.lanes) + Slots.read_latency
        if results:
            self.latency += 1 + levels(results)
        #: Per frame, the cycle in which its result was taken over.
        self.released = [_LONG_AGO]

    def begin(self, frame: int) -> None:
        """The next words belong to this frame."""
        self.frame = frame
        self.word = 0
        self.now = self.taken[frame].tolist()

    def accept(self, cycle: int) -> int:
        """The cycle in which the next word comes in, offered from the given one on."""
        while True:
            possible = max(queue.room(cycle) for queue in self.all_queues)
            if possible == cycle:
                break
            cycle = possible
        last = self.word == self.words - 1
        for plane, taken in zip(self.queues, self.now, strict=True):
            for queue, bank in zip(plane, taken, strict=True):
                queue.push(cycle, bank[self.word], last)
        self.word += 1
        return cycle

    def finish(self) -> int:
        """All words are in: the first cycle in which the frame's result can be read."""
        for plane in reversed(self.queues):
            end = max(
                encoder.window(queue) for encoder, queue in zip(self.encoders, plane, strict=True)
            )
            if plane is self.queues[0] and self.frame >= self.slots:
                # released[0] stands for the time before the first frame.
                claimed = self.released[self.frame - self.slots + 1]
                end = max(end, claimed + Slots.free_latency)
            for encoder in self.encoders:
                encoder.end(end)
        return end + self.latency
