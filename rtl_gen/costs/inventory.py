"""What a core consists of, in numbers that its area grows with.

All of them follow from its plan: nothing is built to be counted.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from rtl_gen.boards.shell import frames_kept
from rtl_gen.circuit import circuit
from rtl_gen.fabric import Fabric
from rtl_gen.feeds import ConvPlan, DensePlan, FramePlan, ParallelPlan, UnrolledPlan
from rtl_gen.layers.event import port_of
from rtl_gen.layers.membranes import left_over, offsets
from rtl_gen.layers.weights import full_matrix, matrix, step_bits
from rtl_gen.lib.neuron import neurons
from rtl_gen.plan import CorePlan, LayerPlan, PoolPlan
from rtl_gen.platforms.family import Family
from rtl_gen.stream import word
from rtl_gen.unrolled.circuit import Circuit
from rtl_gen.unrolled.layer import circuit_of
from rtl_gen.unrolled.stages import Stages
from s2nn_hw.ir import INPUT, Layer, Network, Projection
from s2nn_hw.manifest import LOAD_WORDS, OutputPort
from s2nn_hw.protocol import frame_bytes

from . import parts
from .storage import Store, stored

#: What of a core is in no layer.
OTHER = "other"


@dataclass(frozen=True, kw_only=True)
class Quantities:
    """Of a layer or pool.

    Parameters
    ----------
    fixed: quantity → how much of it there is, whatever the clock.
    levels: bits of the sums of each level of adders.
    compared: bits of scores that are.
    signs: of potentials that are added to as rows come from memories.
    circuit: of an unrolled layer.
    """

    fixed: Counter[str]
    levels: Sequence[int] = ()
    compared: int = 0
    signs: int = 0
    circuit: Circuit | None = None

    def at(self, fabric: Fabric) -> Counter[str]:
        """All of them, with the registers that there are for a clock."""
        total = self.fixed.copy()
        for level, bits in enumerate(self.levels, start=1):
            if level % fabric.additions == 0:
                total["held sum"] += bits
        if fabric.sign_stage(len(self.levels) // fabric.additions):
            total["waiting sign"] += self.signs
        if fabric.level_cycles > 1:
            total["compared twice"] += self.compared
        if self.circuit is not None:
            stages = Stages(self.circuit, fabric.tables)
            total += Counter({"staged": stages.registers, "stage": stages.latency})
        return total


def inventory(network: Network, plan: CorePlan, family: Family) -> dict[str, Counter[str]]:
    """The quantities of each layer and pool, and of OTHER."""
    network = circuit(network)
    found = {}
    for node in plan.layers:
        quantities = of_node(network, plan, node.layer, family)
        weighted = isinstance(node, LayerPlan)
        found[node.layer] = quantities.at(node.fabric) if weighted else quantities.fixed
    return {**found, OTHER: of_ports(plan, family)}


def of_ports(plan: CorePlan, family: Family) -> Counter[str]:
    """Of what is in no layer."""
    total = Counter({"port": 1, "port bit": plan.input.tdata_bits})
    word_bits = plan.input.tdata_bits * plan.gather
    if plan.gather > 1:
        total["gathered bit"] = word_bits
    if plan.replays:
        # Words come from the memory or the port.
        total["shifted"] += word_bits
        total += stored(Store(depth=plan.words, width=word_bits, clocked=True), family)
    if plan.load is not None:
        total += Counter({"load": 1, "load bit": plan.load.tdata_bits})
    return total + parts.fork(len(plan.readers(INPUT)), word_bits)


def of_shell(plan: CorePlan, store_bytes: int, family: Family) -> Counter[str]:
    """Of a board's shell around a core, with so many bytes of block RAM for frames."""
    frame = frame_bytes(plan.input)
    total = Counter(
        {
            "shell": 1,
            "shell word bit": plan.input.tdata_bits,
            "shell result bit": plan.output.tdata_bits,
        }
    )
    kept = frame * frames_kept(frame, store_bytes)
    total += stored(Store(depth=kept, width=8, clocked=True), family)
    if plan.load is not None:
        packets = 2 * plan.load.tdata_bits // 8 * (1 + LOAD_WORDS)
        total += Counter({"shell load": 1, "shell load bit": plan.load.tdata_bits})
        total += stored(Store(depth=packets, width=8, clocked=True), family)
    return total


