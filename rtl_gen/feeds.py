"""How a layer or pool reads its sources: the numbers of a projection."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from s2nn_hw.ir import Window


@dataclass(frozen=True, kw_only=True)
class Bank:
    """One weight memory and its read ports.

    Parameters
    ----------
    ports: reads, and so events, a cycle: 1 or 2.
    positions: those of a word whose weights it holds; the k-th is bit k of the bank's entries.
        Of a grouped convolution they are channels within a group, the same ones of every group.
    """

    ports: int
    positions: tuple[int, ...]


@dataclass(frozen=True, kw_only=True)
class FramePlan:
    """A dense projection, whose one window is the frame: on the unrolled engine all there is.

    Parameters
    ----------
    source: name of what it reads.
    positions: of a word, P.
    planes: bits of an input value.
    order: input at position p of word w, in ``order[w * P + p]``; -1 where there is none.
    held: whether frames are gathered in registers, and not taken from where they wait.
    """

    source: str
    positions: int
    planes: int
    order: tuple[int, ...]
    held: bool = True

    @property
    def words(self) -> int:
        """Words of a frame."""
        return len(self.order) // self.positions

    @property
    def lanes(self) -> int:
        """Inputs a cycle."""
        return self.positions


@dataclass(frozen=True, kw_only=True)
class DensePlan(FramePlan):
    """A dense projection on the event engine.

    Parameters
    ----------
    repeats: whether every word has the weights of the first, which are stored once.
    banks: at least one; every position in exactly one.
    queue: entries of the memory of a bank's queue: a whole frame at least, but for the readout of a
        plane, which no other layer waits for.
    parts: words that one of the source is cut into.
    """

    repeats: bool
    banks: tuple[Bank, ...]
    queue: int
    parts: int = 1

    @property
    def lanes(self) -> int:
        """Events a cycle."""
        return sum(bank.ports for bank in self.banks)

    def rows(self, bank: Bank) -> npt.NDArray[np.int64]:
        """The input of each row of the bank's memory, -1 for a row never read.

        Up to the last one that is.
        """
        order = np.array(self.order, dtype=np.int64).reshape(self.words, self.positions)
        if self.repeats:
            order = order[:1]
        rows = order[:, list(bank.positions)].reshape(-1)
        return rows[: int(np.flatnonzero(rows >= 0).max(initial=0)) + 1]


@dataclass(frozen=True, kw_only=True)
class WindowPlan:
    """Line buffer and windows of a map that is convolved or pooled.

    Semantics: reader g of G takes the windows g, g + G, g + 2G, … of the stream of frames.

    Parameters
    ----------
    source: name of what it reads.
    size: height and width of the source.
    channels: of the source.
    planes: bits of an input value.
    window: kernel, stride, padding.
    rows: of the source that the line buffer holds.
    queue: entries that wait between buffer and encoder.
    """

    source: str
    size: tuple[int, int]
    channels: int
    planes: int
    window: Window
    rows: int
    queue: int

    @property
    def words(self) -> int:
        """Words of a frame: its pixels."""
        return self.size[0] * self.size[1]

    @cached_property
    def output(self) -> tuple[int, int]:
        """Height and width of the map of windows."""
        return self.window.output(self.size, self.source)

    @property
    def windows(self) -> int:
        """Windows of a frame."""
        return self.output[0] * self.output[1]

    @property
    def depth(self) -> int:
        """Pixels that the line buffer holds."""
        return self.rows * self.size[1]

    @cached_property
    def needs(self) -> tuple[int, ...]:
        """Of each window, the last pixel that it waits for.

        That is its last one, or the frame's if it is the last window, which carries the end.
        """
        last = self.window.pixels(self.size).max(axis=1)
        last[-1] = self.words - 1
        return tuple(int(n) for n in last)

    @cached_property
    def frees(self) -> tuple[int, ...]:
        """Of each window, the first pixel that it or a later one may still need.

        Below zero where a row of padding stands for pixels of the frame before; the value never
        falls from one window to the next, nor to the next frame's first.
        """
        (lines, columns), window = self.output, self.window
        y = np.arange(lines)[:, None] * window.stride[0] - window.padding[0]
        x = np.maximum(np.arange(columns) * window.stride[1] - window.padding[1], 0)
        ceiling = self.size[0] - window.padding[0]
        frees = np.where(y < ceiling, y * self.size[1] + x, ceiling * self.size[1])
        return tuple(int(n) for n in frees.reshape(-1))

    @property
    def least_depth(self) -> int:
        """Pixels that the order of the windows makes it hold, at the least."""
        return max(n - f for n, f in zip(self.needs, self.frees, strict=True)) + 1


@dataclass(frozen=True, kw_only=True)
class _OfWindows:
    """What the plans of a convolution have in common.

    Parameters
    ----------
    windows: of its source.
    groups: of the convolution.
    """

    windows: WindowPlan
    groups: int

    @property
    def source(self) -> str:
        """Name of what it reads."""
        return self.windows.source

    @property
    def planes(self) -> int:
        """Bits of an input value."""
        return self.windows.planes

    @property
    def words(self) -> int:
        """Words of a frame."""
        return self.windows.words


@dataclass(frozen=True, kw_only=True)
class ConvPlan(_OfWindows):
    """A convolution on the event engine.

    Parameters
    ----------
    banks: of one pixel's window, one port each; every channel of a group in exactly one.
    """

    banks: tuple[Bank, ...]

    @property
    def lanes(self) -> int:
        """Events a cycle, of one window."""
        return len(self.banks)

    def rows(self, bank: Bank) -> npt.NDArray[np.int64]:
        """The input of each row of the bank's memory: channel of the group * taps + tap."""
        taps = self.windows.window.taps
        channels = np.array(bank.positions, dtype=np.int64)
        return (channels[None, :] * taps + np.arange(taps)[:, None]).reshape(-1)


@dataclass(frozen=True, kw_only=True)
class ParallelPlan(_OfWindows):
    """A convolution on the parallel engine.

    Parameters
    ----------
    inputs: of a window that are added in a cycle, S.
    """

    inputs: int

    @property
    def lanes(self) -> int:
        """Inputs a cycle."""
        return self.inputs

    @property
    def steps(self) -> int:
        """Cycles of a plane."""
        return -(-self.windows.channels * self.windows.window.taps // self.inputs)


@dataclass(frozen=True, kw_only=True)
class UnrolledPlan(_OfWindows):
    """A convolution on the unrolled engine."""

    #: See FramePlan: windows always are.
    held = True

    @property
    def lanes(self) -> int:
        """Inputs a cycle: all of a window."""
        return self.windows.channels * self.windows.window.taps


#: How a projection is computed.
Feed = FramePlan | ConvPlan | ParallelPlan | UnrolledPlan


def windows_of(feed: Feed | WindowPlan) -> WindowPlan | None:
    """The windows of a feed, None if its one window is the frame."""
    if isinstance(feed, FramePlan):
        return None
    return feed if isinstance(feed, WindowPlan) else feed.windows
