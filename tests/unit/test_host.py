"""The host against a board in Python, on lines that lose, change and add bytes."""

from __future__ import annotations

import os
import sys
import threading
import time
from collections.abc import Callable

import numpy as np
import pytest

from s2nn_hw.host.board import TRIES, Board
from s2nn_hw.host.line import SerialLine
from s2nn_hw.host.packets import Packet, Parser
from s2nn_hw.ir import InputError, ToolError
from s2nn_hw.protocol import ANSWER, ERROR, ESCAPE, SYNC, ErrorCode, Identity, Request

IDENTITY = Identity(digest=b"networks", frame_bytes=5, result_bytes=3, window=4)


class FakeBoard:
    """A board and its line: bytes in, bytes out; ``spoil`` has its way with either."""

    name = "fake"

    def __init__(self, spoil: Callable[[bytes, str], bytes] = lambda data, way: data):
        self.spoil = spoil
        self.parser = Parser()
        self.out = b""
        self.flags = 0
        self.under_way: list[Packet] = []
        self.most = 0

    def write(self, data: bytes) -> None:
        damaged = self.parser.damaged
        for packet in self.parser.feed(self.spoil(data, "to")):
            if packet.type == Request.INFER and len(packet.payload) == IDENTITY.frame_bytes:
                if len(self.under_way) < IDENTITY.window:
                    self.under_way.append(packet)
                else:
                    self.answer(ERROR, packet.tag, bytes([ErrorCode.WINDOW]))
                self.most = max(self.most, len(self.under_way))
            elif packet.type == Request.IDENTIFY:
                self.answer(packet.type | ANSWER, packet.tag, IDENTITY.to_bytes())
            elif packet.type in (Request.READ_FLAGS, Request.CLEAR_FLAGS):
                self.answer(packet.type | ANSWER, packet.tag, self.flags.to_bytes(2, "little"))
                self.flags *= packet.type == Request.READ_FLAGS
        if self.parser.damaged > damaged:
            self.flags |= 1 << ErrorCode.CRC
            self.answer(ERROR, 0, bytes([ErrorCode.CRC]))

    def answer(self, kind: int, tag: int, payload: bytes) -> None:
        self.out += self.spoil(Packet(kind, tag, payload).encode(), "from")

    def read(self) -> bytes:
        if not self.out and self.under_way:
            packet = self.under_way.pop(0)
            self.answer(packet.type | ANSWER, packet.tag, result(packet.payload))
        data, self.out = self.out[:7], self.out[7:]
        return data

    def allow(self, size: int) -> None:
        self.allowed = size

    def close(self) -> None:
        pass


def result(frame: bytes) -> bytes:
    return bytes([sum(frame) % 256, frame[0], SYNC])


def frames(count: int) -> list[bytes]:
    rng = np.random.default_rng(count)
    return [
        rng.choice([SYNC, ESCAPE, 0, 7, 200], 5).astype(np.uint8).tobytes() for _ in range(count)
    ]


def test_a_board_says_who_it_is():
    assert Board(FakeBoard()).identify() == IDENTITY


def test_results_are_those_of_their_frames():
    line, given, seen = FakeBoard(), frames(300), []
    board = Board(line)
    assert board.infer(given, IDENTITY, seen.append) == [result(frame) for frame in given]
    assert line.allowed == 2 * 4 * (7 + 5), "a window of stuffed packets"
    assert line.most == IDENTITY.window, "as many at a time as there is room for, and no more"
    assert board.resent == 0
    assert seen[-1] == 300


@pytest.mark.parametrize("rate", [0.002, 0.01])
@pytest.mark.parametrize("kind", ["lost", "changed", "added"])
@pytest.mark.parametrize("way", ["to", "from"])
def test_what_is_lost_is_sent_again(kind, way, rate):
    rng = np.random.default_rng(4)

    def spoil(data: bytes, going: str) -> bytes:
        out = bytearray()
        for byte in data:
            hit = going == way and rng.random() < rate
            noise = int(rng.choice([SYNC, ESCAPE, 1, rng.integers(256)]))
            if not hit:
                out.append(byte)
            elif kind == "changed":
                out.append(byte ^ (1 << int(rng.integers(8))))
            elif kind == "added":
                out += bytes([noise, byte])
        return bytes(out)

    given = frames(200)
    board = Board(FakeBoard(spoil))
    assert board.identify() == IDENTITY
    assert board.infer(given, IDENTITY) == [result(frame) for frame in given]
    assert board.resent > 0