def of_node(network: Network, plan: CorePlan, name: str, family: Family) -> Quantities:
    """Of a layer or pool; ``network`` as it is built."""
    node = plan.node(name)
    readers = plan.readers(name)
    if isinstance(node, PoolPlan):
        return Quantities(fixed=_pool(node, len(readers), family))
    layer = network.node(name)
    assert isinstance(layer, Layer)
    made = {"event": _event, "parallel": _parallel, "unrolled": _unrolled}
    found, widths = made[node.engine](layer, node, family)
    if layer.is_readout:
        compared = (len(widths) - 1) * max(widths)
        fixed = found.fixed + _readout(widths, compared, node, plan.output, family)
        return replace(found, fixed=fixed, compared=compared)
    total = parts.fork(len(readers), layer.neurons + 2)
    bits = 2 + (sum(widths) if node.sums else layer.neurons)
    if node.membranes is not None:
        total += parts.kept_potentials(layer, node, widths, family)
    if node.engine != "unrolled":
        for _ in range(node.pixels):
            total += parts.slots(bits, node.slots, family)
        if node.pixels > 1:
            total["merged bit"] += bits * node.pixels
    # Pixels of maps go on one by one as they come.
    for reader, k in () if layer.is_map else readers:
        behind = plan.node(reader)
        if isinstance(behind, LayerPlan) and isinstance(feed := behind.feeds[k], FramePlan):
            total += parts.serialiser(feed.positions, feed.words) if feed.held else Counter()
    return replace(found, fixed=found.fixed + total)


@lru_cache(maxsize=64)
def _rows(projection: Projection) -> npt.NDArray[np.bool_]:
    """The weights of each input as they are stored: of dozens of plans of a layer the same."""
    return parts.bit_columns(matrix(projection).T, projection.weight_bits)


def _event(layer: Layer, plan: LayerPlan, family: Family) -> tuple[Quantities, list[int]]:
    total = Counter[str]()
    lanes: list[npt.NDArray[np.int64]] = []
    bits: list[int] = []
    for projection, feed in zip(layer.projections, plan.feeds, strict=True):
        assert isinstance(feed, DensePlan | ConvPlan)
        total["word bit"] += parts.word_bits(feed)
        own_weights = matrix(projection)
        for bank in feed.banks:
            port = port_of(feed, bank, spare=not plan.masked)
            members = feed.rows(bank)
            lanes += [own_weights[:, members[members >= 0]]] * bank.ports
            bits += [projection.weight_bits] * bank.ports
            own = parts.lane(port, family)
            if isinstance(feed, ConvPlan):
                channels = len(bank.positions) * feed.groups
                own += parts.reader(feed.windows, channels, family, groups=feed.groups)
            total += parts.times(own, plan.pixels)
            if plan.word:
                total += parts.loaded_weights(port, plan, projection.weight_bits, family)
            else:
                rows = _rows(projection)[members] & (members >= 0)[:, None]
                total += parts.weights(port, plan, rows, family)
            if isinstance(feed, DensePlan):
                total += parts.queue(port, feed, family)
        if isinstance(feed, DensePlan):
            total += parts.serialiser(feed.positions * feed.planes, feed.parts)
    left = left_over(layer, plan)
    made = neurons([matrix(p) for p in layer.projections], (), offsets(layer, plan), left)
    if plan.stored:
        total += parts.stored_potentials(made, layer, plan, family)
        return Quantities(fixed=total), []
    adding, levels = parts.accumulators(made, parts.bounds(lanes), bits, plan, constant=False)
    if plan.integrates:
        # An addition more, and a choice of what it begins with.
        more = sum(neuron.width(plan.planes) for neuron in made)
        adding += Counter({"first sum": more, "shifted": more})
    widths = [neuron.width(plan.planes) for neuron in made]
    signs = 0 if layer.is_readout or plan.sums or plan.mask_stage else layer.neurons * plan.pixels
    return Quantities(fixed=total + adding, levels=levels, signs=signs), widths


