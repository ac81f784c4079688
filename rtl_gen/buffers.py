"""Where results and frames wait for the next layer: slots, and the queue before a readout."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from s2nn_hw.ir import INPUT, Network
from s2nn_hw.manifest import OutputPort

from .banks import LUT_RAM
from .engines.event import EventEngine
from .feeds import DensePlan, FramePlan
from .layers.event import memory_latency
from .lib.potentials import StoredPotentials
from .lib.slots import Slots
from .lib.tree import depth, levels
from .plan import CorePlan, LayerPlan, NodePlan, PoolPlan, feeds_of
from .timing import floors

MAX_SLOTS = LUT_RAM

#: Entries of a queue whose frames do not wait.
SHORT_QUEUE = 2

#: Values of a source for a few frames, (n, *shape): what placement is fitted to.
Samples = Mapping[str, npt.NDArray[np.unsignedinteger]]


def with_short_queue(plan: CorePlan, samples: Samples) -> CorePlan:
    """The plan with a short queue before a readout that has next to nothing to do.

    A frame need not wait beside the one it works on, as it is done before the next one comes.
    """
    *others, readout = plan.layers
    assert isinstance(readout, LayerPlan)
    feed, *joined = readout.feeds
    if joined or not isinstance(feed, DensePlan) or feed.planes > 1 or feed.source == INPUT:
        return plan
    if any(f.source not in samples for node in plan.layers for f in feeds_of(node)):
        return plan
    cycles = {name: float(values.mean()) for name, values in floors(plan, samples).items()}
    if cycles[readout.layer] > max(cycles.values()) / 2:
        return plan
    short = replace(readout, feeds=(replace(feed, queue=min(feed.queue, SHORT_QUEUE)),))
    return replace(plan, layers=(*others, short))


def with_slots(
    network: Network, node: NodePlan, layers: Sequence[NodePlan], output: OutputPort, beats: int
) -> NodePlan:
    """As many slots as keep windows going while one is on its way round."""
    if isinstance(node, PoolPlan) or node.engine == "unrolled":
        return node  # where results wait, the pipeline does
    layer = network.node(node.layer)
    lanes = sum(feed.lanes for feed in node.feeds)
    adding = (
        StoredPotentials.latency
        if node.stored
        else depth(lanes, mask_stage=False, additions=node.fabric.additions)
    )
    reading = EventEngine.before_memory + memory_latency(node)
    waiting = node.sign_stage and not layer.is_readout
    loop = reading + adding + waiting + Slots.read_latency + Slots.free_latency
    # Windows cannot follow each other faster than this.
    pace = 1
    if not layer.is_map:
        pace = max(node.planes, *(feed.words for feed in node.feeds))
    if layer.is_readout:
        loop += 1 + node.fabric.level_cycles * levels(network.classes) + output.beats
    elif not layer.is_map:
        loop += max(
            feed.words
            for reader in layers
            if isinstance(reader, LayerPlan)
            for feed in reader.feeds
            if isinstance(feed, FramePlan) and feed.source == node.layer
        )
    if layer.is_readout or not node.fabric.lut_ram:
        # Slots are flip-flops, or several of them need a copy of the newest scores: frames do not
        # follow each other faster than they come in, either.
        pace = pace if layer.is_map else max(pace, beats)
        return replace(node, slots=min(MAX_SLOTS, -(-loop // pace)))
    return replace(node, slots=min(MAX_SLOTS, max(2, -(-loop // pace) + 1)))
