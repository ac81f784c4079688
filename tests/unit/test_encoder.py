"""The event encoder: every spike once, in as few cycles as its ports allow, window by window."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import pytest
from amaranth.sim import Simulator

from rtl_gen.lib.encoder import EventEncoder

POSITIONS, ROWS = 8, 64


@dataclass
class Window:
    """Rows taken, cycles from the window before to its end, and what was said at the end."""

    rows: list[int] = field(default_factory=list)
    cycles: int = 0
    closes: bool = False
    drop: bool = False


def entry(bits: int, base: int = 0, last: bool = False, drop: bool = False) -> dict:
    return {"bits": bits, "base": base, "last": last, "drop": drop}


def rows(entries) -> list[int]:
    """The rows of weights that a window's entries select."""
    return sorted(e["base"] + k for e in entries for k in range(POSITIONS) if e["bits"] >> k & 1)


def run(ports, queues, *, arrives=lambda cycle: True, go=lambda cycle: True, settle=3):
    """The windows of the queues' entries, one list a plane; an idle start does not count."""
    encoder = EventEncoder(positions=POSITIONS, rows=ROWS, ports=ports, planes=len(queues))
    total = sum(e["last"] for queue in queues for e in queue)
    windows = []

    async def bench(ctx):
        at = [0] * len(queues)
        window = Window()
        begun = False
        for cycle in range(2000):
            offered = []
            for p, queue in enumerate(queues):
                valid = at[p] < len(queue) and cycle >= settle and arrives(cycle)
                ctx.set(encoder.words[p].valid, valid)
                ctx.set(encoder.words[p].payload, queue[at[p]] if valid else entry(0xFF, 9, True))
                offered.append(valid)
            ctx.set(encoder.go, go(cycle))
            picked = [ctx.get(encoder.picked[p]) for p in range(ports)]
            base = [ctx.get(encoder.base[p]) for p in range(ports)]
            ending, closes, drop = (
                ctx.get(s) for s in (encoder.ending, encoder.closes, encoder.drop)
            )
            for p in range(len(queues)):
                at[p] += offered[p] and ctx.get(encoder.words[p].ready)
            await ctx.tick()
            begun = begun or any(picked) or ending
            window.cycles += begun
            for bits, row in zip(picked, base, strict=True):
                assert bits & (bits - 1) == 0, "more than one bit"
                if bits:
                    window.rows.append(row + bits.bit_length() - 1)
            if ending and not go(cycle):
                assert not any(picked), "taken without leave"
            if ending and go(cycle):
                window.closes, window.drop = bool(closes), bool(drop)
                windows.append(window)
                window = Window()
                if len(windows) == total:
                    assert at == [len(queue) for queue in queues]
                    return
        raise AssertionError("the windows do not end")

    simulator = Simulator(encoder)
    simulator.add_clock(1e-6)
    simulator.add_testbench(bench)
    simulator.run()
    return windows


def random_windows(rng, count, least=1):
    """Entries of so many windows, without empty words but where a window is empty."""
    result = []
    for _ in range(count):
        words = int(rng.integers(1, 6))
        window = []
        for w in range(words):
            bits = 0
            while bits.bit_count() < least:
                bits = int(rng.integers(1, 2**POSITIONS)) & int(rng.integers(1, 2**POSITIONS))
            window.append(entry(bits, w * POSITIONS, w == words - 1, bool(rng.integers(2))))
        if least == 1 and rng.random() < 0.2:
            window = [entry(0, 0, True)]
        result.append(window)
    return result


@pytest.mark.parametrize("ports", [1, 2])
@pytest.mark.parametrize("seed", range(4))
def test_every_spike_once_whatever_waits(ports, seed):
    rng = np.random.default_rng(seed)
    windows = random_windows(rng, 20)
    arrives, go = rng.random(2000) < 0.6, rng.random(2000) < 0.5
    found = run(
        ports,
        [[e for window in windows for e in window]],
        arrives=lambda cycle: bool(arrives[cycle]),
        go=lambda cycle: bool(go[cycle]),
    )
    assert [sorted(w.rows) for w in found] == [rows(window) for window in windows], seed
    assert all(w.closes for w in found)
    assert [w.drop for w in found] == [window[-1]["drop"] for window in windows]


def test_one_port_takes_one_spike_a_cycle():
    windows = random_windows(np.random.default_rng(5), 20)
    found = run(1, [[e for window in windows for e in window]])
    assert [w.cycles for w in found] == [max(1, len(rows(window))) for window in windows]
    # Lowest first, word after word.
    assert [w.rows for w in found] == [rows(window) for window in windows]


def test_two_ports_take_two_spikes_a_cycle_without_gaps():
    """Words of at least two spikes come as fast as they are taken."""
    windows = random_windows(np.random.default_rng(6), 20, least=2)
    found = run(2, [[e for window in windows for e in window]])
    assert [w.cycles for w in found] == [-(-len(rows(window)) // 2) for window in windows]


def test_two_ports_never_reach_into_the_next_window():
    windows = [[entry(0b1, 8 * k, True)] for k in range(4)]
    found = run(2, [[e for window in windows for e in window]])
    assert [w.rows for w in found] == [[0], [8], [16], [24]]
    assert [w.cycles for w in found] == [1, 1, 1, 1]


def test_the_second_port_takes_the_next_word_wholly():
    """Two words of one spike each share a cycle if the second has come by then."""
    found = run(2, [[entry(0b1111, 0), entry(0b10000, 8), entry(0b100, 16, True)]])
    assert sorted(found[0].rows) == [0, 1, 2, 3, 12, 18]
    assert found[0].cycles == 3


@pytest.mark.parametrize("ports", [1, 2])
def test_a_window_waits_for_leave(ports):
    """Until go, the last spikes stay, and nothing of the next window is taken."""
    found = run(
        ports,
        [[entry(0b101, 0, True), entry(0b1, 8, True), entry(0b11, 16, True)]],
        go=lambda cycle: cycle >= 20,
    )
    assert [sorted(w.rows) for w in found] == [[0, 2], [8], [16, 17]]
    assert [w.cycles for w in found][1:] == [1, 2 // ports]


@pytest.mark.parametrize("ports", [1, 2])
def test_planes_in_turn_the_highest_first(ports):
    rng = np.random.default_rng(8)
    frames = [random_windows(rng, 3) for _ in range(6)]
    queues = [[e for frame in frames for e in frame[p]] for p in range(3)]
    found = run(ports, queues)
    assert [sorted(w.rows) for w in found] == [rows(f[p]) for f in frames for p in (2, 1, 0)]
    assert [w.closes for w in found] == [False, False, True] * 6
    assert [w.drop for w in found[2::3]] == [f[0][-1]["drop"] for f in frames]
