"""Which window comes next, and when."""

from collections.abc import Sequence

from amaranth.hdl import Cat, Module, Mux, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from rtl_gen.feeds import WindowPlan


class WindowSequence(wiring.Component):
    """Counts pixels in and windows out.

    Semantics: the windows first, first + step, … of the stream of frames, in raster order.  The
    next one is ``complete`` when its last pixel is there (WindowPlan.needs).  ``advance`` goes on
    to the one behind; ``finish`` says that the oldest that is not finished is now.  There is
    ``room`` as long as a pixel more does not take the place of one that the oldest unfinished
    window or any later one needs (WindowPlan.frees).

    What is told of a window is looked up while the one before it is the next, and the counts are
    kept as distances whose signs are the answers: all members come from registers.

    Latency: pixels and windows count from the cycle after ``push`` and ``advance``; the places
    that ``finish`` frees can be taken ``free_latency`` cycles later.

    Members
    -------
    push, room, complete, advance, finish: see above; ``advance`` only where ``complete``.
    origin: left column of the next window, counted from the padding's first.
    top: ring row of its top row, be that padding.
    inside: which of its rows are not padding.
    final: it is the frame's last.
    frees: pixels that are free when it is finished.
    finished: ... of the window that ``finish`` is about.
    """

    #: From the end of a window to the first cycle in which its pixels' places can be taken.
    free_latency = 2

    def __init__(self, plan: WindowPlan, *, first: int, step: int):
        self.plan = plan
        self.first = first
        self.step = step
        #: Of each window, how many pixels the following one needs, and leaves free, beyond it.
        self._jumps = self._differences(plan.needs)
        self._frees = self._differences(plan.frees)
        super().__init__(
            {
                "push": In(1),
                "room": Out(1),
                "complete": Out(1),
                "advance": In(1),
                "finish": In(1),
                "origin": Out(
                    range((plan.output[1] - 1) * plan.window.stride[1] + 1),
                    init=first * plan.window.stride[1],
                ),
                "top": Out(range(max(plan.rows, 2)), init=self._top(0)),
                "inside": Out(plan.window.kernel[0], init=self._inside(0)),
                "final": Out(1, init=first == plan.windows - 1),
                "frees": Out(range(max(self._frees) + 1), init=self._frees[first]),
                "finished": In(range(max(self._frees) + 1)),
            }
        )

    def elaborate(self, platform):
        m = Module()
        plan, first = self.plan, self.first
        (lines, columns), stride = plan.output, plan.window.stride[1]
        needs, frees, depth = plan.needs, plan.frees, plan.depth
        windows = range(plan.windows)

        # Pixels there beyond those that the next window needs, and places for pixels, each less 1.
        most = depth + max(max(frees[n] - needs[n] for n in windows), 0)
        ahead = Signal(range(-1 - max(*self._jumps, needs[first]), most), init=-1 - needs[first])
        most = depth + max(frees[first], *(frees[n] + self._frees[n] - needs[n] for n in windows))
        space = Signal(range(-1, most), init=depth + frees[first] - 1)
        m.d.comb += [self.complete.eq(ahead >= 0), self.room.eq(space >= 0)]

        # What is added to them where the next window becomes another, and where one is finished.
        back = [-jump for jump in self._jumps]
        jump = Signal(range(min(0, *back), max(0, *back) + 1), init=back[first])
        freed = Signal(range(-1, max(self._frees)), init=-1)
        m.d.sync += [
            ahead.eq(_sum(ahead, Mux(self.advance, jump, 0), self.push)),
            freed.eq(Mux(self.finish, self.finished, 0) - 1),
            space.eq(_sum(space, freed, ~self.push)),
        ]

        # The window behind the next one.
        line, column = divmod((first + self.step) % plan.windows, columns)
        wrapped = (first + self.step) // plan.windows
        y = Signal(range(max(lines, 2)), init=line)
        x = Signal(range(max(columns, 2)), init=column)
        top = Signal.like(self.top, init=self._top(line, wrapped))
        told = [
            (self.inside, [self._inside(n // columns) for n in windows]),
            (self.final, [int(n == plan.windows - 1) for n in windows]),
            (self.frees, self._frees),
            (jump, back),
        ]
        with m.If(self.advance):
            m.d.sync += [self.origin.eq(x * stride), self.top.eq(top), x.eq(x + self.step)]
            with m.If(x >= columns - self.step if self.step < columns else 1):
                m.d.sync += [x.eq(x + self.step - columns), y.eq(y + 1)]
                m.d.sync += top.eq(self._turned(top, plan.window.stride[0]))
                with m.If(y == lines - 1):
                    m.d.sync += [y.eq(0), top.eq(self._turned(top, self._frame_turn))]
            for signal, values in told:
                self._look_up(m, signal, values, y, x)
        return m

    def _differences(self, pixels: Sequence[int]) -> list[int]:
        """From each window's pixel to that of the window ``step`` behind it."""
        plan = self.plan
        following = [*pixels, *(p + plan.words for p in pixels)]
        return [following[n + self.step] - pixels[n] for n in range(plan.windows)]

    def _inside(self, line: int) -> int:
        """Rows of that line's windows that are not padding, as bits."""
        window = self.plan.window
        top = line * window.stride[0] - window.padding[0]
        rows = range(window.kernel[0])
        return sum(1 << k for k in rows if 0 <= top + k < self.plan.size[0])

    def _top(self, line: int, frame: int = 0) -> int:
        """Ring row of the top of that line's windows."""
        window = self.plan.window
        row = frame * self.plan.size[0] + line * window.stride[0] - window.padding[0]
        return row % self.plan.rows

    @property
    def _frame_turn(self) -> int:
        """Rows from the top of the last line of windows to that of the next frame's first."""
        return self.plan.size[0] - (self.plan.output[0] - 1) * self.plan.window.stride[0]

    def _turned(self, top: Signal, rows: int):
        """The ring row that lies so many rows below."""
        ring = self.plan.rows
        by = rows % ring
        return Mux(top >= ring - by, top - (ring - by), top + by)

    def _look_up(self, m: Module, signal: Signal, values: list[int], y: Signal, x: Signal) -> None:
        """Set the signal to a value that each window has; few lines differ, and few columns."""
        columns = self.plan.output[1]
        alike: dict[tuple[int, ...], list[int]] = {}
        for line in range(self.plan.output[0]):
            alike.setdefault(tuple(values[line * columns :][:columns]), []).append(line)
        usual = max(alike, key=lambda row: len(alike[row]))
        with m.Switch(y):
            for row, lines in alike.items():
                if row is usual:
                    continue
                with m.Case(*lines):
                    _set(m, signal, row, x)
            with m.Default():
                _set(m, signal, usual, x)


def _sum(a, b, carry):
    """The sum in one chain of carries, whose first is the bit ``carry``."""
    return (Cat(1, a).as_signed() + Cat(carry, b).as_signed()) >> 1


def _set(m: Module, signal: Signal, values: Sequence[int], index: Signal) -> None:
    """Set the signal to the value of that index."""
    found: dict[int, list[int]] = {}
    for k, value in enumerate(values):
        found.setdefault(value, []).append(k)
    usual = max(found, key=lambda value: len(found[value]))
    with m.Switch(index):
        for value, where in found.items():
            if value != usual:
                with m.Case(*where):
                    m.d.sync += signal.eq(value)
        with m.Default():
            m.d.sync += signal.eq(usual)
