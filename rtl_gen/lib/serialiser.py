"""From one wide result to beats."""

from amaranth.hdl import Module, Mux, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from rtl_gen.stream import flat


class Serialiser(wiring.Component):
    """Sends ``beats`` slices of a result, the least significant first, ``last`` with the final one.

    Latency: none; the result is held by its source until its final beat is taken.
    Throughput: a beat a cycle.
    """

    def __init__(self, *, width: int, beats: int):
        self.width = width
        self.beats = beats
        super().__init__(
            {
                "i": In(stream.Signature(width * beats)),
                "o": Out(stream.Signature(flat(width))),
            }
        )

    def elaborate(self, platform):
        m = Module()
        beat = Signal(range(max(self.beats, 2)))
        m.d.comb += [
            self.o.valid.eq(self.i.valid),
            self.o.p.last.eq(beat == self.beats - 1),
            self.o.p.data.eq(self.i.payload.word_select(beat, self.width)),
            self.i.ready.eq(self.o.ready & self.o.p.last),
        ]
        with m.If(self.o.valid & self.o.ready):
            m.d.sync += beat.eq(Mux(self.o.p.last, 0, beat + 1))
        return m
