"""The unrolled engine: all of a window in every cycle, in logic made for its weights."""

from collections.abc import Sequence

from amaranth.hdl import Cat, Module, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from rtl_gen.fabric import TableCell
from rtl_gen.feeds import Feed, FramePlan, UnrolledPlan
from rtl_gen.lib.gathered import gathered_frame, gathered_window
from rtl_gen.lib.lock import locked
from rtl_gen.lib.shared import add_part
from rtl_gen.lib.skid import GATE, readiness
from rtl_gen.names import instance
from rtl_gen.stream import entry, word
from rtl_gen.unrolled.circuit import Circuit
from rtl_gen.unrolled.pipeline import Pipeline


class UnrolledEngine(wiring.Component):
    """Gathers windows, or frames, and has each go through a pipeline.

    Semantics: input ``b * inputs + i`` of a projection's part of the circuit is bit b of input i,
    which of a window is c * taps + t, channel c at tap t.  While a result waits, the whole pipeline
    does, and with it what gathers frames, unless these have to wait for others.

    Latency: ``latency`` cycles from the one in which a window is there to its result.
    Throughput: a window a cycle, or as many cycles as it comes in.

    Parameters
    ----------
    feeds: of the projections.
    circuit: of the layer; depth, table, pair: see Pipeline.
    bound: whether it moves not until a result waits, but as the skid buffer does that is behind it
        and others.
    counts: whether ``events`` is wanted.
    layer: name of the layer.

    Members
    -------
    i0, i1, …: words of frames, or entries of windows.
    o: results: the circuit's outputs, whether the window was the frame's last, and then whether the
        frame is malformed.
    gate: if it is bound, that of the skid buffer.
    events: inputs that were 1, of a window some cycles ago.
    """

    def __init__(
        self,
        feeds: Sequence[FramePlan | UnrolledPlan],
        circuit: Circuit,
        depth: int,
        table: TableCell | None,
        pair: TableCell | None,
        *,
        bound: bool,
        counts: bool,
        layer: str,
    ):
        self.layer = layer
        self.feeds = tuple(feeds)
        self.pipeline = Pipeline(circuit, depth, table, pair)
        self.latency = self.pipeline.latency
        self.bound = bound
        self.counts = counts
        self.lanes = circuit.tables.inputs
        super().__init__(
            {
                **{f"i{k}": In(stream.Signature(_piece(feed))) for k, feed in enumerate(feeds)},
                "o": Out(stream.Signature(len(circuit.outputs) + 2)),
                "events": Out(range(self.lanes + 1)),
                **({"gate": In(GATE)} if bound else {}),
            }
        )

    def elaborate(self, platform):
        m = Module()
        if self.bound:
            moves = readiness(m, self.gate, "pipeline_moves")
            accepts = readiness(m, self.gate, "accepts")
        else:
            moves = accepts = Signal(name="pipeline_moves")
            m.d.comb += moves.eq(~self.o.valid | self.o.ready)
        valid = Signal()
        alone = in_step(self.feeds)
        go = accepts if alone else valid & moves
        gathered = [self._gather(m, k, feed, go, alone) for k, feed in enumerate(self.feeds)]
        whole, there, last, drop = (list(part) for part in zip(*gathered, strict=True))
        bits = Cat(whole)
        out, (ends, malformed) = locked(
            m,
            valid=valid,
            moves=moves,
            latency=self.latency,
            name="pipeline",
            beside=[("last", last[0]), ("drop", drop[0])],
        )
        path = f"{instance(self.layer)}.engine.pipeline"
        add_part(m, platform, "pipeline", self.pipeline, path=path)
        m.d.comb += [
            self.pipeline.moves.eq(moves),
            valid.eq(Cat(there).all()),
            self.pipeline.i.eq(bits),
            self.o.valid.eq(out),
            self.o.payload.eq(Cat(self.pipeline.o, ends, malformed)),
        ]
        if self.counts:
            m.d.comb += self.events.eq(_count(m, [bit & valid & moves for bit in bits]))
        return m

    def _gather(self, m: Module, k: int, feed: FramePlan | UnrolledPlan, go, alone: bool):
        """A projection's bits, whether they are there, and are a frame's last, or malformed.

        go: they are taken; alone: ... and so is what comes in, whether they are there or not.
        """
        source = getattr(self, f"i{k}")
        if isinstance(feed, UnrolledPlan):
            return gathered_window(
                m,
                k,
                source,
                channels=feed.windows.channels,
                taps=feed.windows.window.taps,
                planes=feed.planes,
                hand_over=go,
            )
        if feed.held:
            bits, full, drop = gathered_frame(
                m,
                k,
                source,
                positions=feed.positions,
                order=feed.order,
                planes=feed.planes,
                hand_over=go,
                at_once=alone,
            )
            return bits, full, full, drop
        m.d.comb += source.ready.eq(go)
        bits = Cat(source.p.planes[b] for b in range(feed.planes))
        return bits, source.valid, source.valid, source.p.drop


def in_step(feeds: Sequence[Feed]) -> bool:
    """Whether an unrolled layer takes words whenever its pipeline moves.

    It does where these are all that it waits for, and come into a frame.
    """
    return len(feeds) == 1 and isinstance(feeds[0], FramePlan)


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
