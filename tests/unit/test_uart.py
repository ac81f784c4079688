"""The serial line against a bit by bit model whose clock is its own."""

from __future__ import annotations

import numpy as np
import pytest
from amaranth.sim import Simulator

from rtl_gen.boards.uart import Pace, UartReceiver, UartTransmitter
from s2nn_hw.ir import InputError

CLOCK = 1e-6


def receive(levels, *, ratio=4.0):
    """Bytes and framing errors that a receiver makes of [(level, bits)]; bits may be fractions."""
    receiver = UartReceiver(Pace(ratio * 1e6, 1_000_000))
    seen, errors = [], []

    async def line(ctx):
        ctx.set(receiver.rx, 1)
        await ctx.delay(3.3 * CLOCK)
        for level, bits in levels:
            ctx.set(receiver.rx, level)
            await ctx.delay(bits * ratio * CLOCK)
        ctx.set(receiver.rx, 1)
        await ctx.delay(30 * ratio * CLOCK)

    async def watch(ctx):
        async for *_, strobe, framing, data in ctx.tick().sample(
            receiver.strobe, receiver.framing, receiver.data
        ):
            if strobe:
                seen.append(data)
            errors.extend([1] * framing)

    simulator = Simulator(receiver)
    simulator.add_clock(CLOCK)
    simulator.add_testbench(line)
    simulator.add_testbench(watch, background=True)
    simulator.run()
    return seen, len(errors)


def levels(data, scale=1.0):
    """A byte as 8N1 on the line."""
    return [(bit, scale) for bit in (0, *(data >> k & 1 for k in range(8)), 1)]


BYTES = [0x00, 0xFF, 0x55, 0xAA, 0xA5, 0x01, 0x80, 0x7E]


@pytest.mark.parametrize("ratio", [4, 4.5, 6.75, 8.333, 33.333, 86.8])
@pytest.mark.parametrize("scale", [0.98, 1.0, 1.02])
def test_bytes_without_a_gap(ratio, scale):
    line = [level for byte in BYTES for level in levels(byte, scale)]
    assert receive(line, ratio=ratio) == (BYTES, 0)


@pytest.mark.parametrize("seed", range(3))
def test_random_bytes_at_random_moments(seed):
    rng = np.random.default_rng(seed)
    data = [int(byte) for byte in rng.integers(0, 256, 60)]
    line = []
    for byte in data:
        line += [*levels(byte, rng.uniform(0.98, 1.02)), (1, float(rng.choice([0, 0.3, 1.7, 20])))]
    assert receive(line, ratio=4.0) == (data, 0), seed


def test_a_glitch_is_no_byte():
    assert receive([(0, 0.3), (1, 2), *levels(0x5A)], ratio=8) == ([0x5A], 0)


def test_a_missing_stop_bit_is_told_and_a_long_break_is_one_error():
    broken = [*levels(0x00)[:-1], (0, 1), (1, 1)]
    assert receive([*broken, *levels(0x5A)], ratio=8) == ([0x5A], 1)
    assert receive([(0, 50), (1, 1), *levels(0x5A)], ratio=8) == ([0x5A], 1)


def transmit(data, *, ratio, pause=lambda k: 0):
    """Changes of the line as [(cycle, level)]."""
    transmitter = UartTransmitter(Pace(ratio * 1e6, 1_000_000))
    changes = []

    async def feed(ctx):
        for k, byte in enumerate(data):
            for _ in range(pause(k)):
                await ctx.tick()
            ctx.set(transmitter.i.payload, byte)
            ctx.set(transmitter.i.valid, 1)
            await ctx.tick().until(transmitter.i.ready)
            ctx.set(transmitter.i.valid, 0)
        for _ in range(int(12 * ratio)):
            await ctx.tick()

    async def watch(ctx):
        level, cycle = 1, 0
        async for *_, now in ctx.tick().sample(transmitter.tx):
            if now != level:
                changes.append((cycle, now))
                level = now
            cycle += 1

    simulator = Simulator(transmitter)
    simulator.add_clock(CLOCK)
    simulator.add_testbench(feed)
    simulator.add_testbench(watch, background=True)
    simulator.run()
    return changes


@pytest.mark.parametrize("ratio", [4, 4.5, 6.75, 8.333, 33.333])
@pytest.mark.parametrize("pauses", [False, True])
def test_what_is_sent_is_on_time(ratio, pauses):
    """Every edge is at most a cycle off, and bytes follow one another without a gap."""
    changes = transmit(BYTES, ratio=ratio, pause=lambda k: 37 * k % 61 if pauses else 0)
    got, at = [], 0
    while at < len(changes):
        start, level = changes[at]
        assert level == 0
        inside = [c for c in changes[at:] if c[0] < start + 9.5 * ratio]
        bits = []
        for k in range(10):
            middle = start + (k + 0.5) * ratio
            bits.append([c for c in inside if c[0] <= middle][-1][1])
        for cycle, _ in inside:
            offset = (cycle - start) / ratio
            # A rate off by 1 in 8000 adds up over ten bits.
            assert abs(offset - round(offset)) * ratio <= 1 + 10 * ratio / 8000
        assert (bits[0], bits[9]) == (0, 1)
        got.append(sum(bit << k for k, bit in enumerate(bits[1:9])))
        at += len(inside)
    assert got == BYTES
    if not pauses:
        starts = changes[0][0]
        assert changes[-1][0] - starts <= len(BYTES) * 10 * ratio


@pytest.mark.parametrize("frequency", [4e6, 12e6, 27e6, 25e6, 100e6, 133.333e6])
@pytest.mark.parametrize("baud", [115_200, 921_600, 1_000_000, 3_000_000])
def test_the_rate_is_met(frequency, baud):
    if frequency < 4 * baud:
        with pytest.raises(InputError, match=r"^baud must be 1…\d+, a quarter of the .* clock"):
            Pace(frequency, baud)
        return
    pace = Pace(frequency, baud)
    met = pace.step / 2**pace.bits * frequency
    assert abs(met / baud - 1) < 1 / 8000
    assert pace.step < 2**pace.bits
