"""Neurons whose potentials stay from step to step, or whose thresholds depend on the pixel."""

from collections.abc import Sequence
from dataclasses import dataclass

from amaranth.hdl import Cat, Const, Module, Mux, Signal, signed, unsigned
from amaranth.lib import stream, wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out

from rtl_gen.width import signed_width

from .shared import APART, LOADED


@dataclass(frozen=True, kw_only=True)
class Membrane:
    """The numbers of a neuron; see ir.Layer.

    Parameters
    ----------
    bits: of what comes in.
    low, high: least and greatest membrane before it is reset or after.
    thresholds: one for each kind of pixel.
    bias: what is still to be added at every step.
    initial: before the first step.
    """

    bits: int
    low: int
    high: int
    thresholds: tuple[int, ...]
    bias: int
    initial: int

    @property
    def width(self) -> int:
        """Bits of the membrane."""
        return signed_width(self.low, self.high)

    @property
    def excess(self) -> int:
        """Bits of the membrane less a threshold."""
        return signed_width(self.low - max(self.thresholds), self.high - min(self.thresholds))

    @property
    def threshold(self) -> int:
        """Bits of a threshold."""
        return signed_width(min(self.thresholds), max(self.thresholds))


@dataclass(frozen=True, kw_only=True)
class MembranePlan:
    """What decides when spikes come.

    Parameters
    ----------
    steps: of a frame.
    windows: of a step.
    prepares: whether something is done before potentials are added.
    """

    steps: int
    windows: int
    prepares: bool

    @property
    def latency(self) -> int:
        """Cycles: what comes and what is kept are read, perhaps prepared, added, and compared."""
        return 3 + self.prepares if self.steps > 1 else 2

    @property
    def alone(self) -> bool:
        """Whether a window has to leave, and its potentials to be written, before the next comes.

        So it is where that may be the same pixel of the next step.
        """
        return self.steps > 1 and self.windows <= self.latency


@dataclass(frozen=True, kw_only=True)
class Pixels:
    """The windows of a step, and which of them are of a kind.

    rows, columns: kind of each row and each column of the map.  A window is of the kind
    ``row kind * kinds of columns + column kind``.
    """

    rows: tuple[int, ...] = (0,)
    columns: tuple[int, ...] = (0,)

    @property
    def windows(self) -> int:
        """How many."""
        return len(self.rows) * len(self.columns)

    @property
    def kinds(self) -> int:
        """How many there may be."""
        return (max(self.rows) + 1) * self.column_kinds

    @property
    def column_kinds(self) -> int:
        """... of columns."""
        return max(self.columns) + 1


