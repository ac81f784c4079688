"""One accumulator a neuron, and the adders that join the lanes."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

from amaranth.hdl import Cat, Const, Module, Mux, Signal, signed
from amaranth.lib.wiring import In, Out

from rtl_gen.width import signed_width

from . import shared
from .delay import delayed
from .neuron import SHIFTED_PLANES, Lane, Neuron
from .rom import Rom
from .shared import LOADED, Shared
from .tree import depth


@dataclass(frozen=True, kw_only=True)
class Shape:
    """All that an Accumulator depends on, so that neurons of the same shape share a module.

    Parameters
    ----------
    signs: whether the weights of a lane are stored as their signs.
    tree: bits of the lanes' weights, then of the sums of each level of the adder tree.
    width: bits of the potential.
    planes: width of an input value.
    masked: whether weights count only where they are there.
    mask_stage: ... which is seen to in a register stage.
    additions: that a cycle has time for, one behind the other.
    left: ``soft`` or ``hard`` where it may go on from what is left, see Left; else empty.
    """

    signs: tuple[bool, ...]
    tree: tuple[tuple[int, ...], ...]
    width: int
    planes: int
    masked: bool
    mask_stage: bool
    additions: int
    left: str = ""

    @classmethod
    def of(
        cls,
        neuron: Neuron,
        lanes: Sequence[Lane],
        planes: int,
        *,
        masked: bool,
        mask_stage: bool,
        additions: int,
    ) -> Self:
        """That of a neuron."""
        tree = [tuple(neuron.lanes)]
        while len(tree[-1]) > 1:
            pairs = [tree[-1][k : k + 2] for k in range(0, len(tree[-1]), 2)]
            tree.append(tuple((sum(p[0] for p in q), sum(p[1] for p in q)) for q in pairs))
        return cls(
            signs=tuple(lane.weight_bits == 1 for lane in lanes),
            tree=tuple(tuple(signed_width(*node) for node in level) for level in tree),
            width=neuron.width(planes),
            planes=planes,
            masked=masked,
            mask_stage=mask_stage,
            additions=additions,
            left="" if neuron.left is None else "hard" if neuron.left.hard else "soft",
        )

    @property
    def shifts(self) -> bool:
        """Whether what is added is shifted to the place of its plane."""
        return 1 < self.planes <= SHIFTED_PLANES

    @property
    def doubles(self) -> bool:
        """Whether instead the potential doubles from plane to plane."""
        return self.planes > SHIFTED_PLANES

    @property
    def keeps(self) -> bool:
        """Whether it is a clock enable that masks: the only weight is added or nothing happens."""
        return self.masked and not self.mask_stage and self.planes == 1 and len(self.signs) == 1

    @property
    def stored(self) -> list[int]:
        """Bits of each lane's weight as it is stored, without those that repeat its sign."""
        return [1 if sign else bits for sign, bits in zip(self.signs, self.tree[0], strict=True)]


