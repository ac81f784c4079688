"""Which window comes next, and when."""

from amaranth.hdl import Module, Mux, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from rtl_gen.plan import WindowPlan


class WindowSequence(wiring.Component):
    """Counts pixels in and windows out.

    Semantics: the windows first, first + step, … of the stream of frames, in raster order.  The
    next one is ``complete`` when its last pixel is there, the frame's last one with the frame.
    ``advance`` makes it the current one, ``finish`` ends that.  There is ``room`` as long as a
    pixel more does not take the place of one that the current window, or if there is none the next
    one, or any later one needs (WindowPlan.frees).

    Latency: pixels and windows count from the cycle after ``push``, ``advance`` and ``finish``.

    Members
    -------
    push, room, complete, advance, finish: see above; ``advance`` only where ``complete``, and no
        sooner than ``finish``.
    origin: left column of the next window, counted from the padding's first.
    left: ... from the map's first, so that it may be negative.
    top: ring row of its top row, be that padding.
    inside: which of its rows are not padding.
    final: it is the frame's last.
    """

    def __init__(self, plan: WindowPlan, *, first: int, step: int):
        self.plan = plan
        self.first = first
        self.step = step
        stride, padding = plan.window.stride[1], plan.window.padding[1]
        beyond = (plan.output[1] + step) * stride
        super().__init__(
            {
                "push": In(1),
                "room": Out(1),
                "complete": Out(1),
                "advance": In(1),
                "finish": In(1),
                "origin": Out(range(beyond), init=first * stride),
                "left": Out(range(-padding - 1, beyond)),
                "top": Out(range(max(plan.rows, 2)), init=-plan.window.padding[0] % plan.rows),
                "inside": Out(plan.window.kernel[0]),
                "final": Out(1),
            }
        )

    def elaborate(self, platform):
        m = Module()
        plan, window = self.plan, self.plan.window
        height, width = plan.size
        (lines, columns), (stride_y, stride_x) = plan.output, window.stride
        (kernel_y, kernel_x), (padding_y, padding_x) = window.kernel, window.padding
        #: Rows from the top of one line of windows to that of the next.
        line_step, frame_step = stride_y, height - (lines - 1) * stride_y
        furthest = (max(line_step, frame_step) + 1) * width
        most = plan.depth + (max(0, -frame_step) + 1) * width + padding_y * width

        line = Signal(range(max(lines, 2)))
        lead = padding_y * width
        # Pixels that are there, counted from the next window's top row.
        filled = Signal(range(-furthest, most + 1), init=lead)
        # ... and from the first that is still needed.
        held_first = lead - max(self.first * stride_x - padding_x, 0)
        held = Signal(range(-2 * furthest, most + 1), init=held_first)

        m.d.comb += [
            self.left.eq(self.origin - padding_x),
            self.final.eq((line == lines - 1) & (self.origin == (columns - 1) * stride_x)),
            self.room.eq(held < plan.depth),
        ]
        reach = Signal(range(width + kernel_x + 1))
        right = Signal(range(max(width, 2)))
        m.d.comb += [
            reach.eq(self.left + kernel_x - 1),
            right.eq(Mux(reach > width - 1, width - 1, reach)),
        ]
        needed = Signal(range((height + kernel_y) * width + width))
        spent = Signal(range(-(kernel_y + height) * width, width + 1))
        m.d.comb += [
            self.inside.eq(-1),
            needed.eq(right + (kernel_y - 1) * width),
            spent.eq(Mux(self.left < 0, 0, self.left)),
        ]
        with m.Switch(line):
            for y in range(lines):
                top = y * stride_y - padding_y
                seen = [k for k in range(kernel_y) if 0 <= top + k < height]
                if len(seen) == kernel_y and y < lines - 1:
                    continue
                with m.Case(y):
                    m.d.comb += [
                        self.inside.eq(sum(1 << k for k in seen)),
                        needed.eq(right + seen[-1] * width),
                    ]
                    if y == lines - 1:
                        with m.If(self.final):
                            m.d.comb += needed.eq((height - top) * width - 1)
                    if top >= height - padding_y:
                        m.d.comb += spent.eq((height - padding_y - top) * width)
        m.d.comb += self.complete.eq(filled > needed)

        passed = Signal(range(-height * width, (height + stride_y) * width + 1))
        beyond = Signal.like(self.origin)
        wraps = Signal()
        m.d.comb += [
            beyond.eq(self.origin + self.step * stride_x),
            wraps.eq(beyond >= columns * stride_x),
        ]
        with m.If(self.advance):
            m.d.sync += self.origin.eq(Mux(wraps, beyond - columns * stride_x, beyond))
            with m.If(wraps):
                with m.If(line == lines - 1):
                    m.d.sync += [line.eq(0), self.top.eq(self._turned(frame_step))]
                    m.d.comb += passed.eq(frame_step * width)
                with m.Else():
                    m.d.sync += [line.eq(line + 1), self.top.eq(self._turned(line_step))]
                    m.d.comb += passed.eq(line_step * width)
        m.d.sync += filled.eq(filled + self.push - passed)
        with m.If(self.advance | self.finish):
            m.d.sync += held.eq(filled + self.push - spent)
        with m.Else():
            m.d.sync += held.eq(held + self.push)
        return m

    def _turned(self, rows: int):
        """The ring row that lies so many rows below the next window's top."""
        by = rows % self.plan.rows
        return Mux(self.top >= self.plan.rows - by, self.top - (self.plan.rows - by), self.top + by)
