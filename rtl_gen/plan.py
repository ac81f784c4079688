"""How a network becomes hardware: the numbers that every block and the timing model read."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from s2nn_hw.ir import Window
from s2nn_hw.manifest import InputPort, OutputPort

from .fabric import Fabric
from .lib.tree import depth


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
    """

    repeats: bool
    banks: tuple[Bank, ...]
    queue: int

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


@dataclass(frozen=True, kw_only=True)
class LayerPlan:
    """A layer.

    Parameters
    ----------
    layer: its name.
    engine: ``event``, ``parallel`` or ``unrolled``.
    feeds: one a projection.
    pixels: windows at a time; a memory of weights serves as many as may read it.
    slots: results of each of them that wait for the next layer.
    fabric: what it is for.
    word: neurons of a word of its memory, which is loaded before the first frame and has several
        words a row; 0 where weights are constants, and a row is a word.
    fold: cycles that an event takes: words a row.
    stored: whether potentials lie in a memory, and a word of them is added to in a cycle.
    deep: whether memories of weights are in pieces, see lib.deep.
    masked: whether rows of weights are masked where a lane has none to read.  Else its memories
        have a row of zeros to spare.
    stages: of the unrolled engine's pipeline, from a window to its result; 0 of others.
    bound: whether that pipeline moves with the only one behind it, or the readout's with its skid
        buffer; follows: whether the one before is bound to it.
    counts: whether the unrolled engine is to count its events.
    """

    layer: str
    engine: str
    feeds: tuple[Feed, ...]
    pixels: int
    slots: int
    fabric: Fabric
    word: int = 0
    fold: int = 1
    stored: bool
    masked: bool
    deep: bool = False
    stages: int = 0
    bound: bool = False
    follows: bool = False
    counts: bool = False

    @property
    def lanes(self) -> int:
        """Of the first projection, in all; the others have as many as keep pace with it."""
        return self.feeds[0].lanes * self.pixels

    @property
    def mask_stage(self) -> bool:
        """Whether they are masked in a clock cycle of its own."""
        return self.masked and self.fabric.mask_stage

    @property
    def adding(self) -> int:
        """Cycles from rows to their addition, see lib.tree.depth()."""
        lanes = sum(feed.lanes for feed in self.feeds)
        return depth(lanes, mask_stage=self.mask_stage, additions=self.fabric.additions)

    @property
    def sign_stage(self) -> bool:
        """Whether signs of potentials wait a cycle before their slots, for the sake of the clock.

        They do where nothing else keeps memories of weights and slots apart.
        """
        return self.engine == "event" and not self.stored and self.fabric.sign_stage(self.adding)

    @property
    def planes(self) -> int:
        """Bits of an input value, of the widest projection."""
        return max(feed.planes for feed in self.feeds)

    @property
    def sources(self) -> tuple[str, ...]:
        """Names of what it reads."""
        return tuple(feed.source for feed in self.feeds)


@dataclass(frozen=True, kw_only=True)
class PoolPlan:
    """A pool.

    Parameters
    ----------
    layer: its name.
    kind: ``or`` or ``sum``.
    windows: of its source.
    planes: bits of an output value.
    slots: results that wait for the next layer.
    """

    layer: str
    kind: str
    windows: WindowPlan
    planes: int
    slots: int

    @property
    def sources(self) -> tuple[str, ...]:
        """Names of what it reads."""
        return (self.windows.source,)


NodePlan = LayerPlan | PoolPlan


def feeds_of(node: NodePlan) -> tuple[Feed | WindowPlan, ...]:
    """What a layer or pool reads, one a projection."""
    return node.feeds if isinstance(node, LayerPlan) else (node.windows,)


def windows_of(feed: Feed | WindowPlan) -> WindowPlan | None:
    """The windows of a feed, None if its one window is the frame."""
    if isinstance(feed, FramePlan):
        return None
    return feed if isinstance(feed, WindowPlan) else feed.windows


@dataclass(frozen=True, kw_only=True)
class LoadPlan:
    """The port over which memories of weights are loaded; see lib.loader.

    Parameters
    ----------
    tdata_bits: of a beat: a word, or an address.
    address_bits: of a word of any memory; offset_bits: of one within its memory.
    """

    tdata_bits: int
    address_bits: int
    offset_bits: int


@dataclass(frozen=True, kw_only=True)
class CorePlan:
    """A whole core: ports, the gathering of input beats into words, and a plan a layer.

    load: the port for weights, None where all are constants.
    """

    top: str
    input: InputPort
    gather: int
    layers: tuple[NodePlan, ...]
    output: OutputPort
    load: LoadPlan | None = None
    counters: bool

    def node(self, name: str) -> NodePlan:
        """The plan of the layer of that name."""
        return next(layer for layer in self.layers if layer.layer == name)

    def readers(self, source: str) -> tuple[tuple[str, int], ...]:
        """What reads a source: name of the layer and number of the projection."""
        return tuple(
            (layer.layer, k)
            for layer in self.layers
            for k, name in enumerate(layer.sources)
            if name == source
        )
