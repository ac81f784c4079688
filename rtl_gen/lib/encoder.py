"""From words of spikes to events: zero bits cost nothing."""

from dataclasses import dataclass

from amaranth.hdl import Cat, Module, Mux, Signal
from amaranth.lib import stream
from amaranth.lib.wiring import In, Out

from rtl_gen.stream import entry

from .shared import Shared


@dataclass(frozen=True, kw_only=True)
class Port:
    """An encoder and the reads of its memory of weights.

    Parameters
    ----------
    positions: bits of an entry.
    rows: of the memory.
    reads: events a cycle: 1 or 2.
    groups: of a convolution's channels and neurons.
    """

    positions: int
    rows: int
    reads: int
    groups: int = 1

    @property
    def entry(self):
        """Layout of its entries."""
        return entry(self.positions, self.rows, self.groups)

    @property
    def address_bits(self) -> int:
        """Bits of the address of a row."""
        return max(1, (self.rows - 1).bit_length())


class EventEncoder(Shared):
    """Takes up to ``ports`` events a cycle from a bank's entries.

    Semantics: one port takes the lowest spike of the current entry.  Two ports take the lowest and
    the highest; when only one is left, the second port takes the lowest of the next entry, if that
    has arrived and belongs to the same plane.  The cycle that takes a plane's last spike is its
    ``ending`` one and waits for ``go``.

    Latency: an entry that is read can give events in the next cycle.
    Throughput: ``ports`` events a cycle without gaps while entries come, at most one a cycle.

    Parameters
    ----------
    port: that it serves.

    Members
    -------
    i: entries.
    ending: this cycle would end the plane.
    go: it may.
    closes, final, drop: of the entry that ends it, see entry().
    picked: spikes taken in this cycle, one bit set or none.
    base: row of weights of each port's bit 0.
    spikes: of a grouped convolution, those of all groups behind ``picked``.
    """

    def __init__(self, port: Port):
        positions, ports, groups = port.positions, port.reads, port.groups
        assert ports in (1, 2)
        assert ports == 1 or groups == 1
        self.positions = positions
        self.ports = ports
        self.groups = groups
        self.entry = port.entry
        members = {
            "i": In(stream.Signature(self.entry)),
            "ending": Out(1),
            "go": In(1),
            "closes": Out(1),
            "final": Out(1),
            "drop": Out(1),
            "picked": Out(positions).array(ports),
            "base": Out(port.address_bits).array(ports),
        }
        if groups > 1:
            members["spikes"] = Out(positions * groups)
        super().__init__(members, port)

    def build(self, platform):
        m = Module()

        incoming = self.i.payload
        arrived = self.i.valid
        take = self.i.ready

        current = Signal(self.entry)
        valid = Signal()
        first = Signal(self.positions)
        left = Signal(self.positions)
        ends = Signal()
        proceed = Signal()
        m.d.comb += [
            first.eq(lowest(current.bits)),
            proceed.eq(valid & (~self.ending | self.go)),
            self.base[0].eq(current.base),
            self.picked[0].eq(Mux(proceed, first, 0)),
        ]

        if self.groups > 1:
            m.d.comb += self.spikes.eq(current.spikes)

        if self.ports == 1:
            m.d.comb += [
                left.eq(current.bits & ~first),
                ends.eq(~left.any()),
                self.ending.eq(valid & ends & current.last),
                self.closes.eq(current.closes),
                self.final.eq(current.final),
                self.drop.eq(current.drop),
                take.eq(~valid | (proceed & ends)),
            ]
            with m.If(take):
                m.d.sync += [current.eq(incoming), valid.eq(arrived)]
            with m.Elif(proceed):
                m.d.sync += current.bits.eq(left)
            return m

        following = Signal(self.entry)
        waiting = Signal()
        mirrored = Signal(self.positions)
        second = Signal(self.positions)
        third = Signal(self.positions)
        m.d.comb += [
            mirrored.eq(current.bits[::-1]),
            second.eq(lowest(mirrored)[::-1]),
            third.eq(lowest(following.bits)),
        ]
        alone = Signal()
        steal = Signal()
        following_left = Signal(self.positions)
        exhausted = Signal()
        m.d.comb += [
            alone.eq(~(current.bits & ~first).any()),
            left.eq(current.bits & ~first & ~second),
            ends.eq(~left.any()),
            steal.eq(alone & ~current.last & waiting),
            following_left.eq(Mux(steal, following.bits & ~third, following.bits)),
            exhausted.eq(steal & ~following_left.any()),
            self.ending.eq(valid & ends & (current.last | (exhausted & following.last))),
            self.closes.eq(Mux(current.last, current.closes, following.closes)),
            self.final.eq(Mux(current.last, current.final, following.final)),
            self.drop.eq(Mux(current.last, current.drop, following.drop)),
            self.base[1].eq(Mux(alone, following.base, current.base)),
            self.picked[1].eq(Mux(proceed & (steal | ~alone), Mux(alone, third, second), 0)),
        ]
        with m.If(~valid | (proceed & ends)):
            with m.If(waiting & ~exhausted):
                m.d.sync += [
                    current.eq(following),
                    current.bits.eq(following_left),
                    valid.eq(1),
                    following.eq(incoming),
                    waiting.eq(arrived),
                ]
            with m.Else():
                m.d.sync += [current.eq(incoming), valid.eq(arrived), waiting.eq(0)]
            m.d.comb += take.eq(1)
        with m.Else():
            with m.If(proceed):
                m.d.sync += current.bits.eq(left)
            with m.If(~waiting):
                m.d.sync += [following.eq(incoming), waiting.eq(arrived)]
                m.d.comb += take.eq(1)
        return m


def lowest(bits):
    """The lowest set bit alone."""
    return (bits & (~bits + 1))[: len(bits)]


def select(one_hot, values, width: int):
    """The value that belongs to the set bit; zero if there is none."""
    return Cat(
        Cat(one_hot[i] for i, value in enumerate(values) if value >> k & 1).any()
        for k in range(width)
    )


def binary(one_hot, width: int):
    """Index of the set bit; zero if there is none."""
    return select(one_hot, range(len(one_hot)), width)
