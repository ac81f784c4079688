"""From a map in raster order to the spikes of its windows."""

from collections.abc import Sequence

from amaranth.hdl import Array, Cat, Const, Module, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from rtl_gen.plan import WindowPlan
from rtl_gen.stream import entry, word

from .encoder import lowest, select
from .linebuffer import LineBuffer
from .sequence import WindowSequence
from .slots import Slots


class WindowReader(wiring.Component):
    """A line buffer, and the reading of every ``step``-th window from it.

    Semantics: a window is read as soon as its last pixel is there, pixel by pixel, those without
    spikes left out; a window without any spikes gives one empty entry.  Plane by plane, most
    significant first, each plane being read for itself; or ``whole``: each pixel once with all of
    its planes.  Padding is no pixels, and costs no cycles.

    Latency: ``latency`` cycles from a window's last pixel to the first of its entries.
    Throughput: a pixel a cycle in; an entry a cycle out, at most one window a cycle.

    Parameters
    ----------
    plan: the windows.
    channels: those of the source that are kept; bit k of an entry is channel k of them, or, of a
        convolution of several groups, ``channels[i * groups + g]`` is input i of group g.
    groups: see entry().
    first, step: which windows are read.
    whole: whether an entry is a pixel with all planes, plane b in bits [b * n, (b + 1) * n).

    Members
    -------
    i, push, room: pixels; one is taken where ``push``, which is only allowed while ``room``.
    o: entries; ``base`` is the number of the tap, times the inputs of a group unless ``whole``.
    """

    #: From a window's last pixel to the first cycle in which its first entry can be read.
    latency = 4

    def __init__(
        self,
        plan: WindowPlan,
        *,
        channels: Sequence[int],
        groups: int = 1,
        first: int = 0,
        step: int = 1,
        whole: bool = False,
    ):
        assert step <= plan.output[1]
        self.plan = plan
        self.channels = tuple(channels)
        self.groups = groups
        self.first = first
        self.step = step
        #: Times that a window is read.
        self.rounds = 1 if whole else plan.planes
        #: Bits of an entry, and of the channels of a pixel.
        self.bits = len(channels) // groups * (plan.planes if whole else 1)
        self.unit = 1 if whole else self.bits
        self.layout = entry(self.bits, self.unit * plan.window.taps, groups)
        super().__init__(
            {
                "i": In(word(plan.channels, plan.planes)),
                "push": In(1),
                "room": Out(1),
                "o": Out(stream.Signature(self.layout)),
            }
        )

    @property
    def buffer_bits(self) -> int:
        """Bits of the line buffer."""
        return self.plan.depth * self.plan.planes * len(self.channels)

    def elaborate(self, platform):
        m = Module()
        plan, taps = self.plan, self.plan.window.taps
        kernel_y, kernel_x = plan.window.kernel
        height, width = plan.size
        planes = [Cat(self.i.planes[b][c] for c in self.channels) for b in range(plan.planes)]

        m.submodules.buffer = buffer = LineBuffer(
            height=height,
            width=width,
            rows=plan.rows,
            flags=self.rounds,
            bits=len(self.channels) * plan.planes,
        )
        m.submodules.sequence = sequence = WindowSequence(plan, first=self.first, step=self.step)
        m.submodules.queue = queue = Slots(bits=self.layout.size, depth=plan.queue)
        any_bits = [Cat(planes).any()] if self.rounds == 1 else [p.any() for p in planes]
        m.d.comb += [
            buffer.i.eq(Cat(planes)),
            buffer.marks.eq(Cat(any_bits)),
            buffer.drop.eq(self.i.last & self.i.drop),
            buffer.push.eq(self.push),
            sequence.push.eq(self.push),
            self.room.eq(sequence.room),
            self.o.payload.eq(queue.o.payload),
            self.o.valid.eq(queue.o.valid),
            queue.o.ready.eq(self.o.ready),
        ]

        # The current window: what of it is still to be read.
        masks = [Signal(taps, name=f"mask_{b}") for b in range(self.rounds)]
        left = Signal.like(sequence.left, init=0)
        top = Signal.like(sequence.top, init=0)
        final = Signal()
        drop = Signal()
        busy = Signal()
        plane = Signal(range(max(self.rounds, 2)))
        mask = Signal(taps)
        tap = Signal(taps)
        after = Signal(taps)
        issue = Signal()
        last = Signal()
        closes = Signal()
        load = Signal()
        with m.Switch(plane):
            for b in range(self.rounds):
                with m.Case(b):
                    m.d.comb += mask.eq(masks[b])
                    with m.If(issue):
                        m.d.sync += masks[b].eq(after)
        m.d.comb += [
            tap.eq(lowest(mask)),
            after.eq(mask & ~tap),
            issue.eq(busy & queue.free),
            last.eq(~after.any()),
            closes.eq(last & (plane == 0)),
            sequence.finish.eq(issue & closes),
            load.eq(sequence.complete & (~busy | sequence.finish)),
            sequence.advance.eq(load),
            queue.reserve.eq(issue),
        ]
        with m.If(issue & last):
            m.d.sync += plane.eq(plane - 1)
        with m.If(sequence.finish):
            m.d.sync += busy.eq(0)
        with m.If(load):
            m.d.sync += [
                busy.eq(1),
                plane.eq(self.rounds - 1),
                left.eq(sequence.left),
                top.eq(sequence.top),
                final.eq(sequence.final),
                drop.eq(self._dropped(buffer, sequence)),
            ]
            for b in range(self.rounds):
                m.d.sync += masks[b].eq(self._mask(m, b, buffer, sequence))

        # Its next pixel.
        line = Signal(range(max(plan.depth, 2)))
        for k in range(kernel_y):
            with m.If(tap[k * kernel_x : (k + 1) * kernel_x].any()):
                m.d.comb += line.eq(
                    Array((r + k) % plan.rows * width for r in range(plan.rows))[top]
                )
        column = select(tap, [t % kernel_x for t in range(taps)], (kernel_x - 1).bit_length())
        m.d.comb += [
            buffer.addr.eq((line + left + column)[: len(buffer.addr)]),
            buffer.en.eq(issue & tap.any()),
        ]

        # A cycle later it is there.
        known = Signal(self.layout)
        read = Signal()
        pushed = Signal()
        from_plane = Signal.like(plane)
        base_bits = len(known.base)
        m.d.sync += [
            pushed.eq(issue),
            read.eq(tap.any()),
            from_plane.eq(plane),
            known.base.eq(select(tap, [t * self.unit for t in range(taps)], base_bits)),
            known.last.eq(last),
            known.closes.eq(closes),
            known.final.eq(closes & final),
            known.drop.eq(drop),
        ]
        spikes = Signal(self.bits * self.groups)
        with m.If(read):
            m.d.comb += spikes.eq(buffer.data.word_select(from_plane, len(spikes)))
        full = Signal(self.layout)
        m.d.comb += full.eq(known)
        if self.groups == 1:
            m.d.comb += full.bits.eq(spikes)
        else:
            ors = [spikes.word_select(i, self.groups).any() for i in range(self.bits)]
            m.d.comb += [full.bits.eq(Cat(ors)), full.spikes.eq(spikes)]
        m.d.comb += [queue.i.eq(full), queue.push.eq(pushed)]
        return m

    def _mask(self, m: Module, plane: int, buffer: LineBuffer, sequence: WindowSequence):
        """The next window's pixels that have spikes in the plane."""
        plan = self.plan
        kernel_y, kernel_x = plan.window.kernel
        margin = Const(0, plan.window.padding[1])
        beyond = Const(0, kernel_x)
        seen = []
        for r in range(plan.rows):
            part = Signal(kernel_x, name=f"seen_{plane}_{r}")
            flags = Cat(margin, buffer.flags[plane * plan.rows + r], beyond)
            m.d.comb += part.eq(flags.bit_select(sequence.origin, kernel_x))
            seen.append(part)
        lines = []
        for k in range(kernel_y):
            line = Array(seen[(r + k) % plan.rows] for r in range(plan.rows))[sequence.top]
            lines.append(line & sequence.inside[k].replicate(kernel_x))
        return Cat(lines)

    def _dropped(self, buffer: LineBuffer, sequence: WindowSequence):
        """Whether the frame that ends with the next window is malformed."""
        plan = self.plan
        top = (plan.output[0] - 1) * plan.window.stride[0] - plan.window.padding[0]
        below = plan.size[0] - 1 - top
        return Array(buffer.dropped[(r + below) % plan.rows] for r in range(plan.rows))[
            sequence.top
        ]
