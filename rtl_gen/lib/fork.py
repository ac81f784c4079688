"""One stream for several readers."""

from amaranth.hdl import Cat, Module, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out


class Fork(wiring.Component):
    """Gives every beat to each of its readers.

    Semantics: a reader may take a beat before the others do, and is offered the next one when all
    have taken it.

    Latency: none, combinational.  Throughput: a beat a cycle.

    Members
    -------
    i: the stream.
    o: one a reader.
    """

    def __init__(self, shape, readers: int):
        self.readers = readers
        super().__init__(
            {
                "i": In(stream.Signature(shape)),
                "o": Out(stream.Signature(shape)).array(readers),
            }
        )

    def elaborate(self, platform):
        m = Module()
        done = Signal(self.readers)
        taken = Signal(self.readers)
        for k, reader in enumerate(self.o):
            m.d.comb += [
                reader.payload.eq(self.i.payload),
                reader.valid.eq(self.i.valid & ~done[k]),
                taken[k].eq(done[k] | (self.i.valid & reader.ready)),
            ]
        m.d.comb += self.i.ready.eq(Cat(done[k] | r.ready for k, r in enumerate(self.o)).all())
        with m.If(self.i.valid):
            m.d.sync += done.eq(taken)
            with m.If(self.i.ready):
                m.d.sync += done.eq(0)
        return m
