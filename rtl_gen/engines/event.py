"""The event engine: work follows spikes."""

from collections.abc import Sequence
from dataclasses import dataclass

from amaranth.hdl import Cat, Module, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from rtl_gen.lib.delay import delayed
from rtl_gen.lib.encoder import EventEncoder, binary
from rtl_gen.stream import entry


@dataclass(frozen=True, kw_only=True)
class Port:
    """An encoder and the reads of its memory of weights.

    Parameters
    ----------
    positions: bits of an entry.
    rows: of the memory.
    reads: events a cycle: 1 or 2.
    neurons: whose weights a row holds.
    weight_bits: of a weight.
    groups: of a convolution; neuron j belongs to group ``j // (neurons / groups)``.
    """

    positions: int
    rows: int
    reads: int
    neurons: int
    weight_bits: int
    groups: int = 1

    @property
    def entry(self):
        """Layout of its entries."""
        return entry(self.positions, self.rows, self.groups)

    @property
    def row_bits(self) -> int:
        """Bits of a row of weights."""
        return self.neurons * self.weight_bits

    @property
    def address_bits(self) -> int:
        """Bits of the address of a row."""
        return max(1, (self.rows - 1).bit_length())


class EventEngine(wiring.Component):
    """Turns entries into rows of weights, one a lane and cycle.

    Semantics: every set bit of an entry selects its row of weights once; rows come in any order
    within a plane, and planes in order.  All encoders end a plane in the same cycle.

    Latency: ``latency`` cycles from the one that takes an event to the one that offers its row.
    Throughput: a plane takes as many cycles as the fullest encoder has events for its reads, at
    least one.

    Parameters
    ----------
    ports: the encoders.
    value_bits: of a weight in ``rows``, at least 2.
    discards: whether malformed frames end here.

    Members
    -------
    i0, i1, …: entries of the ports.
    en, addr, data0, data1, …: the memories' read ports, one a lane, those of a port together.
    free: a window may end, as its result has a slot.
    reserve: it ends in this cycle and leaves a result.
    rows, valid: weights of one event a lane; a lane that is not valid has zeros.
    ends: these are the last rows of a plane,
    closes: ... of the window,
    final: ... and of the frame,
    drop: ... which is malformed.
    events: how many events were taken, for counting.
    """

    #: Pick, address, memory, output register.
    latency = 3

    def __init__(self, ports: Sequence[Port], *, value_bits: int, discards: bool):
        self.ports = tuple(ports)
        self.value_bits = value_bits
        self.discards = discards
        #: Port of each lane.
        self.lane_ports = [port for port in ports for _ in range(port.reads)]
        self.lanes = len(self.lane_ports)
        address = max(port.address_bits for port in ports)
        super().__init__(
            {
                **{f"i{k}": In(stream.Signature(port.entry)) for k, port in enumerate(ports)},
                "en": Out(1).array(self.lanes),
                "addr": Out(address).array(self.lanes),
                **{f"data{k}": In(port.row_bits) for k, port in enumerate(self.lane_ports)},
                "free": In(1),
                "reserve": Out(1),
                "rows": Out(ports[0].neurons * value_bits).array(self.lanes),
                "valid": Out(1).array(self.lanes),
                "ends": Out(1),
                "closes": Out(1),
                "final": Out(1),
                "drop": Out(1),
                "events": Out(range(self.lanes + 1)),
            }
        )

    def elaborate(self, platform):
        m = Module()
        go = Signal()
        encoders = []
        lane = 0
        for k, port in enumerate(self.ports):
            encoder = EventEncoder(
                positions=port.positions, rows=port.rows, ports=port.reads, groups=port.groups
            )
            m.submodules[f"encoder{k}"] = encoder
            encoders.append(encoder)
            wiring.connect(m, wiring.flipped(getattr(self, f"i{k}")), encoder.i)
            m.d.comb += encoder.go.eq(go)
            for read in range(port.reads):
                self._lane(m, encoder, read, port, lane)
                lane += 1

        # All encoders are in the same plane, so any of them tells what it ends.
        leader = encoders[0]
        leaves = leader.closes & ~(leader.drop & self.discards)
        m.d.comb += [
            go.eq(Cat(e.ending for e in encoders).all() & (self.free | ~leaves)),
            self.reserve.eq(go & leaves),
        ]
        for name, signal in (
            ("ends", go),
            ("closes", go & leader.closes),
            ("final", go & leader.final),
            ("drop", go & leader.final & leader.drop),
        ):
            at_first = Signal(name=f"{name}_0")
            m.d.comb += at_first.eq(signal)
            m.d.comb += getattr(self, name).eq(delayed(m, at_first, self.latency, name))
        m.d.comb += self.events.eq(sum(self.valid[1:], self.valid[0]))
        return m

    def _lane(self, m, encoder, read, port, lane):
        """Pick → address → memory → output register."""
        picked = Signal(port.positions, name=f"picked{lane}")
        base = Signal(port.address_bits, name=f"row{lane}")
        reading = Signal(name=f"read{lane}")
        data = Signal(port.row_bits, name=f"weights{lane}")
        valid = Signal(name=f"valid{lane}")
        index_bits = max(1, (port.positions - 1).bit_length())
        m.d.sync += [picked.eq(encoder.picked[read]), base.eq(encoder.base[read])]
        m.d.comb += [
            self.addr[lane].eq((base + binary(picked, index_bits))[: port.address_bits]),
            self.en[lane].eq(picked.any()),
        ]
        m.d.sync += [reading.eq(picked.any()), valid.eq(reading)]
        m.d.comb += self.valid[lane].eq(valid)
        row = getattr(self, f"data{lane}")
        bits = port.weight_bits
        # Zeros where there is no event: the adders need no gates of their own.
        if port.groups == 1:
            there = [valid] * port.neurons
            with m.If(reading):
                m.d.sync += data.eq(row)
            with m.Else():
                m.d.sync += data.eq(0)
        else:
            there = self._grouped(m, encoder, port, lane, picked, data, row)
        m.d.comb += self.rows[lane].eq(spread(data, there, bits, self.value_bits))

    def _grouped(self, m, encoder, port, lane, picked, data, row):
        """Let through the weights of the groups that have a spike at the place picked.

        Returns which neurons have one.
        """
        groups, bits, size = port.groups, port.weight_bits, port.neurons // port.groups
        spikes = Signal(len(encoder.spikes), name=f"spikes{lane}")
        present = Signal(groups, name=f"present{lane}")
        there = Signal(groups, name=f"there{lane}")
        at_place = [(Cat(spikes[g::groups]) & picked).any() for g in range(groups)]
        m.d.sync += [
            spikes.eq(encoder.spikes),
            present.eq(Cat(at_place)),
            there.eq(present),
        ]
        for g in range(groups):
            weights = slice(g * size * bits, (g + 1) * size * bits)
            with m.If(present[g]):
                m.d.sync += data[weights].eq(row[weights])
            with m.Else():
                m.d.sync += data[weights].eq(0)
        return [there[j // size] for j in range(port.neurons)]


def spread(weights, valid, bits: int, value_bits: int):
    """Stored weights as signed values of so many bits; ``valid`` is a bit for each.

    A one-bit weight is its sign, and +1 unless it is that or not valid.
    """
    if bits == value_bits:
        return weights
    values = []
    for j, there in enumerate(valid):
        weight = weights[j * bits : (j + 1) * bits]
        value = Cat(there, weight) if bits == 1 else weight
        values.append(Cat(value, *[value[-1]] * (value_bits - len(value))))
    return Cat(values)
