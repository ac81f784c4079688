"""From a map in raster order to the spikes of its windows."""

from collections.abc import Sequence
from itertools import pairwise

from amaranth.hdl import Array, Cat, Const, Module, Signal
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from rtl_gen.feeds import WindowPlan
from rtl_gen.stream import entry, word

from .encoder import at_most, lowest, select, total
from .linebuffer import LineBuffer
from .sequence import WindowSequence
from .slots import Slots


def entry_of_window(
    plan: WindowPlan, channels: int, *, groups: int = 1, whole: bool = False
) -> data.StructLayout:
    """What a reader gives of so many channels; see WindowReader."""
    bits = channels // groups * (plan.planes if whole else 1)
    return entry(bits, (1 if whole else bits) * plan.window.taps, groups)


class WindowReader(wiring.Component):
    """A line buffer, and the reading of every ``step``-th window from it.

    Semantics: a window is read as soon as its last pixel is there, pixel by pixel, those without
    spikes left out; a window without any spikes gives one empty entry.  Plane by plane, most
    significant first, each plane being read for itself; or ``whole``: each pixel once with all of
    its planes.  Padding is no pixels, and costs no cycles.

    Latency: ``latency`` cycles from a window's last pixel to the first of its entries.
    Throughput: a pixel a cycle in; an entry a cycle out, at most one window a cycle, where the
    plan's queue holds those that come between an issue and the return of its slot.

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

    #: From a window's last pixel to its first entry's issue: flags, complete, loaded.
    load_latency = 3
    #: From the issue of an entry to the first cycle in which it can be read: place, pixel, slot.
    read_latency = 1 + LineBuffer.latency + Slots.read_latency
    #: From a window's last pixel to the first cycle in which its first entry can be read.
    latency = load_latency + read_latency

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
        self.layout = entry_of_window(plan, len(channels), groups=groups, whole=whole)
        self.sequence = WindowSequence(plan, first=first, step=step)
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
        m.submodules.sequence = sequence = self.sequence
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

        # The window behind the current one, as soon as its last pixel is there.
        following = Signal(self._window)
        waits = Signal()
        load = Signal()
        m.d.comb += sequence.advance.eq(sequence.complete & (~waits | load))
        with m.If(sequence.advance):
            m.d.sync += [
                waits.eq(1),
                following.left.eq(sequence.origin - plan.window.padding[1]),
                following.top.eq(sequence.top),
                following.final.eq(sequence.final),
                following.drop.eq(self._dropped(buffer, sequence)),
                following.frees.eq(sequence.frees),
            ]
            for b in range(self.rounds):
                m.d.sync += following.masks[b].eq(self._mask(m, b, buffer, sequence))
        with m.Elif(load):
            m.d.sync += waits.eq(0)

        # The current window: what of it is still to be read, the current plane on top.  Whether a
        # plane has but one pixel left is known beforehand, so that no cycle has to look for it.
        window = Signal(self._window)
        busy = Signal()
        plane = Signal(range(max(self.rounds, 2)))
        counts = [Signal(range(taps + 1), name=f"count_{b}") for b in range(self.rounds)]
        single = Signal()
        mask, count = window.masks[-1], counts[-1]
        tap = Signal(taps)
        issue = Signal()
        closes = Signal()
        m.d.comb += [
            tap.eq(lowest(m, mask)),
            issue.eq(busy & queue.free),
            closes.eq(single & (plane == 0)),
            sequence.finish.eq(issue & closes),
            sequence.finished.eq(window.frees),
            load.eq(waits & (~busy | sequence.finish)),
            queue.reserve.eq(issue),
        ]
        found = [Signal.like(n, name=f"found_{b}") for b, n in enumerate(counts)]
        m.d.comb += [n.eq(total(following.masks[b])) for b, n in enumerate(found)]
        with m.If(load):
            m.d.sync += [
                busy.eq(1),
                window.eq(following),
                plane.eq(self.rounds - 1),
                *(n.eq(f) for n, f in zip(counts, found, strict=True)),
                single.eq(at_most(found[-1], 1)),
            ]
        with m.Elif(issue):
            m.d.sync += [mask.eq(mask & ~tap), count.eq(count - 1), single.eq(at_most(count, 2))]
            with m.If(single):
                m.d.sync += [busy.eq(plane != 0), plane.eq(plane - 1)]
                if self.rounds > 1:
                    m.d.sync += single.eq(at_most(counts[-2], 1))
                for b in range(1, self.rounds):
                    m.d.sync += window.masks[b].eq(window.masks[b - 1])
                    m.d.sync += counts[b].eq(counts[b - 1])

        # A cycle later the pixel's place is known, in three more it is there.
        chosen = Signal(taps)
        left = Signal.like(window.left)
        top = Signal.like(window.top)
        read = [Signal(self._read, name=f"read_{k}") for k in range(LineBuffer.latency + 1)]
        m.d.sync += [
            chosen.eq(tap),
            left.eq(window.left),
            top.eq(window.top),
            read[0].issued.eq(issue),
            read[0].plane.eq(plane),
            read[0].last.eq(single),
            read[0].closes.eq(closes),
            read[0].final.eq(closes & window.final),
            read[0].drop.eq(window.drop),
            *(later.eq(sooner) for sooner, later in pairwise(read)),
            read[1].some.eq(chosen.any()),
            read[1].base.eq(
                select(chosen, [t * self.unit for t in range(taps)], len(read[1].base))
            ),
        ]
        line = Signal(range(max(plan.depth, 2)))
        for k in range(kernel_y):
            with m.If(chosen[k * kernel_x : (k + 1) * kernel_x].any()):
                m.d.comb += line.eq(
                    Array((r + k) % plan.rows * width for r in range(plan.rows))[top]
                )
        column = select(chosen, [t % kernel_x for t in range(taps)], (kernel_x - 1).bit_length())
        m.d.comb += [
            buffer.addr.eq((line + left + column)[: len(buffer.addr)]),
            buffer.en.eq(read[0].issued & chosen.any()),
        ]
        there = read[-1]
        spikes = Signal(self.bits * self.groups)
        with m.If(there.some):
            m.d.comb += spikes.eq(buffer.data.word_select(there.plane, len(spikes)))
        pixel = Signal(self.layout)
        marks = ("base", "last", "closes", "final", "drop")
        m.d.comb += [pixel[name].eq(there[name]) for name in marks]
        if self.groups == 1:
            m.d.comb += pixel.bits.eq(spikes)
        else:
            ors = [spikes.word_select(i, self.groups).any() for i in range(self.bits)]
            m.d.comb += [pixel.bits.eq(Cat(ors)), pixel.spikes.eq(spikes)]
        m.d.comb += [queue.i.eq(pixel), queue.push.eq(there.issued)]
        return m

    @property
    def _window(self) -> data.StructLayout:
        """A window: of each plane the pixels with spikes; where it lies; see WindowSequence."""
        taps = self.plan.window.taps
        beyond = (self.plan.output[1] - 1) * self.plan.window.stride[1] + 1
        return data.StructLayout(
            {
                "masks": data.ArrayLayout(taps, self.rounds),
                "left": range(-self.plan.window.padding[1] - 1, beyond),
                "top": range(max(self.plan.rows, 2)),
                "final": 1,
                "drop": 1,
                "frees": self.sequence.frees.shape(),
            }
        )

    @property
    def _read(self) -> data.StructLayout:
        """An entry on its way, but for its spikes: whether there are ``some``, in which plane."""
        base = range(max(self.unit * self.plan.window.taps, 2))
        names = ("issued", "some", "last", "closes", "final", "drop")
        plane = range(max(self.rounds, 2))
        return data.StructLayout({"base": base, "plane": plane, **dict.fromkeys(names, 1)})

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
