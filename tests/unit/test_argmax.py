"""The index of the first maximum."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from amaranth.hdl import ClockDomain, Module
from amaranth.sim import Simulator

from rtl_gen.lib.argmax import ArgMax


def run(widths, rows, valid=None, cycles=1):
    """The indices for rows of scores, one a cycle."""
    argmax = ArgMax(widths, cycles=cycles)
    valid = [True] * len(rows) if valid is None else valid
    found = []

    async def bench(ctx):
        for cycle in range(len(rows) + argmax.latency + 2):
            word, at = 0, 0
            for score, width in zip(rows[cycle % len(rows)], widths, strict=True):
                word |= (int(score) & ((1 << width) - 1)) << at
                at += width
            ctx.set(argmax.scores, word)
            ctx.set(argmax.valid, cycle < len(rows) and valid[cycle])
            if ctx.get(argmax.index_valid):
                found.append((cycle, ctx.get(argmax.index)))
            await ctx.tick()

    # One class needs no register, and so would have no clock.
    m = Module()
    m.domains.sync = ClockDomain()
    m.submodules.argmax = argmax
    simulator = Simulator(m)
    simulator.add_clock(1e-6)
    simulator.add_testbench(bench)
    simulator.run()
    assert [cycle - argmax.latency for cycle, _ in found] == [k for k, v in enumerate(valid) if v]
    return [index for _, index in found]


@pytest.mark.parametrize("cycles", [1, 2])
@pytest.mark.parametrize("classes", [1, 2, 3, 4, 5, 8, 9, 16, 17])
def test_random_scores_of_many_ties(classes, cycles):
    rng = np.random.default_rng(classes)
    rows = rng.integers(-2, 3, (60, classes))
    assert run([3] * classes, rows, cycles=cycles) == rows.argmax(axis=1).tolist()


def test_every_case_of_three_small_scores():
    rows = np.array(list(itertools.product(range(-2, 2), repeat=3)))
    assert run([2, 2, 2], rows) == rows.argmax(axis=1).tolist()


def test_extremes_of_unequal_widths():
    widths = [2, 9, 5, 1, 7]
    rng = np.random.default_rng(3)
    edges = [[-(2 ** (w - 1)), -1, 0, 2 ** (w - 1) - 1] for w in widths]
    rows = np.array([[rng.choice(edge) for edge in edges] for _ in range(80)])
    assert run(widths, rows) == rows.argmax(axis=1).tolist()


def test_all_negative_and_all_alike():
    assert run([8] * 5, [[-9, -3, -3, -128, -4], [-128] * 5, [0] * 5, [127] * 5]) == [1, 0, 0, 0]


def test_bubbles_leave_no_answer():
    rng = np.random.default_rng(4)
    rows = rng.integers(-8, 8, (30, 6))
    valid = (rng.random(30) < 0.5).tolist()
    assert run([4] * 6, rows, valid) == rows.argmax(axis=1)[valid].tolist()
