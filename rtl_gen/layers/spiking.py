"""Layers with synapses, and what becomes of their potentials."""

from amaranth.hdl import Cat, Const, Module, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from rtl_gen.feeds import DensePlan, Feed, FramePlan
from rtl_gen.lib.fork import Fork
from rtl_gen.lib.merge import Merge
from rtl_gen.lib.serialiser import Serialiser
from rtl_gen.lib.skid import GATE
from rtl_gen.lib.slots import Slots
from rtl_gen.plan import LayerPlan
from rtl_gen.stream import word
from s2nn_hw.ir import Layer

from .event import EventParts
from .membranes import membranes, offsets
from .parallel import ParallelParts
from .unrolled import UnrolledParts


class WeightedLayer(wiring.Component):
    """What every layer with synapses has: its parts on one of the engines.

    Members
    -------
    i0, i1, …: words, a stream a projection.
    load, load_address, load_data: where weights are loaded, writes a word of its memory.
    gate: if an unrolled layer is bound to what is behind it, of the skid buffer there,
    gate_before: ... and to the layer before, if that is bound to this one.
    events: taken in this cycle.
    """

    def __init__(self, layer: Layer, plan: LayerPlan, offsets: list[int], members):
        self.layer = layer
        self.plan = plan
        self.parts: EventParts | ParallelParts | UnrolledParts
        if plan.engine == "unrolled":
            self.parts = UnrolledParts(layer, plan)
        else:
            made = ParallelParts if plan.engine == "parallel" else EventParts
            self.parts = made(layer, plan, offsets)
        lanes = sum(engine.lanes for engine in self.parts.engines)
        super().__init__(
            {
                **self._load_members(),
                **{
                    f"i{k}": In(stream.Signature(word(*_word(feed))))
                    for k, feed in enumerate(plan.feeds)
                },
                "events": Out(range(lanes + 1)),
                **({"gate": In(GATE)} if plan.bound and layer.thresholds is not None else {}),
                **({"gate_before": Out(GATE)} if plan.follows else {}),
                **members,
            }
        )

    def _load_members(self) -> dict:
        if not self.plan.word:
            return {}
        (ram,) = self.parts.roms
        return {
            "load": In(1),
            "load_address": In(ram.address_bits),
            "load_data": In(ram.bits),
        }

    def input(self, projection: int):
        """The stream of a projection's words."""
        return getattr(self, f"i{projection}")

    def bind(self, m: Module, gate) -> None:
        """Tell an unrolled engine, and those before it, of the skid buffer they are bound to."""
        m.d.comb += self.parts.engine.gate.eq(gate)
        if self.plan.follows:
            m.d.comb += self.gate_before.eq(gate)

    def build(self, m: Module) -> None:
        """The parts, joined."""
        inputs = [self.input(k) for k in range(len(self.plan.feeds))]
        self.parts.build(m, inputs)
        if self.plan.word:
            (ram,) = self.parts.roms
            m.d.comb += [
                ram.write.eq(self.load),
                ram.write_addr.eq(self.load_address),
                ram.write_data.eq(self.load_data),
            ]
        events = [engine.events for engine in self.parts.engines]
        m.d.comb += self.events.eq(sum(events[1:], events[0]))

    def merged(self, m: Module):
        """The results of all units in their order, each in a slot until it is its turn.

        A result is what is given of every neuron, whether it is the frame's last, and then whether
        the frame is malformed.
        """
        units = self.parts.units
        bits = len(units[0].result) + 2
        m.submodules.merge = merge = Merge(bits=bits, inputs=len(units))
        for g, unit in enumerate(units):
            slots = Slots(bits=bits, depth=self.plan.slots, stage=self.plan.sign_stage)
            m.submodules["slots" if len(units) == 1 else f"slots{g}"] = slots
            m.d.comb += [
                unit.engine.free.eq(slots.free),
                slots.reserve.eq(unit.engine.reserve),
                slots.i.eq(Cat(unit.result, unit.last, unit.drop)),
                slots.push.eq(unit.done),
            ]
            wiring.connect(m, slots.o, merge.i[g])
        return merge.o


