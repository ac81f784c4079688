"""The event engine: work follows spikes."""

import numpy as np
from amaranth.hdl import Cat, Module, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from rtl_gen.lib.delay import delayed
from rtl_gen.lib.encoder import EventEncoder, binary
from rtl_gen.lib.queue import WordQueue
from rtl_gen.lib.rom import Rom
from rtl_gen.plan import Bank, EventPlan
from rtl_gen.stream import word
from s2nn_hw.ir import Dense


class EventEngine(wiring.Component):
    """Turns words of spikes into rows of weights, ``plan.lanes`` a cycle.

    Semantics: every set bit of a frame selects its row of weights once; rows come in any order
    within a window, and windows (a frame's planes, most significant first) in order.  All banks
    end a window in the same cycle.

    Latency: ``latency`` cycles from the cycle that takes an event to the one that offers its row.
    Throughput: a window takes as many cycles as the fullest bank has events for its ports, at
    least one.

    Members
    -------
    i: words of spikes.
    free: the frame's last window may end, as its result has a slot.
    reserve: it ends in this cycle and leaves a result.
    rows, valid: weights of one event a lane; a lane that is not valid has zeros.
    ends: these are the last rows of a window,
    closes: ... and of the frame,
    drop: ... which is to leave no trace.
    events: how many events were taken, for counting.
    """

    #: Pick, address, memory, output register.
    latency = 3

    def __init__(self, plan: EventPlan, projection: Dense):
        self.plan = plan
        self.projection = projection
        self.row_bits = projection.neurons * projection.weight_bits
        self.roms = [
            Rom(
                name=f"{plan.layer}_weights{b}",
                rows=self.contents(bank),
                bits=self.row_bits,
                ports=bank.ports,
            )
            for b, bank in enumerate(plan.banks)
        ]
        super().__init__(
            {
                "i": In(stream.Signature(word(plan.positions, plan.planes))),
                "free": In(1),
                "reserve": Out(1),
                "rows": Out(self.row_bits).array(plan.lanes),
                "valid": Out(1).array(plan.lanes),
                "ends": Out(1),
                "closes": Out(1),
                "drop": Out(1),
                "events": Out(range(plan.lanes + 1)),
            }
        )

    def depth(self, bank: Bank) -> int:
        """Rows of the bank's memory, up to the last one ever read."""
        return int(np.flatnonzero(self.plan.rows(bank) >= 0).max(initial=0)) + 1

    def contents(self, bank: Bank) -> list[int]:
        """The bank's memory: neuron j in bits [j * weight_bits, (j + 1) * weight_bits).

        A one-bit weight is stored as its sign, 1 for -1.
        """
        bits = self.projection.weight_bits
        table = np.zeros((self.depth(bank), self.projection.neurons), dtype=np.int64)
        rows = self.plan.rows(bank)[: len(table)]
        weights = self.projection.weights.T.astype(np.int64)
        table[rows >= 0] = weights[rows[rows >= 0]]
        stored = (table < 0) if bits == 1 else table & ((1 << bits) - 1)
        planes = stored[:, :, None] >> np.arange(bits) & 1
        packed = np.packbits(
            planes.reshape(len(table), -1).astype(np.uint8), axis=1, bitorder="little"
        )
        return [int.from_bytes(row.tobytes(), "little") for row in packed]

    def elaborate(self, platform):
        m = Module()
        plan = self.plan

        room, ending = [], []
        push = Signal()
        go = Signal()
        frame_ends = Signal()
        dropped = Signal()
        m.d.comb += [
            self.ends.eq(delayed(m, go, self.latency, "window_ends")),
            self.closes.eq(delayed(m, frame_ends, self.latency, "frame_ends")),
            self.drop.eq(delayed(m, dropped, self.latency, "dropped")),
        ]
        encoders = []
        lane = 0
        for b, bank in enumerate(plan.banks):
            positions, depth = len(bank.positions), self.depth(bank)
            encoder = EventEncoder(
                positions=positions, rows=depth, ports=bank.ports, planes=plan.planes
            )
            m.submodules[f"encoder{b}"] = encoder
            encoders.append(encoder)
            ending.append(encoder.ending)
            m.d.comb += encoder.go.eq(go)

            base = Signal(range(max(depth, 2)), name=f"base{b}")
            with m.If(push):
                m.d.sync += base.eq(base + positions)
                with m.If(self.i.p.last):
                    m.d.sync += base.eq(0)
            for p in range(plan.planes):
                queue = WordQueue(positions=positions, rows=depth, depth=plan.queue)
                m.submodules[f"queue{b}_{p}" if plan.planes > 1 else f"queue{b}"] = queue
                room.append(queue.room)
                m.d.comb += [
                    queue.push.eq(push),
                    queue.i.bits.eq(Cat(self.i.p.planes[p][k] for k in bank.positions)),
                    queue.i.base.eq(base),
                    queue.i.last.eq(self.i.p.last),
                    queue.i.drop.eq(self.i.p.drop),
                ]
                wiring.connect(m, queue.o, encoder.words[p])

            rom = self.roms[b]
            m.submodules[f"weights{b}"] = rom
            for port in range(bank.ports):
                self._lane(m, encoder, port, rom, lane)
                lane += 1
        m.d.comb += [
            self.i.ready.eq(Cat(room).all()),
            push.eq(self.i.valid & self.i.ready),
        ]

        # All encoders are in the same window, so any of them tells what it closes.
        leader = encoders[0]
        leaves = leader.closes & ~leader.drop
        m.d.comb += [
            go.eq(Cat(ending).all() & (self.free | ~leaves)),
            self.reserve.eq(go & leaves),
        ]
        m.d.comb += [
            frame_ends.eq(go & leader.closes),
            dropped.eq(frame_ends & leader.drop),
        ]
        m.d.comb += self.events.eq(sum(self.valid[1:], self.valid[0]))
        return m

    def _lane(self, m, encoder, port, rom, lane):
        """Pick → address → memory → output register."""
        picked = Signal(encoder.positions, name=f"picked{lane}")
        base = Signal(rom.address_bits, name=f"row{lane}")
        read = Signal(name=f"read{lane}")
        data = Signal(self.row_bits, name=f"data{lane}")
        valid = Signal(name=f"valid{lane}")
        index_bits = max(1, (encoder.positions - 1).bit_length())
        m.d.sync += [picked.eq(encoder.picked[port]), base.eq(encoder.base[port])]
        m.d.comb += [
            rom.addr[port].eq(base + binary(picked, index_bits)),
            rom.en[port].eq(picked.any()),
        ]
        m.d.sync += [read.eq(picked.any()), valid.eq(read)]
        # Zeros where there is no event: the adders need no gates of their own.
        with m.If(read):
            m.d.sync += data.eq(rom.data[port])
        with m.Else():
            m.d.sync += data.eq(0)
        m.d.comb += [self.rows[lane].eq(data), self.valid[lane].eq(valid)]
