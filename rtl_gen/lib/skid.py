"""A stream whose readiness is a register."""

from amaranth.hdl import Module, Mux, Signal
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

#: What tells whether a Skid is ready in the next cycle: ``opens``, or it is ready in this one and
#: nothing ``fills`` it.
GATE = data.StructLayout({"opens": 1, "fills": 1})


def readiness(m: Module, gate, name: str) -> Signal:
    """Whether a Skid of that gate is ready.

    Each is a register of its own, which synthesis does not make one with others, as it depends on
    itself: so a pipeline's registers may all be enabled by one that is near.
    """
    ready = Signal(name=name, init=1)
    m.d.sync += ready.eq(gate.opens | (ready & ~gate.fills))
    return ready


#: Bits of a beat that one set of control signals reaches.
PART = 16


class Skid(wiring.Component):
    """Keeps two beats, so that neither way does a signal go through within a cycle.

    Latency: ``latency``; a place is free ``free_latency`` cycles after its beat was taken.
    Throughput: a beat a cycle.

    Parameters
    ----------
    layout: of a beat.

    Members
    -------
    gate: of which others may have their own readiness().
    """

    #: Beats.
    depth = 2
    #: Cycles.
    latency = 1
    free_latency = 1

    def __init__(self, layout):
        self.layout = layout
        super().__init__(
            {
                "i": In(stream.Signature(layout)),
                "o": Out(stream.Signature(layout)),
                "gate": Out(GATE),
            }
        )

    def elaborate(self, platform):
        m = Module()
        ready, valid, moves = self._control(m, "")
        m.d.comb += [
            self.i.ready.eq(ready),
            self.o.valid.eq(valid),
            self.gate.opens.eq(moves),
            self.gate.fills.eq(self.i.valid),
        ]
        given, taken = self.i.payload.as_value(), self.o.payload.as_value()
        for at in range(0, len(given), PART):
            ready, _, moves = self._control(m, f"_{at}")
            part = given[at : at + PART]
            spare, out = (
                Signal(len(part), name=f"{name}_{at}", reset_less=True) for name in ("spare", "out")
            )
            m.d.comb += taken[at : at + PART].eq(out)
            with m.If(ready):
                m.d.sync += spare.eq(part)
            with m.If(moves):
                m.d.sync += out.eq(Mux(ready, part, spare))
        return m

    def _control(self, m: Module, name: str) -> tuple[Signal, Signal, Signal]:
        """Whether it is ready, whether something is at its output, and whether that moves."""
        ready = readiness(m, self.gate, f"ready{name}")
        valid, moves = Signal(name=f"valid{name}"), Signal(name=f"moves{name}")
        m.d.comb += moves.eq(~valid | self.o.ready)
        m.d.sync += valid.eq(Mux(moves, self.i.valid | ~ready, valid))
        return ready, valid, moves
