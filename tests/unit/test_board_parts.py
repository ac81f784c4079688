"""Reader, writer, store and unpacker, each against a few lines of Python."""

from __future__ import annotations

import numpy as np
import pytest
from amaranth.sim import Simulator

from rtl_gen.boards.reader import PacketReader
from rtl_gen.boards.store import FrameStore
from rtl_gen.boards.unpacker import Unpacker
from rtl_gen.boards.writer import PacketWriter
from s2nn_hw.host.packets import Packet, Parser
from s2nn_hw.manifest import InputPort
from s2nn_hw.protocol import ESCAPE, SYNC, ErrorCode, frame_bytes, pack

LENGTHS = {1: 0, 2: 3}


def read(data):
    """What a reader says of bytes: packets, and (code, tag) of failures."""
    reader = PacketReader(LENGTHS)
    events = []

    async def bench(ctx):
        payload = []
        for byte in [*data, None, None]:
            for strobe in (byte is not None, 0):  # a byte every other cycle
                ctx.set(reader.data, byte if strobe else 0x3C)
                ctx.set(reader.strobe, strobe)
                if ctx.get(reader.begun):
                    payload = []
                if ctx.get(reader.payload_strobe):
                    payload.append(ctx.get(reader.payload))
                if ctx.get(reader.done):
                    events.append(Packet(ctx.get(reader.type), ctx.get(reader.tag), bytes(payload)))
                if ctx.get(reader.failed):
                    events.append((ErrorCode(ctx.get(reader.code)), ctx.get(reader.tag)))
                await ctx.tick()

    simulator = Simulator(reader)
    simulator.add_clock(1e-6)
    simulator.add_testbench(bench)
    simulator.run()
    return events


PING = Packet(1, 7)
FRAME = Packet(2, 9, bytes([SYNC, ESCAPE, 0x11]))


def test_packets_are_read():
    assert read((PING.encode() + FRAME.encode()) * 2) == [PING, FRAME] * 2


def test_every_header_byte_may_need_stuffing():
    """The CRC, too: over all tags it takes every value of its high byte."""
    packets = [Packet(2, tag, bytes([tag, SYNC, ESCAPE])) for tag in range(0, 256, 3)]
    assert read(b"".join(p.encode() for p in packets)) == packets


@pytest.mark.parametrize("at", range(1, 10))
@pytest.mark.parametrize("bit", [0, 3, 7])
def test_a_changed_bit_is_never_taken(at, bit):
    packet = Packet(2, 9, b"\x10\x20\x31")
    data = bytearray(packet.encode())
    data[at] ^= 1 << bit
    assert SYNC not in data[1:]
    assert ESCAPE not in data[1:]
    events = read(bytes(data) + PING.encode())
    assert events[-1] == PING
    assert packet not in events
    expected = {1: "TYPE", 3: "LENGTH", 4: "LENGTH"}.get(at, "CRC")
    if at == 1 and data[1] in LENGTHS:
        expected = "LENGTH"
    assert [event[0].name for event in events[:-1]] == [expected]


@pytest.mark.parametrize("length", range(1, 10))
def test_a_packet_cut_short_is_told_and_the_next_is_served(length):
    events = read(Packet(2, 9, b"abc").encode()[:length] + PING.encode())
    # A SYNC alone is a preamble.
    tag = 9 if length > 2 else 0
    assert events == [*([(ErrorCode.TRUNCATED, tag)] if length > 1 else []), PING]


def test_an_escape_before_sync_does_not_hide_it():
    assert read(bytes([0x12, ESCAPE]) + PING.encode()) == [PING]


@pytest.mark.parametrize("seed", range(4))
def test_garbage_costs_no_packet(seed):
    rng = np.random.default_rng(seed)
    special = [SYNC, ESCAPE, 1, 2, 3, 0]
    data, wanted = b"", []
    for k in range(40):
        size = int(rng.integers(0, 12))
        garbage = np.where(
            rng.random(size) < 0.5, rng.choice(special, size), rng.integers(0, 256, size)
        )
        packet = Packet(2, k, bytes(rng.choice([*special, 9], 3).astype(np.uint8)))
        data += garbage.astype(np.uint8).tobytes() + packet.encode()
        wanted.append(packet)
    assert [event for event in read(data) if isinstance(event, Packet)] == wanted, seed


def write(packets, ready):
    writer = PacketWriter()
    out = []

    async def bench(ctx):
        cycle, quiet, waiting = 0, 0, list(packets)
        payload = list(waiting[0].payload)
        while quiet < 10 and cycle < 9000:
            quiet = 0 if waiting or ctx.get(writer.o.valid) else quiet + 1
            packet = waiting[0] if waiting else Packet(0, 0)
            ctx.set(
                writer.header.payload,
                {"type": packet.type, "tag": packet.tag, "length": len(packet.payload)},
            )
            ctx.set(writer.header.valid, bool(waiting))
            ctx.set(writer.payload.payload, payload[0] if payload else 0x99)
            ctx.set(writer.payload.valid, bool(payload))
            ctx.set(writer.o.ready, ready(cycle))
            if ctx.get(writer.o.valid) and ready(cycle):
                out.append(ctx.get(writer.o.payload))
            if ctx.get(writer.payload.ready) and payload:
                payload.pop(0)
            if ctx.get(writer.header.ready) and waiting:
                waiting.pop(0)
                payload = list(waiting[0].payload) if waiting else []
            await ctx.tick()
            cycle += 1

    simulator = Simulator(writer)
    simulator.add_clock(1e-6)
    simulator.add_testbench(bench)
    simulator.run()
    return bytes(out)


