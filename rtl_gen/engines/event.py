"""The event engine: work follows spikes."""

from collections.abc import Sequence

from amaranth.hdl import Cat, Module, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from rtl_gen.lib.delay import delayed
from rtl_gen.lib.encoder import EventEncoder, Port
from rtl_gen.lib.fold import WordSequence, folded
from rtl_gen.lib.rom import Rom
from rtl_gen.lib.steps import StepQueue


class EventEngine(wiring.Component):
    """Turns entries into reads of rows of weights, one a lane and cycle.

    Semantics: every set bit of an entry selects its row of weights once; a lane without one reads
    the memory's row of zeros, or if there is none goes on reading the last one.  Rows come in any
    order within a plane, and planes in order.  The last rows of a plane are read in the same cycle
    over all lanes; up to there an encoder is ahead of the others by as much as its queue holds.

    Latency: ``latency`` cycles from the one that reads a row to the one in which the memory gives
    it; see EventEncoder and StepQueue for those before.
    Throughput: a plane takes as many cycles as the fullest encoder has events for its reads, at
    least one, unless its queue has got ahead; ``fold`` times as many where a row is so many words.

    Parameters
    ----------
    ports: the encoders.
    discards: whether malformed frames end here.
    fold: words of a row, see lib.fold.
    memory: latency of the memories of weights.

    Members
    -------
    i0, i1, …: entries of the ports.
    addr: for the memories' read ports, one a lane, those of a port together.
    free: a window may end, as its result has a slot.
    reserve: it ends in this cycle and leaves a result.
    there0, there1, …: the groups of neurons, of each lane, that the row which the memory gives is
        meant for; not driven where zeros are read instead.
    ends: these are the last rows of a plane,
    closes: ... of the window,
    final: ... and of the frame,
    drop: ... which is malformed.
    events: how many events were taken, for counting.
    """

    #: From the row's choice to its address.
    before_memory = 1

    def __init__(
        self, ports: Sequence[Port], *, discards: bool, fold: int = 1, memory: int = Rom.latency
    ):
        self.latency = self.before_memory + memory
        self.ports = tuple(ports)
        self.discards = discards
        self.fold = fold
        read = [folded(port, fold) if fold > 1 else port for port in ports]
        #: Port of each lane.
        self.lane_ports = [port for port in read for _ in range(port.reads)]
        self.lanes = len(self.lane_ports)
        address = max(port.read_bits for port in read)
        super().__init__(
            {
                **{f"i{k}": In(stream.Signature(port.entry)) for k, port in enumerate(ports)},
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
        heads, reading = [], []
        for k, port in enumerate(self.ports):
            m.submodules[f"encoder{k}"] = encoder = EventEncoder(port)
            m.submodules[f"steps{k}"] = steps = StepQueue(port)
            wiring.connect(m, wiring.flipped(getattr(self, f"i{k}")), encoder.i)
            head = steps.o
            if self.fold > 1:
                m.submodules[f"words{k}"] = words = WordSequence(port, self.fold)
                wiring.connect(m, head, words.i)
                head = words.o
            heads.append(head)
            wiring.connect(m, encoder.o, steps.i)
            m.d.comb += [
                steps.taken.eq(encoder.taken),
                encoder.room.eq(steps.room),
                head.ready.eq(~head.p.ends | go),
            ]
            taken = Signal(name=f"taken{k}")
            m.d.comb += taken.eq(head.valid & head.ready)
            for read in range(port.reads):
                lane = len(reading)
                reading.append(self._lane(m, self.lane_ports[lane], head.p, read, taken, lane))

        # All encoders are in the same plane, so any of them tells what it ends.
        leader = heads[0].p
        leaves = leader.closes & ~(leader.drop & self.discards)
        m.d.comb += [
            go.eq(Cat(h.valid & h.p.ends for h in heads).all() & (self.free | ~leaves)),
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

    def _lane(self, m, port, head, read, taken, lane):
        """The address of a lane's row.  Returns whether there is one, a cycle later."""
        reads = Signal(name=f"reads{lane}")
        row = Signal(port.read_bits, init=port.rows if port.spare else 0, name=f"row{lane}")
        m.d.comb += [reads.eq(taken & head.read[read]), self.addr[lane].eq(row)]
        with m.If(reads):
            m.d.sync += row.eq(head.row[read])
        if port.spare:
            with m.Else():
                m.d.sync += row.eq(row.init)
        else:
            groups = head.there if port.groups > 1 else [1]
            there = [
                delayed(m, bit & reads, self.latency, f"there{lane}_{g}")
                for g, bit in enumerate(groups)
            ]
            m.d.comb += getattr(self, f"there{lane}").eq(Cat(there))
        if self.fold > 1:
            return delayed(m, reads & head.there[-1], 1, f"reads{lane}")
        return delayed(m, reads, 1, f"reads{lane}")
