"""The words of a frame, again for every step."""

from amaranth.hdl import Module, Mux, Signal, unsigned
from amaranth.lib import stream, wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out

from rtl_gen.stream import word

from .shared import APART


class Replay(wiring.Component):
    """Keeps a frame's words and gives them once a step.

    Semantics: a frame goes through as it comes, and then comes ``steps - 1`` times more out of a
    memory, while the next one has to wait.  ``drop`` is that of the frame, with the last step
    alone.

    Latency: none in the first step, combinational; ``read_latency`` cycles from a frame's last word
    to that of the second step.  Throughput: a word a cycle.

    Parameters
    ----------
    positions, planes: of a word.
    words: of a frame.
    steps: at least 2.
    """

    #: From the taking of a frame's last word to the first that comes out of the memory.
    read_latency = 2

    def __init__(self, *, positions: int, planes: int, words: int, steps: int):
        assert steps > 1
        self.words = words
        self.steps = steps
        layout = word(positions, planes)
        super().__init__({"i": In(stream.Signature(layout)), "o": Out(stream.Signature(layout))})

    def elaborate(self, platform):
        m = Module()
        bits = len(self.i.p.planes.as_value())
        memory = Memory(shape=unsigned(bits), depth=self.words, init=[])
        m.submodules[APART] = memory
        write = memory.write_port()
        read = memory.read_port()

        at = Signal(range(max(self.words, 2)))
        step = Signal(range(self.steps))
        again = Signal()
        drop = Signal()
        #: Out of the memory: a word is there, and another one is to be read.
        there = Signal()
        reads = Signal()
        #: Of the word that comes or is read: it is its step's last, and its frame's.
        ends = Signal()
        final = Signal()
        m.d.comb += [
            ends.eq(at == self.words - 1),
            final.eq(ends & (step == self.steps - 1)),
            self.i.ready.eq(self.o.ready & ~again),
            write.addr.eq(at),
            write.data.eq(self.i.p.planes),
            write.en.eq(self.i.valid & self.i.ready),
        ]
        # While words come from the memory, ``at`` is the word that is read next.
        last = Signal()
        shown_final = Signal()
        m.d.comb += [
            reads.eq(again & (~there | self.o.ready) & ~shown_final),
            read.addr.eq(at),
            read.en.eq(reads),
            self.o.valid.eq(Mux(again, there, self.i.valid)),
            self.o.p.planes.eq(Mux(again, read.data, self.i.p.planes)),
            self.o.p.last.eq(Mux(again, last, self.i.p.last)),
            self.o.p.drop.eq(again & shown_final & drop),
        ]
        with m.If(write.en | reads):
            m.d.sync += at.eq(Mux(ends, 0, at + 1))
            with m.If(ends):
                m.d.sync += step.eq(Mux(final, 0, step + 1))
        with m.If(write.en & ends):
            m.d.sync += [again.eq(1), drop.eq(self.i.p.drop)]
        with m.If(reads):
            m.d.sync += [there.eq(1), last.eq(ends), shown_final.eq(final)]
        with m.Elif(self.o.ready & there):
            m.d.sync += [there.eq(0), shown_final.eq(0), again.eq(0)]
        return m
