"""Frames that are gathered whole, as the unrolled engine takes them."""

from collections.abc import Generator

from rtl_gen.feeds import FramePlan

from .processes import LONG_AGO, Channel, Link, Process


class FrameFeed:
    """lib.gathered.gathered_frame: words come in while the frame before is not whole, or leaves.

    Parameters
    ----------
    plan: of the projection; frames: how many there are; words: the stream of words.
    """

    def __init__(self, plan: FramePlan, frames: int, words: Link):
        self.plan = plan
        self.frames = frames
        self.words = words
        network = words.offered.network
        #: When each frame is whole, and when it has left.
        self.whole = network.channel()
        self.left = network.channel()
        self._whole = LONG_AGO

    def process(self) -> Process:
        """Takes the words."""
        words, left = self.words, LONG_AGO
        for _ in range(self.frames):
            at = left
            for _ in range(self.plan.words):
                if not words.offered:
                    yield words.offered
                at = max(words.offered.popleft(), at)
                if self.plan.held:
                    words.taken.put(at)
            self.whole.put(at + self.plan.held)
            if not self.left:
                yield self.left
            left = self.left.popleft()
            if not self.plan.held:
                words.taken.put(left)

    def begin(self) -> Generator[Channel, None, None]:
        """The next frame is waited for."""
        if not self.whole:
            yield self.whole
        self._whole = self.whole.popleft()

    def plane(self, _plane: int) -> int:
        """The first cycle in which it is whole."""
        return self._whole

    def finish(self) -> None:
        """Nothing else is told."""

    def end(self, cycle: int) -> None:
        """It was handed over in this cycle."""
        self.left.put(cycle)
