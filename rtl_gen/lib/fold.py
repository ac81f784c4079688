"""Rows of weights that are read word by word."""

from dataclasses import replace

from amaranth.hdl import Cat, Module, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from .encoder import Port
from .steps import rows


def folded(port: Port, fold: int) -> Port:
    """The port of a memory whose rows are ``fold`` words each, for a group of neurons a word.

    Word f of row r has the address ``r << phase_bits(fold) | f``.
    """
    assert port.groups == 1
    assert not port.spare
    return replace(port, rows=port.rows << phase_bits(fold), groups=fold)


def phase_bits(fold: int) -> int:
    """Bits of the address that tell the words of a row apart."""
    return (fold - 1).bit_length()


class WordSequence(wiring.Component):
    """Makes ``fold`` reads of words of each read of a row.

    Semantics: the reads of a row's words follow each other; the last of them has the row's marks.

    Latency: none, combinational.  Throughput: a word a cycle.

    Members
    -------
    i: rows of a port, see rows(); o: words, those of folded(port, fold).
    """

    def __init__(self, port: Port, fold: int):
        self.port = port
        self.fold = fold
        super().__init__(
            {
                "i": In(stream.Signature(rows(port))),
                "o": Out(stream.Signature(rows(folded(port, fold)))),
            }
        )

    def elaborate(self, platform):
        m = Module()
        phase = Signal(range(self.fold))
        last = Signal()
        source, word = self.i.p, self.o.p
        m.d.comb += [
            last.eq(phase == self.fold - 1),
            self.o.valid.eq(self.i.valid),
            self.i.ready.eq(self.o.ready & last),
            word.read.eq(source.read),
            word.there.eq(Cat(phase == f for f in range(self.fold))),
            *(row.eq(Cat(phase, given)) for row, given in zip(word.row, source.row, strict=True)),
            *(word[mark].eq(source[mark] & last) for mark in ("ends", "closes", "final", "drop")),
        ]
        with m.If(self.o.valid & self.o.ready):
            m.d.sync += phase.eq(phase + 1)
            with m.If(last):
                m.d.sync += phase.eq(0)
        return m
