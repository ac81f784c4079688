"""Line buffer and window reader: numpy's windows, whatever waits, and nothing overwritten early."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from amaranth.sim import Simulator

from rtl_gen.feeds import WindowPlan
from rtl_gen.lib.reader import WindowReader
from rtl_gen.lib.slots import Slots
from s2nn_hw.ir import Window

FRAMES = 3

LIMIT = 20_000

#: Entries of a frame of nothing but spikes, at the most.
ENTRIES = 400


def plan(size, window, *, channels=1, planes=1, rows=None, queue=4) -> WindowPlan:
    """The rows given, or as few as the order of the windows allows."""
    made = WindowPlan(
        source="input",
        size=size,
        channels=channels,
        planes=planes,
        window=window,
        rows=rows or 1,
        queue=queue,
    )
    return made if rows else replace(made, rows=-(-made.least_depth // size[1]))


def random_plan(rng, *, largest=7, planes=(1, 2, 3)) -> WindowPlan:
    """Sizes, kernels, strides and paddings that fit, and a ring of the least depth or more."""
    while True:
        size = tuple(int(n) for n in rng.integers(1, 9, 2))
        kernel = tuple(int(n) for n in rng.integers(1, largest + 1, 2))
        padding = tuple(int(rng.integers(0, k)) for k in kernel)
        if any(n + 2 * p < k for n, p, k in zip(size, padding, kernel, strict=True)):
            continue
        stride = tuple(int(n) for n in rng.integers(1, 5, 2))
        made = plan(
            size,
            Window(kernel=kernel, stride=stride, padding=padding),
            channels=int(rng.choice([1, 2, 4, 6])),
            planes=int(rng.choice(planes)),
            queue=int(rng.choice([2, 3, 8])),
        )
        if (made.window.pixels(size) >= 0).sum() * made.planes <= ENTRIES:
            break
    return replace(made, rows=made.rows + int(rng.choice([0, 0, 1, 2, size[0]])))


def random_frames(rng, made: WindowPlan, count=FRAMES) -> np.ndarray:
    """Maps (frames, channels, pixels) of all densities."""
    shape = (count, made.channels, made.words)
    density = rng.choice([0.0, 0.1, 0.4, 1.0], (count, 1, 1), p=[0.1, 0.3, 0.3, 0.3])
    values = rng.integers(1, 2**made.planes, shape)
    return values * (rng.random(shape) < density)


def expected(reader: WindowReader, frames, drops) -> list[tuple]:
    """Entries of the reader's windows, from numpy alone."""
    made, result, index = reader.plan, [], 0
    groups, inputs = reader.groups, len(reader.channels) // reader.groups
    taps = made.window.pixels(made.size)
    for frame, drop in zip(frames, drops, strict=True):
        for w, row in enumerate(taps):
            index += 1
            if (index - 1 - reader.first) % reader.step:
                continue
            entries = []
            for b in reversed(range(reader.rounds)):
                part = []
                for tap, pixel in enumerate(row):
                    if pixel < 0:
                        continue
                    if reader.rounds == 1 and made.planes > 1:
                        planes = [
                            frame[list(reader.channels), pixel] >> p & 1 for p in range(made.planes)
                        ]
                        spikes = np.concatenate(planes)
                    else:
                        spikes = frame[list(reader.channels), pixel] >> b & 1
                    if not spikes.any():
                        continue
                    any_group = spikes.reshape(-1, groups).any(axis=1)
                    part.append([number(any_group), tap * reader.unit, number(spikes)])
                part = part or [[0, None, 0]]
                for k, e in enumerate(part):
                    last = k == len(part) - 1
                    closes = last and b == 0
                    final = closes and w == len(taps) - 1
                    entries.append((*e, last, closes, final, final and drop))
            result += entries
    assert inputs * (made.planes if reader.rounds < made.planes else 1) == reader.bits
    return result


def number(bits) -> int:
    return sum(int(bit) << k for k, bit in enumerate(bits))


def run(reader, frames, drops, wanted, *, arrives=lambda cycle: True, ready=lambda cycle: True):
    """Entries as (bits, base, spikes, last, closes, final, drop); cycles in; cycles out."""
    made = reader.plan
    pixels = frames.swapaxes(1, 2).reshape(-1, made.channels)
    out, pushed, came = [], [], []

    async def bench(ctx):
        quiet, held = 0, None
        for cycle in range(LIMIT):
            offered = len(pushed) < len(pixels) and arrives(cycle) and ctx.get(reader.room)
            ctx.set(reader.push, offered)
            if offered:
                frame, at = divmod(len(pushed), made.words)
                last = at == made.words - 1
                planes = [number(pixels[len(pushed)] >> b & 1) for b in range(made.planes)]
                # Drop counts with the last pixel only.
                drop = bool(drops[frame]) if last else bool(cycle & 1)
                ctx.set(reader.i, {"planes": planes, "last": last, "drop": drop})
                pushed.append(cycle)
            ctx.set(reader.o.ready, ready(cycle))
            seen = None
            if ctx.get(reader.o.valid):
                p = reader.o.p
                bits, base = ctx.get(p.bits), ctx.get(p.base)
                spikes = ctx.get(p.spikes) if reader.groups > 1 else bits
                marks = [bool(ctx.get(p[name])) for name in ("last", "closes", "final", "drop")]
                marks[3] = marks[2] and marks[3]
                seen = (bits, base if bits else None, spikes, *marks)
            if held is not None:
                assert seen == held, "changed while it waited"
            if seen is not None and ready(cycle):
                out.append(seen)
                came.append(cycle)
                quiet, seen = 0, None
            held = seen
            await ctx.tick()
            quiet += 1
            if len(out) >= wanted and len(pushed) == len(pixels) and quiet > 30:
                return
            assert quiet < 500, f"stands still after {len(pushed)} pixels, {len(out)} entries"
        raise AssertionError(f"{len(out)} entries, expected {wanted}")

    simulator = Simulator(reader)
    simulator.add_clock(1e-6)
    simulator.add_testbench(bench)
    simulator.run()
    return out, pushed, came