class Membranes(wiring.Component):
    """Adds the potentials of a step to those that are left, and tells which neurons fire.

    Semantics: see ir.Layer.  Potentials come and spikes go window by window, all of one step before
    those of the next.  With a single step nothing is kept, and it is the thresholds that depend on
    the window.

    Latency: see MembranePlan, of cycles in which it moves: it stands still as a whole while spikes
    wait.  Throughput: a window a cycle, or one after the other.

    Parameters
    ----------
    neurons: of the layer.
    plan, pixels: windows, and their kinds.
    reset, leak: see ir.Layer.

    Members
    -------
    i: potentials, neuron 0 lowest, whether the window is the step's last, and then whether the
        frame is malformed.
    o: spikes, and the same.
    """

    def __init__(
        self,
        neurons: Sequence[Membrane],
        *,
        plan: MembranePlan,
        pixels: Pixels,
        reset: str,
        leak: int,
    ):
        assert pixels.windows == plan.windows
        assert plan.prepares or not (leak or any(n.bias for n in neurons))
        self.neurons = tuple(neurons)
        self.plan = plan
        self.pixels = pixels
        self.steps = plan.steps
        self.reset = reset
        self.leak = leak
        self.bits = sum(neuron.bits for neuron in neurons)
        super().__init__(
            {
                "i": In(stream.Signature(self.bits + 2)),
                "o": Out(stream.Signature(len(neurons) + 2)),
            }
        )

    def elaborate(self, platform):
        m = Module()
        self._moves = moves = Signal(name="moves")
        there = [Signal(name=f"there_{cycle + 1}") for cycle in range(self.plan.latency)]
        taken = Signal()
        m.d.comb += [
            moves.eq(self.o.ready | ~there[-1]),
            self.i.ready.eq(~Cat(there).any() if self.plan.alone else moves),
            taken.eq(self.i.valid & self.i.ready),
            self.o.valid.eq(there[-1]),
        ]
        with m.If(moves):
            for now, before in zip(there, [taken, *there], strict=False):
                m.d.sync += now.eq(before)
        marks = self.i.payload[self.bits :]
        for cycle in range(self.plan.latency):
            marks = self._after(m, marks, f"marks_{cycle + 1}")

        potentials, low = [], 0
        for j, neuron in enumerate(self.neurons):
            u = self.i.payload[low : low + neuron.bits].as_signed()
            potentials.append(self._after(m, u, f"potential_{j}"))
            low += neuron.bits
        kind = self._kind(m, taken)
        write = None
        if self.steps > 1:
            write, potentials = self._added(m, taken, potentials)
            for _ in range(1 + self.plan.prepares):
                kind = self._after(m, kind, "kind")

        thresholds = self._thresholds(m, kind)
        excess = []
        for j, (n, v, theta) in enumerate(zip(self.neurons, potentials, thresholds, strict=True)):
            more = (v - theta)[: n.excess].as_signed()
            excess.append(self._after(m, more, f"excess_{j}"))
        fires = Signal(len(excess))
        m.d.comb += [
            fires.eq(~Cat(value[-1] for value in excess)),
            self.o.payload.eq(Cat(fires, marks)),
        ]
        if write is not None:
            kept = [self._after(m, v, f"compared_{j}") for j, v in enumerate(potentials)]
            left = map(self._left, self.neurons, fires, kept, excess)
            m.d.comb += [write.en.eq(moves & there[-1]), write.data.eq(Cat(left))]
        return m

    def _after(self, m: Module, value, name: str):
        """The value when everything has moved once."""
        register = Signal.like(value, name=name, init=0, reset_less=True)
        with m.If(self._moves):
            m.d.sync += register.eq(value)
        return register

    def _kind(self, m: Module, taken):
        """Of the window that was taken last."""
        pixels = self.pixels
        kind = Signal(range(max(pixels.kinds, 2)))
        row = Signal(range(len(pixels.rows)))
        column = Signal(range(len(pixels.columns)))
        if pixels.kinds == 1:
            return kind
        with m.If(taken):
            m.d.sync += column.eq(Mux(column == len(pixels.columns) - 1, 0, column + 1))
            with m.If(column == len(pixels.columns) - 1):
                m.d.sync += row.eq(Mux(row == len(pixels.rows) - 1, 0, row + 1))
        of_row = self._listed(m, row, pixels.rows, "of_row")
        of_column = self._listed(m, column, pixels.columns, "of_column")
        m.d.comb += kind.eq(of_row * pixels.column_kinds + of_column)
        return self._after(m, kind, "kind")

    def _listed(self, m: Module, index, values: Sequence[int], name: str):
        """The value at that index."""
        value = Signal(range(max(values) + 1), name=name)
        with m.Switch(index):
            for wanted in sorted(set(values)):
                with m.Case(*(k for k, found in enumerate(values) if found == wanted)):
                    m.d.comb += value.eq(wanted)
        return value

    def _added(self, m: Module, taken, potentials: list):
        """What writes potentials back, and those of the step added to what is left."""
        first = Signal(init=1)
        step = Signal(range(self.steps))
        at = Signal(range(max(self.pixels.windows, 2)))
        last = self.i.payload[self.bits]
        with m.If(taken):
            m.d.sync += at.eq(Mux(last, 0, at + 1))
            with m.If(last):
                m.d.sync += [
                    step.eq(Mux(step == self.steps - 1, 0, step + 1)),
                    first.eq(step == self.steps - 1),
                ]
        write, held = self._memory(m, at)
        fresh = self._after(m, first, "fresh")
        left, low = [], 0
        for j, n in enumerate(self.neurons):
            v = Signal(signed(n.width), name=f"left_{j}")
            initial = Const(n.initial, signed(n.width))
            m.d.comb += v.eq(Mux(fresh, initial, held[low : low + n.width].as_signed()))
            low += n.width
            left.append(v)
        if self.plan.prepares:
            shift = self.leak
            left = [
                self._after(
                    m, (v - (v >> shift))[: len(v)].as_signed() if shift else v, f"kept_{j}"
                )
                for j, v in enumerate(left)
            ]
            potentials = [
                self._after(m, u + n.bias, f"biased_{j}")
                for j, (n, u) in enumerate(zip(self.neurons, potentials, strict=True))
            ]
        sums = [
            self._after(m, (v + u)[: n.width].as_signed(), f"membrane_{j}")
            for j, (n, v, u) in enumerate(zip(self.neurons, left, potentials, strict=True))
        ]
        return write, sums

    def _memory(self, m: Module, at):
        """What is kept: a port that writes, and what was read of a window when it was taken."""
        bits = sum(neuron.width for neuron in self.neurons)
        if self.pixels.windows == 1:
            write = wiring.Signature({"en": Out(1), "data": Out(bits)}).create(path=("write",))
            held = Signal(bits, reset_less=True, attrs={LOADED: 1})
            with m.If(write.en):
                m.d.sync += held.eq(write.data)
            return write, held
        memory = Memory(shape=unsigned(bits), depth=self.pixels.windows, init=[])
        m.submodules[APART] = memory
        write = memory.write_port()
        read = memory.read_port()
        m.d.comb += [read.addr.eq(at), read.en.eq(self._moves)]
        #: Windows are written in the order in which they are read.
        written = Signal.like(at)
        with m.If(write.en):
            m.d.sync += written.eq(Mux(written == self.pixels.windows - 1, 0, written + 1))
        m.d.comb += write.addr.eq(written)
        return write, read.data

    def _thresholds(self, m: Module, kind) -> list:
        """Of every neuron."""
        if self.pixels.kinds == 1:
            return [Const(n.thresholds[0], signed(n.threshold)) for n in self.neurons]
        found = [
            Signal(signed(n.threshold), name=f"threshold_{j}") for j, n in enumerate(self.neurons)
        ]
        with m.Switch(kind):
            for k in range(self.pixels.kinds):
                with m.Case(k):
                    m.d.comb += [
                        theta.eq(n.thresholds[k])
                        for theta, n in zip(found, self.neurons, strict=True)
                    ]
        return found

    def _left(self, neuron: Membrane, fires, membrane, excess):
        """What is left of a membrane."""
        if self.reset == "none":
            return membrane
        reset = excess if self.reset == "soft" else Const(0)
        return Mux(fires, reset, membrane)[: neuron.width]
