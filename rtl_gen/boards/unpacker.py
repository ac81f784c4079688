"""From bytes of a frame to beats of the core."""

import math

from amaranth.hdl import Cat, Module, Mux, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from rtl_gen.stream import flat
from s2nn_hw.manifest import InputPort
from s2nn_hw.protocol import frame_bytes


class Unpacker(wiring.Component):
    """Cuts a frame, whose values come without gaps, into the beats of ``s_axis``.

    Semantics: see s2nn_hw.protocol.pack() and InputPort.  What the last byte has beyond the last
    beat is dropped; where it has less, zeros follow.

    Latency: none worth a figure.  Throughput: ``unit`` bits a cycle, those that bytes and beats are
    both multiples of, and one more cycle a byte and a beat: far above that of the line.

    Members
    -------
    i: bytes, ``last`` with the end of each frame.
    o: beats, ``last`` likewise.
    """

    def __init__(self, port: InputPort):
        self.port = port
        self.beat_bits = port.pixels_per_beat * port.pixel_bits
        self.unit = math.gcd(8, self.beat_bits)
        super().__init__(
            {
                "i": In(stream.Signature(flat(8))),
                "o": Out(stream.Signature(flat(port.tdata_bits))),
            }
        )

    def elaborate(self, platform):
        m = Module()
        units = self.beat_bits // self.unit
        assert frame_bytes(self.port) * 8 > (self.port.beats - 1) * self.beat_bits

        byte = Signal(8)
        left = Signal(range(8 // self.unit + 1))
        ended = Signal()
        bits = Signal(self.beat_bits)
        missing = Signal(range(units + 1), init=units)
        beat = Signal(range(max(self.port.beats, 2)))
        m.d.comb += [
            self.o.valid.eq(missing == 0),
            self.o.p.data.eq(bits),
            self.o.p.last.eq(beat == self.port.beats - 1),
            self.i.ready.eq((left == 0) & ~ended),
        ]
        with m.If(self.i.valid & self.i.ready):
            m.d.sync += [byte.eq(self.i.p.data), left.eq(8 // self.unit), ended.eq(self.i.p.last)]
        with m.If((missing != 0) & ((left != 0) | ended)):
            m.d.sync += [
                # Zeros after the frame's end.
                bits.eq(Cat(bits, byte[: self.unit])[self.unit :]),
                byte.eq(byte >> self.unit),
                left.eq(Mux(left == 0, 0, left - 1)),
                missing.eq(missing - 1),
            ]
        with m.If(self.o.valid & self.o.ready):
            m.d.sync += [missing.eq(units), beat.eq(beat + 1)]
            with m.If(self.o.p.last):
                m.d.sync += [beat.eq(0), left.eq(0), ended.eq(0)]
        return m
