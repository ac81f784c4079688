"""The last layer, whose potentials are the scores."""

from amaranth.hdl import Cat, Const, EnableInserter, Module, Mux, Signal, signed
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import Out

from rtl_gen.lib.argmax import ArgMax
from rtl_gen.lib.delay import delayed
from rtl_gen.lib.lock import locked
from rtl_gen.lib.serialiser import Serialiser
from rtl_gen.lib.skid import Skid, readiness
from rtl_gen.lib.slots import Slots
from rtl_gen.lib.tree import levels
from rtl_gen.plan import LayerPlan
from rtl_gen.stream import flat
from rtl_gen.width import signed_width
from s2nn_hw.ir import Layer
from s2nn_hw.manifest import OutputPort

from .membranes import offsets, potentials
from .spiking import WeightedLayer
from .unit import Unit
from .unrolled import UnrolledParts


class Readout(WeightedLayer):
    """A dense layer that does not fire.

    Semantics: the result of a frame is its class, the first maximum of the scores, and the scores
    themselves, laid out as OutputPort says; potentials of several steps are added up to them.

    Latency: that of its unit from taking the frame's last event to its scores,
    ``Slots.read_latency`` until they are seen where they wait, ``ArgMax.latency`` until the class
    is known, and ``Slots.read_latency`` until the first beat goes out.  Of an unrolled one that of
    its engine, ``ArgMax.latency`` and ``Skid.latency``.  Adding up takes a cycle.

    Members
    -------
    o: beats of results.
    """

    def __init__(self, layer: Layer, plan: LayerPlan, port: OutputPort):
        self.port = port
        super().__init__(
            layer,
            plan,
            offsets(layer, plan),
            {"o": Out(stream.Signature(flat(port.tdata_bits)))},
        )

    def elaborate(self, platform):
        m = Module()
        port = self.port
        piped = isinstance(self.parts, UnrolledParts) or self.plan.sums
        if piped and port.beats == 1:
            results = stream.Signature(port.tdata_bits).create(path=("result",))
            m.d.comb += [
                self.o.valid.eq(results.valid),
                self.o.p.data.eq(results.payload),
                self.o.p.last.eq(1),
                results.ready.eq(self.o.ready),
            ]
        else:
            m.submodules.serialiser = serialiser = Serialiser(
                width=port.tdata_bits, beats=port.beats
            )
            wiring.connect(m, serialiser.o, wiring.flipped(self.o))
            results = serialiser.i
        if piped:
            self._from_pipeline(m, results)
        else:
            (unit,) = self.parts.units
            self._from_slots(m, unit, results)
        return m

    def _send(self, m: Module, results, index, scores, widths, valid) -> None:
        """A result to where it is sent from."""
        port = self.port
        fields = [_extended(index, port.class_bits)]
        at = 0
        for width in widths:
            fields.append(_extended(scores[at : at + width].as_signed(), port.score_bits))
            at += width
        m.d.comb += [results.payload.eq(Cat(fields)), results.valid.eq(valid)]

    def _from_slots(self, m: Module, unit: Unit, results) -> None:
        """Scores wait in slots while their class is found."""
        widths = self.parts.widths
        m.submodules.score_slots = scores = Slots(
            bits=sum(widths), depth=self.plan.slots, newest=True
        )
        self.build(m)
        wanted = unit.done
        m.d.comb += [unit.engine.free.eq(scores.free), scores.reserve.eq(unit.engine.reserve)]
        # Never fuller than the scores' slots, which are reserved.
        m.submodules.class_slots = classes = Slots(
            bits=max(1, levels(len(widths))), depth=self.plan.slots
        )
        scored = delayed(m, wanted, Slots.read_latency, "scored")
        m.d.comb += [scores.i.eq(unit.result), scores.push.eq(wanted)]
        if len(widths) == 1:
            m.d.comb += classes.push.eq(scored)
        else:
            m.submodules.argmax = argmax = ArgMax(widths, cycles=self.plan.fabric.level_cycles)
            m.d.comb += [
                argmax.scores.eq(scores.newest),
                argmax.valid.eq(scored),
                classes.i.eq(argmax.index),
                classes.push.eq(argmax.index_valid),
            ]
        self._send(m, results, classes.o.payload, scores.o.payload, widths, classes.o.valid)
        m.d.comb += [
            classes.o.ready.eq(results.ready),
            scores.o.ready.eq(results.ready & classes.o.valid),
        ]

    def _from_pipeline(self, m: Module, results) -> None:
        """Classes are found in a pipeline that moves as a whole, with an engine that is bound."""
        self.build(m)
        engine = isinstance(self.parts, UnrolledParts)
        source = self.parts.engine.o if engine else self.merged(m)
        widths = self.parts.widths
        drop = source.payload[-1]
        valid, index, scores = source.valid & ~drop, Const(0, 1), source.payload[:-2]
        if self.plan.totals:
            widths = tuple(signed_width(*bounds) for bounds in self._totals())
        m.submodules.skid = skid = Skid(
            data.StructLayout({"index": max(1, levels(len(widths))), "scores": sum(widths)})
        )
        if self.plan.bound:
            self.bind(m, skid.gate)
        m.d.comb += source.ready.eq(skid.i.ready)
        if self.plan.totals:
            moves = readiness(m, skid.gate, "totals_moves")
            valid, scores = self._added(m, source, moves, widths)
        if len(widths) > 1:
            argmax = ArgMax(widths, cycles=self.plan.fabric.level_cycles)
            m.d.comb += argmax.scores.eq(scores)
            moves = readiness(m, skid.gate, "argmax_moves")
            valid, (scores,) = locked(
                m,
                valid=valid,
                moves=moves,
                latency=argmax.latency,
                name="argmax",
                beside=[("scores", scores)],
            )
            m.submodules.argmax = EnableInserter(moves)(argmax)
            index = argmax.index
        m.d.comb += [
            skid.i.valid.eq(valid),
            skid.i.p.index.eq(index),
            skid.i.p.scores.eq(scores),
            skid.o.ready.eq(results.ready),
        ]
        self._send(m, results, skid.o.p.index, skid.o.p.scores, widths, skid.o.valid)

    def _totals(self) -> list[tuple[int, int]]:
        """The least and the greatest score of each class, or sum of some steps."""
        low, high = (b + self.layer.bias_or_zero for b in potentials(self.layer, self.plan))
        steps = self.plan.steps
        return [
            (min(a, steps * a), max(b, steps * b))
            for a, b in zip(low.tolist(), high.tolist(), strict=True)
        ]

    def _added(self, m: Module, source, moves, widths):
        """Whether the scores of a frame are there, a cycle after its last step, and they."""
        steps = self.plan.steps
        step = Signal(range(max(steps, 2)))
        first = Signal(init=1)
        there = Signal(name="totals_there")
        final = step == steps - 1
        taken = source.valid & moves
        with m.If(taken):
            m.d.sync += [step.eq(Mux(final, 0, step + 1)), first.eq(final)]
        with m.If(moves):
            m.d.sync += there.eq(source.valid & final & ~source.payload[-1])
        # Accumulators begin with a bias, sums of tables do not.
        engine = isinstance(self.parts, UnrolledParts)
        start = self.layer.bias_or_zero.tolist() if engine else [0] * len(widths)
        totals, at = [], 0
        for j, (own, width) in enumerate(zip(self.parts.widths, widths, strict=True)):
            total = Signal(signed(width), name=f"total_{j}", reset_less=True)
            before = Mux(first, Const(steps * start[j], signed(width)), total)
            with m.If(taken):
                m.d.sync += total.eq(before + source.payload[at : at + own].as_signed())
            totals.append(total)
            at += own
        return there, Cat(totals)


def _extended(value, bits: int):
    """The value in a field of so many bits, which hold it, be the signal wider or not.

    Accumulators are sized as if every projection had the bits of the widest.
    """
    sign = value[-1] if value.shape().signed else 0
    return Cat(value[:bits], *[sign] * (bits - len(value)))
