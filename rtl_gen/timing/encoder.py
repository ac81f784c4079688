"""Encoders: when entries are taken, and when their last rows are read."""

from collections import deque

from rtl_gen.lib.encoder import Port
from rtl_gen.lib.slots import Slots
from rtl_gen.lib.steps import StepQueue

from .processes import LONG_AGO

#: Steps by which an encoder may be ahead of the rows read: those that wait, and the first of them.
_AHEAD = StepQueue.depth + 1


def encoder(port: Port, *, share: bool, fold: int = 1) -> "Encoder | FoldedEncoder":
    """An encoder whose rows are so many words."""
    counting = Counting(1 + port.is_wide)
    return (
        Encoder(port.reads, counting, share=share) if fold == 1 else FoldedEncoder(fold, counting)
    )


class Counting:
    """The stages before an encoder in which the spikes of an entry are counted.

    An entry leaves one when the entry before has left the next one.
    """

    def __init__(self, stages: int):
        #: Cycles in which the newest entry left each of them.
        self.left = [LONG_AGO] * stages

    def take(self, read: int, moved: int) -> int:
        """The cycle in which an entry leaves the last one.

        read: in which it was read; moved: in which the one before made room behind them.
        """
        left = self.left
        cycle = read
        for k in range(len(left) - 1):
            cycle += 1
            if left[k + 1] > cycle:
                cycle = left[k + 1]
            left[k] = cycle
        cycle += 1
        if moved > cycle:
            cycle = moved
        left[-1] = cycle
        return cycle


class FoldedEncoder:
    """An encoder of one port, its step queue, and the lib.fold.WordSequence behind them.

    A row takes ``fold`` cycles to go out, so that every step may have to wait for room.
    """

    def __init__(self, fold: int, counting: Counting):
        self.fold = fold
        self.counting = counting
        #: Of the newest entry, as an Encoder's.
        self.moved = LONG_AGO
        #: Cycle in which the newest step was taken, and in which it is the first that waits.
        self.taken = LONG_AGO
        self.first = LONG_AGO
        #: Whether it is still there, and when the last ones went out.
        self.waits = False
        self.outs: deque[int] = deque([LONG_AGO] * _AHEAD, _AHEAD)

    def take(self, read: int, count: int, *, last: bool) -> None:
        """An entry was read in this cycle; it has so many events."""
        left = self.counting.take(read, self.moved)
        self.moved = max(left + 1, self.taken)
        at = self.moved
        for _ in range(max(1, count)):
            if self.waits:  # it was not the plane's last
                self.end(self.ending())
            at = max(at + 1, self.outs[0] + Slots.free_latency)
            self.first = max(at + StepQueue.latency, self.outs[-1] + 1)
            self.waits = True
        self.taken = at

    def ending(self) -> int:
        """The first cycle in which the newest step could go out."""
        return self.first + self.fold - 1

    def end(self, cycle: int) -> None:
        """It went out in this cycle."""
        self.outs.append(cycle)
        self.waits = False


class Encoder:
    """lib.encoder.EventEncoder with the lib.steps.StepQueue behind it.

    Steps are numbered on from the first.  A step that is not its plane's last goes out as soon as
    it can, one a cycle, so what is known of the last ones is enough: a later step has to wait for
    room exactly where the last of a plane has waited for the other encoders.
    """

    def __init__(self, ports: int, counting: Counting, *, share: bool):
        self.ports = ports
        self.counting = counting
        self.share = share and ports == 2
        #: Of the newest entry: the cycle in which it became the current one or was wholly taken
        #: with the one before; the cycle of its last step; events left to itself; whether it ends
        #: a plane.
        self.moved = LONG_AGO
        self.ended = LONG_AGO
        self.count = 0
        self.last = True
        #: Steps so far, and before this plane; the cycle from which those of this plane may go out.
        self.steps = 0
        self.before = 0
        self.begins = LONG_AGO
        #: Steps that had to wait for room, and the first cycle in which there was some.
        self.fences: deque[tuple[int, int]] = deque()

    def take(self, read: int, count: int, *, last: bool) -> None:
        """An entry was read in this cycle; it has so many events."""
        left = self.counting.take(read, self.moved)
        ended = self.ended
        if self.share:
            odd = self.count & 1 and not self.last
            self.last = last
            if odd and left < ended:
                count -= 1
                if not count:
                    # Wholly taken together with the last spike of the entry before.
                    self.moved, self.count = ended, 0
                    return
            self.count = count
        self.moved = moved = left + 1 if left >= ended else ended
        taken = -(-count // self.ports) or 1
        self.steps = steps = self.steps + taken
        ended = moved + taken
        fences = self.fences
        while fences and fences[0][0] < steps:
            step, cycle = fences.popleft()
            ended = max(ended, cycle + steps - 1 - step)
        self.ended = ended

    def ending(self) -> int:
        """The first cycle in which the plane's last step could go out."""
        return max(self.ended + StepQueue.latency, self.begins + self.steps - 1 - self.before)

    def end(self, cycle: int) -> None:
        """It went out in this cycle."""
        self.fences.append((self.steps - 1 + _AHEAD, cycle + Slots.free_latency))
        self.begins = cycle + 1
        self.before = self.steps
