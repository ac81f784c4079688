"""A layer's part on the event engine: feeds, memories and units."""

from collections.abc import Sequence

import numpy as np
from amaranth.hdl import Cat, Module, Signal
from amaranth.lib import wiring

from rtl_gen.engines.event import EventEngine
from rtl_gen.feeds import Bank, ConvPlan, DensePlan
from rtl_gen.lib.accumulator import Accumulators
from rtl_gen.lib.deep import DeepRom, columns, is_deep
from rtl_gen.lib.encoder import Port
from rtl_gen.lib.neuron import Lane, neurons
from rtl_gen.lib.potentials import StoredPotentials
from rtl_gen.lib.ram import Ram
from rtl_gen.lib.reader import WindowReader
from rtl_gen.lib.register import registered
from rtl_gen.lib.rom import Rom
from rtl_gen.plan import LayerPlan
from s2nn_hw.ir import Layer

from .feed import ConvFeed, DenseFeed, cut
from .membranes import left_over
from .unit import Unit
from .weights import bank_rows, bank_words, matrix


class EventParts:
    """Makes the parts, and joins them in the layer's module.

    units: one for each window at a time.
    roms: memories of weights.  One that a unit reads once serves as many as may read it.
    words: where weights are loaded, those of the only memory.
    """

    def __init__(self, layer: Layer, plan: LayerPlan, offsets: list[int]):
        self.plan = plan
        self.ports: list[Port] = []
        self.roms: list[Rom | Ram] = []
        self.words: list[int] = []
        self._copies: list[Sequence[Rom | DeepRom | Ram]] = []
        self._feeds: list[dict[str, DenseFeed | ConvFeed]] = []
        lanes: list[np.ndarray] = []
        kinds: list[Lane] = []
        for k, (projection, feed) in enumerate(zip(layer.projections, plan.feeds, strict=True)):
            assert isinstance(feed, DensePlan | ConvPlan)
            own = []
            for b, bank in enumerate(feed.banks):
                rows = bank_rows(projection, feed, bank)
                port = port_of(feed, bank, spare=not plan.masked)
                groups = port.groups
                own.append(port)
                name = f"{plan.layer}_weights{b}" if k == 0 else f"{plan.layer}_weights{k}_{b}"
                bits = projection.neurons * projection.weight_bits
                if plan.word:
                    self.words = bank_words(projection, feed, bank, plan.word, plan.fold)
                    self._load(name, plan.word * projection.weight_bits)
                    groups = plan.fold
                else:
                    self._store(name, port, rows + [0] * port.spare, bits)
                lane = Lane(weight_bits=projection.weight_bits, groups=groups, word=plan.word)
                kinds += [lane] * bank.ports
                members = feed.rows(bank)
                lanes += [matrix(projection)[:, members[members >= 0]]] * bank.ports
            self.ports += own
            stem = f"feed{k}" if len(plan.feeds) > 1 else "feed"
            self._feeds.append(
                {
                    stem if plan.pixels == 1 else f"{stem}_{u}": DenseFeed(feed, tuple(own))
                    if isinstance(feed, DensePlan)
                    else ConvFeed(feed, tuple(own), first=u, step=plan.pixels)
                    for u in range(plan.pixels)
                }
            )
        made = neurons(
            [matrix(p) for p in layer.projections], lanes, offsets, left_over(layer, plan)
        )
        self.units = [
            Unit(
                EventEngine(
                    self.ports,
                    discards=layer.is_readout and not plan.sums,
                    fold=plan.fold,
                    memory=memory_latency(plan),
                ),
                StoredPotentials(made, kinds[0], planes=plan.planes, layer=layer.name)
                if plan.stored
                else Accumulators(
                    made,
                    kinds,
                    planes=plan.planes,
                    scores=layer.is_readout or plan.sums,
                    masked=plan.masked,
                    mask_stage=plan.mask_stage,
                    additions=plan.fabric.additions,
                    memory=memory_latency(plan),
                    steps=plan.steps if plan.integrates else 1,
                    layer=layer.name,
                ),
                discards=layer.is_readout and not plan.sums,
                name=str(u) if plan.pixels > 1 else "",
            )
            for u in range(plan.pixels)
        ]

    @property
    def widths(self) -> tuple[int, ...]:
        """Bits of every potential."""
        return self.units[0].widths

    @property
    def engines(self) -> list[EventEngine]:
        """Those of the units."""
        return [unit.engine for unit in self.units]

    def _store(self, name: str, port: Port, rows: list[int], bits: int) -> None:
        """The memories of a bank."""
        copies = reads_of_copies(self.plan, port)
        if not self.plan.deep:
            blocks = rows_in_blocks(self.plan, port)
            roms = [Rom(name=name, rows=rows, bits=bits, ports=n, blocks=blocks) for n in copies]
            self._copies.append(roms)
            self.roms += roms
            return
        fabric = self.plan.fabric
        taken = columns(len(rows), bits, max(copies), fabric)
        deep = [
            DeepRom(name=name, rows=rows, bits=bits, ports=n, columns=taken, fabric=fabric)
            for n in copies
        ]
        self._copies.append(deep)
        self.roms += [piece for memory in deep for piece in memory.pieces]

    def _load(self, name: str, bits: int) -> None:
        """The memory of the only bank, which is loaded."""
        ram = Ram(name=name, depth=len(self.words), bits=bits, huge=self.plan.fabric.huge)
        self._copies.append([ram])
        self.roms.append(ram)

    def window_readers(self) -> list[tuple[str, WindowReader]]:
        """Every line buffer, with the path of its reader."""
        return [
            (f"{name}.reader{b}", reader)
            for feeds in self._feeds
            for name, feed in feeds.items()
            if isinstance(feed, ConvFeed)
            for b, reader in enumerate(feed.readers)
        ]

    def build(self, m: Module, inputs: list) -> None:
        """Join them, and the streams of words that come in, one a projection."""
        for n, rom in enumerate(self.roms):
            m.submodules[f"weights{n}"] = rom
        for copies in self._copies:
            for memory in copies:
                if isinstance(memory, DeepRom):
                    memory.build(m)
        for unit in self.units:
            unit.build(m)
        first = 0
        for k, (feeds, source) in enumerate(zip(self._feeds, inputs, strict=True)):
            own = self.plan.feeds[k]
            if isinstance(own, DensePlan) and own.parts > 1:
                source = cut(m, source, own, f"cut{k}" if len(inputs) > 1 else "cut")
            words = registered(m, source, f"register{k}" if len(inputs) > 1 else "register")
            push = Signal(name=f"push{k}")
            room = []
            for (name, feed), unit in zip(feeds.items(), self.units, strict=True):
                m.submodules[name] = feed
                m.d.comb += [feed.i.eq(words.payload), feed.push.eq(push)]
                if isinstance(feed, DenseFeed):
                    loaded = source.valid & source.ready
                    m.d.comb += [feed.ahead.eq(source.payload), feed.loaded.eq(loaded)]
                room.append(feed.room)
                for b in range(len(feed.ports)):
                    wiring.connect(m, feed.entries(b), getattr(unit.engine, f"i{first + b}"))
            m.d.comb += [words.ready.eq(Cat(room).all()), push.eq(words.valid & words.ready)]
            first += len(next(iter(feeds.values())).ports)
        lane = 0
        for port, copies in zip(self.ports, self._copies, strict=True):
            for u, unit in enumerate(self.units):
                copy, at = divmod(u, self.plan.fabric.shares(port.reads))
                rom = copies[copy]
                for r in range(port.reads):
                    m.d.comb += [
                        rom.addr[at + r].eq(unit.engine.addr[lane + r][: rom.address_bits]),
                        unit.accumulators.row(lane + r).eq(rom.data[at + r]),
                    ]
            lane += port.reads


