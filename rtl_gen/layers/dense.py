"""A hidden layer that fires."""

import numpy as np
from amaranth.hdl import Cat, Const, Module, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from rtl_gen.engines.event import EventEngine
from rtl_gen.lib.accumulator import Accumulators, neurons
from rtl_gen.lib.delay import delayed
from rtl_gen.lib.serialiser import Serialiser
from rtl_gen.lib.slots import Slots
from rtl_gen.plan import EventPlan
from rtl_gen.stream import word
from s2nn_hw.ir import Layer


class EventLayer(wiring.Component):
    """What every layer with an event engine has: engine and accumulators.

    Members
    -------
    i: words of spikes, see EventEngine.
    events: taken in this cycle.
    """

    def __init__(self, layer: Layer, plan: EventPlan, offsets, members):
        self.layer = layer
        self.plan = plan
        (projection,) = layer.projections
        self.engine = EventEngine(plan, projection)
        self.accumulators = Accumulators(
            neurons(
                projection.weights.astype(np.int64),
                [
                    (bank.ports, rows[rows >= 0])
                    for bank in plan.banks
                    for rows in [plan.rows(bank)]
                ],
                offsets,
            ),
            weight_bits=projection.weight_bits,
            planes=plan.planes,
            scores=layer.is_readout,
        )
        super().__init__(
            {
                "i": In(stream.Signature(word(plan.positions, plan.planes))),
                "events": Out(range(plan.lanes + 1)),
                **members,
            }
        )

    @property
    def latency(self) -> int:
        """Cycles from taking a frame's last event to its potentials."""
        return self.engine.latency + self.accumulators.latency

    def accumulate(self, m: Module, slots: Slots) -> Signal:
        """Join engine, accumulators and the slots' reservations.

        Returns the signal that tells a frame's potentials are complete and wanted.
        """
        m.submodules.engine = engine = self.engine
        m.submodules.accumulators = accumulators = self.accumulators
        wiring.connect(m, wiring.flipped(self.i), engine.i)
        m.d.comb += [
            engine.free.eq(slots.free),
            slots.reserve.eq(engine.reserve),
            accumulators.ends.eq(engine.ends),
            accumulators.closes.eq(engine.closes),
            self.events.eq(engine.events),
        ]
        for lane in range(self.plan.lanes):
            m.d.comb += [
                accumulators.rows[lane].eq(engine.rows[lane]),
                accumulators.valid[lane].eq(engine.valid[lane]),
            ]
        drop = delayed(m, engine.drop, accumulators.latency, "drop")
        wanted = Signal()
        m.d.comb += wanted.eq(accumulators.done & ~drop)
        return wanted


class DenseLayer(EventLayer):
    """A dense layer of neurons that fire at their thresholds.

    Semantics: spike j is 1 iff the weighted sum of the frame's inputs is at least thresholds[j].
    All thresholds compare at once, while the next frame is already accumulating.

    Latency: ``latency`` cycles from taking the frame's last event until the spikes are known, and
    ``Slots.read_latency`` more until the first beat of them goes out.

    Parameters
    ----------
    layer, plan: the layer and its plan.
    following: the plan of the layer that reads the spikes, whose order the beats are in.

    Members
    -------
    o: words of spikes.
    """

    def __init__(self, layer: Layer, plan: EventPlan, following: EventPlan):
        assert layer.thresholds is not None
        self.following = following
        super().__init__(
            layer,
            plan,
            [-int(theta) for theta in reachable(layer, plan)],
            {"o": Out(stream.Signature(word(following.positions)))},
        )

    def elaborate(self, platform):
        m = Module()
        neurons = self.layer.neurons
        m.submodules.slots = slots = Slots(bits=neurons, depth=self.plan.slots)
        m.submodules.serialiser = serialiser = Serialiser(
            width=self.following.positions, beats=self.following.words
        )
        # A net is named after what is said of it first: the layer's own port.
        m.d.comb += [
            self.o.valid.eq(serialiser.o.valid),
            self.o.p.planes[0].eq(serialiser.o.p.data),
            self.o.p.last.eq(serialiser.o.p.last),
            serialiser.o.ready.eq(self.o.ready),
        ]
        wanted = self.accumulate(m, slots)

        # What a bench watches.
        fire = Signal(neurons, attrs={"keep": 1})
        fire_valid = Signal(attrs={"keep": 1})
        m.d.comb += [
            fire.eq(self.accumulators.fire),
            fire_valid.eq(wanted),
            slots.i.eq(fire),
            slots.push.eq(fire_valid),
        ]

        spikes = slots.o.payload
        m.d.comb += [
            serialiser.i.payload.eq(
                Cat(spikes[i] if i >= 0 else Const(0, 1) for i in self.following.order)
            ),
            serialiser.i.valid.eq(slots.o.valid),
            slots.o.ready.eq(serialiser.i.ready),
        ]
        return m


def reachable(layer: Layer, plan: EventPlan) -> np.ndarray:
    """The thresholds, those beyond what a potential reaches moved to its edge.

    At or below the least potential a neuron always fires, above the greatest it never does.
    """
    low, high = layer.projections[0].potential_range(2**plan.planes - 1)
    return np.clip(layer.thresholds, low, high + 1)
