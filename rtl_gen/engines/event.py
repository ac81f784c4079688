"""The event engine: work follows spikes."""

from collections.abc import Sequence

from amaranth.hdl import Cat, Module, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from rtl_gen.lib.delay import delayed
from rtl_gen.lib.encoder import EventEncoder, Port, binary


class EventEngine(wiring.Component):
    """Turns entries into reads of rows of weights, one a lane and cycle.

    Semantics: every set bit of an entry selects its row of weights once; rows come in any order
    within a plane, and planes in order.  All encoders end a plane in the same cycle.

    Latency: ``latency`` cycles from the one that takes an event to the one in which the memory
    gives its row.
    Throughput: a plane takes as many cycles as the fullest encoder has events for its reads, at
    least one.

    Parameters
    ----------
    ports: the encoders.
    discards: whether malformed frames end here.

    Members
    -------
    i0, i1, …: entries of the ports.
    en, addr: for the memories' read ports, one a lane, those of a port together.
    free: a window may end, as its result has a slot.
    reserve: it ends in this cycle and leaves a result.
    there0, there1, …: the groups of neurons, of each lane, that the row read is meant for.
    ends: these are the last rows of a plane,
    closes: ... of the window,
    final: ... and of the frame,
    drop: ... which is malformed.
    events: how many events were taken, for counting.
    """

    #: Pick, address, memory.
    latency = 2

    def __init__(self, ports: Sequence[Port], *, discards: bool):
        self.ports = tuple(ports)
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
                **{f"there{k}": Out(port.groups) for k, port in enumerate(self.lane_ports)},
                "free": In(1),
                "reserve": Out(1),
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
        encoders, reading = [], []
        for k, port in enumerate(self.ports):
            encoder = EventEncoder(port)
            m.submodules[f"encoder{k}"] = encoder
            encoders.append(encoder)
            wiring.connect(m, wiring.flipped(getattr(self, f"i{k}")), encoder.i)
            m.d.comb += encoder.go.eq(go)
            for read in range(port.reads):
                reading.append(self._lane(m, encoder, read, port, len(reading)))

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
        m.d.comb += self.events.eq(sum(reading[1:], reading[0]))
        return m

    def _lane(self, m, encoder, read, port, lane):
        """Pick → address → memory.  Returns whether there is a row."""
        picked = Signal(port.positions, name=f"picked{lane}")
        base = Signal(port.address_bits, name=f"row{lane}")
        reading = Signal(name=f"read{lane}")
        index_bits = max(1, (port.positions - 1).bit_length())
        m.d.sync += [
            picked.eq(encoder.picked[read]),
            base.eq(encoder.base[read]),
            reading.eq(picked.any()),
        ]
        there = reading if port.groups == 1 else self._groups(m, encoder, port, lane, picked)
        m.d.comb += [
            self.addr[lane].eq((base + binary(picked, index_bits))[: port.address_bits]),
            self.en[lane].eq(picked.any()),
            getattr(self, f"there{lane}").eq(there),
        ]
        return reading

    def _groups(self, m, encoder, port, lane, picked):
        """The groups that have a spike at the place picked."""
        spikes = Signal(len(encoder.spikes), name=f"spikes{lane}")
        present = Signal(port.groups, name=f"present{lane}")
        at_place = [(Cat(spikes[g :: port.groups]) & picked).any() for g in range(port.groups)]
        m.d.sync += [spikes.eq(encoder.spikes), present.eq(Cat(at_place))]
        return present
