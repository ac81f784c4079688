"""The shell on a line of its own clock, with a core that may be slow: what the host gets."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import pytest
from amaranth.hdl import Const, Elaboratable, Module, Signal
from amaranth.sim import Simulator

from rtl_gen.boards import reader
from rtl_gen.boards import shell as shell_module
from rtl_gen.boards.shell import BoardShell
from rtl_gen.boards.uart import Pace
from s2nn_hw.host.packets import Packet, Parser
from s2nn_hw.ir import InputError
from s2nn_hw.manifest import InputPort, OutputPort
from s2nn_hw.protocol import (
    ANSWER,
    ERROR,
    ESCAPE,
    SYNC,
    ErrorCode,
    Identity,
    Request,
    frame_bytes,
    pack,
    result_bytes,
    unpack,
)

#: Two beats and a bit; results of two beats.
INPUT = InputPort(tdata_bits=8, pixel_bits=2, pixels_per_beat=4, pixels=9)
OUTPUT = OutputPort(tdata_bits=16, class_bits=8, score_bits=8, classes=2)
WINDOW = 3
IDENTITY = Identity(
    digest=bytes([SYNC, ESCAPE, *range(6)]),
    frame_bytes=frame_bytes(INPUT),
    result_bytes=result_bytes(OUTPUT),
    window=WINDOW,
)
RATIO = 4.25
BYTE = 10 * RATIO
CLOCK = 1e-6


def answer(frame: np.ndarray) -> tuple[int, int]:
    """What the core of this test says of a frame: two scores."""
    return int(frame.sum()), int(frame[0]) - int(frame[-1])


@dataclass
class Core:
    """Takes a beat every ``pace`` cycles, answers ``latency`` after a frame, one at a time."""

    pace: int = 1
    latency: int = 20
    error: int = 0
    beats: list[tuple[int, int]] = field(default_factory=list)
    frames: int = 0

    async def run(self, ctx, shell):
        while True:
            frame = []
            while len(frame) < INPUT.beats:
                await ctx.tick().repeat(self.pace)
                ctx.set(shell.s_axis_tready, 1)
                valid = 0
                while not valid:
                    *_, valid, data, last = await ctx.tick().sample(
                        shell.s_axis_tvalid, shell.s_axis_tdata, shell.s_axis_tlast
                    )
                ctx.set(shell.s_axis_tready, 0)
                frame.append(data)
                self.beats.append((data, last))
            self.frames += 1
            values = [beat >> 2 * k & 3 for beat in frame for k in range(4)][: INPUT.pixels]
            first, second = answer(np.array(values))
            result = int(second > first) | (first & 255) << 8 | (second & 255) << 16
            await ctx.tick().repeat(self.latency)
            for k in range(OUTPUT.beats):
                ctx.set(shell.m_axis_tvalid, 1)
                ctx.set(shell.m_axis_tdata, result >> 16 * k & 0xFFFF)
                ctx.set(shell.m_axis_tlast, k == OUTPUT.beats - 1)
                ready = 0
                while not ready:
                    *_, ready = await ctx.tick().sample(shell.m_axis_tready)
                ctx.set(shell.m_axis_tvalid, 0)
                ctx.set(shell.m_axis_tdata, 0xDEAD)
                await ctx.tick().repeat(3 * self.pace)


def talk(pieces, *, core=None, settle=400, limit=60_000, probe=None):
    """What goes to the board is bytes, cycles of silence or (negative) of a line that is low.

    Returns the packets that it sends until it is quiet.
    """
    shell = BoardShell(IDENTITY, INPUT, OUTPUT, Pace(RATIO * 1e6, 1_000_000))
    core = core or Core()
    received = []
    quiet = 0

    async def host(ctx):
        nonlocal quiet
        ctx.set(shell.rx, 1)
        await ctx.delay(7.7 * CLOCK)
        for piece in pieces:
            if isinstance(piece, int):
                ctx.set(shell.rx, piece > 0)
                await ctx.delay(abs(piece) * CLOCK)
                ctx.set(shell.rx, 1)
                continue
            for byte in piece:
                for bit in (0, *(byte >> k & 1 for k in range(8)), 1):
                    ctx.set(shell.rx, bit)
                    await ctx.delay(RATIO * CLOCK)
        for _ in range(limit):
            quiet += 1
            await ctx.tick()
            if quiet > settle:
                return
        pytest.fail("the board never falls silent")

    async def line(ctx):
        nonlocal quiet
        while True:
            await ctx.negedge(shell.tx)
            await ctx.delay(RATIO / 2 * CLOCK)
            byte = 0
            for k in range(8):
                await ctx.delay(RATIO * CLOCK)
                byte |= ctx.get(shell.tx) << k
            await ctx.delay(RATIO * CLOCK)
            assert ctx.get(shell.tx) == 1
            received.append(byte)
            quiet = 0

    simulator = Simulator(shell)
    simulator.add_clock(CLOCK)
    simulator.add_testbench(host)
    simulator.add_testbench(line, background=True)

    async def work(ctx):
        ctx.set(shell.frame_error, core.error)
        await core.run(ctx, shell)

    simulator.add_testbench(work, background=True)
    if probe:

        async def watch(ctx):
            await probe(ctx, shell)

        simulator.add_testbench(watch, background=True)
    simulator.run()
    parser = Parser()
    packets = list(parser.feed(bytes(received)))
    assert parser.damaged == 0
    return packets


def frames(count, seed=1):
    return np.random.default_rng(seed).integers(0, 4, (count, INPUT.pixels), dtype=np.uint8)


def infer(values, tag):
    return Packet(Request.INFER, tag, pack(INPUT, values[None])[0]).encode()


def check(packets, given, tags):
    """The packets are the results of these frames, in order."""
    assert [(p.type, p.tag) for p in packets] == [(ANSWER | Request.INFER, tag) for tag in tags]
    classes, scores = unpack(OUTPUT, [p.payload for p in packets])
    wanted = [answer(frame) for frame in given]
    assert [tuple(row) for row in scores.tolist()] == wanted
    assert classes.tolist() == [int(b > a) for a, b in wanted]


def error(code, tag):
    return Packet(ERROR, tag, bytes([code]))


def flags(kind, tag, *bits):
    value = sum(1 << bit for bit in bits)
    return Packet(ANSWER | kind, tag, value.to_bytes(2, "little"))


IDENTIFY = Packet(Request.IDENTIFY, 0x31)
IDENTIFIED = Packet(ANSWER | Request.IDENTIFY, 0x31, IDENTITY.to_bytes())
READ = Packet(Request.READ_FLAGS, 0x32)
CLEAR = Packet(Request.CLEAR_FLAGS, 0x33)


def test_it_says_what_it_is():
    assert talk([IDENTIFY.encode()]) == [IDENTIFIED]


def test_one_frame():
    (values,) = given = frames(1)
    core = Core()
    check(talk([infer(values, 5)], core=core), given, [5])
    assert [last for _, last in core.beats] == [0, 0, 1]


@pytest.mark.parametrize("core", [{}, {"pace": 40, "latency": 1}, {"latency": 300}], ids=str)
def test_frames_back_to_back_within_the_window(core):
    """The next come in while one is computed, however slow the core is."""
    given = frames(WINDOW, 2)
    check(talk([infer(v, k) for k, v in enumerate(given)], core=Core(**core)), given, range(WINDOW))


def test_many_frames_without_a_pause():
    """A core that is faster than the line never lets the window fill."""
    given = frames(12, 3)
    check(talk([infer(v, 250 - k) for k, v in enumerate(given)]), given, range(250, 238, -1))


def test_a_frame_beyond_the_window_is_refused_and_spoils_nothing():
    given = frames(WINDOW + 2, 4)
    # It takes as long as all of them on the line.
    packets = talk([infer(v, k) for k, v in enumerate(given)], core=Core(latency=3000), settle=4000)
    refused = [p for p in packets if p.type == ERROR]
    assert refused == [error(ErrorCode.WINDOW, WINDOW + k) for k in range(2)]
    check([p for p in packets if p.type != ERROR], given[:WINDOW], range(WINDOW))


def test_a_wrong_crc_is_told_and_never_reaches_the_core():
    given = frames(2, 5)
    data = bytearray(infer(given[0], 1))
    data[6] ^= 0x02
    assert len(data) == 7 + IDENTITY.frame_bytes, "nothing is stuffed"
    assert not {*data[1:]} & {SYNC, ESCAPE}
    core = Core()
    packets = talk([bytes(data), infer(given[1], 2), READ.encode()], core=core)
    assert packets[0] == error(ErrorCode.CRC, 1)
    assert flags(Request.READ_FLAGS, 0x32, ErrorCode.CRC) in packets
    check([p for p in packets if p.type == ANSWER | Request.INFER], given[1:], [2])
    assert core.frames == 1


@pytest.mark.parametrize(
    ("packet", "code"),
    [
        (Packet(Request.INFER, 1, bytes(IDENTITY.frame_bytes - 1)), ErrorCode.LENGTH),
        (Packet(Request.INFER, 1, bytes(IDENTITY.frame_bytes + 1)), ErrorCode.LENGTH),
        (Packet(Request.INFER, 1, bytes(IDENTITY.frame_bytes + 256)), ErrorCode.LENGTH),
        (Packet(Request.IDENTIFY, 1, b"x"), ErrorCode.LENGTH),
        (Packet(Request.LOAD, 1, b"x"), ErrorCode.TYPE),
        (Packet(0, 1), ErrorCode.TYPE),
        (Packet(ANSWER | Request.INFER, 1, bytes(IDENTITY.frame_bytes)), ErrorCode.TYPE),
    ],
    ids=str,
)
def test_a_wrong_packet_is_told_and_the_next_is_served(packet, code):
    packets = talk([packet.encode(), IDENTIFY.encode()])
    assert packets == [error(code, 1), IDENTIFIED]


@pytest.mark.parametrize("length", range(1, 10))
def test_a_packet_cut_short_at_any_byte(length):
    given = frames(2, 6)
    packets = talk([infer(given[0], 1)[:length], 60, infer(given[1], 2)])
    results = [p for p in packets if p.type != ERROR]
    check(results, given[1:], [2])
    assert all(p.payload == bytes([ErrorCode.TRUNCATED]) for p in packets if p.type == ERROR)
    assert len(packets) - len(results) == (length > 1)


@pytest.mark.parametrize("seed", range(3))
def test_garbage_costs_no_frame(seed):
    rng = np.random.default_rng(seed)
    given = frames(4, seed)
    pieces = []
    for k, values in enumerate(given):
        noise = rng.choice([SYNC, ESCAPE, 1, 2, 3, 0, 0x77, 255], int(rng.integers(0, 9)))
        pieces += [noise.astype(np.uint8).tobytes(), int(rng.integers(0, 200)), infer(values, k)]
    packets = talk(pieces)
    check([p for p in packets if p.type == ANSWER | Request.INFER], given, range(4))


def test_flags_stay_until_they_are_cleared():
    bad = Packet(9, 4).encode()
    cut = IDENTIFY.encode()[:3]
    packets = talk([bad, READ.encode(), cut, READ.encode(), CLEAR.encode(), READ.encode()])
    assert packets == [
        error(ErrorCode.TYPE, 4),
        flags(Request.READ_FLAGS, 0x32, ErrorCode.TYPE),
        error(ErrorCode.TRUNCATED, 0x31),
        flags(Request.READ_FLAGS, 0x32, ErrorCode.TYPE, ErrorCode.TRUNCATED),
        flags(Request.CLEAR_FLAGS, 0x33, ErrorCode.TYPE, ErrorCode.TRUNCATED),
        flags(Request.READ_FLAGS, 0x32),
    ]


def test_the_cores_errors_are_flags_and_cleared_with_them():
    cleared = []

    async def probe(ctx, shell):
        async for *_, clear in ctx.tick().sample(shell.frame_error_clear):
            cleared.extend([1] * clear)

    packets = talk([READ.encode(), CLEAR.encode()], core=Core(error=2), probe=probe)
    assert packets == [flags(Request.READ_FLAGS, 0x32, 9), flags(Request.CLEAR_FLAGS, 0x33, 9)]
    assert cleared == [1]


def test_requests_that_no_queue_holds_set_a_flag():
    """Eight answers of 21 bytes take longer than their requests of seven."""
    packets = talk([IDENTIFY.encode() * 12, 9000, READ.encode()])
    assert set(packets[:-1]) == {IDENTIFIED}
    assert len(packets) < 13
    assert packets[-1] == flags(Request.READ_FLAGS, 0x32, 6)


def test_a_line_that_breaks_is_a_flag():
    packets = talk([-200, 30, READ.encode()])
    assert packets == [flags(Request.READ_FLAGS, 0x32, 5)]


def test_lights():
    seen = []

    async def probe(ctx, shell):
        async for *_, busy, wrong in ctx.tick().sample(shell.busy, shell.error):
            if (busy, wrong) not in seen:
                seen.append((busy, wrong))

    talk([infer(frames(1)[0], 1), 500, Packet(9, 4).encode()], probe=probe)
    assert seen[0] == (0, 0)
    assert (1, 0) in seen
    assert seen[-1][1] == 1


def test_a_shell_that_trusts_every_packet_would_be_caught(monkeypatch):
    """A mutant without the check of the CRC fails the test of it."""

    class Trusting(Elaboratable):
        start, data, valid = Signal(), Signal(8), Signal()
        match_detected = Const(1)

        def elaborate(self, platform):
            return Module()

    monkeypatch.setattr(reader, "checksum", Trusting)
    with pytest.raises(AssertionError):
        test_a_wrong_crc_is_told_and_never_reaches_the_core()


def test_a_frame_longer_than_a_packet_is_told():
    class Manifest:
        input = InputPort(tdata_bits=8, pixel_bits=8, pixels_per_beat=1, pixels=70_000)
        output = OUTPUT

    with pytest.raises(InputError, match="at most 65535 bytes on the line, not 70000 and 4"):
        shell_module.identity(Manifest)
