"""What lies between the words of a source and the encoders of a projection."""

from collections.abc import Mapping, Sequence
from typing import Any

from amaranth.hdl import Cat, Module, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from rtl_gen.feeds import ConvPlan, DensePlan
from rtl_gen.lib.encoder import Port
from rtl_gen.lib.planes import PlaneSequence
from rtl_gen.lib.queue import WordQueue
from rtl_gen.lib.reader import WindowReader
from rtl_gen.lib.register import registered
from rtl_gen.lib.serialiser import Serialiser
from rtl_gen.stream import word


class _Feed(wiring.Component):
    """Takes words in, as far as there is room; gives entries, a stream a port.

    Members
    -------
    i, push, room: words; one is taken where ``push``, which is only allowed while ``room``.
    o0, o1, …: entries of the ports.
    """

    def __init__(self, ports: tuple[Port, ...], layout, more: Mapping[str, Any] | None = None):
        self.ports = ports
        super().__init__(
            {
                "i": In(layout),
                "push": In(1),
                "room": Out(1),
                **(more or {}),
                **{f"o{k}": Out(stream.Signature(port.entry)) for k, port in enumerate(ports)},
            }
        )

    def entries(self, port: int):
        """The stream of a port's entries."""
        return getattr(self, f"o{port}")


class DenseFeed(_Feed):
    """Queues of the words' shares, for a dense projection.

    Latency, throughput: see WordQueue.

    Members
    -------
    ahead, loaded: the word that is ``i`` after the next cycle's edge, where ``loaded``.
    """

    #: Bits of a share of which is known ahead whether any is set: whether the whole share has one
    #: goes to every bit of a queue, which is far enough from a few of them.
    GROUP = 16

    def __init__(self, plan: DensePlan, ports: tuple[Port, ...]):
        self.plan = plan
        layout = word(plan.positions, plan.planes)
        super().__init__(ports, layout, {"ahead": In(layout), "loaded": In(1)})

    def elaborate(self, platform):
        m = Module()
        plan = self.plan
        word, push = self.i, self.push
        room = []
        for b, bank in enumerate(plan.banks):
            positions, rows = len(bank.positions), self.ports[b].rows
            base = Signal(range(max(rows, 2)), name=f"base{b}")
            if not plan.repeats:
                with m.If(push):
                    m.d.sync += base.eq(base + positions)
                    with m.If(word.last):
                        m.d.sync += base.eq(0)
            sequence = PlaneSequence(positions=positions, rows=rows, planes=plan.planes)
            m.submodules[f"planes{b}"] = sequence
            for p in range(plan.planes):
                queue = WordQueue(positions=positions, rows=rows, depth=plan.queue)
                m.submodules[f"queue{b}_{p}" if plan.planes > 1 else f"queue{b}"] = queue
                room.append(queue.room)
                some = Signal(-(-positions // self.GROUP), name=f"some{b}_{p}")
                with m.If(self.loaded):
                    for g, bit in enumerate(some):
                        group = bank.positions[g * self.GROUP : (g + 1) * self.GROUP]
                        m.d.sync += bit.eq(Cat(self.ahead.planes[p][k] for k in group).any())
                m.d.comb += [
                    queue.push.eq(push),
                    queue.spikes.eq(some.any()),
                    queue.i.bits.eq(Cat(word.planes[p][k] for k in bank.positions)),
                    queue.i.base.eq(base),
                    queue.i.last.eq(word.last),
                    queue.i.drop.eq(word.drop),
                ]
                wiring.connect(m, queue.o, sequence.planes[p])
            wiring.connect(m, sequence.o, wiring.flipped(self.entries(b)))
        m.d.comb += self.room.eq(Cat(room).all())
        return m


def cut(m: Module, source, plan: DensePlan, name: str):
    """The words of a source, each in several; with the last of them goes the word itself."""
    m.submodules[name] = serialiser = Serialiser(
        width=plan.positions * plan.planes, beats=plan.parts
    )
    planes = source.payload.planes
    out = stream.Signature(word(plan.positions, plan.planes)).create()
    m.d.comb += [
        serialiser.i.payload.eq(
            Cat(
                planes[p].word_select(n, plan.positions)
                for n in range(plan.parts)
                for p in range(plan.planes)
            )
        ),
        serialiser.i.valid.eq(source.valid),
        source.ready.eq(serialiser.i.ready),
        out.valid.eq(serialiser.o.valid),
        Cat(out.p.planes[p] for p in range(plan.planes)).eq(serialiser.o.p.data),
        out.p.last.eq(source.payload.last & serialiser.o.p.last),
        out.p.drop.eq(source.payload.drop),
        serialiser.o.ready.eq(out.ready),
    ]
    return wiring.flipped(out)  # as a port of the component is seen from within


class ConvFeed(_Feed):
    """A line buffer a bank, for every ``step``-th window of a convolution.

    Latency, throughput: see WindowReader.
    """

    def __init__(self, plan: ConvPlan, ports: tuple[Port, ...], *, first: int, step: int):
        self.plan = plan
        groups, channels = plan.groups, plan.windows.channels
        self.readers = [
            WindowReader(
                plan.windows,
                channels=[
                    g * (channels // groups) + c for c in bank.positions for g in range(groups)
                ],
                groups=groups,
                first=first,
                step=step,
            )
            for bank in plan.banks
        ]
        super().__init__(ports, word(channels, plan.planes))

    def elaborate(self, platform):
        m = Module()
        for b, reader in enumerate(self.readers):
            m.submodules[f"reader{b}"] = reader
            m.d.comb += [reader.i.eq(self.i), reader.push.eq(self.push)]
            wiring.connect(m, reader.o, wiring.flipped(self.entries(b)))
        m.d.comb += self.room.eq(Cat(reader.room for reader in self.readers).all())
        return m


def read_windows(m: Module, k: int, inputs: Sequence, reader: WindowReader, entries) -> None:
    """Projection ``k`` of a layer: its words go into a line buffer, whose windows are wanted."""
    m.submodules[f"reader{k}"] = reader
    words = registered(m, inputs[k], f"register{k}" if len(inputs) > 1 else "register")
    m.d.comb += [
        reader.i.eq(words.payload),
        reader.push.eq(words.valid & words.ready),
        words.ready.eq(reader.room),
    ]
    wiring.connect(m, reader.o, entries)
