"""A bank's queue of words with spikes in them."""

from amaranth.hdl import Module, Signal
from amaranth.lib import stream
from amaranth.lib.fifo import SyncFIFOBuffered
from amaranth.lib.wiring import In, Out

from rtl_gen.stream import share

from .shared import Shared


class WordQueue(Shared):
    """Keeps words that have spikes, and ties the end of a frame to the last of them.

    Semantics: an empty word vanishes, unless the whole frame is empty: then one empty entry is
    left to carry ``last``.  The newest word is held back until the next one with spikes, or the
    frame's end, tells whether it is the last.

    Latency: an entry is written when its successor arrives, or one cycle after the frame's end;
    it can be read ``read_latency`` cycles after that; its place is free ``free_latency`` cycles
    after it was read.  Throughput: a word a cycle.

    Parameters
    ----------
    positions: bits of a word.
    rows: rows of the weight memory the words point into.
    depth: entries that it holds.

    Members
    -------
    i: entries as they come, empty ones among them; ``push`` accepts one.
    spikes: whether ``i`` has any.
    push: a word is taken, which is only allowed while ``room``.
    o: entries without empty ones.
    """

    #: From the write of an entry to the first cycle in which it can be read.
    read_latency = 2
    #: From the reading of an entry to the first cycle in which its place is free.
    free_latency = 2

    def __init__(self, *, positions: int, rows: int, depth: int):
        self.depth = depth
        self.layout = share(positions, rows)
        super().__init__(
            {
                "i": In(self.layout),
                "spikes": In(1),
                "push": In(1),
                "room": Out(1),
                "o": Out(stream.Signature(self.layout)),
            },
            positions=positions,
            rows=rows,
            depth=depth,
        )

    def build(self, platform):
        m = Module()
        m.submodules.fifo = fifo = SyncFIFOBuffered(width=self.layout.size, depth=self.depth + 1)

        held = Signal(self.layout)
        holding = Signal()
        # Whether there is room is a register, which counts only what was read before this cycle.
        count = Signal(range(self.depth + 1))
        room = Signal(init=1)
        written = Signal()
        released = Signal()
        m.d.comb += [
            self.room.eq(room),
            written.eq(room & holding & (held.last | (self.push & self.spikes))),
            fifo.w_data.eq(held),
            fifo.w_en.eq(written),
            self.o.payload.eq(fifo.r_data),
            self.o.valid.eq(fifo.r_rdy),
            fifo.r_en.eq(self.o.ready),
        ]
        m.d.sync += released.eq(self.o.valid & self.o.ready)
        with m.If(written & ~released):
            m.d.sync += [count.eq(count + 1), room.eq(count != self.depth - 1)]
        with m.Elif(released & ~written):
            m.d.sync += [count.eq(count - 1), room.eq(1)]

        ends = holding & held.last
        with m.If(ends & room):
            m.d.sync += holding.eq(0)
        with m.If(self.push):
            with m.If(self.spikes | (self.i.last & (ends | ~holding))):
                m.d.sync += [held.eq(self.i), holding.eq(1)]
            with m.Elif(self.i.last):
                m.d.sync += [held.last.eq(1), held.drop.eq(self.i.drop)]
        return m