def port_of(feed: DensePlan | ConvPlan, bank: Bank, *, spare: bool) -> Port:
    """What encodes the events of a bank; ``spare``: its memory has a row of zeros."""
    return Port(
        positions=len(bank.positions),
        rows=len(feed.rows(bank)),
        reads=bank.ports,
        groups=feed.groups if isinstance(feed, ConvPlan) else 1,
        spare=spare,
    )


def reads_of_copies(plan: LayerPlan, port: Port) -> list[int]:
    """Reads of each memory of a bank: there are as many as its units need."""
    share = plan.fabric.shares(port.reads)
    return [port.reads * min(share, plan.pixels - n) for n in range(0, plan.pixels, share)]


def memory_latency(plan: LayerPlan) -> int:
    """Of the memories of weights."""
    return (DeepRom if plan.deep else Rom).latency


def has_deep(plan: LayerPlan, layer: Layer) -> bool:
    """Whether any memory of weights is better in pieces."""
    if plan.engine != "event" or plan.word:
        return False
    for projection, feed in zip(layer.projections, plan.feeds, strict=True):
        assert isinstance(feed, DensePlan | ConvPlan)
        bits = projection.neurons * projection.weight_bits
        for bank in feed.banks:
            port = port_of(feed, bank, spare=not plan.masked)
            reads = max(reads_of_copies(plan, port))
            if is_deep(port.rows + port.spare, bits, reads, plan.fabric):
                return True
    return False


def rows_in_blocks(plan: LayerPlan, port: Port) -> int | None:
    """Rows of these that are for block RAM, see Fabric.whole()."""
    reads = port.reads * min(plan.fabric.shares(port.reads), plan.pixels)
    return plan.fabric.whole(port.rows + port.spare, reads)
