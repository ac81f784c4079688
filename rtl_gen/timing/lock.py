"""Pipelines that stand still while their last stage waits."""

from collections import deque
from collections.abc import Generator

from rtl_gen.lib.skid import Skid

from .processes import LONG_AGO, Channel, Link, Process, SlotTimes


class Lock:
    """lib.lock.locked: when things come out of a pipeline, given when they are there to go in.

    Parameters
    ----------
    out: the stream of what comes out; latency: stages.
    """

    def __init__(self, out: Link, latency: int):
        self.out = out
        self.latency = latency
        #: Whether the last thing that went in is still to be taken, and since when it is there.
        self._offered: int | None = None
        #: First cycles in which it stands still, and in which it moves again, one after the other.
        self._still: deque[tuple[int, int]] = deque()

    def enter(self, there: int) -> Generator[Channel, None, int]:
        """The cycle in which the next thing goes in, which is there from this one on."""
        if self._offered is not None:
            if not self.out.taken:
                yield self.out.taken
            taken = self.out.taken.popleft()
            if taken > self._offered:
                self._still.append((self._offered, taken))
        while self._still and self._still[0][1] <= there:
            self._still.popleft()
        entered = at = self._moving(there)
        for _ in range(self.latency - 1):
            at = self._moving(at + 1)
        self._offered = at + 1
        self.out.offered.put(at + 1)
        return entered

    def _moving(self, cycle: int) -> int:
        """The first cycle from this one on in which it moves."""
        for first, end in self._still:
            if first <= cycle < end:
                cycle = end
        return cycle


def pipeline(source: Link, sink: Link, latency: int) -> Process:
    """A pipeline behind a stream."""
    lock = Lock(sink, latency)
    while True:
        if not source.offered:
            yield source.offered
        taken = yield from lock.enter(source.offered.popleft())
        source.taken.put(taken)


def skid(source: Link, sink: Link) -> Process:
    """lib.skid.Skid: two places."""
    places = SlotTimes(sink, Skid.depth, Skid.free_latency)
    last = LONG_AGO
    while True:
        if not source.offered:
            yield source.offered
        free = yield from places.free()
        last = max(source.offered.popleft(), free, last + 1)
        source.taken.put(last)
        places.push(last + Skid.latency)
