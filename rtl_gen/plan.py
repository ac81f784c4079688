"""How a network becomes hardware: the numbers that every block and the timing model read."""

from dataclasses import dataclass

from s2nn_hw.manifest import InputPort, OutputPort

from .fabric import Fabric
from .feeds import Feed, WindowPlan
from .lib.membranes import MembranePlan
from .lib.tree import depth


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
    steps: of a frame.
    integrates: whether its accumulators go on from step to step.
    membranes: behind its potentials; None where their signs are the spikes.
    totals: whether there is a stage that adds up scores, of steps or to a bias.
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
    steps: int = 1
    integrates: bool = False
    membranes: MembranePlan | None = None
    totals: bool = False

    @property
    def sums(self) -> bool:
        """Whether its potentials are not yet the spikes or scores: those of other steps count."""
        return self.membranes is not None or (self.steps > 1 and not self.integrates)

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
    steps: of a frame.
    """

    top: str
    input: InputPort
    gather: int
    layers: tuple[NodePlan, ...]
    output: OutputPort
    load: LoadPlan | None = None
    counters: bool
    steps: int = 1

    @property
    def words(self) -> int:
        """Words of the input in a step."""
        return -(-self.input.step_beats // self.gather)

    @property
    def replays(self) -> bool:
        """Whether the core repeats frames, step by step."""
        return self.input.steps < self.steps

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
