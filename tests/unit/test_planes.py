"""The planes of a window in turn, and the encoder behind them."""

from __future__ import annotations

import numpy as np
import pytest
from amaranth.hdl import Module
from amaranth.lib import wiring
from amaranth.sim import Simulator

from rtl_gen.lib.encoder import EventEncoder, Port
from rtl_gen.lib.planes import PlaneSequence
from rtl_gen.lib.skid import Skid

POSITIONS, ROWS = 6, 64

#: What an entry says beside its spikes.
MARKS = ("last", "closes", "final", "drop")


def share(bits: int, base: int = 0, last: bool = False, drop: bool = False) -> dict:
    return {"bits": bits, "base": base, "last": last, "drop": drop}


def random_planes(rng, frames: int, planes: int) -> list[list[list[dict]]]:
    """Shares of each frame's each plane."""
    result = []
    for _ in range(frames):
        frame = []
        for _ in range(planes):
            words = int(rng.integers(1, 5))
            plane = [
                share(int(rng.integers(1, 2**POSITIONS)), w * POSITIONS, w == words - 1)
                for w in range(words)
            ]
            plane = plane if rng.random() < 0.8 else [share(0, 0, True)]
            frame.append(plane)
        drop = bool(rng.integers(2))
        for plane in frame:
            plane[-1]["drop"] = drop
        result.append(frame)
    return result


def queues(frames, planes: int) -> list[list[dict]]:
    """What waits for the sequence, a queue a plane."""
    return [[s for frame in frames for s in frame[p]] for p in range(planes)]


def run(frames, planes: int, *, arrives=lambda p, cycle: True, ready=lambda cycle: True):
    """Entries of the frames' planes, each with the cycle in which it was taken."""
    sequence = PlaneSequence(positions=POSITIONS, rows=ROWS, planes=planes)
    waiting = queues(frames, planes)
    out = []
    total = sum(len(queue) for queue in waiting)

    async def bench(ctx):
        at = [0] * planes
        for cycle in range(3000):
            for p, queue in enumerate(waiting):
                valid = at[p] < len(queue) and arrives(p, cycle)
                ctx.set(sequence.planes[p].valid, valid)
                ctx.set(
                    sequence.planes[p].payload, queue[at[p]] if valid else share(9, 9, True, True)
                )
            ctx.set(sequence.o.ready, ready(cycle))
            if ctx.get(sequence.o.valid) and ready(cycle):
                payload = sequence.o.p
                out.append((cycle, {k: ctx.get(payload[k]) for k in ("bits", "base", *MARKS)}))
            for p, queue in enumerate(waiting):
                taken = ctx.get(sequence.planes[p].ready) and ctx.get(sequence.planes[p].valid)
                at[p] += int(taken)
                assert at[p] <= len(queue)
            await ctx.tick()
            if len(out) == total:
                assert at == [len(queue) for queue in waiting]
                return
        raise AssertionError("the planes do not end")

    simulator = Simulator(sequence)
    simulator.add_clock(1e-6)
    simulator.add_testbench(bench)
    simulator.run()
    return out


def expected(frames, planes: int) -> list[dict]:
    """What the docstring says comes out."""
    entries = []
    for frame in frames:
        for p in reversed(range(planes)):
            for s in frame[p]:
                ends = s["last"] and p == 0
                entries.append({**s, "closes": ends, "final": ends})
    return entries


def shown(entries) -> list[tuple]:
    """Without drop where it does not count."""
    return [
        (e["bits"], e["base"], *(int(e[m]) for m in MARKS[:3]), int(e["final"] and e["drop"]))
        for e in entries
    ]


@pytest.mark.parametrize("planes", [1, 2, 3, 8])
@pytest.mark.parametrize("seed", range(3))
def test_the_highest_first_whatever_waits(planes, seed):
    rng = np.random.default_rng([planes, seed])
    frames = random_planes(rng, 8, planes)
    arrives, ready = rng.random((planes, 3000)) < 0.6, rng.random(3000) < 0.6
    out = run(
        frames,
        planes,
        arrives=lambda p, cycle: bool(arrives[p, cycle]),
        ready=lambda cycle: bool(ready[cycle]),
    )
    assert shown(e for _, e in out) == shown(expected(frames, planes)), (planes, seed)


@pytest.mark.parametrize("planes", [1, 3])
def test_an_entry_a_cycle(planes):
    """Without latency of one plane, behind a Skid of several."""
    frames = random_planes(np.random.default_rng(7), 6, planes)
    out = run(frames, planes)
    first = Skid.latency if planes > 1 else 0
    assert [cycle for cycle, _ in out] == list(range(first, first + len(out)))


@pytest.mark.parametrize("ports", [1, 2])
def test_planes_of_frames_through_the_encoder(ports):
    """A plane's spikes never mix with the next one's, and only the last one closes."""
    planes = 3
    rng = np.random.default_rng(8)
    frames = random_planes(rng, 6, planes)
    m = Module()
    m.submodules.sequence = sequence = PlaneSequence(positions=POSITIONS, rows=ROWS, planes=planes)
    m.submodules.encoder = encoder = EventEncoder(Port(positions=POSITIONS, rows=ROWS, reads=ports))
    wiring.connect(m, sequence.o, encoder.i)
    waiting = queues(frames, planes)
    taken = []

    async def bench(ctx):
        at = [0] * planes
        rows = []
        ctx.set(encoder.room, 1)
        for _ in range(1000):
            for p, queue in enumerate(waiting):
                valid = at[p] < len(queue)
                ctx.set(sequence.planes[p].valid, valid)
                if valid:
                    ctx.set(sequence.planes[p].payload, queue[at[p]])
                at[p] += int(valid and ctx.get(sequence.planes[p].ready))
            step = encoder.o
            if ctx.get(encoder.taken):
                rows += [
                    ctx.get(base) + bits.bit_length() - 1
                    for picked, base in zip(step.picked, step.base, strict=True)
                    if (bits := ctx.get(picked))
                ]
            if ctx.get(encoder.taken) and ctx.get(step.ends):
                marks = [bool(ctx.get(getattr(step, name))) for name in MARKS[1:]]
                taken.append((sorted(rows), *marks))
                rows = []
            await ctx.tick()
            if len(taken) == planes * len(frames):
                assert at == [len(queue) for queue in waiting]
                return
        raise AssertionError("the planes do not end")

    simulator = Simulator(m)
    simulator.add_clock(1e-6)
    simulator.add_testbench(bench)
    simulator.run()

    def rows_of(plane):
        return sorted(s["base"] + k for s in plane for k in range(POSITIONS) if s["bits"] >> k & 1)

    turns = (2, 1, 0)
    assert [rows for rows, *_ in taken] == [rows_of(f[p]) for f in frames for p in turns]
    assert [closes for _, closes, _, _ in taken] == [False, False, True] * 6
    assert [final for _, _, final, _ in taken] == [False, False, True] * 6
    assert [drop for *_, drop in taken[2::3]] == [f[0][-1]["drop"] for f in frames]
