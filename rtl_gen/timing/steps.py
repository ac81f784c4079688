"""What frames of several steps pass beside the engines."""

from rtl_gen.lib.membranes import MembranePlan
from rtl_gen.lib.replay import Replay

from .lock import Lock
from .processes import LONG_AGO, Link, Process


def replay(source: Link, sink: Link, *, frames: int, words: int, steps: int) -> Process:
    """lib.replay.Replay, for frames of so many words and steps."""
    last = LONG_AGO
    for _ in range(frames):
        for _ in range(words):
            if not source.offered:
                yield source.offered
            sink.offered.put(max(source.offered.popleft(), last + 1))
            if not sink.taken:
                yield sink.taken
            last = sink.taken.popleft()
            source.taken.put(last)
        at = last + Replay.read_latency
        for _ in range((steps - 1) * words):
            sink.offered.put(at)
            if not sink.taken:
                yield sink.taken
            last = sink.taken.popleft()
            at = last + 1


def membranes(source: Link, sink: Link, plan: MembranePlan) -> Process:
    """lib.membranes.Membranes."""
    lock, last = Lock(sink, plan.latency, skid=False), LONG_AGO
    while True:
        if not source.offered:
            yield source.offered
        there = max(source.offered.popleft(), last + 1)
        if plan.alone:
            last = there
            source.taken.put(there)
            sink.offered.put(there + plan.latency)
            if not sink.taken:
                yield sink.taken
            last = sink.taken.popleft()
        else:
            last = yield from lock.enter(there)
            source.taken.put(last)


def totals(source: Link, lock: Lock, steps: int) -> Process:
    """The stage of a readout that adds up its potentials, and what is behind it."""
    last = LONG_AGO
    while True:
        for step in range(steps):
            if not source.offered:
                yield source.offered
            there = max(source.offered.popleft(), last + 1)
            if step == 0:
                yield from lock.learn()
            last = lock.moving(there)
            source.taken.put(last)
        lock.go(last)
