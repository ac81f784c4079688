"""From beats of pixels to words of planes."""

from amaranth.hdl import Cat, Module, Mux, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from rtl_gen.stream import word
from s2nn_hw.manifest import InputPort

from .guard import pixels


class Gather(wiring.Component):
    """Joins ``beats`` beats into one word and turns its pixels into planes.

    Semantics: pixel p of the k-th beat of a word stands at position ``k * pixels_per_beat + p``.
    A word ends early with the frame; its missing pixels are zero.

    Latency: the word goes out in the cycle of its final beat.  Throughput: a beat a cycle.
    """

    def __init__(self, port: InputPort, beats: int):
        self.port = port
        self.beats = beats
        super().__init__(
            {
                "i": In(stream.Signature(pixels(port))),
                "o": Out(stream.Signature(word(beats * port.pixels_per_beat, port.pixel_bits))),
            }
        )

    def elaborate(self, platform):
        m = Module()

        beat = Signal(range(max(self.beats, 2)))
        complete = Signal()
        m.d.comb += [
            complete.eq((beat == self.beats - 1) | self.i.p.last),
            self.o.valid.eq(self.i.valid & complete),
            self.i.ready.eq(self.o.ready | ~complete),
            self.o.p.last.eq(self.i.p.last),
            self.o.p.drop.eq(self.i.p.drop),
        ]
        accept = self.i.valid & self.i.ready
        with m.If(accept):
            m.d.sync += beat.eq(Mux(complete, 0, beat + 1))

        words = []
        for k in range(self.beats):
            here = Signal(name=f"here_{k}")
            m.d.comb += here.eq(beat == k)
            current = Mux(here, self.i.p.pixels, 0) if self.beats > 1 else self.i.p.pixels
            if k < self.beats - 1:
                held = Signal(len(self.i.p.pixels), name=f"held_{k}")
                with m.If(accept & complete):
                    m.d.sync += held.eq(0)
                with m.Elif(accept & here):
                    m.d.sync += held.eq(self.i.p.pixels)
                current = held | current
            words.append(current)
        pixels = Signal(self.beats * len(self.i.p.pixels))
        m.d.comb += pixels.eq(Cat(words))
        for b in range(self.port.pixel_bits):
            m.d.comb += self.o.p.planes[b].eq(Cat(pixels[b :: self.port.pixel_bits]))
        return m
