"""A stream whose readiness is a register."""

from amaranth.hdl import Module, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out


class Skid(wiring.Component):
    """Keeps two beats, so that neither way does a signal go through within a cycle.

    Latency: ``latency``; a place is free ``free_latency`` cycles after its beat was taken.
    Throughput: a beat a cycle.

    Parameters
    ----------
    layout: of a beat.
    """

    #: Beats.
    depth = 2
    #: Cycles.
    latency = 1
    free_latency = 1

    def __init__(self, layout):
        self.layout = layout
        super().__init__({"i": In(stream.Signature(layout)), "o": Out(stream.Signature(layout))})

    def elaborate(self, platform):
        m = Module()
        spare = Signal(self.layout, reset_less=True)
        empty = Signal(init=1)
        moves = Signal()
        m.d.comb += [moves.eq(~self.o.valid | self.o.ready), self.i.ready.eq(empty)]
        with m.If(empty):
            m.d.sync += spare.eq(self.i.payload)
        with m.If(moves):
            m.d.sync += [self.o.valid.eq(self.i.valid | ~empty), empty.eq(1)]
            with m.If(empty):
                m.d.sync += self.o.payload.eq(self.i.payload)
            with m.Else():
                m.d.sync += self.o.payload.eq(spare)
        with m.Elif(self.i.valid):
            m.d.sync += empty.eq(0)
        return m