class Accumulator(Shared):
    """One neuron's potential.

    Semantics: see Accumulators.  Nothing is reset: ``load`` does it.

    Parameters
    ----------
    shape: of the neuron.

    Members
    -------
    weights: one a lane, lane 0 lowest.
    there: of masked ones, which of them there are; the others count as zero.
    load: the next potential begins.
    start: ... from this,
    again: ... or from what is left of this one: with ``fired`` or ``silent`` added, see Left.
    shift: weights count twice as much, four times, …; at most one bit is set.
    double: the potential doubles before the addition.
    incoming: ... and this bit comes in.
    potential: with the weights of as many cycles ago as ``depth`` says.
    """

    resets = False

    def __init__(self, shape: Shape):
        self.shape = shape
        super().__init__(
            {
                "weights": In(sum(shape.stored)),
                **({"there": In(len(shape.signs))} if shape.masked else {}),
                "load": In(1),
                "start": In(signed(shape.width)),
                **(
                    {"again": In(1), **{k: In(signed(shape.width)) for k in ("fired", "silent")}}
                    if shape.left
                    else {}
                ),
                **({"shift": In(shape.planes - 1)} if shape.shifts else {}),
                **({"double": In(1), "incoming": In(1)} if shape.doubles else {}),
                "potential": Out(signed(shape.width)),
            },
            shape,
        )

    def build(self, platform):
        m = Module()
        nodes = self._weights(m)
        for level, widths in enumerate(self.shape.tree[1:], start=1):
            # As late as there is time for, as there the sums are fewest.
            registered = level % self.shape.additions == 0
            pairs = [nodes[k : k + 2] for k in range(0, len(nodes), 2)]
            nodes = []
            for k, (pair, bits) in enumerate(zip(pairs, widths, strict=True)):
                node = Signal(signed(bits), name=f"sum_{level - 1}_{k}", reset_less=True)
                domain = m.d.sync if registered else m.d.comb
                domain += node.eq(pair[0] + pair[1] if len(pair) > 1 else pair[0])
                nodes.append(node)
        # The value before the first load is never used; any would take the place of ``start`` in
        # flip-flops that begin with what they are set to.
        held = Signal(signed(self.shape.width), reset_less=True, attrs={LOADED: 1})
        before = held
        if self.shape.doubles:
            shifted = Cat(self.incoming, held)[: len(held)].as_signed()
            before = Mux(self.double, shifted, held)
        added = nodes[0]
        if self.shape.shifts:
            for b in range(1, self.shape.planes):
                added = Mux(self.shift[b - 1], nodes[0] << b, added)
        start = self._start(m) if self.shape.left else self.start
        after = Signal(signed(self.shape.width))
        m.d.comb += after.eq(before + added)
        if self.shape.keeps:
            m.d.comb += self.potential.eq(Mux(self.there, after, held))
            with m.If(self.load):
                m.d.sync += held.eq(start)
            with m.Elif(self.there):
                m.d.sync += held.eq(after)
        else:
            m.d.comb += self.potential.eq(after)
            m.d.sync += held.eq(Mux(self.load, start, self.potential))
        return m

    def _start(self, m):
        """What the next potential begins from."""
        silent = self.potential[-1]
        left = Signal(signed(self.shape.width))
        kept = self.potential if self.shape.left == "soft" else Mux(silent, self.potential, 0)
        m.d.comb += left.eq(kept + Mux(silent, self.silent, self.fired))
        return Mux(self.again, left, self.start)

    def _weights(self, m):
        """The weights, with a mask stage those of the last cycle."""
        shape = self.shape
        weights, at = [], 0
        for lane, (sign, stored) in enumerate(zip(shape.signs, shape.stored, strict=True)):
            value = self.weights[at : at + stored]
            at += stored
            if sign:
                value = Cat(Const(1, 1), value)
            weight = Signal(signed(shape.tree[0][lane]), name=f"weight_{lane}", reset_less=True)
            value = value[: len(weight)].as_signed()
            if shape.masked and not shape.keeps:
                value = Mux(self.there[lane], value, 0)
            domain = m.d.sync if shape.mask_stage else m.d.comb
            domain += weight.eq(value)
            weights.append(weight)
        return weights


