"""StoredPotentials: exact spikes, planes that count as they should, windows without a gap."""

from __future__ import annotations

import numpy as np
import pytest
from amaranth.sim import Simulator

from rtl_gen.lib.neuron import Lane, neurons
from rtl_gen.lib.potentials import StoredPotentials


def packed(word, bits) -> int:
    """A word of weights as it is stored; of one bit the sign."""
    if bits == 1:
        return sum((weight < 0) << k for k, weight in enumerate(word))
    return sum((int(weight) & ((1 << bits) - 1)) << (k * bits) for k, weight in enumerate(word))


def cycles_of(rng, weights, word, values, planes, bits):
    """Cycles of a window: a word, the group it is for or None, ends, closes.

    Rows in a random order, with pauses, a plane without events being a row that is not there.
    """
    groups = -(-len(weights) // word)
    for p in reversed(range(planes)):
        rows = [int(i) for i in rng.permutation(np.flatnonzero(values >> p & 1))] or [None]
        for n, row in enumerate(rows):
            for g in range(groups):
                while rng.random() < 0.1:
                    yield 0, None, False, False
                column = None if row is None else weights[g * word : (g + 1) * word, row].tolist()
                ends = n == len(rows) - 1 and g == groups - 1
                yield (
                    0 if column is None else packed(column, bits),
                    None if column is None else g,
                    ends,
                    ends and p == 0,
                )


def run(dut, cycles) -> list[int]:
    """The spikes of each window; they come as many cycles after its end as promised."""
    found = []
    idle = (0, None, False, False)

    async def bench(ctx):
        for cycle in range(len(cycles) + dut.latency + 1):
            word, group, ends, closes = cycles[cycle] if cycle < len(cycles) else idle
            ctx.set(dut.row0, word)
            ctx.set(dut.there0, 0 if group is None else 1 << group)
            ctx.set(dut.ends, ends)
            ctx.set(dut.closes, closes)
            if ctx.get(dut.done):
                found.append((cycle, ctx.get(dut.fire)))
            await ctx.tick()

    simulator = Simulator(dut)
    simulator.add_clock(1e-6)
    simulator.add_testbench(bench)
    simulator.run()
    closed = [k for k, (*_, closes) in enumerate(cycles) if closes]
    assert [cycle for cycle, _ in found] == [k + dut.latency for k in closed]
    return [fire for _, fire in found]


@pytest.mark.parametrize("planes", [1, 2, 3, 4, 8])
@pytest.mark.parametrize(
    ("bits", "count", "word"), [(1, 8, 4), (2, 7, 4), (4, 9, 2), (8, 5, 3), (3, 6, 1)]
)
def test_random_windows_without_a_gap(bits, count, word, planes):
    rng = np.random.default_rng(100 * bits + planes)
    limit = max(1, 2 ** (bits - 1) - 1)
    choices = np.array([-1, 1]) if bits == 1 else np.arange(-limit, limit + 1)
    weights = rng.choice(choices, (count, 11))
    reach = limit * 4 * (2**planes - 1)
    offsets = [int(n) for n in rng.integers(-reach, reach + 1, count)]
    dut = StoredPotentials(
        neurons([weights], [weights], offsets),
        Lane(weight_bits=bits, groups=-(-count // word), word=word),
        planes=planes,
    )
    assert len(dut.widths) == word  # as many adders
    windows = rng.integers(0, 2**planes, (12, 11)) * (rng.random((12, 11)) < 0.5)
    windows[3] = windows[4] = 0
    windows[5] = 2**planes - 1
    cycles = [
        cycle for values in windows for cycle in cycles_of(rng, weights, word, values, planes, bits)
    ]
    expected = windows @ weights.T + np.array(offsets) >= 0
    for k, (fire, spikes) in enumerate(zip(run(dut, cycles), expected, strict=True)):
        assert [bool(fire >> j & 1) for j in range(count)] == spikes.tolist(), f"window {k}"
