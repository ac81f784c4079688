"""A layer: feeds, engines, accumulators, and what becomes of the potentials."""

import numpy as np
from amaranth.hdl import Cat, Const, Module, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from rtl_gen.engines.event import EventEngine, Port
from rtl_gen.lib.accumulator import Accumulators, neurons
from rtl_gen.lib.delay import delayed
from rtl_gen.lib.fork import Fork
from rtl_gen.lib.merge import Merge
from rtl_gen.lib.reader import WindowReader
from rtl_gen.lib.rom import Rom
from rtl_gen.lib.serialiser import Serialiser
from rtl_gen.lib.slots import Slots
from rtl_gen.plan import Bank, ConvPlan, DensePlan, Feed, LayerPlan
from rtl_gen.stream import word
from s2nn_hw.ir import Layer, Projection

from .feed import ConvFeed, DenseFeed


class Unit(wiring.Component):
    """What serves one window at a time: engine and accumulators behind the feeds.

    Members
    -------
    i0, i1, …; en, addr, data0, …; free, reserve, events: see EventEngine.
    done: potentials are complete and wanted,
    fire or scores: ... see Accumulators,
    last, drop: ... they are the frame's last, and the frame is malformed.
    """

    def __init__(self, layer: Layer, plan: LayerPlan, ports: list[Port], offsets: list[int]):
        self.discards = layer.is_readout
        value_bits = max(2, *(port.weight_bits for port in ports))
        self.engine = EventEngine(ports, value_bits=value_bits, discards=self.discards)
        self.accumulators = Accumulators(
            neurons(
                [_matrix(p) for p in layer.projections],
                [
                    _matrix(p)[:, rows[rows >= 0]]
                    for p, feed in zip(layer.projections, plan.feeds, strict=True)
                    for bank in feed.banks
                    for rows in [feed.rows(bank)]
                    for _ in range(bank.ports)
                ],
                offsets,
            ),
            weight_bits=value_bits,
            planes=plan.planes,
            scores=layer.is_readout,
        )
        result = "scores" if layer.is_readout else "fire"
        passed = [name for name in self.engine.signature.members if name[0] == "i"]
        passed += ["en", "addr", "free", "reserve", "events"]
        passed += [f"data{k}" for k in range(self.engine.lanes)]
        self.passed = passed
        super().__init__(
            {
                **{name: self.engine.signature.members[name] for name in passed},
                "done": Out(1),
                "last": Out(1),
                "drop": Out(1),
                result: self.accumulators.signature.members[result],
            }
        )

    @property
    def latency(self) -> int:
        """Cycles from taking a window's last event to its potentials."""
        return self.engine.latency + self.accumulators.latency

    def elaborate(self, platform):
        m = Module()
        m.submodules.engine = engine = self.engine
        m.submodules.accumulators = accumulators = self.accumulators
        for name in self.passed:
            inner, outer = getattr(engine, name), getattr(self, name)
            if name[0] == "i":
                wiring.connect(m, wiring.flipped(outer), inner)
            elif name == "free" or name.startswith("data"):
                m.d.comb += inner.eq(outer)
            elif name in ("en", "addr"):
                m.d.comb += [o.eq(i) for o, i in zip(outer, inner, strict=True)]
            else:
                m.d.comb += outer.eq(inner)
        m.d.comb += [accumulators.ends.eq(engine.ends), accumulators.closes.eq(engine.closes)]
        for lane in range(engine.lanes):
            m.d.comb += accumulators.rows[lane].eq(engine.rows[lane])
        drop = delayed(m, engine.drop, accumulators.latency, "drop")
        m.d.comb += [
            self.last.eq(delayed(m, engine.final, accumulators.latency, "final")),
            self.drop.eq(drop),
            self.done.eq(accumulators.done & ~(drop & self.discards)),
        ]
        result = "scores" if accumulators.with_scores else "fire"
        m.d.comb += getattr(self, result).eq(getattr(accumulators, result))
        return m


