"""A stream, a cycle later."""

from amaranth.hdl import Module
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out


class Register(wiring.Component):
    """Keeps a beat, so that what comes before and what comes behind are two paths.

    Latency: ``latency``; ``i.ready`` is combinational.  Throughput: a beat a cycle.

    Parameters
    ----------
    layout: of a beat.
    """

    #: Cycles.
    latency = 1

    def __init__(self, layout):
        super().__init__(
            {"i": In(stream.Signature(layout)), "o": Out(stream.Signature(layout))},
        )

    def elaborate(self, platform):
        m = Module()
        m.d.comb += self.i.ready.eq(~self.o.valid | self.o.ready)
        with m.If(self.i.ready):
            m.d.sync += self.o.valid.eq(self.i.valid)
        with m.If(self.i.ready & self.i.valid):
            m.d.sync += self.o.payload.eq(self.i.payload)
        return m


def registered(m: Module, source, name: str):
    """What came in at a port of the component, behind a Register."""
    m.submodules[name] = register = Register(source.payload.shape())
    wiring.connect(m, wiring.flipped(source), register.i)
    return register.o
