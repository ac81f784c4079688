"""Pools of a map."""

from amaranth.hdl import Cat, Module, Mux, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from rtl_gen.lib.fork import Fork
from rtl_gen.lib.reader import WindowReader
from rtl_gen.lib.register import registered
from rtl_gen.lib.slots import Slots
from rtl_gen.plan import PoolPlan
from rtl_gen.stream import word


class PoolLayer(wiring.Component):
    """Joins the pixels of each window, all channels at once.

    Semantics: see ir.Pool: ``or`` of spikes, or the exact ``sum``.

    Latency: ``latency`` cycles from taking a window's last pixel until its result goes out.
    Throughput: a pixel with spikes a cycle, at most one window a cycle.

    Members
    -------
    i0: pixels.
    o0, o1, …: pixels, a stream a reader.
    """

    #: Sum, slot.
    latency = 1 + Slots.read_latency

    def __init__(self, plan: PoolPlan, readers: int):
        self.plan = plan
        self.readers = readers
        windows = plan.windows
        self.reader = WindowReader(windows, channels=range(windows.channels), whole=True)
        super().__init__(
            {
                "i0": In(stream.Signature(word(windows.channels, windows.planes))),
                **{
                    f"o{k}": Out(stream.Signature(word(windows.channels, plan.planes)))
                    for k in range(readers)
                },
            }
        )

    def input(self, projection: int):
        """The stream of pixels; there is but one."""
        assert projection == 0
        return self.i0

    def output(self, reader: int):
        """The stream to a reader."""
        return getattr(self, f"o{reader}")

    def elaborate(self, platform):
        m = Module()
        plan, channels = self.plan, self.plan.windows.channels
        layout = word(channels, plan.planes)
        m.submodules.reader = reader = self.reader
        words = registered(m, self.i0, "register")
        m.submodules.slots = slots = Slots(bits=layout.size, depth=plan.slots)
        take = Signal()
        m.d.comb += [
            reader.i.eq(words.payload),
            reader.push.eq(words.valid & words.ready),
            words.ready.eq(reader.room),
            reader.o.ready.eq(slots.free | ~reader.o.p.closes),
            take.eq(reader.o.valid & reader.o.ready),
            slots.reserve.eq(take & reader.o.p.closes),
        ]

        totals = []
        for c in range(channels):
            value = Cat(reader.o.p.bits[b * channels + c] for b in range(plan.windows.planes))
            total = Signal(plan.planes, name=f"total_{c}")
            sum_ = Signal(plan.planes, name=f"sum_{c}")
            m.d.comb += sum_.eq(total | value if plan.kind == "or" else total + value)
            with m.If(take):
                m.d.sync += total.eq(Mux(reader.o.p.closes, 0, sum_))
            totals.append(sum_)
        result = Signal(layout)
        done = Signal()
        m.d.sync += [
            done.eq(slots.reserve),
            result.last.eq(reader.o.p.final),
            result.drop.eq(reader.o.p.drop),
        ]
        for b in range(plan.planes):
            m.d.sync += result.planes[b].eq(Cat(total[b] for total in totals))
        m.d.comb += [slots.i.eq(result), slots.push.eq(done)]

        sources = [slots.o]
        if self.readers > 1:
            m.submodules.fork = fork = Fork(layout.size, self.readers)
            wiring.connect(m, slots.o, fork.i)
            sources = list(fork.o)
        for k, source in enumerate(sources):
            out = self.output(k)
            m.d.comb += [
                out.payload.eq(source.payload),
                out.valid.eq(source.valid),
                source.ready.eq(out.ready),
            ]

        # What a bench watches.
        seen = Signal(channels * plan.planes, attrs={"keep": 1})
        seen_valid = Signal(attrs={"keep": 1})
        m.d.comb += [
            seen.eq(slots.o.payload[: len(seen)]),
            seen_valid.eq(slots.o.valid & slots.o.ready),
        ]
        return m
