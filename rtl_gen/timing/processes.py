"""Processes that work out times from each other's.

Every block of the core is a generator that computes the cycles of its handshakes in their order,
from those of its neighbours.  As each cycle is a maximum or a sum of earlier ones, it does not
matter in which order the blocks are evaluated; one that lacks a number waits until it is put.
"""

from collections import deque
from collections.abc import Generator
from typing import Any

LONG_AGO = -(10**9)


class Channel(deque[Any]):
    """What one process tells another, in order."""

    def __init__(self, network: "Processes"):
        super().__init__()
        self.network = network
        self.waiting: Process | None = None
        #: Items without which its reader need not be woken.
        self.wanted = 1

    def put(self, item: Any) -> None:
        """Append an item, and wake its reader, if these are as many as it wants."""
        self.append(item)
        if self.waiting is not None and len(self) >= self.wanted:
            self.network.ready.append(self.waiting)
            self.waiting = None


#: A process yields the channel that holds fewer items than are wanted.
Process = Generator[Channel, None, None]


class Link:
    """A stream between two processes: when each word is offered, and when it is taken."""

    def __init__(self, network: "Processes"):
        self.offered = Channel(network)
        self.taken = Channel(network)


class Processes:
    """A network of them."""

    def __init__(self) -> None:
        self.ready: deque[Process] = deque()

    def channel(self) -> Channel:
        """A new channel."""
        return Channel(self)

    def link(self) -> Link:
        """A new stream."""
        return Link(self)

    def add(self, process: Process) -> None:
        """Take a process on."""
        self.ready.append(process)

    def run(self) -> None:
        """Until none has anything left to do."""
        ready = self.ready
        while ready:
            process = ready.popleft()
            for channel in process:
                if len(channel) >= channel.wanted:
                    continue
                channel.waiting = process
                break


def fork(source: Link, branches: list[Link]) -> Process:
    """lib.fork.Fork: a word is gone, and the next one seen, when every branch has taken it."""
    taken = LONG_AGO
    while True:
        if not source.offered:
            yield source.offered
        taken = at = max(source.offered.popleft(), taken + 1)
        for branch in branches:
            branch.offered.put(at)
        for branch in branches:
            if not branch.taken:
                yield branch.taken
            taken = max(taken, branch.taken.popleft())
        source.taken.put(taken)


def serialise(source: Link, sink: Link, beats: int) -> Process:
    """lib.serialiser.Serialiser: a result in so many beats."""
    last = LONG_AGO
    while True:
        if not source.offered:
            yield source.offered
        at = max(source.offered.popleft(), last + 1)
        for _ in range(beats):
            sink.offered.put(at)
            if not sink.taken:
                yield sink.taken
            last = sink.taken.popleft()
            at = last + 1
        source.taken.put(last)


def merge(inputs: list[Link], sink: Link) -> Process:
    """lib.merge.Merge: a beat of each input in turn."""
    last = LONG_AGO
    while True:
        for source in inputs:
            if not source.offered:
                yield source.offered
            sink.offered.put(max(source.offered.popleft(), last + 1))
            if not sink.taken:
                yield sink.taken
            last = sink.taken.popleft()
            source.taken.put(last)


class SlotTimes:
    """lib.slots.Slots: which results wait for their reader, and since when there is room.

    The reader is told when each result can be read, and tells when it has taken it.
    """

    def __init__(self, out: Link, depth: int, free_latency: int):
        self.out = out
        self.depth = depth
        self.free_latency = free_latency
        self.claimed = 0

    def free(self) -> Generator[Channel, None, int]:
        """The first cycle in which the next slot can be reserved."""
        self.claimed += 1
        if self.claimed <= self.depth:
            return LONG_AGO
        if not self.out.taken:
            yield self.out.taken
        return int(self.out.taken.popleft()) + self.free_latency

    def push(self, readable: int) -> None:
        """A result can be read from this cycle on."""
        self.out.offered.put(readable)