class Accumulators(Shared):
    """Adds the rows of all lanes to every neuron's potential.

    Semantics: acc_j <- acc_j + 2**b times the sum of the lanes' weights, in plane b.  So at the
    frame's end ``potentials[j]`` is offset_j plus the weighted sum of the multi-bit inputs.  The
    next frame starts without a gap.  Inputs of more than SHIFTED_PLANES bits are added without
    the factor; instead the potential doubles before the first addition of the next plane, the
    next lower bit of the offset coming in.

    An offset of minus the threshold costs nothing, as registers start at any value, and leaves
    the comparison to the sign.

    Latency: ``latency`` cycles from rows to ``fire`` or ``scores``.  Throughput: a row a lane a
    cycle.

    Parameters
    ----------
    neurons: of the layer.
    lanes: what rows come.
    planes: width of an input value.
    scores: whether the potentials are wanted, not only their signs.
    masked: whether a row counts only where it is there; else one that is not must be zeros.
    mask_stage: whether that takes a cycle, for the sake of the clock.
    additions: that a cycle has time for, one behind the other.
    memory: latency of the memories that rows come from.
    steps: windows that make a frame, in which neurons that have a Left go on.
    layer: its name.

    Members
    -------
    row0, row1, …: weights of the lanes, neuron 0 lowest.
    there0, there1, …: the groups of neurons that the row is meant for; of no matter if not masked.
    ends, closes: see EventEngine.
    done: a frame is complete:
    fire: ... bit j is 1 where the potential of neuron j is not negative, or
    scores: ... the potentials, of ``widths[j]`` bits, neuron 0 lowest.
    """

    def __init__(
        self,
        neurons: Sequence[Neuron],
        lanes: Sequence[Lane],
        *,
        planes: int,
        scores: bool,
        masked: bool = True,
        mask_stage: bool = True,
        additions: int = 1,
        memory: int = Rom.latency,
        steps: int = 1,
        layer: str | None = None,
    ):
        assert masked or not mask_stage
        self.masked = masked
        self.mask_stage = mask_stage
        self.additions = additions
        self.memory = memory
        self.steps = steps
        self.neurons = tuple(neurons)
        self.lanes = tuple(lanes)
        self.planes = planes
        self.with_scores = scores
        self.widths = tuple(neuron.width(planes) for neuron in neurons)
        super().__init__(
            {
                **{f"row{k}": In(lane.bits(len(neurons))) for k, lane in enumerate(lanes)},
                **{f"there{k}": In(lane.groups) for k, lane in enumerate(lanes)},
                "ends": In(1),
                "closes": In(1),
                "done": Out(1),
                **({"scores": Out(sum(self.widths))} if scores else {"fire": Out(len(neurons))}),
            },
            self.neurons,
            self.lanes,
            planes=planes,
            scores=scores,
            masked=masked,
            mask_stage=mask_stage,
            additions=additions,
            memory=memory,
            steps=steps,
            layer=layer,
        )

    @property
    def latency(self) -> int:
        """Cycles from rows to their addition, whose result it is."""
        return depth(len(self.lanes), mask_stage=self.mask_stage, additions=self.additions)

    def row(self, lane: int):
        """The row of a lane."""
        return getattr(self, f"row{lane}")

    def there(self, lane: int):
        """The groups that it is meant for."""
        return getattr(self, f"there{lane}")

    def build(self, platform):
        m = Module()

        cycles = self.latency
        ends = delayed(m, self.ends, cycles, "window_ends")
        closes = delayed(m, self.closes, cycles, "frame_ends")
        # After a reset, until what it has left in memories, weights and sums is gone.
        clear = delayed(m, Const(0), self.memory + cycles, "clear", init=1)
        load = Signal()
        m.d.comb += load.eq(closes | clear)
        of_plane = self._of_plane(m, ends, closes)
        again = self._again(m, closes)

        potentials = []
        for j, neuron in enumerate(self.neurons):
            shape = Shape.of(
                neuron,
                self.lanes,
                self.planes,
                masked=self.masked,
                mask_stage=self.mask_stage,
                additions=self.additions,
            )
            weights, there = [], []
            for k, (lane, stored) in enumerate(zip(self.lanes, shape.stored, strict=True)):
                at, group = lane.place(j, len(self.neurons))
                weights.append(self.row(k)[at : at + stored])
                there.append(self.there(k)[group])
            inputs = {
                "weights": Cat(weights),
                **({"there": Cat(there)} if shape.masked else {}),
                "load": load,
                "start": Const(neuron.start(self.planes), signed(shape.width)),
            }
            inputs |= of_plane(neuron.offset)
            if neuron.left is not None:
                inputs |= {
                    "again": again,
                    "fired": Const(neuron.left.fired, signed(shape.width)),
                    "silent": Const(neuron.left.silent, signed(shape.width)),
                }
            potential = Signal(signed(shape.width), name=f"potential_{j}")
            outputs = {"potential": potential}
            shared.add(m, platform, f"neuron_{j}", Accumulator, shape, inputs, outputs)
            potentials.append(potential)
        if self.with_scores:
            m.d.comb += self.scores.eq(Cat(potentials))
        else:
            m.d.comb += self.fire.eq(~Cat(potential[-1] for potential in potentials))
        m.d.comb += self.done.eq(closes)
        return m

    def _again(self, m, closes):
        """Whether a step ends that is not its frame's last; None if there is but one."""
        if self.steps == 1:
            return None
        step = Signal(range(self.steps))
        again = Signal()
        m.d.comb += again.eq(closes & (step != self.steps - 1))
        with m.If(closes):
            m.d.sync += step.eq(Mux(again, step + 1, 0))
        return again

    def _of_plane(self, m, ends, closes):
        """A function from an offset to the inputs of its accumulator that depend on the plane."""
        if self.planes == 1:
            return lambda offset: {}
        if self.planes <= SHIFTED_PLANES:
            shift = Signal(self.planes - 1, init=1 << (self.planes - 2))
            with m.If(closes):
                m.d.sync += shift.eq(shift.init)
            with m.Elif(ends):
                m.d.sync += shift.eq(shift >> 1)
            return lambda offset: {"shift": shift}
        double = Signal()
        m.d.sync += double.eq(ends & ~closes)
        plane = Signal(range(self.planes - 1), init=self.planes - 2)
        with m.If(closes):
            m.d.sync += plane.eq(plane.init)
        with m.Elif(double):
            m.d.sync += plane.eq(plane - 1)
        bits: dict[int, Signal] = {}

        def incoming(offset: int) -> Signal:
            """The bit of it that comes in for the plane that begins."""
            pattern = offset & (2 ** (self.planes - 1) - 1)
            if pattern not in bits:
                bits[pattern] = Signal(name=f"incoming_{pattern}")
                m.d.comb += bits[pattern].eq(Const(pattern, self.planes - 1).bit_select(plane, 1))
            return bits[pattern]

        return lambda offset: {"double": double, "incoming": incoming(offset)}
