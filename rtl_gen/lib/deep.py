"""Memories of constants that are deeper than a block RAM."""

from collections.abc import Sequence
from dataclasses import dataclass

from amaranth.hdl import Cat, Module, Mux, Signal

from rtl_gen.fabric import LUT_ROWS, Fabric

from .delay import delayed
from .rom import Rom

#: Block RAMs behind each other, up to which one of their words is chosen in a cycle.
_CHOICE = 8


@dataclass(frozen=True, kw_only=True)
class Column:
    """Bits of all rows of a memory, whose block RAMs have so many words, of ``wide`` bits."""

    low: int
    bits: int
    words: int
    wide: int

    def behind(self, depth: int) -> int:
        """Block RAMs behind each other for so many rows; few rows more are for look-up tables."""
        return depth // self.words + (depth % self.words > LUT_ROWS)

    def blocks(self, depth: int) -> int:
        """Block RAMs in all."""
        return self.behind(depth) * -(-self.bits // self.wide)

    def ranges(self, depth: int) -> list[tuple[int, int]]:
        """First row and number of rows of each piece."""
        return [(at, min(self.words, depth - at)) for at in range(0, depth, self.words)]

    def cut(self, rows: Sequence[int]) -> list[int]:
        """Its bits of rows."""
        mask = (1 << self.bits) - 1
        return [row >> self.low & mask for row in rows]


def columns(depth: int, bits: int, reads: int, fabric: Fabric) -> list[Column]:
    """How a memory is taken apart, so that it takes the fewest block RAMs, and least is chosen.

    There is one column, or one more of the bits that are left.
    """
    shapes = fabric.shapes[reads > 1 :]
    few = [shape for shape in shapes if depth <= _CHOICE * shape[0]] or shapes[-1:]

    def cost(found: list[Column]) -> tuple[int, int]:
        chosen = sum((len(c.ranges(depth)) - 1) * c.bits for c in found)
        return sum(c.blocks(depth) for c in found), chosen

    options = []
    for words, wide in few:
        rest = bits % wide
        whole = [Column(low=0, bits=bits - rest, words=words, wide=wide)] if bits >= wide else []
        options += [
            [*whole, Column(low=bits - rest, bits=rest, words=others, wide=most)]
            for others, most in few
            if 0 < rest <= most
        ]
        options += [whole] if not rest else []
    return min(options, key=cost)


def is_deep(depth: int, bits: int, reads: int, fabric: Fabric) -> bool:
    """Whether words of several block RAMs behind each other would be chosen from.

    Then each of them has a register of its own before that, where there is one.
    """
    if not fabric.shapes or depth <= min(words for words, _ in fabric.shapes):
        return False
    return any(c.behind(depth) > 1 for c in columns(depth, bits, reads, fabric))


class DeepRom:
    """A memory of constants in pieces of one block RAM's depth, parts of a layer's module.

    Semantics: that of a Rom, of which it has the members.

    Latency: ``latency`` cycles: those of its pieces, whose words it then chooses from.

    Parameters
    ----------
    name, rows, bits, ports: see Rom.
    columns: how it is taken apart.
    fabric: what it is for.
    """

    latency = Rom.latency + 1

    def __init__(
        self,
        *,
        name: str,
        rows: Sequence[int],
        bits: int,
        ports: int,
        columns: Sequence[Column],
        fabric: Fabric,
    ):
        self.address_bits = max(1, (len(rows) - 1).bit_length())
        self.addr = [Signal(self.address_bits, name=f"{name}_addr{p}") for p in range(ports)]
        self.data = [Signal(bits, name=f"{name}_data{p}", reset_less=True) for p in range(ports)]
        self._name = name
        self._pieces = [
            [
                Rom(
                    name=name if alone else f"{name}_c{c}_r{r}",
                    rows=column.cut(rows[first : first + number]),
                    bits=column.bits,
                    ports=ports,
                    blocks=fabric.whole(number, ports),
                )
                for r, (first, number) in enumerate(column.ranges(len(rows)))
            ]
            for c, column in enumerate(columns)
            for alone in [len(columns) == 1 and len(rows) <= column.words]
        ]
        self._words = [column.words for column in columns]

    @property
    def pieces(self) -> list[Rom]:
        """The memories, which are parts of the layer's module, too."""
        return [piece for column in self._pieces for piece in column]

    def build(self, m: Module) -> None:
        """Join its pieces."""
        for p, (addr, data) in enumerate(zip(self.addr, self.data, strict=True)):
            least = min(self._words).bit_length() - 1
            which = [
                delayed(m, bit, Rom.latency, f"{self._name}_piece{p}_{k}")
                for k, bit in enumerate(addr[least:])
            ]
            read = []
            for column, words in zip(self._pieces, self._words, strict=True):
                for piece in column:
                    m.d.comb += piece.addr[p].eq(addr[: piece.address_bits])
                values = [piece.data[p] for piece in column]
                read.append(_chosen(values, which[words.bit_length() - 1 - least :]))
            m.d.sync += data.eq(Cat(read))


def _chosen(values: list, which: list):
    """One of some values, by the bits of its number, the lowest first."""
    if len(values) == 1:
        return values[0]
    middle = 1 << len(which) - 1
    if len(values) <= middle:
        return _chosen(values, which[:-1])
    low, high = (_chosen(half, which[:-1]) for half in (values[:middle], values[middle:]))
    return Mux(which[-1], high, low)
