"""The index of the first maximum."""

from collections.abc import Sequence

from amaranth.hdl import Cat, Module, Mux, Signal, signed
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from .delay import delayed
from .tree import levels


class ArgMax(wiring.Component):
    """A tree of comparisons, a register a level.

    Semantics: ``index`` is the least j for which scores[j] is greatest.

    Latency: ``latency`` cycles.  Throughput: one set of scores a cycle.

    Members
    -------
    scores: signed, of the given widths, score 0 lowest.
    valid: these are scores to compare.
    index, index_valid: the answer.
    """

    def __init__(self, widths: Sequence[int]):
        self.widths = tuple(widths)
        super().__init__(
            {
                "scores": In(sum(widths)),
                "valid": In(1),
                "index": Out(range(max(len(widths), 2))),
                "index_valid": Out(1),
            }
        )

    @property
    def latency(self) -> int:
        """Cycles from scores to index: the levels of the tree."""
        return levels(len(self.widths))

    def elaborate(self, platform):
        m = Module()
        width = max(self.widths)
        nodes = []
        at = 0
        for j, bits in enumerate(self.widths):
            # Counted from the least there is: of numbers without signs, a carry alone tells which
            # is greater, else that before it would be needed, too.
            given = Signal(signed(width), name=f"given_{j}")
            score = Signal(width, name=f"score_{j}")
            m.d.comb += [
                given.eq(self.scores[at : at + bits].as_signed()),
                score.eq(Cat(given[:-1], ~given[-1])),
            ]
            nodes.append((score, j))
            at += bits
        for level in range(levels(len(self.widths))):
            merged = []
            for k in range(0, len(nodes), 2):
                best = Signal(width, name=f"best_{level}_{k // 2}")
                which = Signal(range(max(len(self.widths), 2)), name=f"which_{level}_{k // 2}")
                left, right = nodes[k], nodes[min(k + 1, len(nodes) - 1)]
                # Only a greater score displaces an earlier one.
                later = Signal(name=f"later_{level}_{k // 2}")
                m.d.comb += later.eq(right[0] > left[0])
                m.d.sync += [
                    best.eq(Mux(later, right[0], left[0])),
                    which.eq(Mux(later, right[1], left[1])),
                ]
                merged.append((best, which))
            nodes = merged
        m.d.comb += [
            self.index.eq(nodes[0][1]),
            self.index_valid.eq(delayed(m, self.valid, self.latency, "valid")),
        ]
        return m
