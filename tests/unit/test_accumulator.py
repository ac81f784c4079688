"""Accumulators: exact sums, planes that double, frames without a gap, and no bit too few."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from amaranth.sim import Simulator

from rtl_gen.lib.accumulator import Accumulators
from rtl_gen.lib.neuron import Lane, Neuron, neurons
from rtl_gen.lib.rom import Rom
from rtl_gen.lib.tree import depth, levels


def layer(
    weights, ports, offsets, *, weight_bits, planes, scores, masked=True, stage=True, additions=1
):
    """Accumulators whose inputs are dealt round-robin to banks with so many ports each."""
    inputs = weights.shape[1]
    members = [np.arange(inputs)[b :: len(ports)] for b in range(len(ports))]
    lane_members = [m for m, n in zip(members, ports, strict=True) for _ in range(n)]
    dut = Accumulators(
        neurons([weights], [weights[:, m] for m in lane_members], offsets),
        [Lane(weight_bits=weight_bits)] * len(lane_members),
        planes=planes,
        scores=scores,
        masked=masked,
        mask_stage=masked and stage,
        additions=additions,
    )
    return dut, lane_members


def packed(column, bits) -> int:
    """A row of weights as it is stored; of one bit the sign."""
    if bits == 1:
        return sum((weight < 0) << j for j, weight in enumerate(column))
    return sum((weight & ((1 << bits) - 1)) << (j * bits) for j, weight in enumerate(column))


def steps(rng, weights, lanes, values, planes, weight_bits):
    """Cycles of a frame: rows (one a lane, None for zeros), ends, closes; in a random order."""
    for p in reversed(range(planes)):
        left = {int(i) for i in np.flatnonzero(values >> p & 1)}
        cycles = []
        while left:
            rows = []
            for members in lanes:
                own = [i for i in members if i in left]
                if own and rng.random() < 0.8:
                    i = int(rng.choice(own))
                    left.discard(i)
                    rows.append(packed(weights[:, i].tolist(), weight_bits))
                else:
                    rows.append(None)
            cycles.append(rows)
        cycles = cycles or [[None] * len(lanes)]
        for k, rows in enumerate(cycles):
            ends = k == len(cycles) - 1
            yield rows, ends, ends and p == 0


def run(dut, lanes, cycles):
    """Results, each the potentials or the spikes; the cycle of each ``done``."""
    found = []
    idle = ([None] * len(lanes), False, False)
    # After a reset no frame can come before this.
    cycles = [idle] * (Rom.latency + 2) + cycles

    async def bench(ctx):
        for cycle in range(len(cycles) + dut.latency + 2):
            rows, ends, closes = cycles[cycle] if cycle < len(cycles) else idle
            for lane, row in enumerate(rows):
                # Where nothing is there the memory shows zeros, or masked what it read last.
                ctx.set(dut.there(lane), row is not None and dut.masked)
                ctx.set(dut.row(lane), -int(dut.masked) if row is None else row)
            ctx.set(dut.ends, ends)
            ctx.set(dut.closes, closes)
            if ctx.get(dut.done):
                found.append((cycle, ctx.get(dut.scores if dut.with_scores else dut.fire)))
            await ctx.tick()

    simulator = Simulator(dut)
    simulator.add_clock(1e-6)
    simulator.add_testbench(bench)
    simulator.run()
    closed = [k for k, (_, _, closes) in enumerate(cycles) if closes]
    assert [cycle for cycle, _ in found] == [k + dut.latency for k in closed]
    return [value for _, value in found]


def scores_of(dut, word) -> list[int]:
    result = []
    for width in dut.widths:
        value = word & ((1 << width) - 1)
        result.append(value - (value >> (width - 1) << width))
        word >>= width
    return result


@pytest.mark.parametrize("scores", [False, True])
@pytest.mark.parametrize("planes", [1, 2, 3, 8])
@pytest.mark.parametrize(
    ("weight_bits", "ports", "masked", "stage", "additions"),
    [
        (1, [1], True, True, 1),
        (2, [2], True, True, 1),
        (4, [2, 1], True, True, 1),
        (8, [2, 2], True, True, 1),
        (1, [1], True, False, 1),
        (4, [2, 1], True, False, 1),
        (2, [1], False, False, 1),
        (4, [2, 2], False, False, 1),
        (1, [2], True, True, 2),
        (4, [2, 1], True, True, 2),
        (4, [2, 2], False, False, 2),
        (4, [2, 2, 1], False, False, 2),
        (2, [2, 2], False, False, 3),
        (2, [2, 2, 2], True, False, 3),
    ],
)
def test_random_frames_without_a_gap(weight_bits, ports, masked, stage, additions, planes, scores):
    seed = 100 * weight_bits + 10 * planes + scores
    rng = np.random.default_rng(seed)
    limit = max(1, 2 ** (weight_bits - 1) - 1)
    choices = np.array([-1, 1]) if weight_bits == 1 else np.arange(-limit, limit + 1)
    weights = rng.choice(choices, (5, 11))
    offsets = [0] * 5 if scores else rng.integers(-40, 40, 5).tolist()
    dut, lanes = layer(
        weights,
        ports,
        offsets,
        weight_bits=weight_bits,
        planes=planes,
        scores=scores,
        masked=masked,
        stage=stage,
        additions=additions,
    )
    frames = rng.integers(0, 2**planes, (12, 11))
    frames[3] = 0
    frames[4] = 2**planes - 1
    cycles = [
        step for frame in frames for step in steps(rng, weights, lanes, frame, planes, weight_bits)
    ]
    expected = frames @ weights.T + np.array(offsets)
    for k, (word, potentials) in enumerate(zip(run(dut, lanes, cycles), expected, strict=True)):
        case = f"seed {seed}, frame {k}"
        if scores:
            assert scores_of(dut, word) == potentials.tolist(), case
        else:
            assert [word >> j & 1 for j in range(5)] == (potentials >= 0).tolist(), case


@pytest.mark.parametrize("planes", [1, 3])
def test_thresholds_at_both_ends_of_what_is_reachable(planes):
    """The offset is minus the threshold: fires at equality, one more and it does not."""
    weights = np.array([[3, -7, 7, 1]] * 4)
    most = 2**planes - 1
    low, high = -7 * most, 11 * most
    offsets = [-low, -high, -high - 1, -low - 1]
    dut, lanes = layer(weights, [1, 1], offsets, weight_bits=4, planes=planes, scores=False)
    rng = np.random.default_rng(1)
    least, greatest = np.array([0, most, 0, 0]), np.array([most, 0, most, most])
    frames = [least, greatest, least, np.zeros(4, int)]
    cycles = [step for frame in frames for step in steps(rng, weights, lanes, frame, planes, 4)]
    # Always; only at the greatest; never; not at the least alone.
    assert run(dut, lanes, cycles) == [0b0001, 0b1011, 0b0001, 0b1001]


@pytest.mark.parametrize("planes", [1, 2])
def test_projections_are_added(planes):
    """Each projection has lanes of its own; low and high are sums over all of them."""
    rng = np.random.default_rng(21)
    weights = [
        rng.integers(-3, 4, (4, 6)),
        rng.integers(-7, 8, (4, 3)),
        rng.integers(-1, 2, (4, 5)),
    ]
    together = np.concatenate(weights, axis=1)
    edges = np.cumsum([0, *(w.shape[1] for w in weights)])
    lanes = [np.arange(a, b) for a, b in itertools.pairwise(edges)]
    offsets = rng.integers(-30, 30, 4).tolist()
    made = neurons(weights, weights, offsets)
    for j, neuron in enumerate(made):
        row = together[j]
        assert (neuron.low, neuron.high) == (row[row < 0].sum(), row[row > 0].sum())
        bounds = tuple((min(0, w[j].min()), max(0, w[j].max())) for w in weights)
        assert neuron.lanes == bounds
        assert neuron.offset == offsets[j]
    dut = Accumulators(made, [Lane(weight_bits=4)] * 3, planes=planes, scores=True)
    frames = rng.integers(0, 2**planes, (10, 14))
    frames[2] = 2**planes - 1
    cycles = [step for frame in frames for step in steps(rng, together, lanes, frame, planes, 4)]
    expected = frames @ together.T + np.array(offsets)
    found = [scores_of(dut, word) for word in run(dut, lanes, cycles)]
    assert found == expected.tolist()


def test_width_is_what_the_extremes_need():
    """Twelve weights of 7: 84 needs eight bits, -84 too; a constant neuron needs one."""
    assert Neuron(low=0, high=84, lanes=((0, 7),), offset=0).width(1) == 8
    assert Neuron(low=-84, high=0, lanes=((-7, 0),), offset=0).width(1) == 8
    assert Neuron(low=-64, high=63, lanes=((-7, 7),), offset=0).width(1) == 7
    assert Neuron(low=0, high=0, lanes=((0, 0),), offset=0).width(1) == 1
    # Three planes: seven times as much.
    assert Neuron(low=0, high=84, lanes=((0, 7),), offset=0).width(3) == 11


@pytest.mark.parametrize(
    ("lanes", "expected"), [(1, 0), (2, 1), (3, 2), (4, 2), (5, 3), (8, 3), (9, 4)]
)
def test_depth_of_the_tree(lanes, expected):
    assert levels(lanes) == expected


@pytest.mark.parametrize(
    ("lanes", "additions", "registers"),
    [
        (4, 1, 2),
        (8, 1, 3),
        (1, 2, 0),
        (2, 2, 0),
        (4, 2, 1),
        (8, 2, 1),
        (9, 2, 2),
        (4, 3, 0),
        (9, 3, 1),
    ],
)
def test_registers_of_the_tree(lanes, additions, registers):
    """One behind every so many levels; the addition to the potential needs none of its own."""
    assert depth(lanes, mask_stage=False, additions=additions) == registers
    assert depth(lanes, mask_stage=True, additions=additions) == registers + 1
