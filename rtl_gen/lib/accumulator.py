"""One accumulator a neuron, and the adders that join the lanes."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from amaranth.hdl import Cat, Const, Module, Mux, Signal, signed
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from rtl_gen.plan import signed_width

from .delay import delayed


@dataclass(frozen=True, kw_only=True)
class Neuron:
    """The numbers of one accumulator.

    Parameters
    ----------
    low, high: least and greatest sum of its weights over inputs 0…1.
    lanes: least and greatest weight of each lane.
    offset: what the potential starts from: minus the threshold, or zero for a score.
    """

    low: int
    high: int
    lanes: tuple[tuple[int, int], ...]
    offset: int

    def start(self, planes: int) -> int:
        """The accumulator at the beginning of a frame."""
        return self.offset >> (planes - 1)

    def width(self, planes: int) -> int:
        """Bits that hold it after any rows of any plane.

        After the planes B-1…b the sum of the rows is within (2**(B-b) - 1) times low…high, and
        offset >> b is what has been shifted in.
        """
        bounds = [0]
        for b in range(planes):
            most = 2 ** (planes - b) - 1
            bounds += [
                self.low * most + (self.offset >> b),
                self.high * most + (self.offset >> b),
                self.offset >> b,
            ]
        return signed_width(min(bounds), max(bounds))


class Accumulators(wiring.Component):
    """Adds the rows of all lanes to every neuron's potential.

    Semantics: acc_j <- acc_j + sum of the lanes' weights; in the cycle after a window that does
    not close the frame the potential doubles before the addition, the next lower bit of the
    offset coming in.  So at the frame's end ``potentials[j]`` is offset_j plus the weighted sum
    of the multi-bit inputs.  The next frame starts without a gap.

    An offset of minus the threshold costs nothing, as registers start at any value, and leaves
    the comparison to the sign.

    Latency: ``latency`` cycles from rows to ``fire`` or ``scores``.  Throughput: a row a lane a
    cycle.

    Parameters
    ----------
    neurons: of the layer.
    weight_bits, planes: widths of a weight in the rows, signed, and of an input value.
    scores: whether the potentials are wanted, not only their signs.

    Members
    -------
    rows, ends, closes: see EventEngine.
    done: a frame is complete:
    fire: ... bit j is 1 where the potential of neuron j is not negative, or
    scores: ... the potentials, of ``widths[j]`` bits, neuron 0 lowest.
    """

    def __init__(self, neurons: Sequence[Neuron], *, weight_bits: int, planes: int, scores: bool):
        self.neurons = tuple(neurons)
        self.weight_bits = weight_bits
        self.planes = planes
        self.with_scores = scores
        self.lanes = len(neurons[0].lanes)
        self.widths = tuple(neuron.width(planes) for neuron in neurons)
        super().__init__(
            {
                "rows": In(len(neurons) * weight_bits).array(self.lanes),
                "ends": In(1),
                "closes": In(1),
                "done": Out(1),
                **({"scores": Out(sum(self.widths))} if scores else {"fire": Out(len(neurons))}),
            }
        )

    @property
    def latency(self) -> int:
        """Cycles from rows to the result: the adder tree, and a register behind scores."""
        return levels(self.lanes) + (1 if self.with_scores else 0)

    def elaborate(self, platform):
        m = Module()

        depth = levels(self.lanes)
        ends = delayed(m, self.ends, depth, "window_ends")
        closes = delayed(m, self.closes, depth, "frame_ends")
        double, incoming = self._incoming(m, ends, closes)

        signs, potentials = [], []
        for j, neuron in enumerate(self.neurons):
            width = self.widths[j]
            total = self._tree(m, j, neuron)
            start = neuron.start(self.planes)
            acc = Signal(signed(width), name=f"acc_{j}", init=start)
            potential = Signal(signed(width), name=f"potential_{j}")
            before = acc
            if self.planes > 1:
                shifted = Cat(incoming(neuron.offset), acc)[:width].as_signed()
                before = Mux(double, shifted, acc)
            m.d.comb += potential.eq(before + total)
            m.d.sync += acc.eq(potential)
            with m.If(closes):
                m.d.sync += acc.eq(start)
            signs.append(potential[-1])
            potentials.append(potential)
        if self.with_scores:
            m.d.sync += [self.scores.eq(Cat(potentials)), self.done.eq(closes)]
        else:
            m.d.comb += [self.fire.eq(~Cat(signs)), self.done.eq(closes)]
        return m

    def _tree(self, m, j, neuron):
        """Sum of the lanes' weights for neuron j, a register a level."""
        nodes = []
        for lane, (low, high) in enumerate(neuron.lanes):
            value = self.rows[lane][j * self.weight_bits : (j + 1) * self.weight_bits]
            nodes.append((value[: signed_width(low, high)].as_signed(), low, high))
        for level in range(levels(self.lanes)):
            merged = []
            for k in range(0, len(nodes), 2):
                pair = nodes[k : k + 2]
                low, high = sum(n[1] for n in pair), sum(n[2] for n in pair)
                node = Signal(signed(signed_width(low, high)), name=f"sum_{j}_{level}_{k // 2}")
                m.d.sync += node.eq(sum((n[0] for n in pair[1:]), pair[0][0]))
                merged.append((node, low, high))
            nodes = merged
        return nodes[0][0]

    def _incoming(self, m, ends, closes):
        """What comes in at the bottom when the potentials double.

        Returns ``double`` and a function from an offset to its bit for the plane that begins.
        """
        double = Signal()
        m.d.sync += double.eq(ends & ~closes)
        if self.planes == 1:
            return double, lambda offset: 0
        plane = Signal(range(max(self.planes - 1, 2)), init=self.planes - 2)
        with m.If(closes):
            m.d.sync += plane.eq(self.planes - 2)
        with m.Elif(double):
            m.d.sync += plane.eq(plane - 1)
        bits: dict[int, Signal] = {}

        def bit(offset: int) -> Signal:
            pattern = offset & (2 ** (self.planes - 1) - 1)
            if pattern not in bits:
                bits[pattern] = Signal(name=f"incoming_{pattern}")
                m.d.comb += bits[pattern].eq(Const(pattern, self.planes - 1).bit_select(plane, 1))
            return bits[pattern]

        return double, bit


def levels(lanes: int) -> int:
    """Depth of the adder tree that joins the lanes."""
    return (lanes - 1).bit_length()


def neurons(
    weights: Sequence[npt.NDArray[np.int64]],
    lanes: Sequence[npt.NDArray[np.int64]],
    offsets: Sequence[int],
) -> tuple[Neuron, ...]:
    """The accumulators of a layer.

    Parameters
    ----------
    weights: (neurons, inputs) of each projection.
    lanes: weights (neurons, n) that come over each lane.
    offsets: per neuron.
    """
    low = np.sum([np.minimum(w, 0).sum(axis=1) for w in weights], axis=0)
    high = np.sum([np.maximum(w, 0).sum(axis=1) for w in weights], axis=0)
    made = []
    for j, offset in enumerate(offsets):
        bounds = [(int(w[j].min(initial=0)), int(w[j].max(initial=0))) for w in lanes]
        made.append(
            Neuron(low=int(low[j]), high=int(high[j]), lanes=tuple(bounds), offset=int(offset))
        )
    return tuple(made)