@pytest.mark.parametrize("period", [1, 3])
def test_packets_are_written_as_the_host_would(period):
    packets = [Packet(0x82, tag, bytes([SYNC, tag, ESCAPE])) for tag in range(150, 240)]
    packets += [Packet(SYNC, ESCAPE, b""), Packet(0xFF, 0, bytes(300))]
    data = write(packets, lambda cycle: cycle % period == 0)
    assert data == b"".join(p.encode() for p in packets)
    assert list(Parser().feed(data)) == packets


def test_the_store_forgets_what_was_not_committed():
    store = FrameStore(frame_bytes=3, window=2)
    out = []

    async def bench(ctx):
        async def frame(data, commit):
            ctx.set(store.begin, 1)
            await ctx.tick()
            ctx.set(store.begin, 0)
            for byte in data:
                ctx.set(store.data, byte)
                ctx.set(store.write, 1)
                await ctx.tick()
                ctx.set(store.write, 0)
            ctx.set(store.commit, commit)
            await ctx.tick()
            ctx.set(store.commit, 0)

        for k in range(5):
            await frame(b"xyz"[: k % 4], 0)
            await frame([10 * k, 10 * k + 1, 10 * k + 2], 1)
            if k % 2:  # the ring is full
                for _ in range(5):
                    await ctx.tick()
                assert ctx.get(store.o.valid)
                ctx.set(store.o.ready, 1)
                for _ in range(10):
                    await ctx.tick()
                ctx.set(store.o.ready, 0)

    async def watch(ctx):
        async for *_, valid, ready, p in ctx.tick().sample(store.o.valid, store.o.ready, store.o.p):
            if valid and ready:
                out.append((p.data, p.last))

    simulator = Simulator(store)
    simulator.add_clock(1e-6)
    simulator.add_testbench(bench)
    simulator.add_testbench(watch, background=True)
    simulator.run()
    assert out == [(10 * k + b, int(b == 2)) for k in range(4) for b in range(3)]


PORTS = [
    InputPort(tdata_bits=64, pixel_bits=1, pixels_per_beat=64, pixels=150),
    InputPort(tdata_bits=8, pixel_bits=1, pixels_per_beat=1, pixels=10),
    InputPort(tdata_bits=8, pixel_bits=2, pixels_per_beat=1, pixels=9),
    InputPort(tdata_bits=8, pixel_bits=3, pixels_per_beat=2, pixels=7),
    InputPort(tdata_bits=24, pixel_bits=6, pixels_per_beat=3, pixels=12, channels=3),
    InputPort(tdata_bits=8, pixel_bits=8, pixels_per_beat=1, pixels=5),
    InputPort(tdata_bits=16, pixel_bits=5, pixels_per_beat=3, pixels=4),
    InputPort(tdata_bits=8, pixel_bits=1, pixels_per_beat=5, pixels=1),
]


@pytest.mark.parametrize("port", PORTS, ids=lambda p: f"{p.pixels}x{p.pixel_bits}")
@pytest.mark.parametrize("stall", [False, True])
def test_frames_become_beats(port, stall):
    rng = np.random.default_rng(3)
    frames = rng.integers(0, 2**port.pixel_bits, (4, port.pixels), dtype=np.uint8)
    lines = pack(port, frames)
    assert {len(line) for line in lines} == {frame_bytes(port)}
    data = [(b, k == len(line) - 1) for line in lines for k, b in enumerate(line)]
    unpacker = Unpacker(port)
    out = []

    async def bench(ctx):
        at, cycle = 0, 0
        while len(out) < 4 * port.beats and cycle < 5000:
            offered = at < len(data) and not (stall and rng.random() < 0.4)
            ctx.set(unpacker.i.valid, offered)
            byte, last = data[at] if offered else (0xEE, 1)
            ctx.set(unpacker.i.payload, {"data": byte, "last": last})
            ready = not (stall and rng.random() < 0.4)
            ctx.set(unpacker.o.ready, ready)
            if ctx.get(unpacker.o.valid) and ready:
                p = unpacker.o.p
                out.append((ctx.get(p.data), ctx.get(p.last)))
            at += bool(offered and ctx.get(unpacker.i.ready))
            await ctx.tick()
            cycle += 1

    simulator = Simulator(unpacker)
    simulator.add_clock(1e-6)
    simulator.add_testbench(bench)
    simulator.run()
    beats = port.pack(frames).reshape(4 * port.beats, -1)
    expected = [int.from_bytes(beat.tobytes(), "little") for beat in beats]
    lasts = [int(k % port.beats == port.beats - 1) for k in range(len(beats))]
    assert out == list(zip(expected, lasts, strict=True))
