"""From words of spikes to events: zero bits cost nothing."""

from dataclasses import dataclass
from math import ceil, sqrt

from amaranth.hdl import Cat, Module, Mux, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from rtl_gen.stream import entry

from .shared import Shared

#: What an entry says of its plane's end.
MARKS = ("closes", "final", "drop")

#: Bits of an entry that are counted together, unless there are more than so many.
_PART = 4
NARROW = 32

#: Bits that a chain of carries goes through.
_CHAIN = 32


@dataclass(frozen=True, kw_only=True)
class Port:
    """An encoder and the reads of its memory of weights.

    Parameters
    ----------
    positions: bits of an entry.
    rows: of the memory.
    reads: events a cycle: 1 or 2.
    groups: of a convolution's channels and neurons.
    spare: whether the memory has a row of zeros behind its rows.
    """

    positions: int
    rows: int
    reads: int
    groups: int = 1
    spare: bool = False

    @property
    def entry(self):
        """Layout of its entries."""
        return entry(self.positions, self.rows, self.groups)

    @property
    def step(self) -> wiring.Signature:
        """What its encoder takes in a cycle.

        picked: the spike that each port takes, one bit set or none.
        base: row of weights of each port's bit 0.
        spikes: of a grouped convolution, those of all groups behind ``picked``.
        ends, closes, final, drop: of the plane's last step, see entry(); else 0 or of no matter.
        """
        members = {
            "picked": Out(self.positions).array(self.reads),
            "base": Out(self.address_bits).array(self.reads),
            **{mark: Out(1) for mark in ("ends", *MARKS)},
        }
        if self.groups > 1:
            members["spikes"] = Out(self.positions * self.groups)
        return wiring.Signature(members)

    @property
    def is_wide(self) -> bool:
        """Whether the counting of its spikes takes a cycle more."""
        return self.positions > NARROW

    @property
    def address_bits(self) -> int:
        """Bits of the address of a row."""
        return max(1, (self.rows - 1).bit_length())

    @property
    def read_bits(self) -> int:
        """... or of the row of zeros."""
        return max(1, (self.rows - 1 + self.spare).bit_length())


