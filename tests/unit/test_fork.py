"""One stream for several readers: each beat once to each, in order."""

from __future__ import annotations

import numpy as np
import pytest
from amaranth.sim import Simulator

from rtl_gen.lib.fork import Fork

BITS = 8


def run(beats, readers, *, valid=lambda cycle: True, ready=lambda k, cycle: True):
    """Per reader its (cycle, beat), and the cycles in which the source's beats were gone."""
    fork = Fork(BITS, readers)
    out = [[] for _ in range(readers)]
    gone = []

    async def bench(ctx):
        held = [None] * readers
        offering = False
        for cycle in range(2000):
            # A beat that is offered stays.
            offering = offering or (len(gone) < len(beats) and valid(cycle))
            ctx.set(fork.i.valid, offering)
            ctx.set(fork.i.payload, beats[len(gone)] if offering else 0xEE)
            for k, reader in enumerate(fork.o):
                ctx.set(reader.ready, ready(k, cycle))
            for k, reader in enumerate(fork.o):
                seen = ctx.get(reader.payload) if ctx.get(reader.valid) else None
                if held[k] is not None:
                    assert seen == held[k], "changed while it waited"
                taken = seen is not None and ready(k, cycle)
                held[k] = None if taken else seen
                if taken:
                    out[k].append((cycle, seen))
            if offering and ctx.get(fork.i.ready):
                gone.append(cycle)
                offering = False
            await ctx.tick()
            if len(gone) == len(beats):
                return
        raise AssertionError("the beats do not end")

    simulator = Simulator(fork)
    simulator.add_clock(1e-6)
    simulator.add_testbench(bench)
    simulator.run()
    return out, gone


@pytest.mark.parametrize("readers", [1, 2, 3, 4])
@pytest.mark.parametrize("seed", range(4))
def test_every_beat_once_to_each(readers, seed):
    rng = np.random.default_rng([readers, seed])
    beats = rng.integers(0, 2**BITS, 60).tolist()
    valid = rng.random(2000) < rng.choice([0.3, 1.0])
    ready = rng.random((readers, 2000)) < rng.choice([0.2, 0.6, 1.0], (readers, 1))
    out, gone = run(
        beats, readers, valid=lambda c: bool(valid[c]), ready=lambda k, c: bool(ready[k, c])
    )
    for k, taken in enumerate(out):
        assert [beat for _, beat in taken] == beats, f"seed {seed}, reader {k} of {readers}"
    # A beat is gone when the last of them has taken it, and in that cycle.
    assert gone == [max(cycles) for cycles in zip(*([c for c, _ in t] for t in out), strict=True)]


def test_a_beat_a_cycle_without_latency():
    out, gone = run(list(range(20)), 3)
    assert gone == list(range(20))
    assert all([cycle for cycle, _ in taken] == gone for taken in out)


def test_a_reader_does_not_wait_for_the_others():
    """It takes its beat in the first cycle and the next one when the slow one has come."""
    out, gone = run([7, 9, 4], 2, ready=lambda k, cycle: k == 0 or cycle % 5 == 4)
    assert gone == [4, 9, 14]
    assert out[0] == [(0, 7), (5, 9), (10, 4)]
    assert out[1] == [(4, 7), (9, 9), (14, 4)]
