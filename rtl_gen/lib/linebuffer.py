"""The last rows of a map."""

from amaranth.hdl import Cat, Module, Signal, unsigned
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out

from .shared import LOADED, Shared


class LineBuffer(Shared):
    """A ring of rows, one pixel after the other, and which of its pixels have spikes.

    Semantics: a pixel that is pushed takes the place of the one ``rows`` rows before; who pushes
    sees to it that this one is not needed any more.  Row y of frame f lies in ring row
    (f * height + y) % rows, pixel x at address ``ring_row * width + x``.

    Latency: flags and memory show a pixel in the cycle after its push; reading takes ``latency``.

    Parameters
    ----------
    height, width: of a frame.
    rows: of the ring.
    flags: bits of each pixel's flags.
    bits: of a pixel.

    Members
    -------
    i, push: a pixel.
    marks: its flags: whether it has spikes, in any plane or in each.
    drop: the frame that ends with it is malformed.
    addr, en, data: the memory's read port.
    flags: flag f of the pixel x in ring row r is bit ``x`` of ``flags[f * rows + r]``.
    dropped: whether the frame that ended in that ring row was malformed.
    """

    #: Of the memory: address, itself, output register.
    latency = 3

    def __init__(self, *, height: int, width: int, rows: int, flags: int, bits: int):
        self.height = height
        self.width = width
        self.rows = rows
        self.flag_bits = flags
        self.bits = bits
        depth = rows * width
        super().__init__(
            {
                "i": In(bits),
                "push": In(1),
                "marks": In(flags),
                "drop": In(1),
                "addr": In(range(max(depth, 2))),
                "en": In(1),
                "data": Out(bits),
                "flags": Out(width).array(flags * rows),
                "dropped": Out(rows),
            },
            height=height,
            width=width,
            rows=rows,
            flags=flags,
            bits=bits,
        )

    def build(self, platform):
        m = Module()
        depth = self.rows * self.width
        memory = Memory(shape=unsigned(self.bits), depth=depth, init=[])
        m.submodules.memory = memory
        write, read = memory.write_port(), memory.read_port()

        data = Signal(self.bits, reset_less=True, attrs={LOADED: 1})
        address, reads = Signal.like(self.addr, reset_less=True), Signal()
        at = Signal(range(max(depth, 2)))
        row = Signal(range(max(self.rows, 2)))
        column = Signal(range(max(self.width, 2)))
        with m.If(self.push):
            m.d.sync += [at.eq(at + 1), column.eq(column + 1)]
            with m.If(column == self.width - 1):
                m.d.sync += [column.eq(0), row.eq(row + 1)]
                with m.If(row == self.rows - 1):
                    m.d.sync += [row.eq(0), at.eq(0)]
        m.d.comb += [
            write.addr.eq(at),
            write.data.eq(self.i),
            write.en.eq(self.push),
            read.addr.eq(address),
            read.en.eq(reads),
            self.data.eq(data),
        ]
        m.d.sync += [address.eq(self.addr), reads.eq(self.en), data.eq(read.data)]

        here = Signal(self.width)
        m.d.comb += here.eq(Cat(column == x for x in range(self.width)))
        for r in range(self.rows):
            with m.If(self.push & (row == r)):
                for f in range(self.flag_bits):
                    kept = self.flags[f * self.rows + r]
                    marked = here & self.marks[f].replicate(self.width)
                    m.d.sync += kept.eq((kept & ~here) | marked)
                # The frame's last pixel is its row's last.
                with m.If(here[-1]):
                    m.d.sync += self.dropped[r].eq(self.drop)
        return m
