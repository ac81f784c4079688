"""A core in Amaranth's own simulator, cycle by cycle: a bench that shares nothing with sim/."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest
from amaranth.sim import Simulator

from rtl_gen.network import Core
from rtl_gen.plan import CorePlan
from rtl_gen.timing import Source


@dataclass
class Run:
    """Handshakes seen: cycles of beats in, (cycle, last, data) of beats out, errors at the end."""

    accepted: list[int]
    delivered: list[tuple[int, int, int]]
    error: int


def drive(
    core: Core,
    frames: np.ndarray,
    source: Source,
    *,
    lasts: list[list[bool]] | None = None,
    good: list[bool] | None = None,
    limit: int = 20_000,
) -> Run:
    """Feed frames (n, pixels); ``lasts`` gives malformed ones: TLAST of each beat sent, per frame.

    ``good`` tells which frames should be answered; all by default.
    """
    port, out = core.plan.input, core.plan.output
    packed = port.pack(frames)
    flags = lasts or [[k == port.beats - 1 for k in range(port.beats)]] * len(frames)
    answered = good or [True] * len(frames)
    beats = [
        (f, k, int.from_bytes(packed[f, k % port.beats].tobytes(), "little"), last)
        for f, row in enumerate(flags)
        for k, last in enumerate(row)
    ]
    expected = sum(answered) * out.beats
    run = Run(accepted=[], delivered=[], error=0)

    async def bench(ctx):
        sent, offer, cycle, quiet = 0, int(source.waits[0, 0]), 0, 0
        while (sent < len(beats) or len(run.delivered) < expected or quiet < 40) and cycle < limit:
            if sent < len(beats) and offer is None:
                f = beats[sent][0]
                if len(run.delivered) == sum(answered[:f]) * out.beats:
                    at = run.delivered[-1][0] if run.delivered else 0
                    offer = at + source.settle + 1 + int(source.waits[f, 0])
            offering = sent < len(beats) and offer is not None and cycle >= offer
            ctx.set(core.s_axis_tvalid, offering)
            if offering:
                ctx.set(core.s_axis_tdata, beats[sent][2])
                ctx.set(core.s_axis_tlast, beats[sent][3])
            ctx.set(core.m_axis_tready, bool(source.ready[cycle % len(source.ready)]))
            *_, taken, valid, ready, data, last = await ctx.tick().sample(
                core.s_axis_tready,
                core.m_axis_tvalid,
                core.m_axis_tready,
                core.m_axis_tdata,
                core.m_axis_tlast,
            )
            quiet += 1
            if valid and ready:
                run.delivered.append((cycle, last, data))
                quiet = 0
            if offering and taken:
                run.accepted.append(cycle)
                quiet = 0
                sent += 1
                if sent < len(beats):
                    f, k = beats[sent][:2]
                    wait = int(source.waits[f, min(k, source.waits.shape[1] - 1)])
                    offer = None if k == 0 and source.alone[f] else cycle + 1 + wait
            cycle += 1
        run.error = ctx.get(core.frame_error)

    simulator = Simulator(core)
    simulator.add_clock(1e-6)
    simulator.add_testbench(bench)
    simulator.run()
    return run


@pytest.fixture(name="drive")
def _drive():
    return drive


def stalling(rng: np.random.Generator, plan: CorePlan, frames: int, stall: float) -> Source:
    """A source and a sink that wait at random, for such a share of the time; some frames alone."""
    shape = (frames, plan.input.beats)
    ready = rng.random(64) >= stall
    ready[0] = True
    return Source(
        waits=rng.integers(0, 4, shape) * (rng.random(shape) < stall),
        alone=rng.random(frames) < 0.3,
        settle=5,
        ready=ready,
    )


@pytest.fixture(name="stalling")
def _stalling():
    return stalling
