"""The event encoder: every spike once, in as few cycles as its ports allow, window by window."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import pytest
from amaranth.hdl import Module, Signal
from amaranth.sim import Simulator

from rtl_gen.lib.encoder import EventEncoder, Port, lowest

POSITIONS, ROWS = 8, 64


@dataclass
class Window:
    """Rows taken, cycles from the window before to its end, and what was said at the end."""

    rows: list[int] = field(default_factory=list)
    cycles: int = 0
    closes: bool = False
    final: bool = False
    drop: bool = False


def entry(bits: int, base: int = 0, last: bool = False, **marks: bool) -> dict:
    """Of an encoder without groups; ``marks`` are closes, final and drop."""
    return {
        "bits": bits,
        "base": base,
        "last": last,
        "closes": False,
        "final": False,
        "drop": False,
        **marks,
    }


def rows(entries) -> list[int]:
    """The rows of weights that a window's entries select."""
    return sorted(e["base"] + k for e in entries for k in range(POSITIONS) if e["bits"] >> k & 1)


def run(ports, windows, *, groups=1, arrives=lambda cycle: True, room=lambda cycle: True, settle=3):
    """The windows as taken; an idle start does not count.

    With groups the rows taken are pairs of the row and the groups that have a spike there.
    """
    encoder = EventEncoder(Port(positions=POSITIONS, rows=ROWS, reads=ports, groups=groups))
    entries = [e for window in windows for e in window]
    garbage = entry(0xFF, 9, True, closes=True, final=True, drop=True)
    found = []

    async def bench(ctx):
        at = 0
        window = Window()
        begun = False
        for cycle in range(2000):
            offered = at < len(entries) and cycle >= settle and arrives(cycle)
            ctx.set(encoder.i.valid, offered)
            ctx.set(encoder.i.payload, entries[at] if offered else garbage)
            ctx.set(encoder.room, room(cycle))
            taken = ctx.get(encoder.taken)
            step = {
                path[-1] if len(path) == 1 else path: ctx.get(signal)
                for path, _, signal in encoder.o.signature.flatten(encoder.o)
            }
            at += offered and ctx.get(encoder.i.ready)
            await ctx.tick()
            assert not taken or room(cycle), "taken without room"
            begun = begun or taken
            window.cycles += begun
            if not taken:
                continue
            for port in range(ports):
                bits, row = step["picked", port], step["base", port]
                assert bits & (bits - 1) == 0, "more than one bit"
                if bits:
                    k = bits.bit_length() - 1
                    behind = step["spikes"] >> k * groups & (1 << groups) - 1 if groups > 1 else 0
                    window.rows.append((row + k, behind) if groups > 1 else row + k)
            if step["ends"]:
                window.closes, window.final, window.drop = (
                    bool(step[mark]) for mark in ("closes", "final", "drop")
                )
                found.append(window)
                window = Window()
                if len(found) == len(windows):
                    assert at == len(entries)
                    return
        raise AssertionError("the windows do not end")

    simulator = Simulator(encoder)
    simulator.add_clock(1e-6)
    simulator.add_testbench(bench)
    simulator.run()
    return found


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
            marks = {name: bool(rng.integers(2)) for name in ("closes", "final", "drop")}
            window.append(entry(bits, w * POSITIONS, w == words - 1, **marks))
        if least == 1 and rng.random() < 0.2:
            window = [entry(0, 0, True)]
        result.append(window)
    return result


@pytest.mark.parametrize("ports", [1, 2])
@pytest.mark.parametrize("seed", range(4))
def test_every_spike_once_whatever_waits(ports, seed):
    rng = np.random.default_rng(seed)
    windows = random_windows(rng, 20)
    arrives, room = rng.random(2000) < 0.6, rng.random(2000) < 0.5
    found = run(
        ports,
        windows,
        arrives=lambda cycle: bool(arrives[cycle]),
        room=lambda cycle: bool(room[cycle]),
    )
    assert [sorted(w.rows) for w in found] == [rows(window) for window in windows], seed
    for name in ("closes", "final", "drop"):
        said = [getattr(w, name) for w in found]
        assert said == [window[-1][name] for window in windows], f"seed {seed}: {name}"


