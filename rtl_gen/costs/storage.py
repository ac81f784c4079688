"""What becomes of memories: block RAMs, memories in look-up tables, or flip-flops.

The rules are those by which yosys' ``memory_libmap`` chooses the cheapest, with the prices in its
libraries of cells.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import log2

from rtl_gen.platforms.family import Family

#: Quantities of a kind.
Quantities = Mapping[str, float]

#: Bits of constants that cost as much in logic as one bit of memory.
_CONSTANT = 16


@dataclass(frozen=True, kw_only=True)
class Store:
    """A memory.

    Parameters
    ----------
    depth, width: words, and bits of one.
    reads: of words a cycle.
    clocked: whether it is read into a register.
    constant: whether nothing is written, else it is in a cycle.
    huge: whether it is for large memories without contents.
    style: ``logic`` or ``block`` where tools are told.
    """

    depth: int
    width: int
    reads: int = 1
    clocked: bool = False
    constant: bool = False
    huge: bool = False
    style: str = ""

    @property
    def bits(self) -> int:
        """That it holds."""
        return self.depth * self.width


def stored(store: Store, family: Family) -> Counter[str]:
    """Quantities of a memory: ``bram`` and ``spram``; ``cells`` of look-up tables that store;
    ``bits`` of flip-flops, or of ``constants`` in logic.
    """
    if not store.bits:
        return Counter()
    if store.huge:
        words, bits = 16384, 16
        return Counter(spram=-(-store.depth // words) * -(-store.width // bits))
    blocks = block_rams(store, family) if store.clocked else None
    logic = store.bits / _CONSTANT if store.constant else store.bits
    style = store.style
    if family.block_words is not None and not store.constant:
        style = "block" if store.clocked and store.depth >= family.block_words else "logic"
    options: list[tuple[float, Counter[str]]] = []
    if style != "block":
        what, times = ("constants", store.reads) if store.constant else ("bits", 1)
        options.append((logic, Counter({what: store.bits * times})))
    if blocks is not None and style != "logic":
        options.append((blocks * family.bram_price, Counter(bram=blocks)))
    if family.lut_ram and not store.constant and style != "block":
        deep = -(-store.depth // 16) * store.reads
        # Where there are several, one is chosen of which comes what is read.
        price = store.width * (deep * family.cell_price / 4 + log2(deep) / 2)
        options.append((price, Counter(cells=deep * -(-store.width // 4))))
    return min(options, key=lambda option: option[0])[1]


def block_rams(store: Store, family: Family) -> int:
    """Block RAMs that hold it."""
    shapes = family.bram_shapes
    if store.reads > 1:
        # A port that reads is one that could write: each has half of the widest.
        widest = max(bits for _, bits in shapes)
        shapes = tuple((words, bits) for words, bits in shapes if bits < widest)
    return min(
        store.width // bits * -(-store.depth // words) + _rest(store.width % bits, store, shapes)
        for words, bits in shapes
    )


def _rest(bits: int, store: Store, shapes: Sequence[tuple[int, int]]) -> int:
    """Block RAMs of the last bits of a word, which may have another shape."""
    if not bits:
        return 0
    return min(-(-store.depth // words) for words, wide in shapes if wide >= bits)