def check(
    made: WindowPlan, frames, drops, case, *, channels=None, groups=1, step=1, whole=False, **stalls
):
    """Every reader of a set of ``step`` gives numpy's windows."""
    for first in range(step):
        reader = WindowReader(
            made,
            channels=channels if channels is not None else range(made.channels),
            groups=groups,
            first=first,
            step=step,
            whole=whole,
        )
        entries = expected(reader, frames, drops)
        out, *_ = run(reader, frames, drops, len(entries), **stalls)
        assert out == entries, f"{case}, reader {first} of {step}: {made}"


def stalls(rng) -> dict:
    arrives = rng.random(LIMIT) < rng.choice([0.3, 0.7, 1.0])
    ready = rng.random(LIMIT) < rng.choice([0.3, 0.7, 1.0])
    return {"arrives": lambda c: bool(arrives[c]), "ready": lambda c: bool(ready[c])}


@pytest.mark.parametrize("seed", range(24))
def test_every_windows_entries(seed):
    rng = np.random.default_rng(seed)
    made = random_plan(rng)
    frames, drops = random_frames(rng, made), rng.integers(0, 2, FRAMES)
    step = int(rng.integers(1, min(3, made.output[1]) + 1))
    kept = np.flatnonzero(rng.random(made.channels) < 0.7).tolist() or [made.channels - 1]
    check(made, frames, drops, f"seed {seed}", channels=kept, step=step, **stalls(rng))


@pytest.mark.parametrize("seed", range(8))
def test_groups(seed):
    """Bit i is input i of any group, and of spikes bit ``i * groups + g`` is that of group g."""
    rng = np.random.default_rng([1, seed])
    made = random_plan(rng, largest=4)
    made = replace(made, channels=6)
    groups = int(rng.choice([2, 3, 6]))
    size = 6 // groups
    inputs = sorted(rng.choice(size, int(rng.integers(1, size + 1)), replace=False).tolist())
    channels = [g * size + i for i in inputs for g in range(groups)]
    frames, drops = random_frames(rng, made), rng.integers(0, 2, FRAMES)
    check(made, frames, drops, f"seed {seed}", channels=channels, groups=groups, **stalls(rng))


@pytest.mark.parametrize("seed", range(8))
def test_whole_pixels(seed):
    """Once a window, with all planes."""
    rng = np.random.default_rng([2, seed])
    made = random_plan(rng, largest=4, planes=(1, 2, 4))
    frames, drops = random_frames(rng, made), rng.integers(0, 2, FRAMES)
    check(made, frames, drops, f"seed {seed}", whole=True, **stalls(rng))


@pytest.mark.parametrize(
    ("kernel", "stride", "padding"),
    [
        ((3, 3), (1, 1), (1, 1)),
        ((7, 7), (1, 1), (6, 6)),
        ((7, 7), (2, 2), (3, 3)),
        ((1, 5), (1, 3), (0, 4)),
        ((5, 1), (3, 1), (4, 0)),
        ((2, 2), (3, 3), (0, 0)),
        ((1, 1), (4, 4), (0, 0)),
        ((3, 1), (1, 1), (2, 0)),
        ((6, 7), (7, 2), (5, 0)),
    ],
)
@pytest.mark.parametrize("pace", ["pixels in time", "a slow reader"])
def test_the_least_ring_holds_every_window(kernel, stride, padding, pace):
    """Pixels that all have spikes and differ: none is lost, and none too early in its place."""
    size = (3, 4) if padding == (6, 6) else (6, 7)
    made = plan(size, Window(kernel=kernel, stride=stride, padding=padding), channels=6)
    frames = 1 + (np.arange(3 * made.words).reshape(3, 1, -1) * 7 + 3) % 62
    frames = frames >> np.arange(6)[:, None] & 1
    slow = {"ready": lambda c: c % 3 == 0} if pace == "a slow reader" else {}
    check(made, frames, [0, 1, 0], pace, **slow)


def test_room_is_what_the_ring_holds():
    """Of a map whose windows nobody reads, pixels come in until the first would be overwritten."""
    for rows in (3, 4, 6):
        made = plan((8, 5), Window(kernel=(3, 3)), rows=rows, queue=2)
        reader = WindowReader(made, channels=[0])
        frames = np.ones((2, 1, 40), int)
        entries = expected(reader, frames, [0, 0])
        _, pushed, _ = run(reader, frames, [0, 0], len(entries), ready=lambda c: c >= 200)
        assert sum(cycle < 200 for cycle in pushed) == made.depth


def test_latency_and_throughput():
    """``latency`` cycles behind a window's last pixel; then an entry, or empty window, a cycle."""
    queue = WindowReader.read_latency + Slots.free_latency
    made = plan((4, 4), Window(kernel=(2, 2)), rows=6, queue=queue)
    reader = WindowReader(made, channels=[0])
    frames = np.zeros((2, 1, 16), int)
    frames[0, 0, 5] = 1
    _, pushed, came = run(reader, frames, [0, 0], 2 * made.windows)
    assert pushed == list(range(32))
    assert came[0] == pushed[made.needs[0]] + WindowReader.latency
    assert came[:9] == [pushed[n] + WindowReader.latency for n in made.needs]
    full = np.ones((1, 1, 16), int)
    _, _, came = run(reader, full, [0], 4 * made.windows)
    assert np.diff(came).tolist() == [1] * (4 * made.windows - 1)