class SpikingLayer(WeightedLayer):
    """A layer of neurons that fire at their thresholds.

    Semantics: spike j is 1 iff the weighted sum of the window's inputs is at least thresholds[j].
    All thresholds compare at once, while the next window is already accumulating.  Where more than
    a step counts, or thresholds depend on the pixel, Membranes decide.

    Latency: that of its unit from taking a window's last event until the spikes are known, and
    ``Slots.read_latency`` more until they go out; or that of its unrolled engine.  Membranes take
    theirs.

    Parameters
    ----------
    layer, plan: the layer and its plan.
    readers: what reads it.

    Members
    -------
    o0, o1, …: words of spikes, a stream a reader: of a map the pixels, else in the reader's order.
    """

    def __init__(self, layer: Layer, plan: LayerPlan, readers: list[Feed]):
        assert layer.thresholds is not None
        self.readers = readers
        super().__init__(
            layer,
            plan,
            offsets(layer, plan),
            {
                f"o{k}": Out(stream.Signature(word(*_spikes(layer, feed))))
                for k, feed in enumerate(readers)
            },
        )

    def output(self, reader: int):
        """The stream to a reader."""
        return getattr(self, f"o{reader}")

    def elaborate(self, platform):
        m = Module()
        self.build(m)
        size = self.layer.neurons
        if isinstance(self.parts, UnrolledParts):
            results = self.parts.engine.o
            if self.plan.bound:
                self.bind(m, self.gate)
        else:
            results = self.merged(m)
        if self.plan.membranes is not None:
            m.submodules.membranes = kept = membranes(self.layer, self.plan, self.parts.widths)
            wiring.connect(m, results, kept.i)
            results = kept.o

        # What a bench watches.
        seen = Signal(size, attrs={"keep": 1})
        seen_valid = Signal(attrs={"keep": 1})
        m.d.comb += [
            seen.eq(results.payload[:size]),
            seen_valid.eq(results.valid & results.ready),
        ]

        sources = [results]
        if len(self.readers) > 1:
            m.submodules.fork = fork = Fork(size + 2, len(self.readers))
            wiring.connect(m, results, fork.i)
            sources = list(fork.o)
        for k, (feed, source) in enumerate(zip(self.readers, sources, strict=True)):
            out = self.output(k)
            payload = source.payload
            if self.layer.is_map:
                m.d.comb += [
                    out.valid.eq(source.valid),
                    out.p.planes[0].eq(payload[:size]),
                    out.p.last.eq(payload[size]),
                    out.p.drop.eq(payload[size + 1]),
                    source.ready.eq(out.ready),
                ]
                continue
            spikes = Cat(payload[i] if i >= 0 else Const(0, 1) for i in feed.order)
            if not feed.held:
                m.d.comb += [
                    out.valid.eq(source.valid),
                    out.p.planes[0].eq(spikes),
                    out.p.last.eq(1),
                    out.p.drop.eq(payload[size + 1]),
                    source.ready.eq(out.ready),
                ]
                continue
            serialiser = Serialiser(width=feed.positions, beats=feed.words)
            m.submodules[f"serialiser{k}" if len(self.readers) > 1 else "serialiser"] = serialiser
            m.d.comb += [
                out.valid.eq(serialiser.o.valid),
                out.p.planes[0].eq(serialiser.o.p.data),
                out.p.last.eq(serialiser.o.p.last),
                out.p.drop.eq(payload[size + 1]),
                serialiser.o.ready.eq(out.ready),
                serialiser.i.payload.eq(spikes),
                serialiser.i.valid.eq(source.valid),
                source.ready.eq(serialiser.i.ready),
            ]
        return m


def _word(feed: Feed) -> tuple[int, int]:
    """Positions and planes of the words that a feed takes."""
    if isinstance(feed, DensePlan):
        return feed.positions * feed.parts, feed.planes
    if isinstance(feed, FramePlan):
        return feed.positions, feed.planes
    return feed.windows.channels, feed.planes


def _spikes(layer: Layer, feed) -> tuple[int, int]:
    """Positions and planes of the words that a reader is given."""
    return (layer.neurons if layer.is_map else feed.positions), 1