def test_one_port_takes_one_spike_a_cycle():
    windows = random_windows(np.random.default_rng(5), 20)
    found = run(1, windows)
    assert [w.cycles for w in found] == [max(1, len(rows(window))) for window in windows]
    # Lowest first, word after word.
    assert [w.rows for w in found] == [rows(window) for window in windows]


def test_two_ports_take_two_spikes_a_cycle_without_gaps():
    """Words of at least two spikes come as fast as they are taken."""
    windows = random_windows(np.random.default_rng(6), 20, least=2)
    found = run(2, windows)
    assert [w.cycles for w in found] == [-(-len(rows(window)) // 2) for window in windows]


def test_two_ports_never_reach_into_the_next_window():
    windows = [[entry(0b1, 8 * k, True)] for k in range(4)]
    found = run(2, windows)
    assert [w.rows for w in found] == [[0], [8], [16], [24]]
    assert [w.cycles for w in found] == [1, 1, 1, 1]


def test_the_second_port_takes_the_next_word_wholly():
    """Two words of one spike each share a cycle if the second has come by then."""
    found = run(2, [[entry(0b1111, 0), entry(0b10000, 8), entry(0b100, 16, True)]])
    assert sorted(found[0].rows) == [0, 1, 2, 3, 12, 18]
    assert found[0].cycles == 3


def test_words_of_one_spike_come_one_a_cycle():
    """Two are taken together, and the next two have come a cycle later."""
    words = 12
    found = run(2, [[entry(0b1, 8 * k % ROWS, k == words - 1) for k in range(words)]])
    assert found[0].cycles <= words
    assert len(found[0].rows) == words


@pytest.mark.parametrize("ports", [1, 2])
def test_nothing_is_taken_without_room(ports):
    found = run(
        ports,
        [[entry(0b101, 0, True)], [entry(0b1, 8, True)], [entry(0b11, 16, True)]],
        room=lambda cycle: cycle >= 20,
    )
    assert [sorted(w.rows) for w in found] == [[0, 2], [8], [16, 17]]
    assert [w.cycles for w in found][1:] == [1, 2 // ports]


@pytest.mark.parametrize("groups", [2, 3])
def test_groups_at_the_same_place_are_one_event(groups):
    """Bit i tells that input i of some group is set, and spikes which groups'."""
    rng = np.random.default_rng(groups)
    windows = []
    for _ in range(20):
        words = int(rng.integers(1, 5))
        window = []
        for w in range(words):
            spikes = rng.integers(0, 2**groups, POSITIONS) * (rng.random(POSITIONS) < 0.4)
            spikes[rng.integers(POSITIONS)] = 1
            bits = sum(1 << k for k in range(POSITIONS) if spikes[k])
            packed = sum(int(s) << k * groups for k, s in enumerate(spikes))
            window.append(entry(bits, w * POSITIONS, w == words - 1, spikes=packed))
        windows.append(window)
    room = rng.random(2000) < 0.5
    found = run(1, windows, groups=groups, room=lambda cycle: bool(room[cycle]))
    mask = (1 << groups) - 1
    expected = [
        [
            (e["base"] + k, e["spikes"] >> k * groups & mask)
            for e in window
            for k in range(POSITIONS)
            if e["bits"] >> k & 1
        ]
        for window in windows
    ]
    assert [w.rows for w in found] == expected


@pytest.mark.parametrize("size", [1, 2, 16, 31, 32, 33, 48, 50, 100, 256, 600])
def test_the_lowest_of_any_number_of_bits(size):
    rng = np.random.default_rng(size)
    m = Module()
    bits, found = Signal(size), Signal(size)
    m.d.comb += found.eq(lowest(m, bits))
    single = [1 << k for k in range(size)]
    spread = [int.from_bytes(rng.bytes(75)) >> (600 - size) for _ in range(50)]
    above = [
        value >> k << k for value, k in zip(spread, rng.integers(0, size, 50).tolist(), strict=True)
    ]

    async def bench(ctx):
        for value in (0, 2**size - 1, *single, *spread, *above):
            ctx.set(bits, value)
            await ctx.delay(1e-9)
            assert ctx.get(found) == value & -value

    simulator = Simulator(m)
    simulator.add_testbench(bench)
    simulator.run()
