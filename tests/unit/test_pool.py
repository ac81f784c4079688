"""Pools: the or of spikes or the exact sum of each window, to every reader."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from amaranth.sim import Simulator

from rtl_gen.feeds import WindowPlan
from rtl_gen.layers.pool import PoolLayer
from rtl_gen.lib.reader import WindowReader
from rtl_gen.lib.register import Register
from rtl_gen.plan import PoolPlan
from s2nn_hw.ir import Window

FRAMES = 3
LIMIT = 5_000


def plan(kind, size, window, *, channels=2, planes=1, slots=3) -> PoolPlan:
    """With a ring of one row more than the order of the windows asks for."""
    largest = 2**planes - 1
    windows = WindowPlan(
        source="input",
        size=size,
        channels=channels,
        planes=planes,
        window=window,
        rows=1,
        queue=4,
    )
    windows = replace(windows, rows=-(-windows.least_depth // size[1]) + 1)
    out = 1 if kind == "or" else (largest * window.taps).bit_length()
    return PoolPlan(layer="pool", kind=kind, windows=windows, planes=out, slots=slots)


def pooled(made: PoolPlan, frames) -> np.ndarray:
    """(frames, windows, channels), from numpy alone."""
    taps = made.windows.window.pixels(made.windows.size)
    seen = np.where(taps >= 0, frames[:, :, np.maximum(taps, 0)], 0)
    result = seen.max(axis=3) if made.kind == "or" else seen.sum(axis=3)
    return result.swapaxes(1, 2)


def run(made, frames, drops, *, readers=1, arrives=lambda c: True, ready=lambda k, c: True):
    """Per reader its results (values, last, drop) with their cycles; cycles in."""
    pool = PoolLayer(made, readers)
    windows, channels = made.windows, made.windows.channels
    pixels = frames.swapaxes(1, 2).reshape(-1, channels)
    wanted = FRAMES * windows.windows
    out = [[] for _ in range(readers)]
    pushed = []

    async def bench(ctx):
        offering, held = False, [None] * readers
        for cycle in range(LIMIT):
            offering = offering or (len(pushed) < len(pixels) and arrives(cycle))
            ctx.set(pool.i0.valid, offering)
            if offering:
                frame, at = divmod(len(pushed), windows.words)
                bits = [pixels[len(pushed)] >> b & 1 for b in range(windows.planes)]
                planes = [sum(int(bit) << c for c, bit in enumerate(row)) for row in bits]
                last = at == windows.words - 1
                word = {"planes": planes, "last": last, "drop": bool(drops[frame]) or not last}
                ctx.set(pool.i0.payload, word)
            for k in range(readers):
                ctx.set(pool.output(k).ready, ready(k, cycle))
            for k in range(readers):
                stream, seen = pool.output(k), None
                if ctx.get(stream.valid):
                    p = stream.p
                    rows = [ctx.get(p.planes[b]) for b in range(made.planes)]
                    values = [
                        sum((row >> c & 1) << b for b, row in enumerate(rows))
                        for c in range(channels)
                    ]
                    last = bool(ctx.get(p.last))
                    seen = (values, last, last and bool(ctx.get(p.drop)))
                if held[k] is not None:
                    assert seen == held[k], "changed while it waited"
                taken = seen is not None and ready(k, cycle)
                held[k] = None if taken else seen
                if taken:
                    out[k].append((cycle, seen))
            if offering and ctx.get(pool.i0.ready):
                pushed.append(cycle)
                offering = False
            await ctx.tick()
            if len(pushed) == len(pixels) and all(len(o) >= wanted for o in out):
                return
        raise AssertionError(f"{[len(o) for o in out]} results, expected {wanted}")

    simulator = Simulator(pool)
    simulator.add_clock(1e-6)
    simulator.add_testbench(bench)
    simulator.run()
    return out, pushed


def random_frames(rng, made: PoolPlan) -> np.ndarray:
    """Maps (frames, channels, pixels), one of them full."""
    windows = made.windows
    shape = (FRAMES, windows.channels, windows.words)
    density = np.array([0.15, 1.0, 0.5])[:, None, None]
    values = rng.integers(1, 2**windows.planes, shape) * (rng.random(shape) < density)
    values[1] = 2**windows.planes - 1
    return values


#: Size, window.
SHAPES = {
    "two by two": ((6, 4), Window(kernel=(2, 2), stride=(2, 2))),
    "overlapping": ((5, 6), Window(kernel=(3, 3), stride=(2, 2))),
    "with padding": ((5, 5), Window(kernel=(3, 3), stride=(2, 2), padding=(1, 1))),
    "rows and columns left over": ((7, 7), Window(kernel=(2, 3), stride=(3, 2))),
    "gaps": ((6, 7), Window(kernel=(1, 2), stride=(3, 4))),
    "the whole map": ((3, 4), Window(kernel=(3, 4))),
    "every pixel": ((4, 4), Window(kernel=(2, 2), padding=(1, 1))),
}


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize(("kind", "planes"), [("or", 1), ("sum", 1), ("sum", 3)])
def test_every_window(shape, kind, planes):
    size, window = SHAPES[shape]
    rng = np.random.default_rng([len(shape), planes])
    made = plan(kind, size, window, planes=planes, slots=int(rng.integers(2, 5)))
    frames, drops = random_frames(rng, made), [0, 1, 0]
    arrives, ready = rng.random(LIMIT) < 0.7, rng.random((2, LIMIT)) < 0.6
    out, _ = run(
        made,
        frames,
        drops,
        readers=2,
        arrives=lambda c: bool(arrives[c]),
        ready=lambda k, c: bool(ready[k, c]),
    )
    expected = []
    for frame, drop in zip(pooled(made, frames), drops, strict=True):
        for w, values in enumerate(frame.tolist()):
            last = w == made.windows.windows - 1
            expected.append((values, last, last and bool(drop)))
    for k, results in enumerate(out):
        assert [seen for _, seen in results] == expected, f"reader {k} of {made}"


@pytest.mark.parametrize("ready", ["always", "after long"])
def test_a_sum_as_large_as_it_gets(ready):
    """Of all ones, with all slots full: no bit is lost, and nothing of the window before stays."""
    made = plan("sum", (4, 4), Window(kernel=(2, 2), stride=(2, 2)), planes=2)
    frames = np.full((FRAMES, 2, 16), 3)
    late = (lambda k, c: c >= 150) if ready == "after long" else (lambda k, c: True)
    ((results, *_), _) = run(made, frames, [0, 0, 0], ready=late)
    assert [values for _, (values, _, _) in results] == [[12, 12]] * (4 * FRAMES)


def test_latency():
    """From a window's last pixel, if it alone has spikes: the register's, reader's, and pool's."""
    made = plan("or", (2, 2), Window(kernel=(2, 2)))
    frames = np.zeros((FRAMES, 2, 4), int)
    frames[:, 1, 3] = 1
    ((results,), pushed) = run(made, frames, [0, 0, 0])
    # An entry is taken in the cycle in which it can be read.
    latency = Register.latency + WindowReader.latency + PoolLayer.latency
    cycles = [pushed[4 * f + 3] + latency for f in range(FRAMES)]
    assert [cycle for cycle, _ in results] == cycles
    assert [values for _, (values, _, _) in results] == [[0, 1]] * FRAMES
