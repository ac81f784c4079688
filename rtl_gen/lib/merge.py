"""Several streams into one, in turn."""

from amaranth.hdl import Module, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out


class Merge(wiring.Component):
    """Takes a beat of each input in turn.

    Latency: none, combinational.  Throughput: a beat a cycle.
    """

    def __init__(self, *, bits: int, inputs: int):
        self.inputs = inputs
        super().__init__(
            {
                "i": In(stream.Signature(bits)).array(inputs),
                "o": Out(stream.Signature(bits)),
            }
        )

    def elaborate(self, platform):
        m = Module()
        turn = Signal(range(max(self.inputs, 2)))
        with m.Switch(turn):
            for k in range(self.inputs):
                with m.Case(k):
                    m.d.comb += [
                        self.o.payload.eq(self.i[k].payload),
                        self.o.valid.eq(self.i[k].valid),
                        self.i[k].ready.eq(self.o.ready),
                    ]
        if self.inputs > 1:
            with m.If(self.o.valid & self.o.ready):
                m.d.sync += turn.eq(turn + 1)
                with m.If(turn == self.inputs - 1):
                    m.d.sync += turn.eq(0)
        return m
