"""Rows of weights that wait to be read."""

from amaranth.hdl import Cat, Module, Signal
from amaranth.lib import data, stream
from amaranth.lib.wiring import In, Out

from .encoder import MARKS, Port, binary
from .shared import Shared
from .slots import Slots


class StepQueue(Shared):
    """Turns an encoder's steps into addresses, and keeps them until their turn comes.

    An encoder may be ahead of the rows read by what it holds, also across the ends of planes and
    windows: where another one still finishes, it goes on, and its own gaps are not seen.  And what
    the encoders wait for together is known from registers, far from their loops.

    Latency: ``latency`` cycles from a step to the first cycle in which it can go out.
    Throughput: a step a cycle.

    Parameters
    ----------
    port: of the encoder.

    Members
    -------
    i: a step, see Port.step,
    taken: ... which is there in this cycle; only allowed while ``room``.
    o: rows of weights, see rows().
    """

    #: Steps that wait, and one more at the output: sixteen is what distributed RAM gives.
    depth = 16
    #: Pick, address, queue.
    latency = 2 + Slots.read_latency

    def __init__(self, port: Port):
        self.port = port
        self.layout = rows(port)
        super().__init__(
            {
                "i": In(port.step),
                "taken": In(1),
                "room": Out(1),
                "o": Out(stream.Signature(self.layout)),
            },
            port,
        )

    def build(self, platform):
        m = Module()
        port = self.port
        m.submodules.slots = slots = Slots(bits=self.layout.size, depth=self.depth)
        step = port.step.create(path=("step",))
        taken = Signal()
        m.d.sync += taken.eq(self.taken)
        with m.If(self.taken):
            for (*_, kept), (*_, given) in zip(
                port.step.flatten(step), port.step.flatten(self.i), strict=True
            ):
                m.d.sync += kept.eq(given)

        found = Signal(self.layout)
        index_bits = max(1, (port.positions - 1).bit_length())
        m.d.comb += [
            self.room.eq(slots.free),
            slots.reserve.eq(self.taken),
            slots.push.eq(taken),
            slots.i.eq(found),
            *(found[mark].eq(getattr(step, mark)) for mark in ("ends", *MARKS)),
        ]
        for k in range(port.reads):
            picked = step.picked[k]
            m.d.comb += [
                found.read[k].eq(picked.any()),
                found.row[k].eq((step.base[k] + binary(picked, index_bits))[: port.address_bits]),
            ]
        if port.groups > 1:
            groups = [step.spikes[g :: port.groups] for g in range(port.groups)]
            m.d.comb += found.there.eq(Cat((spikes & step.picked[0]).any() for spikes in groups))

        # The first of them waits in registers.
        with m.If(slots.o.ready):
            m.d.sync += [self.o.payload.eq(slots.o.payload), self.o.valid.eq(slots.o.valid)]
        m.d.comb += slots.o.ready.eq(~self.o.valid | self.o.ready)
        return m


def rows(port: Port) -> data.StructLayout:
    """What an encoder's lanes read in a cycle.

    row: of each lane,
    read: ... if there is one.
    there: of a grouped convolution, the groups of neurons that it is meant for.
    ends, closes, final, drop: see Port.step.
    """
    fields: dict = {
        "row": data.ArrayLayout(port.address_bits, port.reads),
        "read": port.reads,
        **dict.fromkeys(("ends", *MARKS), 1),
    }
    if port.groups > 1:
        fields["there"] = port.groups
    return data.StructLayout(fields)
