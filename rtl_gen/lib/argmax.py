"""The index of the first maximum."""

from collections.abc import Sequence

from amaranth.hdl import Cat, Const, Module, Mux, Signal, Value, signed
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from .delay import delayed
from .tree import levels


class ArgMax(wiring.Component):
    """A tree of comparisons, a register or two a level.

    Semantics: ``index`` is the least j for which scores[j] is greatest.

    Latency: ``latency`` cycles.  Throughput: one set of scores a cycle.

    Parameters
    ----------
    widths: bits of each score.
    cycles: of a level: of two, one is for comparing and one for choosing.

    Members
    -------
    scores: signed, of the given widths, score 0 lowest.
    valid: these are scores to compare.
    index, index_valid: the answer.
    """

    def __init__(self, widths: Sequence[int], *, cycles: int = 1):
        self.widths = tuple(widths)
        self.cycles = cycles
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
        """Cycles from scores to index."""
        return self.cycles * levels(len(self.widths))

    def elaborate(self, platform):
        m = Module()
        width = max(self.widths)
        # Scores, and of their indices the bits by which those differ that they were compared with.
        nodes: list[tuple[Value, Value]] = []
        at = 0
        for j, bits in enumerate(self.widths):
            score = Signal(signed(width), name=f"score_{j}")
            m.d.comb += score.eq(self.scores[at : at + bits].as_signed())
            nodes.append((score, Const(0, 0)))
            at += bits
        for level in range(levels(len(self.widths))):
            merged = []
            for k in range(0, len(nodes), 2):
                name = f"{level}_{k // 2}"
                if k + 1 == len(nodes):
                    for cycle in range(self.cycles):
                        nodes[k] = _kept(m, nodes[k], f"alone_{name}_{cycle}")
                    merged.append(nodes[k])
                    continue
                left, right = nodes[k], nodes[k + 1]
                # Only a greater score displaces an earlier one.
                later = Signal(name=f"later_{name}", reset_less=True)
                greater = _greater(right[0], left[0])
                if self.cycles == 1:
                    m.d.comb += later.eq(greater)
                else:
                    m.d.sync += later.eq(greater)
                    left = _kept(m, left, f"left_{name}")
                    right = _kept(m, right, f"right_{name}")
                best = Mux(later, right[0], left[0])
                index = Cat(_chosen(later, right[1], left[1]), later)
                merged.append(_kept(m, (best, index), f"best_{name}"))
            nodes = merged
        m.d.comb += [
            self.index.eq(nodes[0][1]),
            self.index_valid.eq(delayed(m, self.valid, self.latency, "valid")),
        ]
        return m


def _greater(a, b):
    """Whether a number with a sign is greater than another of as many bits.

    Numbers without signs compare alike once either has the other's sign.  Of these a borrow tells,
    for which nothing but a chain of carries is needed.
    """
    a, b = Cat(a[:-1], b[-1]), Cat(b[:-1], a[-1])
    return (b - a)[-1]


def _chosen(later: Value, right: Value, left: Value) -> Value:
    """The bits of one of two indices, of which the left one may have more.

    No multiplexer where it would choose a constant: of that synthesis makes a synchronous reset,
    which is far away.
    """
    few = len(right)
    return Cat(Mux(later, right, left[:few]), (bit & ~later for bit in left[few:]))


def _kept(m: Module, node: tuple[Value, Value], name: str) -> tuple[Value, Value]:
    """A score and its index, a cycle later."""
    score = Signal(node[0].shape(), name=f"{name}_score", reset_less=True)
    index = Signal(node[1].shape(), name=f"{name}_index", reset_less=True)
    m.d.sync += [score.eq(node[0]), index.eq(node[1])]
    return score, index
