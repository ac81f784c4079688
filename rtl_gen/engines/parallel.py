"""The parallel engine: many inputs a cycle, whether they spike or not."""

from collections.abc import Sequence
from dataclasses import dataclass

from amaranth.hdl import Cat, Const, Module, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from rtl_gen.lib.delay import delayed
from rtl_gen.lib.gathered import gathered_window
from rtl_gen.lib.rom import Rom
from rtl_gen.stream import entry


@dataclass(frozen=True, kw_only=True)
class Taps:
    """A projection of the parallel engine.

    Parameters
    ----------
    channels, taps, planes: of a window.
    inputs: of it that are added in a cycle, S.
    steps: cycles for a plane.
    """

    channels: int
    taps: int
    planes: int
    inputs: int
    steps: int

    @property
    def entry(self):
        """Layout of the entries: a pixel with all its planes."""
        return entry(self.channels * self.planes, self.taps)


class ParallelEngine(wiring.Component):
    """Gathers windows, and adds S inputs of one plane a cycle.

    Semantics: while a window is worked on, most significant plane first and step by step, the next
    one is gathered.  Several projections are worked on in the same cycles.  Input c * taps + t of a
    window is channel c at tap t.

    Latency: ``latency`` cycles from a step to the one in which memories give its rows.
    Throughput: a window takes ``planes * steps`` cycles, or as many as it has pixels that are not
    empty, whichever is more.

    Parameters
    ----------
    projections: at least one.

    Members
    -------
    i0, i1, …: entries of the projections.
    addr: the step, for the memories of the weights.
    free, reserve, there0, there1, …, ends, closes, final, drop, events: see EventEngine; nothing
        is there where the input is 0.
    """

    #: Memory.
    latency = Rom.latency

    def __init__(self, projections: Sequence[Taps]):
        self.projections = tuple(projections)
        self.planes = projections[0].planes
        self.steps = max(p.steps for p in projections)
        self.lanes = sum(p.inputs for p in projections)
        super().__init__(
            {
                **{f"i{k}": In(stream.Signature(p.entry)) for k, p in enumerate(projections)},
                "addr": Out(range(max(self.steps, 2))),
                "free": In(1),
                "reserve": Out(1),
                **{f"there{k}": Out(1) for k in range(self.lanes)},
                "ends": Out(1),
                "closes": Out(1),
                "final": Out(1),
                "drop": Out(1),
                "events": Out(range(self.lanes + 1)),
            }
        )

    def elaborate(self, platform):
        m = Module()
        hand_over = Signal()
        gathered = [
            gathered_window(
                m,
                k,
                getattr(self, f"i{k}"),
                channels=p.channels,
                taps=p.taps,
                planes=p.planes,
                hand_over=hand_over,
            )
            for k, p in enumerate(self.projections)
        ]
        bits = [self._kept(m, k, window, hand_over) for k, (window, *_) in enumerate(gathered)]
        _, full, last, drop = (list(part) for part in zip(*gathered, strict=True))

        busy = Signal()
        final = Signal()
        malformed = Signal()
        plane = Signal(range(max(self.planes, 2)))
        step = Signal(range(max(self.steps, 2)))
        ends = Signal()
        closes = Signal()
        go = Signal()
        m.d.comb += [
            ends.eq(busy & (step == self.steps - 1)),
            closes.eq(ends & (plane == 0)),
            go.eq(busy & (~closes | self.free)),
            self.reserve.eq(closes & go),
            hand_over.eq(Cat(full).all() & (~busy | self.reserve)),
            self.addr.eq(step),
        ]
        with m.If(go):
            m.d.sync += step.eq(step + 1)
            with m.If(ends):
                m.d.sync += [step.eq(0), plane.eq(plane - 1)]
        with m.If(self.reserve):
            m.d.sync += busy.eq(0)
        with m.If(hand_over):
            m.d.sync += [
                busy.eq(1),
                step.eq(0),
                plane.eq(self.planes - 1),
                final.eq(last[0]),
                malformed.eq(drop[0]),
            ]
        for name, signal in (
            ("ends", ends & go),
            ("closes", self.reserve),
            ("final", self.reserve & final),
            ("drop", self.reserve & final & malformed),
        ):
            at_first = Signal(name=f"{name}_0")
            m.d.comb += at_first.eq(signal)
            m.d.comb += getattr(self, name).eq(delayed(m, at_first, self.latency, name))

        there = []
        for k, projection in enumerate(self.projections):
            plane_bits = bits[k].word_select(plane, self._size(projection))
            there += self._inputs(m, k, projection, plane_bits, step, go)
        m.d.comb += [getattr(self, f"there{lane}").eq(bit) for lane, bit in enumerate(there)]
        m.d.comb += self.events.eq(sum(there[1:], there[0]))
        return m

    def _size(self, projection: Taps) -> int:
        return projection.channels * projection.taps

    def _kept(self, m: Module, k: int, window, hand_over):
        """The window that is worked on."""
        kept = Signal(len(window), name=f"window{k}")
        with m.If(hand_over):
            m.d.sync += kept.eq(window)
        return kept

    def _inputs(self, m: Module, k: int, projection: Taps, bits, step, go) -> list:
        """The inputs of the step whose rows the memory gives."""
        count = projection.inputs
        wanted = Signal(count, name=f"inputs{k}")
        padded = Cat(bits, Const(0, max(1, self.steps * count - len(bits))))
        with m.If(go):
            m.d.sync += wanted.eq(padded.word_select(step, count))
        with m.Else():
            m.d.sync += wanted.eq(0)
        for cycle in range(1, self.latency):
            before, wanted = wanted, Signal(count, name=f"inputs{k}_{cycle}")
            m.d.sync += wanted.eq(before)
        return list(wanted)
