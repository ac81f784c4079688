"""The planes of a window, one after the other."""

from amaranth.hdl import Module, Mux, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from rtl_gen.stream import entry, share


class PlaneSequence(wiring.Component):
    """Reads the queues of a dense projection's planes in turn, most significant first.

    Semantics: the next plane's queue is read after each share that ends one; the frame is one
    window, which ends with plane 0.

    Latency: none, combinational.  Throughput: an entry a cycle.

    Members
    -------
    planes: the queues, that of plane b at index b.
    o: entries of all of them.
    """

    def __init__(self, *, positions: int, rows: int, planes: int):
        self.planes_count = planes
        super().__init__(
            {
                "planes": In(stream.Signature(share(positions, rows))).array(planes),
                "o": Out(stream.Signature(entry(positions, rows))),
            }
        )

    def elaborate(self, platform):
        m = Module()
        count = self.planes_count
        plane = Signal(range(max(count, 2)), init=count - 1)
        chosen = Signal(self.planes[0].payload.shape())
        with m.Switch(plane):
            for b in range(count):
                with m.Case(b):
                    m.d.comb += [
                        chosen.eq(self.planes[b].payload),
                        self.o.valid.eq(self.planes[b].valid),
                        self.planes[b].ready.eq(self.o.ready),
                    ]
        ends = Signal()
        m.d.comb += [
            ends.eq(chosen.last & (plane == 0)),
            self.o.p.bits.eq(chosen.bits),
            self.o.p.base.eq(chosen.base),
            self.o.p.last.eq(chosen.last),
            self.o.p.closes.eq(ends),
            self.o.p.final.eq(ends),
            self.o.p.drop.eq(chosen.drop),
        ]
        with m.If(self.o.valid & self.o.ready & chosen.last):
            m.d.sync += plane.eq(Mux(plane == 0, count - 1, plane - 1))
        return m
