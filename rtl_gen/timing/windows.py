"""Maps: line buffers, the reading of their windows, and what takes their entries."""

from collections import deque
from collections.abc import Generator, Sequence

import numpy as np
import numpy.typing as npt

from rtl_gen.feeds import WindowPlan
from rtl_gen.lib.reader import WindowReader
from rtl_gen.lib.register import Register
from rtl_gen.lib.sequence import WindowSequence
from rtl_gen.lib.slots import Slots

from .encoder import Encoder, FoldedEncoder
from .processes import LONG_AGO, Channel, Link, Process

_ENTRY = WindowReader.read_latency

#: From the taking of an entry to the first cycle in which its place is free.
_FREE = Slots.free_latency

#: From a window's last pixel to the cycle before its first entry can be issued.
_LOADED = WindowReader.load_latency - 1


class WindowFeed:
    """Line buffers that take the same pixels: those of the units and banks of a projection.

    Parameters
    ----------
    plan: the windows.
    frames: how many there are.
    pixels: the stream of pixels.
    units: how many take windows in turn.
    """

    def __init__(self, plan: WindowPlan, frames: int, pixels: Link, units: int):
        self.plan = plan
        self.frames = frames
        self.pixels = pixels
        network = pixels.offered.network
        #: To each unit, when each pixel came in; from it, when each of its windows was read.
        self.came = [network.channel() for _ in range(units)]
        self.read = [network.channel() for _ in range(units)]

    def process(self) -> Process:
        """Takes the pixels as there is room for them."""
        plan, pixels = self.plan, self.pixels
        frees, windows, words = plan.frees, plan.windows, plan.words
        units = len(self.came)
        # Of each unit: the window that comes next, how far pixels may come, and since when.
        following = list(range(units))
        limit = [self._free(w) + plan.depth for w in following]
        since = [LONG_AGO] * units
        at = LONG_AGO
        for pixel in range(self.frames * words):
            if not pixels.offered:
                yield pixels.offered
            # Into the register, when the pixel before leaves it, and on.
            at = max(pixels.offered.popleft(), at)
            pixels.taken.put(at)
            at += Register.latency
            for u in range(units):
                while pixel >= limit[u]:
                    if not self.read[u]:
                        yield self.read[u]
                    since[u] = self.read[u].popleft() + WindowSequence.free_latency
                    following[u] += units
                    frame, window = divmod(following[u], windows)
                    limit[u] = frame * words + frees[window] + plan.depth
                if since[u] > at:
                    at = since[u]
            for channel in self.came:
                channel.put(at)

    def _free(self, window: int) -> int:
        frame, inner = divmod(window, self.plan.windows)
        return frame * self.plan.words + self.plan.frees[inner]


class WindowUnit:
    """The readers of one unit's windows, and the taking of their entries one by one.

    Parameters
    ----------
    feed: the line buffers; unit: which of its units this is.
    counts: per reader, events at each pixel, (frames, rounds, pixels).
    """

    def __init__(self, feed: WindowFeed, unit: int, counts: Sequence[npt.NDArray[np.int64]]):
        self.feed = feed
        plan = feed.plan
        self.came, self.read = feed.came[unit], feed.read[unit]
        self.counts = counts
        self.readers = len(counts)
        self.rounds = counts[0].shape[1]
        self.step = len(feed.came)
        self.window = unit
        self.taps = [
            [int(p) for p in row if p >= 0] for row in plan.window.pixels(plan.size).tolist()
        ]
        self.pixels = 0
        self.frame = -1
        self.newest = LONG_AGO
        #: Of each reader: its last issue, the cycles in which its latest entries were taken, and
        #: the last cycle of the newest of them.
        self.issued = [LONG_AGO] * self.readers
        self.popped: list[deque[int]] = [
            deque([LONG_AGO] * plan.queue, plan.queue) for _ in range(self.readers)
        ]
        self.ended = [LONG_AGO] * self.readers

    def begin(self) -> Generator[Channel, None, None]:
        """The next window's pixels are waited for, and it is loaded."""
        plan = self.feed.plan
        frame, window = divmod(self.window, plan.windows)
        if frame != self.frame:
            self.frame = frame
            self.now = [[plane.tolist() for plane in c[frame]] for c in self.counts]
        needed = frame * plan.words + plan.needs[window]
        came = self.came
        if (missing := needed + 1 - self.pixels) > 0:
            came.wanted = missing
            if len(came) < missing:
                yield came
            for _ in range(missing):
                self.newest = came.popleft()
            self.pixels += missing
        self.here = self.taps[window]
        self.window += self.step
        for r in range(self.readers):
            # The window before may be read until then.
            self.issued[r] = max(self.newest + _LOADED, self.issued[r])

    def plane(self, round_: int) -> int:
        """Issue and take the entries of a plane; the cycle in which all readers could end it."""
        end = LONG_AGO
        for r in range(self.readers):
            counts = self.now[r][round_]
            issued, popped, ended = self.issued[r], self.popped[r], self.ended[r]
            entries = [c for p in self.here if (c := counts[p])] or [1]
            for count in entries:
                issued += 1
                free = popped[0] + _FREE
                if free > issued:
                    issued = free
                at = issued + _ENTRY
                if ended > at:
                    at = ended
                popped.append(at)
                ended = at + count
            self.issued[r], self.ended[r] = issued, ended
            if ended > end:
                end = ended
        return end

    def finish(self) -> None:
        """The whole window is read."""
        self.read.put(max(self.issued))

    def end(self, cycle: int) -> None:
        """The plane ended in this cycle."""
        self.ended = [cycle] * self.readers


class EventUnit(WindowUnit):
    """Windows whose entries go to an encoder a reader, of one read each."""

    def __init__(
        self,
        feed: WindowFeed,
        unit: int,
        counts: Sequence[npt.NDArray[np.int64]],
        encoders: Sequence[Encoder | FoldedEncoder],
    ):
        super().__init__(feed, unit, counts)
        self.encoders = encoders

    def plane(self, round_: int) -> int:
        end = LONG_AGO
        for r, own in enumerate(self.encoders):
            counts = self.now[r][round_]
            issued, popped = self.issued[r], self.popped[r]
            entries = [c for p in self.here if (c := counts[p])] or [0]
            take, left = own.take, own.counting.left
            for count in entries:
                issued += 1
                free = popped[0] + _FREE
                if free > issued:
                    issued = free
                at = issued + _ENTRY
                if left[0] > at:
                    at = left[0]
                popped.append(at)
                take(at, count, last=False)
            self.issued[r] = issued
            end = max(end, own.ending())
        return end

    def end(self, cycle: int) -> None:
        for own in self.encoders:
            own.end(cycle)
