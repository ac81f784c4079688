"""The unrolled engine: all of a window in every cycle, in logic made for its weights."""

from collections.abc import Sequence

from amaranth.hdl import Cat, Module, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from rtl_gen.lib.delay import delayed
from rtl_gen.lib.gathered import gathered_frame, gathered_window
from rtl_gen.plan import FramePlan, UnrolledPlan
from rtl_gen.stream import entry, word
from rtl_gen.unrolled.circuit import Circuit
from rtl_gen.unrolled.pipeline import Pipeline


class UnrolledEngine(wiring.Component):
    """Gathers windows, or frames, and has each go through a pipeline.

    Semantics: input ``b * inputs + i`` of a projection's part of the circuit is bit b of input i,
    which of a window is c * taps + t, channel c at tap t.

    Latency: ``latency`` cycles from handing over a window, which is the cycle after its last piece
    came or later, to its result.
    Throughput: a window a cycle, or as many cycles as it comes in.

    Parameters
    ----------
    feeds: of the projections.
    circuit: of the layer; depth, primitive: see Pipeline.
    discards: whether malformed frames end here.
    counts: whether ``events`` is wanted.

    Members
    -------
    i0, i1, …: words of frames, or entries of windows.
    free: a result has room,
    reserve: ... and its room is claimed, in the cycle in which it is handed over.
    o: the circuit's outputs,
    done: ... which are those of a window,
    last, drop: ... of a frame's last one, of a malformed frame.
    events: inputs that were 1, of a window handed over ``events_latency`` cycles ago.
    """

    def __init__(
        self,
        feeds: Sequence[FramePlan | UnrolledPlan],
        circuit: Circuit,
        depth: int,
        primitive: tuple[str, ...],
        *,
        discards: bool,
        counts: bool,
    ):
        self.feeds = tuple(feeds)
        self.pipeline = Pipeline(circuit, depth, primitive)
        self.latency = self.pipeline.latency
        self.discards = discards
        self.counts = counts
        self.lanes = circuit.tables.inputs
        super().__init__(
            {
                **{f"i{k}": In(stream.Signature(_piece(feed))) for k, feed in enumerate(feeds)},
                "free": In(1),
                "reserve": Out(1),
                "o": Out(len(circuit.outputs)),
                "done": Out(1),
                "last": Out(1),
                "drop": Out(1),
                "events": Out(range(self.lanes + 1)),
            }
        )

    def elaborate(self, platform):
        m = Module()
        m.submodules.pipeline = pipeline = self.pipeline
        go = Signal()
        bits, full, last, drop = [], [], [], []
        for k, feed in enumerate(self.feeds):
            source = getattr(self, f"i{k}")
            if isinstance(feed, FramePlan):
                whole, there, malformed = gathered_frame(
                    m,
                    k,
                    source,
                    positions=feed.positions,
                    order=feed.order,
                    planes=feed.planes,
                    hand_over=go,
                )
                ends = there
            else:
                whole, there, ends, malformed = gathered_window(
                    m,
                    k,
                    source,
                    channels=feed.windows.channels,
                    taps=feed.windows.window.taps,
                    planes=feed.planes,
                    hand_over=go,
                )
            bits.append(whole)
            full.append(there)
            last.append(ends)
            drop.append(malformed)
        m.d.comb += [
            go.eq(Cat(full).all() & self.free),
            self.reserve.eq(go & ~(drop[0] & self.discards)),
            pipeline.i.eq(Cat(bits)),
            self.o.eq(pipeline.o),
        ]
        for name, now, out in (
            ("done", self.reserve, self.done),
            ("last", last[0], self.last),
            ("drop", drop[0], self.drop),
        ):
            first = Signal(name=f"{name}_0")
            m.d.comb += [first.eq(now), out.eq(delayed(m, first, self.latency, name))]
        if self.counts:
            m.d.comb += self.events.eq(_count(m, [bit & go for bit in Cat(bits)]))
        return m


def _piece(feed: FramePlan | UnrolledPlan):
    """What a feed is gathered from."""
    if isinstance(feed, FramePlan):
        return word(feed.positions, feed.planes)
    windows = feed.windows
    return entry(windows.channels * windows.planes, windows.window.taps)


def _count(m: Module, bits: list):
    """How many bits are 1, some cycles later."""
    level = 0
    sums = bits
    while len(sums) > 1:
        groups = [sums[k : k + 3] for k in range(0, len(sums), 3)]
        sums = []
        for k, group in enumerate(groups):
            total = sum(group[1:], group[0])
            kept = Signal(total.shape(), name=f"count_{level}_{k}")
            m.d.sync += kept.eq(total)
            sums.append(kept)
        level += 1
    return sums[0]
