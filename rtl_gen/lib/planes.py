"""The planes of a window, one after the other."""

from amaranth.hdl import Module, Mux, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from rtl_gen.stream import entry, share

from .skid import Skid


class PlaneSequence(wiring.Component):
    """Reads the queues of a dense projection's planes in turn, most significant first.

    Semantics: the next plane's queue is read after each share that ends one; the frame is one
    window, which ends with plane 0.  Of several planes, a Skid is behind the choice: queues may be
    block RAM, slow and far away.

    Latency: that of the Skid, of one plane none.  Throughput: an entry a cycle.

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
        out = self.o
        if count > 1:
            m.submodules.skid = skid = Skid(self.o.payload.shape())
            out = skid.i
            wiring.connect(m, skid.o, wiring.flipped(self.o))
        plane = Signal(range(max(count, 2)), init=count - 1)
        chosen = Signal(self.planes[0].payload.shape())
        with m.Switch(plane):
            for b in range(count):
                with m.Case(b):
                    m.d.comb += [
                        chosen.eq(self.planes[b].payload),
                        out.valid.eq(self.planes[b].valid),
                        self.planes[b].ready.eq(out.ready),
                    ]
        ends = Signal()
        m.d.comb += [
            ends.eq(chosen.last & (plane == 0)),
            out.p.bits.eq(chosen.bits),
            out.p.base.eq(chosen.base),
            out.p.last.eq(chosen.last),
            out.p.closes.eq(ends),
            out.p.final.eq(ends),
            out.p.drop.eq(chosen.drop),
        ]
        with m.If(out.valid & out.ready & chosen.last):
            m.d.sync += plane.eq(Mux(plane == 0, count - 1, plane - 1))
        return m
