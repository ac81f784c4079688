"""Several streams into one: in turn, whoever is early."""

from __future__ import annotations

import numpy as np
import pytest
from amaranth.hdl import ClockDomain, Module
from amaranth.sim import Simulator

from rtl_gen.lib.merge import Merge

BITS = 8


def run(streams, *, valid=lambda k, cycle: True, ready=lambda cycle: True):
    """What comes out, (cycle, beat)."""
    inputs = len(streams)
    merge = Merge(bits=BITS, inputs=inputs)
    out = []
    total = sum(len(stream) for stream in streams)

    async def bench(ctx):
        at = [0] * inputs
        offered = [False] * inputs
        for cycle in range(3000):
            for k, stream in enumerate(streams):
                # A beat that is offered stays.
                offered[k] = offered[k] or (at[k] < len(stream) and valid(k, cycle))
                ctx.set(merge.i[k].valid, offered[k])
                ctx.set(merge.i[k].payload, stream[at[k]] if offered[k] else 0xEE)
            ctx.set(merge.o.ready, ready(cycle))
            moved = [
                int(ctx.get(merge.i[k].valid) and ctx.get(merge.i[k].ready)) for k in range(inputs)
            ]
            taken = ctx.get(merge.o.valid) and ready(cycle)
            if taken:
                out.append((cycle, ctx.get(merge.o.payload)))
            assert sum(moved) == bool(taken)
            for k in range(inputs):
                at[k] += moved[k]
                offered[k] = offered[k] and not moved[k]
            await ctx.tick()
            if len(out) == total:
                assert at == [len(stream) for stream in streams]
                return
        raise AssertionError("the beats do not end")

    m = Module()
    # Of one input it has no state, and so no clock of its own.
    m.domains.sync = ClockDomain()
    m.submodules.merge = merge
    simulator = Simulator(m)
    simulator.add_clock(1e-6)
    simulator.add_testbench(bench)
    simulator.run()
    return out


@pytest.mark.parametrize("inputs", [1, 2, 3, 5])
@pytest.mark.parametrize("seed", range(4))
def test_in_turn_whoever_is_early(inputs, seed):
    rng = np.random.default_rng([inputs, seed])
    streams = rng.integers(0, 2**BITS, (inputs, 30)).tolist()
    # Not all need have as many: the last round may end early.
    cut = int(rng.integers(inputs))
    streams = [s if k <= cut else s[:-1] for k, s in enumerate(streams)]
    valid = rng.random((inputs, 3000)) < rng.choice([0.2, 0.6, 1.0], (inputs, 1))
    ready = rng.random(3000) < rng.choice([0.4, 1.0])
    out = run(streams, valid=lambda k, c: bool(valid[k, c]), ready=lambda c: bool(ready[c]))
    expected = [s[n] for n in range(30) for s in streams if n < len(s)]
    assert [beat for _, beat in out] == expected, f"seed {seed}, {inputs} inputs"


def test_a_beat_a_cycle_without_latency():
    out = run([[1, 4, 7], [2, 5], [3, 6]])
    assert out == [(k, k + 1) for k in range(7)]


def test_the_one_whose_turn_it_is_is_waited_for():
    out = run([[1, 3], [2, 4]], valid=lambda k, cycle: k == 1 or cycle in (5, 9))
    assert out == [(5, 1), (6, 2), (9, 3), (10, 4)]
