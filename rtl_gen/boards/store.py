"""Frames that were received and wait for the core."""

from amaranth.hdl import Module, Mux, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out

from rtl_gen.stream import flat


class FrameStore(wiring.Component):
    """A ring of ``window`` frames in block RAM, each handed on once it is known to be good.

    Semantics: bytes go into the next free place, from its start after ``begin``; ``commit`` hands
    the ``frame_bytes`` that were written there on, and without it they are overwritten.  Nobody may
    write while ``window`` frames are in the ring.

    Latency: a frame's first byte can be read two cycles after ``commit``.
    Throughput: a byte a cycle on each side.

    Members
    -------
    begin, data, write, commit: of the frame that comes in.
    o: bytes of the frames, ``last`` with the end of each.
    """

    def __init__(self, *, frame_bytes: int, window: int):
        self.frame_bytes = frame_bytes
        self.window = window
        super().__init__(
            {
                "begin": In(1),
                "data": In(8),
                "write": In(1),
                "commit": In(1),
                "o": Out(stream.Signature(flat(8))),
            }
        )

    def elaborate(self, platform):
        m = Module()
        size = self.frame_bytes * self.window
        m.submodules.memory = memory = Memory(shape=8, depth=size, init=[])
        write = memory.write_port()
        read = memory.read_port()

        # Both walk through the ring; the writer goes back to where its frame began.
        at = Signal(range(size + 1))
        start = Signal(range(size + 1))
        whole = Signal(range(self.window + 1))
        m.d.comb += [
            write.addr.eq(at),
            write.data.eq(self.data),
            write.en.eq(self.write),
        ]
        with m.If(self.begin):
            m.d.sync += at.eq(start)
        with m.Elif(self.write):
            m.d.sync += at.eq(at + 1)
        with m.If(self.commit):
            m.d.sync += start.eq(Mux(at == size, 0, at))

        fetched = Signal(range(size))
        byte = Signal(range(max(self.frame_bytes, 2)))
        step = Signal()
        ends = Signal()
        m.d.comb += [
            step.eq((whole != 0) & (~self.o.valid | self.o.ready)),
            ends.eq(byte == self.frame_bytes - 1),
            read.addr.eq(fetched),
            read.en.eq(step),
            self.o.p.data.eq(read.data),
        ]
        with m.If(step):
            m.d.sync += [
                self.o.valid.eq(1),
                self.o.p.last.eq(ends),
                fetched.eq(Mux(fetched == size - 1, 0, fetched + 1)),
                byte.eq(Mux(ends, 0, byte + 1)),
            ]
        with m.Elif(self.o.ready):
            m.d.sync += self.o.valid.eq(0)
        m.d.sync += whole.eq(whole + self.commit - (step & ends))
        return m