def _parallel(layer: Layer, plan: LayerPlan, family: Family) -> tuple[Quantities, list[int]]:
    total = Counter[str]()
    bounds: list[parts.Bounds] = []
    bits: list[int] = []
    matrices = []
    steps = max(feed.steps for feed in plan.feeds if isinstance(feed, ParallelPlan))
    for projection, feed in zip(layer.projections, plan.feeds, strict=True):
        assert isinstance(feed, ParallelPlan)
        windows = feed.windows
        whole = full_matrix(projection)
        matrices.append(whole)
        table = np.zeros((feed.steps * feed.inputs, projection.neurons), dtype=np.int64)
        table[: whole.shape[1]] = whole.T
        of_step = table.reshape(feed.steps, feed.inputs, projection.neurons)
        bounds.append((of_step.min(axis=0, initial=0), of_step.max(axis=0, initial=0)))
        bits += [step_bits(projection)] * feed.inputs
        held = windows.channels * windows.window.taps * windows.planes
        total += Counter(
            {
                "gathered": held,
                "kept": held,
                "input": feed.inputs,
                "chosen": feed.inputs * (feed.steps * windows.planes - 1),
                "word bit": parts.word_bits(feed),
            }
        )
        total += parts.reader(windows, windows.channels, family, whole=True)
        if feed.steps > 1:
            rows = parts.bit_columns(table.reshape(feed.steps, -1), step_bits(projection))
            total += parts.rom(rows, 1, plan.fabric.whole(feed.steps, 1), family)
    made = neurons(matrices, (), offsets(layer, plan))
    low, high = (np.concatenate(both) for both in zip(*bounds, strict=True))
    adding, levels = parts.accumulators(made, (low, high), bits, plan, constant=steps == 1)
    widths = [neuron.width(plan.planes) for neuron in made]
    return Quantities(fixed=total + adding, levels=levels), widths


def _unrolled(layer: Layer, plan: LayerPlan, family: Family) -> tuple[Quantities, list[int]]:
    made = circuit_of(layer, plan)
    total = Counter({"unrolled": 1, "table": made.cells})
    for feed in plan.feeds:
        if isinstance(feed, UnrolledPlan):
            windows = feed.windows
            total["gathered"] += windows.channels * windows.window.taps * feed.planes
            total["word bit"] += parts.word_bits(feed)
            total += parts.reader(windows, windows.channels, family, whole=True)
        elif isinstance(feed, FramePlan) and feed.held:
            total["framed"] += len(feed.order) * feed.planes
    return Quantities(fixed=total, circuit=made), list(made.widths)


def _pool(plan: PoolPlan, readers: int, family: Family) -> Counter[str]:
    windows = plan.windows
    bits = windows.channels * plan.planes
    total = Counter(
        {
            "pooled": bits,
            "pooled sum": bits if plan.kind == "sum" else 0,
            "word bit": word(windows.channels, windows.planes).size,
        }
    )
    size = word(windows.channels, plan.planes).size
    total += parts.slots(size, plan.slots, family) + parts.fork(readers, size)
    return total + parts.reader(windows, windows.channels, family, whole=True)


def _readout(
    widths: Sequence[int], compared: int, plan: LayerPlan, port: OutputPort, family: Family
) -> Counter[str]:
    total = Counter({"compared": compared})
    if plan.totals:
        more = len(widths) * (plan.steps - 1).bit_length()
        total += Counter({"potential": sum(widths) + more, "shifted": sum(widths) + more})
    if plan.engine == "unrolled" or plan.sums:
        total["skid"] += 2 * sum(widths)
        if plan.engine != "unrolled":
            total += parts.slots(sum(widths) + 2, plan.slots, family)
    else:
        total["newest"] += sum(widths)
        total += parts.slots(sum(widths), plan.slots, family)
    return total + parts.serialiser(port.tdata_bits, port.beats)
