"""The potentials of a layer whose rows of weights come word by word."""

from collections.abc import Sequence

from amaranth.hdl import Cat, Const, Module, Mux, Signal, signed, unsigned
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out

from .delay import delayed
from .fold import phase_bits
from .neuron import Lane, Neuron
from .shared import Shared


class StoredPotentials(Shared):
    """Adds the words of rows to the potentials of their groups of neurons, which lie in a memory.

    Semantics: those of Accumulators with one lane, in a group of neurons at a time.  The memory's
    second half holds what the potentials of a group start from, so that its first word of a window
    is added to that.  A potential's sign is a register, as all of them are wanted at once.

    Latency: ``latency`` cycles from a word to ``fire``.  Throughput: a word a cycle, as long as
    two that follow each other are of different groups.

    Parameters
    ----------
    neurons: of the layer.
    lane: what words come.
    planes: width of an input value.
    layer: its name.

    Members
    -------
    row0: a word, the group's first neuron lowest; there0: the groups that it is meant for: at most
        one.
    ends, closes, done, fire: see Accumulators.
    """

    #: The potential's reading, its addition, whose sign is kept.
    latency = 2

    def __init__(
        self, neurons: Sequence[Neuron], lane: Lane, *, planes: int, layer: str | None = None
    ):
        assert lane.groups > 1
        self.neurons = tuple(neurons)
        self.lane = lane
        self.planes = planes
        #: Of the sums, each of which is as wide as the widest potential at its place of a word.
        self.widths = tuple(max(n.width(planes) for n in self._at(k)) for k in range(lane.word))
        super().__init__(
            {
                "row0": In(lane.bits(len(neurons))),
                "there0": In(lane.groups),
                "ends": In(1),
                "closes": In(1),
                "done": Out(1),
                "fire": Out(len(neurons)),
            },
            self.neurons,
            lane,
            planes=planes,
            layer=layer,
        )

    def row(self, lane: int):
        """The words."""
        assert lane == 0
        return self.row0

    def there(self, lane: int):
        """The groups that they are meant for."""
        assert lane == 0
        return self.there0

    def build(self, platform):
        m = Module()
        groups = self.lane.groups
        begin = 1 << phase_bits(groups)
        m.submodules.potentials = memory = Memory(
            shape=unsigned(sum(self.widths)),
            depth=2 * begin,
            init=[0] * begin + [self._start(group) for group in range(groups)],
        )
        read, write = memory.read_port(), memory.write_port()

        group = Signal(phase_bits(groups))
        fresh = Signal(groups, init=-1)
        m.d.comb += [
            group.eq(Cat(self._encoded(bit) for bit in range(len(group)))),
            read.addr.eq(Cat(group, (fresh & self.there0).any())),
            read.en.eq(self.there0.any()),
        ]
        m.d.sync += fresh.eq(Mux(self.closes, -1, fresh & ~self.there0))

        word = Signal(len(self.row0), reset_less=True)
        there = Signal(groups)
        at = Signal(len(group))
        m.d.sync += [word.eq(self.row0), there.eq(self.there0), at.eq(group)]
        shift = self._shift(m)
        after, low = [], 0
        for k, width in enumerate(self.widths):
            potential = read.data[low : low + width].as_signed()
            sum_ = Signal(signed(width), name=f"potential_{k}")
            m.d.comb += sum_.eq(potential + self._weight(word, k, shift))
            after.append(sum_)
            low += width
        m.d.comb += [
            write.addr.eq(at),
            write.data.eq(Cat(after)),
            # Two words of one group do not follow each other, which tools cannot know: they would
            # add what it takes to read a word that is written.
            write.en.eq(there.any() & ~(read.en & (at == group))),
        ]

        m.d.comb += self.done.eq(delayed(m, self.closes, self.latency, "closes"))
        fires = []
        for g in range(groups):
            members = self._of(g)
            init = sum((n.offset >= 0) << k for k, n in enumerate(members))
            signs = Signal(len(members), name=f"fires_{g}", init=init)
            with m.If(there[g]):
                m.d.sync += signs.eq(~Cat(sum_[-1] for sum_ in after[: len(members)]))
            with m.Elif(self.done):
                m.d.sync += signs.eq(init)
            fires.append(signs)
        m.d.comb += self.fire.eq(Cat(fires))
        return m

    def _at(self, k: int) -> tuple[Neuron, ...]:
        """Those at a place of a word."""
        return self.neurons[k :: self.lane.word]

    def _of(self, group: int) -> tuple[Neuron, ...]:
        """Those of a group."""
        return self.neurons[group * self.lane.word : (group + 1) * self.lane.word]

    def _start(self, group: int) -> int:
        """The potentials of a group at the beginning of a window, packed."""
        packed, low = 0, 0
        for neuron, width in zip(self._of(group), self.widths, strict=False):
            packed |= (neuron.offset & ((1 << width) - 1)) << low
            low += width
        return packed

    def _encoded(self, bit: int):
        """A bit of the group's number."""
        return Cat(there for g, there in enumerate(self.there0) if g >> bit & 1).any()

    def _shift(self, m: Module) -> list:
        """Whether the word's plane is 1, 2, …; none of them is plane 0's."""
        if self.planes == 1:
            return []
        plane = Signal(self.planes - 1, init=1 << (self.planes - 2))
        shift = Signal(self.planes - 1)
        with m.If(self.closes):
            m.d.sync += plane.eq(plane.init)
        with m.Elif(self.ends):
            m.d.sync += plane.eq(plane >> 1)
        m.d.sync += shift.eq(plane)
        return list(shift)

    def _weight(self, word, k: int, shift: list):
        """What a word adds to the potential at a place of it."""
        bits = self.lane.weight_bits
        stored = word[k * bits : (k + 1) * bits]
        weight = (Cat(Const(1, 1), stored) if bits == 1 else stored).as_signed()
        added = weight
        for b, there in enumerate(shift, start=1):
            added = Mux(there, weight << b, added)
        return added