class EventLayer(wiring.Component):
    """What every layer on the event engine has: feeds, units and memories of weights.

    Members
    -------
    i0, i1, …: words, a stream a projection.
    events: taken in this cycle.
    """

    def __init__(self, layer: Layer, plan: LayerPlan, offsets: list[int], members):
        self.layer = layer
        self.plan = plan
        ports = []
        self.roms: list[Rom] = []
        #: Per bank, its memories: each serves one unit, or with single reads two.
        self.copies: list[list[Rom]] = []
        for p, (projection, feed) in enumerate(zip(layer.projections, plan.feeds, strict=True)):
            for b, bank in enumerate(feed.banks):
                rows = contents(projection, feed, bank)
                port = Port(
                    positions=len(bank.positions),
                    rows=len(rows),
                    reads=bank.ports,
                    neurons=projection.neurons,
                    weight_bits=projection.weight_bits,
                    groups=feed.groups if isinstance(feed, ConvPlan) else 1,
                )
                ports.append(port)
                name = f"{plan.layer}_weights{b}" if p == 0 else f"{plan.layer}_weights{p}_{b}"
                share = 2 if bank.ports == 1 else 1
                copies = [
                    Rom(
                        name=name,
                        rows=rows,
                        bits=port.row_bits,
                        ports=bank.ports * min(share, plan.pixels - first),
                    )
                    for first in range(0, plan.pixels, share)
                ]
                self.copies.append(copies)
                self.roms += copies
        self.ports = ports
        self.units = [Unit(layer, plan, ports, offsets) for _ in range(plan.pixels)]
        #: Per projection and unit, by name.
        self.feeds: list[dict[str, DenseFeed | ConvFeed]] = []
        first = 0
        for k, feed in enumerate(plan.feeds):
            own = tuple(ports[first : first + len(feed.banks)])
            first += len(own)
            stem = f"feed{k}" if len(plan.feeds) > 1 else "feed"
            self.feeds.append(
                {
                    stem if plan.pixels == 1 else f"{stem}_{g}": DenseFeed(feed, own)
                    if isinstance(feed, DensePlan)
                    else ConvFeed(feed, own, first=g, step=plan.pixels)
                    for g in range(plan.pixels)
                }
            )
        super().__init__(
            {
                **{
                    f"i{k}": In(stream.Signature(word(*_word(feed))))
                    for k, feed in enumerate(plan.feeds)
                },
                "events": Out(range(plan.pixels * self.units[0].engine.lanes + 1)),
                **members,
            }
        )

    @property
    def latency(self) -> int:
        """Cycles from taking a window's last event to its potentials."""
        return self.units[0].latency

    @property
    def accumulators(self) -> Accumulators:
        """Of any of the units."""
        return self.units[0].accumulators

    def input(self, projection: int):
        """The stream of a projection's words."""
        return getattr(self, f"i{projection}")

    def window_readers(self) -> list[tuple[str, WindowReader]]:
        """Every line buffer, with the path of its reader."""
        return [
            (f"{name}.reader{b}", reader)
            for feeds in self.feeds
            for name, feed in feeds.items()
            if isinstance(feed, ConvFeed)
            for b, reader in enumerate(feed.readers)
        ]

    def build(self, m: Module) -> None:
        """Join feeds, memories and units."""
        plan = self.plan
        for n, rom in enumerate(self.roms):
            m.submodules[f"weights{n}"] = rom
        for g, unit in enumerate(self.units):
            m.submodules["unit" if plan.pixels == 1 else f"unit{g}"] = unit
        first = 0
        for k, feeds in enumerate(self.feeds):
            words = self.input(k)
            push = Signal(name=f"push{k}")
            room = []
            for (name, feed), unit in zip(feeds.items(), self.units, strict=True):
                m.submodules[name] = feed
                m.d.comb += [feed.i.eq(words.payload), feed.push.eq(push)]
                room.append(feed.room)
                for b in range(len(feed.ports)):
                    wiring.connect(m, feed.entries(b), getattr(unit, f"i{first + b}"))
            m.d.comb += [words.ready.eq(Cat(room).all()), push.eq(words.valid & words.ready)]
            first += len(plan.feeds[k].banks)
        lane = 0
        for port, copies in zip(self.ports, self.copies, strict=True):
            for g, unit in enumerate(self.units):
                rom = copies[g // 2 if port.reads == 1 else g]
                at = g % 2 if port.reads == 1 else 0
                for r in range(port.reads):
                    m.d.comb += [
                        rom.en[at + r].eq(unit.en[lane + r]),
                        rom.addr[at + r].eq(unit.addr[lane + r]),
                        getattr(unit, f"data{lane + r}").eq(rom.data[at + r]),
                    ]
            lane += port.reads
        events = [unit.events for unit in self.units]
        m.d.comb += self.events.eq(sum(events[1:], events[0]))


class SpikingLayer(EventLayer):
    """A layer of neurons that fire at their thresholds.

    Semantics: spike j is 1 iff the weighted sum of the window's inputs is at least thresholds[j].
    All thresholds compare at once, while the next window is already accumulating.

    Latency: ``latency`` cycles from taking a window's last event until the spikes are known, and
    ``Slots.read_latency`` more until they go out.

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
            [-int(theta) for theta in reachable(layer, plan)],
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
        m.submodules.merge = merge = Merge(bits=size + 2, inputs=len(self.units))
        for g, unit in enumerate(self.units):
            slots = Slots(bits=size + 2, depth=self.plan.slots)
            m.submodules["slots" if len(self.units) == 1 else f"slots{g}"] = slots
            m.d.comb += [
                unit.free.eq(slots.free),
                slots.reserve.eq(unit.reserve),
                slots.i.eq(Cat(unit.fire, unit.last, unit.drop)),
                slots.push.eq(unit.done),
            ]
            wiring.connect(m, slots.o, merge.i[g])

        # What a bench watches.
        seen = Signal(size, attrs={"keep": 1})
        seen_valid = Signal(attrs={"keep": 1})
        m.d.comb += [
            seen.eq(merge.o.payload[:size]),
            seen_valid.eq(merge.o.valid & merge.o.ready),
        ]

        sources = [merge.o]
        if len(self.readers) > 1:
            m.submodules.fork = fork = Fork(size + 2, len(self.readers))
            wiring.connect(m, merge.o, fork.i)
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
            serialiser = Serialiser(width=feed.positions, beats=feed.words)
            m.submodules[f"serialiser{k}" if len(self.readers) > 1 else "serialiser"] = serialiser
            m.d.comb += [
                out.valid.eq(serialiser.o.valid),
                out.p.planes[0].eq(serialiser.o.p.data),
                out.p.last.eq(serialiser.o.p.last),
                out.p.drop.eq(payload[size + 1]),
                serialiser.o.ready.eq(out.ready),
                serialiser.i.payload.eq(
                    Cat(payload[i] if i >= 0 else Const(0, 1) for i in feed.order)
                ),
                serialiser.i.valid.eq(source.valid),
                source.ready.eq(serialiser.i.ready),
            ]
        return m


def contents(projection: Projection, feed: Feed, bank: Bank) -> list[int]:
    """A bank's memory: neuron j in bits [j * weight_bits, (j + 1) * weight_bits).

    A one-bit weight is stored as its sign, 1 for -1.
    """
    bits = projection.weight_bits
    rows = feed.rows(bank)
    # Up to the last one ever read.
    rows = rows[: int(np.flatnonzero(rows >= 0).max(initial=0)) + 1]
    table = np.zeros((len(rows), projection.neurons), dtype=np.int64)
    table[rows >= 0] = _matrix(projection).T[rows[rows >= 0]]
    return packed(table, bits)


def packed(table: np.ndarray, bits: int) -> list[int]:
    """Rows of weights as numbers, the first weight lowest."""
    stored = (table < 0) if bits == 1 else table & ((1 << bits) - 1)
    planes = stored[:, :, None] >> np.arange(bits) & 1
    flat = np.packbits(planes.reshape(len(table), -1).astype(np.uint8), axis=1, bitorder="little")
    return [int.from_bytes(row.tobytes(), "little") for row in flat]


def reachable(layer: Layer, plan: LayerPlan) -> np.ndarray:
    """The thresholds, those beyond what a potential reaches moved to its edge.

    At or below the least potential a neuron always fires, above the greatest it never does.
    """
    ranges = [p.potential_range(2**plan.planes - 1) for p in layer.projections]
    low, high = (np.sum([r[k] for r in ranges], axis=0) for k in (0, 1))
    return np.clip(layer.thresholds, low, high + 1)


def _matrix(projection: Projection) -> np.ndarray:
    """Weights as (neurons, inputs of a window or group)."""
    return projection.weights.reshape(projection.neurons, -1).astype(np.int64)


def _word(feed: Feed) -> tuple[int, int]:
    """Positions and planes of the words that a feed takes."""
    if isinstance(feed, DensePlan):
        return feed.positions, feed.planes
    return feed.windows.channels, feed.planes


def _spikes(layer: Layer, feed) -> tuple[int, int]:
    """Positions and planes of the words that a reader is given."""
    return (layer.neurons if layer.is_map else feed.positions), 1
