"""Where finished windows wait for their reader."""

from amaranth.hdl import Module, Signal
from amaranth.lib import stream
from amaranth.lib.fifo import SyncFIFO
from amaranth.lib.wiring import In, Out

from .shared import Shared


class Slots(Shared):
    """A queue of results in which room is reserved before the work begins.

    Semantics: ``reserve`` claims a slot for a result that is on its way, allowed while ``free``;
    ``push`` delivers it.  A delivered result always finds room, so the datapath before it needs
    no way to stop.

    Latency: a result can be read one cycle after ``push``, two with a stage; its slot is free two
    cycles after it was read, so that neither ``free`` nor what makes it depends on the reader of
    this cycle.

    Parameters
    ----------
    bits: of a result.
    depth: slots.
    stage: whether results are registers before they are written, for the sake of the clock.
    newest: whether what was delivered last is wanted, too.

    Members
    -------
    newest: ... which it is from one cycle after its delivery to that of the next one.
    """

    #: From the delivery of a result to the first cycle in which it can be read.
    read_latency = 1
    #: From the reading of a result to the first cycle in which its slot is free.
    free_latency = 2

    def __init__(self, *, bits: int, depth: int, stage: bool = False, newest: bool = False):
        assert not (stage and newest)
        self.bits = bits
        self.depth = depth
        self.stage = stage
        self.with_newest = newest
        super().__init__(
            {
                "reserve": In(1),
                "free": Out(1),
                "push": In(1),
                "i": In(bits),
                "o": Out(stream.Signature(bits)),
                **({"newest": Out(bits)} if newest else {}),
            },
            bits=bits,
            depth=depth,
            stage=stage,
            newest=newest,
        )

    def build(self, platform):
        m = Module()
        m.submodules.fifo = fifo = SyncFIFO(width=self.bits, depth=self.depth)
        claimed = Signal(range(self.depth + 1))
        free = Signal(init=1)
        released = Signal()
        push, result = self.push, self.i
        if self.stage:
            push, result = Signal(), Signal(self.bits, reset_less=True)
            m.d.sync += [push.eq(self.push), result.eq(self.i)]
        m.d.comb += [
            self.free.eq(free),
            fifo.w_en.eq(push),
            fifo.w_data.eq(result),
            self.o.payload.eq(fifo.r_data),
            self.o.valid.eq(fifo.r_rdy),
            fifo.r_en.eq(self.o.ready),
        ]
        if self.with_newest and self.depth == 1:
            m.d.comb += self.newest.eq(fifo.r_data)
        elif self.with_newest:
            newest = Signal(self.bits, reset_less=True)
            m.d.comb += self.newest.eq(newest)
            with m.If(self.push):
                m.d.sync += newest.eq(self.i)
        m.d.sync += released.eq(self.o.valid & self.o.ready)
        with m.If(self.reserve & ~released):
            m.d.sync += [claimed.eq(claimed + 1), free.eq(claimed != self.depth - 1)]
        with m.Elif(released & ~self.reserve):
            m.d.sync += [claimed.eq(claimed - 1), free.eq(1)]
        return m
