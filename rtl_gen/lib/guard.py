"""The input port: pixels in, frames with a sure end out."""

from amaranth.hdl import Cat, Const, Module, Mux, Signal
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from s2nn_hw.manifest import InputPort


def pixels(port: InputPort) -> data.StructLayout:
    """A beat of pixels, checked: see word() in stream.py for ``last`` and ``drop``."""
    return data.StructLayout(
        {
            "pixels": port.pixel_bits * port.pixels_per_beat,
            "last": 1,
            "drop": 1,
        }
    )


class FrameGuard(wiring.Component):
    """Holds an AXI4-Stream to the frame's length.

    Semantics: every frame goes out at its full length, and each of its steps ends with ``last``.
    One whose TLAST comes early is filled up with zeros; one whose TLAST does not come with its last
    beat is ended there, and everything up to and with the next TLAST is swallowed, so that the
    following frame is whole.  Both are marked ``drop``, for the readout not to answer them.  Bits
    beyond a step's last pixel read as zero.

    Latency: none, combinational.  Throughput: a beat a cycle.

    Members
    -------
    tdata, tvalid, tready, tlast: the port.
    o: beats of pixels.
    error: sticky, bit 0 after an early TLAST, bit 1 after a late one.
    error_clear: clears both; an error in the same cycle stays.
    """

    def __init__(self, port: InputPort):
        self.port = port
        super().__init__(
            {
                "tdata": In(port.tdata_bits),
                "tvalid": In(1),
                "tready": Out(1),
                "tlast": In(1),
                "o": Out(stream.Signature(pixels(port))),
                "error": Out(2),
                "error_clear": In(1),
            }
        )

    def elaborate(self, platform):
        m = Module()
        port = self.port

        beat = Signal(range(max(port.step_beats, 2)))
        swallow = Signal()
        fill = Signal()
        full = Signal()
        ends = full
        # A frame of one beat cannot end early: synthesis would not find that out from ``beat``.
        many = port.beats > 1
        if port.steps > 1:
            ends = self._step(m, beat, full)
        else:
            m.d.comb += full.eq(beat == port.beats - 1 if many else 1)
        m.d.comb += [
            self.o.valid.eq((self.tvalid & ~swallow) | fill),
            self.tready.eq((self.o.ready & ~fill) | swallow),
            self.o.p.last.eq(ends),
            self.o.p.drop.eq((fill | ~self.tlast) & full if port.steps > 1 else fill | ~self.tlast),
        ]

        early = Signal()
        late = Signal()
        with m.If(self.o.valid & self.o.ready):
            if many:
                m.d.sync += beat.eq(Mux(ends, 0, beat + 1))
            with m.If(fill):
                m.d.sync += fill.eq(~full)
            with m.Else():
                if many:
                    m.d.sync += fill.eq(early)
                    m.d.comb += early.eq(~full & self.tlast)
                m.d.sync += swallow.eq(late)
                m.d.comb += late.eq(full & ~self.tlast)
        with m.If(swallow & self.tvalid):
            m.d.sync += swallow.eq(~self.tlast)
        m.d.sync += self.error.eq(Mux(self.error_clear, 0, self.error) | Cat(early, late))

        present = port.pixels - (port.step_beats - 1) * port.pixels_per_beat
        keep = Const((1 << present * port.pixel_bits) - 1, len(self.o.p.pixels))
        with m.If(~fill):
            m.d.comb += self.o.p.pixels.eq(Mux(ends, self.tdata & keep, self.tdata))
        return m

    def _step(self, m: Module, beat: Signal, full: Signal) -> Signal:
        """Whether the beat is its step's last; ``full``: whether it is the frame's."""
        ends = Signal()
        step = Signal(range(self.port.steps))
        m.d.comb += [
            ends.eq(beat == self.port.step_beats - 1),
            full.eq(ends & (step == self.port.steps - 1)),
        ]
        with m.If(self.o.valid & self.o.ready & ends):
            m.d.sync += step.eq(Mux(full, 0, step + 1))
        return ends
