"""Pipelines that stand still as a whole."""

from collections import deque
from collections.abc import Generator

from rtl_gen.lib.skid import Skid

from .processes import Channel, Link


class Lock:
    """lib.lock.locked: when things come out of a pipeline, given when they are there to go in.

    Parameters
    ----------
    out: the stream of what comes out.
    latency: stages, of all that are bound to each other.
    skid: whether a lib.skid.Skid is behind them, which ``out`` then comes from.
    """

    def __init__(self, out: Link, latency: int, *, skid: bool):
        self.out = out
        self.latency = latency
        self.skid = skid
        #: Of what is behind the last stage and not known to be taken: when it left that stage,
        #: or could have.
        self._left: deque[int] = deque()
        #: First cycles in which it stands still, and in which it moves again, one after the other.
        self._still: deque[tuple[int, int]] = deque()

    def enter(self, there: int) -> Generator[Channel, None, int]:
        """The cycle in which the next thing goes in, which is there from this one on."""
        yield from self.learn()
        while self._still and self._still[0][1] <= there:
            self._still.popleft()
        entered = self.moving(there)
        self.go(entered)
        return entered

    def go(self, entered: int) -> None:
        """The next thing went in in this cycle, after learn()."""
        at = entered
        for _ in range(self.latency - 1):
            at = self.moving(at + 1)
        if self.skid:
            at = self.moving(at + 1)
        self._left.append(at + 1)
        self.out.offered.put(at + 1)

    def learn(self) -> Generator[Channel, None, None]:
        """Of the thing before, or with a skid of the one before that, when it was taken.

        Then it is known when it moves, until what comes next has gone through.
        """
        if len(self._left) < (Skid.depth if self.skid else 1):
            return
        if not self.out.taken:
            yield self.out.taken
        taken = int(self.out.taken.popleft())
        first = self._left.popleft()
        if self.skid:
            # The one behind it is in the spare place until then, and one cycle more.
            first, taken = self._left[0], taken + 1
        if taken > first:
            self._still.append((first, taken))

    def moving(self, cycle: int) -> int:
        """The first cycle from this one on in which it moves."""
        for first, end in self._still:
            if first <= cycle < end:
                cycle = end
        return cycle
