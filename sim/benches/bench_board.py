"""The bench of a board: plays its pins as the other end of the socket wants it."""

from __future__ import annotations

import json
import os
import socket
import struct
from collections import deque

import cocotb
from cocotb.clock import Clock
from cocotb.triggers import Event, FallingEdge, First, Timer

#: Tells the bench the socket, and how long a bit is.
BENCH = "S2NN_HW_BOARD"
#: A command and its value: WRITE that many bytes, which follow; READ what came, or nothing within
#: so many cycles.
COMMAND = struct.Struct("<BI")
WRITE, READ = 1, 2
#: Before the bytes of an answer: how many.
REPLY = struct.Struct("<I")

CLOCK_NS = 10
RESET_CYCLES = 4
#: The host's clock is half a percent slow.
SKEW = 1.005


@cocotb.test()
async def board(dut) -> None:
    """Do what is said until the socket is closed."""
    settings = json.loads(os.environ[BENCH])
    Clock(dut.clk, CLOCK_NS, unit="ns").start()
    for _ in range(RESET_CYCLES):
        await FallingEdge(dut.clk)
    dut.rst.value = 0
    line = Line(dut, settings["cycles_a_bit"] * CLOCK_NS * SKEW)
    with socket.socket(socket.AF_UNIX) as host:
        host.connect(settings["socket"])
        while command := _received(host, COMMAND.size):
            kind, value = COMMAND.unpack(command)
            if kind == WRITE:
                line.send(_received(host, value))
            else:
                data = await line.receive(value * CLOCK_NS)
                host.sendall(REPLY.pack(len(data)) + data)


def _received(host: socket.socket, size: int) -> bytes:
    """So many bytes; none if the socket was closed."""
    data = b""
    while len(data) < size:
        piece = host.recv(size - len(data))
        if not piece:
            return b""
        data += piece
    return data


class Line:
    """Both pins: bytes go out and come in while the simulation runs."""

    def __init__(self, dut, bit_ns: float):
        self._dut = dut
        self._bit_ps = round(bit_ns * 1000)
        self._out: deque[int] = deque()
        self._sending = False
        self._more = Event()
        self._in = bytearray()
        self._came = Event()
        cocotb.start_soon(self._drive())
        cocotb.start_soon(self._sample())

    def send(self, data: bytes) -> None:
        """Send after what there is to send already."""
        self._out.extend(data)
        self._more.set()

    async def receive(self, silence_ns: int) -> bytes:
        """What came; waits for something for so long after the last bit was sent."""
        while not self._in:
            self._came.clear()
            busy = self._sending or bool(self._out)
            await First(self._came.wait(), Timer(silence_ns, "ns"))
            if not busy:
                break
        data = bytes(self._in)
        self._in.clear()
        return data

    async def _drive(self) -> None:
        while True:
            self._more.clear()
            while self._out:
                self._sending = True
                byte = self._out.popleft()
                bits = [0, *(byte >> k & 1 for k in range(8)), 1]
                # One wake-up an edge, not one a bit.
                at = 0
                while at < len(bits):
                    end = at + 1
                    while end < len(bits) and bits[end] == bits[at]:
                        end += 1
                    self._dut.rx.value = bits[at]
                    await Timer((end - at) * self._bit_ps, "ps")
                    at = end
            self._sending = False
            await self._more.wait()

    async def _sample(self) -> None:
        while True:
            await FallingEdge(self._dut.tx)
            await Timer(self._bit_ps // 2, "ps")
            byte = 0
            for k in range(8):
                await Timer(self._bit_ps, "ps")
                byte |= int(self._dut.tx.value) << k
            await Timer(self._bit_ps, "ps")
            if int(self._dut.tx.value) != 1:
                raise RuntimeError(f"no stop bit after {byte:#04x}")
            self._in.append(byte)
            self._came.set()