def test_flags_have_names():
    line = FakeBoard()
    board = Board(line)
    line.write(Packet(1, 1).encode()[:3] + Packet(1, 1).encode())
    assert board.flags() == ("a wrong CRC",)
    assert board.flags(clear=True) == ("a wrong CRC",)
    assert board.flags() == ()


def test_a_board_that_falls_silent_is_told():
    line = FakeBoard()
    board = Board(line, rate="at 9600 baud")
    given = frames(10)

    def read() -> bytes:
        return FakeBoard.read(line) if board.received < 60 else b""

    line.read = read
    with pytest.raises(
        ToolError,
        match=rf"^fake: frame \d was sent {TRIES} times and has no result: the board is silent "
        "at 9600 baud$",
    ):
        board.infer(given, IDENTITY)


def test_a_frame_that_is_always_refused_is_told():
    line = FakeBoard()
    line.under_way = [Packet(Request.INFER, 255, bytes(5))] * IDENTITY.window
    line.read = lambda: FakeBoard.read(line) if line.out else b""
    with pytest.raises(ToolError, match=r"the board saw a frame beyond the window$"):
        Board(line).infer(frames(1), IDENTITY)


def test_nobody_answers():
    line = FakeBoard(lambda data, way: b"")
    with pytest.raises(InputError, match=r"^fake: no answer at 9600 baud: is there a board with"):
        Board(line, rate="at 9600 baud").identify()


def test_only_noise_answers():
    line = FakeBoard(lambda data, way: b"\x00\xf0\xa5" if way == "from" else data)
    with pytest.raises(InputError, match=r"^fake: \d+ bytes came at 9600 baud and no answer among"):
        Board(line, rate="at 9600 baud").identify()


def test_noise_without_end_is_not_waited_for():
    line = FakeBoard()
    line.read = lambda: b"\x11" * 64
    with pytest.raises(InputError, match="no answer among them"):
        Board(line).identify()


@pytest.fixture
def terminal():
    """The two ends of a pseudo-terminal: a file, and the name of a port."""
    master, slave = os.openpty()
    yield master, os.ttyname(slave)
    os.close(master)
    os.close(slave)


def test_a_serial_port(terminal):
    master, port = terminal
    line = SerialLine(port, baud=1_000_000, timeout=5)

    def serve() -> None:
        fake = FakeBoard()
        for _ in range(2):
            fake.write(os.read(master, 100))
            while data := fake.read():
                os.write(master, data)

    thread = threading.Thread(target=serve)
    thread.start()
    assert line.name == port
    packet = Packet(Request.IDENTIFY, 1)
    for _ in range(2):
        line.write(packet.encode())
        parser, found = Parser(), []
        while not found:
            data = line.read()
            assert data
            found += parser.feed(data)
        assert found == [Packet(ANSWER | Request.IDENTIFY, 1, IDENTITY.to_bytes())]
    thread.join()
    line.close()


def test_silence_of_a_serial_port_is_nothing(terminal):
    line = SerialLine(terminal[1], baud=115_200, timeout=0.05)
    assert line.read() == b""
    line.close()


def test_a_slow_line_is_waited_for(terminal):
    line = SerialLine(terminal[1], baud=1200, timeout=0.05)
    line.allow(24)
    start = time.monotonic()
    assert line.read() == b""
    assert time.monotonic() - start > 0.2
    line.close()


def test_a_port_that_is_busy_is_told(terminal):
    first = SerialLine(terminal[1], baud=115_200, timeout=0.1)
    with pytest.raises(InputError, match=f"^{terminal[1]}: is busy: another program has it open$"):
        SerialLine(terminal[1], baud=115_200, timeout=0.1)
    first.close()


def test_ports_that_are_none_are_told(tmp_path):
    with pytest.raises(InputError, match=r"^/dev/ttyNONE: no such port$"):
        SerialLine("/dev/ttyNONE", baud=115_200, timeout=0.1)
    for port in ("/dev/null", str(tmp_path)):
        with pytest.raises(InputError, match=f"^{port}: (is not a serial port|cannot be opened)"):
            SerialLine(port, baud=115_200, timeout=0.1)


def test_a_port_that_goes_away_is_told():
    master, slave = os.openpty()
    line = SerialLine(os.ttyname(slave), baud=115_200, timeout=0.5)
    os.close(slave)
    os.close(master)
    with pytest.raises(ToolError, match="cannot be read: "):
        line.read()
    line.close()


def test_without_pyserial_the_way_to_it_is_told(monkeypatch):
    monkeypatch.setitem(sys.modules, "serial", None)
    with pytest.raises(InputError, match=r"'pyserial' must be installed .* 's2nn-hw\[board\]'$"):
        SerialLine("/dev/ttyUSB0", baud=1, timeout=1)
