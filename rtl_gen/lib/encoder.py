"""From words of spikes to events: zero bits cost nothing."""

from amaranth.hdl import Cat, Module, Mux, Signal
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from rtl_gen.stream import entry


class EventEncoder(wiring.Component):
    """Takes up to ``ports`` events a cycle from a bank's words.

    Semantics: one port takes the lowest spike of the current word.  Two ports take the lowest and
    the highest; when only one is left, the second port takes the lowest of the next word, if that
    has arrived and belongs to the same window.  The cycle that takes a window's last spike is its
    ``ending`` one and waits for ``go``.  A frame has a window for each plane, most significant
    first, each plane with a queue of its own.

    Latency: an entry that is read can give events in the next cycle.
    Throughput: ``ports`` events a cycle without gaps while words come, at most one word a cycle.

    Members
    -------
    words: the queues, that of plane b at index b.
    ending: this cycle would end the window.
    go: it may.
    closes: with ``ending``: the window is the frame's last.
    drop: with ``closes``: the frame is malformed.
    picked: spikes taken in this cycle, one bit set or none.
    base: row of weights of each port's bit 0.
    """

    def __init__(self, *, positions: int, rows: int, ports: int, planes: int):
        assert ports in (1, 2)
        self.positions = positions
        self.ports = ports
        self.planes = planes
        self.entry = entry(positions, rows)
        super().__init__(
            {
                "words": In(stream.Signature(self.entry)).array(planes),
                "ending": Out(1),
                "go": In(1),
                "closes": Out(1),
                "drop": Out(1),
                "picked": Out(positions).array(ports),
                "base": Out(range(max(rows, 2))).array(ports),
            }
        )

    def elaborate(self, platform):
        m = Module()

        # The queue to read: planes in turn, the next one after each entry that ends a window.
        state = data.StructLayout({"entry": self.entry, "closes": 1})
        incoming = Signal(state)
        arrived = Signal()
        take = Signal()
        plane = Signal(range(max(self.planes, 2)), init=self.planes - 1)
        with m.Switch(plane):
            for b in range(self.planes):
                with m.Case(b):
                    m.d.comb += [
                        incoming.entry.eq(self.words[b].payload),
                        arrived.eq(self.words[b].valid),
                        self.words[b].ready.eq(take),
                    ]
        m.d.comb += incoming.closes.eq(incoming.entry.last & (plane == 0))
        with m.If(take & arrived & incoming.entry.last):
            m.d.sync += plane.eq(Mux(plane == 0, self.planes - 1, plane - 1))

        current = Signal(state)
        valid = Signal()
        first = Signal(self.positions)
        left = Signal(self.positions)
        ends = Signal()
        proceed = Signal()
        m.d.comb += [
            first.eq(_lowest(current.entry.bits)),
            proceed.eq(valid & (~self.ending | self.go)),
            self.base[0].eq(current.entry.base),
            self.picked[0].eq(Mux(proceed, first, 0)),
        ]

        if self.ports == 1:
            m.d.comb += [
                left.eq(current.entry.bits & ~first),
                ends.eq(~left.any()),
                self.ending.eq(valid & ends & current.entry.last),
                self.closes.eq(current.closes),
                self.drop.eq(current.entry.drop),
                take.eq(~valid | (proceed & ends)),
            ]
            with m.If(take):
                m.d.sync += [current.eq(incoming), valid.eq(arrived)]
            with m.Elif(proceed):
                m.d.sync += current.entry.bits.eq(left)
            return m

        following = Signal(state)
        waiting = Signal()
        mirrored = Signal(self.positions)
        second = Signal(self.positions)
        third = Signal(self.positions)
        m.d.comb += [
            mirrored.eq(current.entry.bits[::-1]),
            second.eq(_lowest(mirrored)[::-1]),
            third.eq(_lowest(following.entry.bits)),
        ]
        alone = Signal()
        steal = Signal()
        following_left = Signal(self.positions)
        exhausted = Signal()
        m.d.comb += [
            alone.eq(~(current.entry.bits & ~first).any()),
            left.eq(current.entry.bits & ~first & ~second),
            ends.eq(~left.any()),
            steal.eq(alone & ~current.entry.last & waiting),
            following_left.eq(Mux(steal, following.entry.bits & ~third, following.entry.bits)),
            exhausted.eq(steal & ~following_left.any()),
            self.ending.eq(
                valid & ends & (current.entry.last | (exhausted & following.entry.last))
            ),
            self.closes.eq(Mux(current.entry.last, current.closes, following.closes)),
            self.drop.eq(Mux(current.entry.last, current.entry.drop, following.entry.drop)),
            self.base[1].eq(Mux(alone, following.entry.base, current.entry.base)),
            self.picked[1].eq(Mux(proceed & (steal | ~alone), Mux(alone, third, second), 0)),
        ]
        with m.If(~valid | (proceed & ends)):
            with m.If(waiting & ~exhausted):
                m.d.sync += [
                    current.eq(following),
                    current.entry.bits.eq(following_left),
                    valid.eq(1),
                    following.eq(incoming),
                    waiting.eq(arrived),
                ]
            with m.Else():
                m.d.sync += [current.eq(incoming), valid.eq(arrived), waiting.eq(0)]
            m.d.comb += take.eq(1)
        with m.Else():
            with m.If(proceed):
                m.d.sync += current.entry.bits.eq(left)
            with m.If(~waiting):
                m.d.sync += [following.eq(incoming), waiting.eq(arrived)]
                m.d.comb += take.eq(1)
        return m


def _lowest(bits):
    """The lowest set bit alone."""
    return (bits & (~bits + 1))[: len(bits)]


def binary(one_hot, width: int):
    """Index of the set bit; zero if there is none."""
    return Cat(
        Cat(one_hot[i] for i in range(len(one_hot)) if i >> k & 1).any() for k in range(width)
    )
