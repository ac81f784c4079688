"""Dense projections: queues of words and the encoders behind them."""

from collections import deque
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from rtl_gen.feeds import DensePlan
from rtl_gen.lib.queue import WordQueue
from rtl_gen.lib.register import Register
from rtl_gen.lib.skid import Skid

from .encoder import Encoder, FoldedEncoder
from .processes import LONG_AGO, Channel, Link, Process


class Queue:
    """lib.queue.WordQueue: when entries are written and read."""

    def __init__(self, depth: int):
        self.depth = depth
        #: Per entry, the cycle in which it was read.
        self.read: list[int] = []
        self.written = 0
        #: First cycle in which the next entry can come to the output register.
        self.free = LONG_AGO
        #: Cycle in which a frame's last entry was written; nothing comes in before.
        self.closed = LONG_AGO
        self.held = -1
        self.entries: list[tuple[int, int, bool]] = []

    def _room(self, index: int) -> int:
        """First cycle in which there is room for the entry of this index."""
        behind = index - self.depth
        return self.read[behind] + WordQueue.free_latency if behind >= 0 else LONG_AGO

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
        """The cycle in which the next entry is read, given when its reader has room."""
        loaded = max(written + WordQueue.read_latency - 1, self.free)
        self.free = max(loaded + 1, free)
        self.read.append(self.free)
        return self.free


class PlaneTimes:
    """lib.planes.PlaneSequence: when the entries of its queues are read, and when they leave it."""

    def __init__(self, planes: int):
        self.planes = planes
        #: Cycle in which the newest entry was read, and those in which the last ones left.
        self.read = LONG_AGO
        self.left = deque([LONG_AGO] * Skid.depth, Skid.depth)

    def take(self, queue: Queue, written: int, free: int) -> int:
        """The cycle in which the next entry leaves, given when its reader has room."""
        if self.planes == 1:
            return queue.pop(written, free)
        self.read = queue.pop(written, max(self.read + 1, self.left[0] + Skid.free_latency))
        left = max(self.read + Skid.latency, free)
        self.left.append(left)
        return left


class DenseFeed:
    """layers.feed.DenseFeed with its encoders.

    Parameters
    ----------
    taken: events of the banks' shares, (frames, planes, banks, words).
    encoders: of the banks.
    """

    def __init__(
        self,
        plan: DensePlan,
        taken: npt.NDArray[np.int64],
        words: Link,
        done: Channel,
        encoders: Sequence[Encoder | FoldedEncoder],
    ):
        self.plan = plan
        self.taken = taken
        self.words = words
        #: Told of each frame that is wholly in; tells of each that has left the queues.
        self.whole = done.network.channel()
        self.left = done
        self.queues = [[Queue(plan.queue) for _ in plan.banks] for _ in range(plan.planes)]
        self.sequences = [PlaneTimes(plan.planes) for _ in plan.banks]
        self.encoders = encoders

    def process(self) -> Process:
        """Takes the words."""
        queues = [queue for plane in self.queues for queue in plane]
        words = self.words
        last = self.plan.words - 1
        free = LONG_AGO
        for frame in range(len(self.taken)):
            if frame:
                if not self.left:
                    yield self.left
                self.left.popleft()
            now = self.taken[frame].tolist()
            for word in range(last + 1):
                if not words.offered:
                    yield words.offered
                # Into the register, and from there to the queues.
                cycle = max(words.offered.popleft(), free)
                words.taken.put(cycle)
                cycle += Register.latency
                while True:
                    possible = max(queue.room(cycle) for queue in queues)
                    if possible == cycle:
                        break
                    cycle = possible
                for plane, counts in zip(self.queues, now, strict=True):
                    for queue, bank in zip(plane, counts, strict=True):
                        queue.push(cycle, bank[word], word == last)
                # The first plane's entries leave a queue that is shorter than the frame.
                self._take(len(self.queues) - 1)
                free = cycle
            self.whole.put(frame)

    def plane(self, plane: int) -> int:
        """The cycle in which all encoders could end the plane."""
        self._take(plane)
        return max(own.ending() for own in self.encoders)

    def _take(self, plane: int) -> None:
        """The encoders take all that is in the plane's queues."""
        for own, queue, sequence in zip(
            self.encoders, self.queues[plane], self.sequences, strict=True
        ):
            for count, written, last in queue.entries:
                left = sequence.take(queue, written, own.counting.left[0])
                own.take(left, count, last=last)
            queue.entries.clear()

    def end(self, cycle: int) -> None:
        """The plane ended in this cycle."""
        for own in self.encoders:
            own.end(cycle)