class EventEncoder(Shared):
    """Takes up to ``reads`` events a cycle from a bank's entries, as steps.

    Semantics: one port takes the lowest spike of the current entry.  Two ports take the lowest and
    the highest; when only one is left, the second port takes the lowest of the next entry, if that
    has arrived and belongs to the same plane.  A plane without any spikes is one step.

    How many spikes an entry has is counted on its way in, so that nothing in the loop from one
    step to the next has to look for the last of them.

    Latency: 3 cycles from reading an entry to its first step: partial counts, counts, current; of a
    wide one 4.
    Throughput: a step a cycle without gaps while entries come, at most one a cycle.

    Parameters
    ----------
    port: that it serves.

    Members
    -------
    i: entries.
    room: there is room for a step.
    taken: there is one in this cycle:
    o: see Port.step.
    """

    def __init__(self, port: Port):
        assert port.reads in (1, 2)
        assert port.reads == 1 or port.groups == 1
        self.port = port
        self.entry = port.entry
        super().__init__(
            {
                "i": In(stream.Signature(port.entry)),
                "room": In(1),
                "taken": Out(1),
                "o": Out(port.step),
            },
            port,
        )

    def build(self, platform):
        m = Module()
        positions, reads = self.port.positions, self.port.reads

        following = Signal(self.entry)
        waiting = Signal()
        following_count = Signal(range(positions + 1))
        current = Signal(self.entry)
        valid = Signal()
        count = Signal(range(positions + 1))
        take = Signal()
        accept = Signal()
        m.d.comb += accept.eq(~waiting | take)
        arrived, arrived_valid, counts = self._counted(m, accept)
        # Thresholds of the counts are kept beside them.
        few = {n: Signal(name=f"few_{n}") for n in range(1, reads + 1)}
        following_few = {n: Signal(name=f"following_few_{n}") for n in range(1, 2 * reads)}
        arrived_count = Signal.like(following_count)
        m.d.comb += arrived_count.eq(total(counts))
        with m.If(accept):
            m.d.sync += [
                following.eq(arrived),
                waiting.eq(arrived_valid),
                following_count.eq(arrived_count),
            ]
            m.d.sync += [flag.eq(at_most(arrived_count, n)) for n, flag in following_few.items()]

        # The step.
        ends = Signal()
        steal = Signal()
        exhausted = Signal()
        first = Signal(positions)
        left = Signal(positions)
        following_left = Signal(positions)
        m.d.comb += [
            first.eq(lowest(m, current.bits)),
            ends.eq(few[reads]),
            self.o.picked[0].eq(first),
            self.o.base[0].eq(current.base),
            self.taken.eq(valid & self.room),
            take.eq(~valid | (self.room & ends)),
        ]
        if self.port.groups > 1:
            m.d.comb += self.o.spikes.eq(current.spikes)
        if reads == 1:
            m.d.comb += [
                left.eq(current.bits & ~first),
                following_left.eq(following.bits),
                self.o.ends.eq(ends & current.last),
                *(getattr(self.o, mark).eq(current[mark]) for mark in MARKS),
            ]
        else:
            mirrored = Signal(positions)
            second = Signal(positions)
            third = Signal(positions)
            alone = few[1]
            m.d.comb += [
                mirrored.eq(current.bits[::-1]),
                second.eq(lowest(m, mirrored)[::-1]),
                third.eq(lowest(m, following.bits)),
                left.eq(current.bits & ~first & ~second),
                steal.eq(valid & alone & ~current.last & waiting),
                exhausted.eq(steal & following_few[1]),
                following_left.eq(Mux(steal, following.bits & ~third, following.bits)),
                self.o.picked[1].eq(Mux(alone, Mux(steal, third, 0), second)),
                self.o.base[1].eq(Mux(alone, following.base, current.base)),
                self.o.ends.eq(ends & (current.last | (exhausted & following.last))),
                *(
                    getattr(self.o, mark).eq(Mux(current.last, current[mark], following[mark]))
                    for mark in MARKS
                ),
            ]

        with m.If(take):
            m.d.sync += [
                current.eq(following),
                current.bits.eq(following_left),
                valid.eq(waiting & ~exhausted),
                count.eq(following_count - steal),
            ]
            for n, flag in few.items():
                known = following_few[n]
                m.d.sync += flag.eq(Mux(steal, following_few[n + 1], known) if reads > 1 else known)
        with m.Elif(self.room):
            m.d.sync += [current.bits.eq(left), count.eq(count - reads)]
            m.d.sync += [flag.eq(at_most(count, n + reads)) for n, flag in few.items()]
        return m

    def _counted(self, m, accept):
        """An entry on its way, whether there is one, and the counts of its parts.

        A wide one is a register before: what it comes from may be a block RAM, slow and far away.
        """
        positions = self.port.positions
        arrived = Signal(self.entry)
        arrived_valid = Signal()
        arrives = Signal()
        m.d.comb += arrives.eq(~arrived_valid | accept)
        entry, there, size = self.i.payload, self.i.valid, _PART
        if self.port.is_wide:
            size = ceil(sqrt(positions))
            entry, there = Signal(self.entry, name="came"), Signal(name="came_valid")
            with m.If(self.i.ready):
                m.d.sync += [entry.eq(self.i.payload), there.eq(self.i.valid)]
            m.d.comb += self.i.ready.eq(~there | arrives)
        else:
            m.d.comb += self.i.ready.eq(arrives)
        parts = [entry.bits[k : k + size] for k in range(0, positions, size)]
        counts = [Signal(range(len(part) + 1), name=f"count_{k}") for k, part in enumerate(parts)]
        with m.If(arrives):
            m.d.sync += [arrived.eq(entry), arrived_valid.eq(there)]
            m.d.sync += [n.eq(total(list(part))) for n, part in zip(counts, parts, strict=True)]
        return arrived, arrived_valid, counts


def at_most(value, most: int):
    """Whether a number is no more than ``most``, without a chain of carries."""
    low = value[: most.bit_length()]
    return ~value[most.bit_length() :].any() & Cat(low == n for n in range(most + 1)).any()


def total(values):
    """The sum of some small numbers, as a tree."""
    while len(values) > 1:
        values = [sum(values[k : k + 2]) for k in range(0, len(values), 2)]
    return values[0]


def lowest(m: Module, bits):
    """The lowest set bit alone.

    In parts, and among the parts, where one chain of carries would be longer than a cycle.
    """
    if len(bits) <= _CHAIN:
        return (bits & (~bits + 1))[: len(bits)]
    parts = [bits[k : k + _CHAIN // 2] for k in range(0, len(bits), _CHAIN // 2)]
    # Signals, as an expression would be written out wherever a bit of it is used; without names,
    # as they are nothing that a reader looks for.
    found, there, first = (Signal(n, name="") for n in (len(bits), len(parts), len(parts)))
    m.d.comb += [
        there.eq(Cat(part.any() for part in parts)),
        first.eq(lowest(m, there)),
        found.eq(
            Cat(lowest(m, p) & f.replicate(len(p)) for p, f in zip(parts, first, strict=True))
        ),
    ]
    return found


def select(one_hot, values, width: int):
    """The value that belongs to the set bit; zero if there is none."""
    return Cat(
        Cat(one_hot[i] for i, value in enumerate(values) if value >> k & 1).any()
        for k in range(width)
    )


def binary(one_hot, width: int):
    """Index of the set bit; zero if there is none."""
    return select(one_hot, range(len(one_hot)), width)
