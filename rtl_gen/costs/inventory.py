"""What a core consists of, in numbers that its area grows with.

All of them follow from its plan: nothing is built to be counted.
"""

from collections import Counter
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from rtl_gen.boards.shell import frames_kept
from rtl_gen.fabric import Fabric
from rtl_gen.layers.event import port_of, reads_of_copies, rows_in_blocks
from rtl_gen.layers.spiking import reachable
from rtl_gen.layers.weights import full_matrix, matrix, step_bits
from rtl_gen.lib.encoder import Port
from rtl_gen.lib.fold import phase_bits
from rtl_gen.lib.neuron import SHIFTED_PLANES, Neuron, neurons
from rtl_gen.lib.reader import entry_of_window
from rtl_gen.lib.steps import StepQueue, rows
from rtl_gen.plan import (
    ConvPlan,
    CorePlan,
    DensePlan,
    Feed,
    FramePlan,
    LayerPlan,
    ParallelPlan,
    PoolPlan,
    UnrolledPlan,
    WindowPlan,
)
from rtl_gen.platforms.family import Family
from rtl_gen.stream import share, word
from rtl_gen.unrolled.layer import circuit_of
from rtl_gen.unrolled.pipeline import Pipeline
from rtl_gen.width import signed_widths
from s2nn_hw.ir import INPUT, Layer, Network
from s2nn_hw.manifest import LOAD_WORDS, OutputPort
from s2nn_hw.protocol import frame_bytes

from .storage import Store, stored

#: Of a layer or pool, or of what is in none: quantity → how much of it there is.
Inventory = dict[str, Counter[str]]

#: What of a core is in no layer.
OTHER = "other"


def inventory(network: Network, plan: CorePlan, family: Family) -> Inventory:
    """The quantities of each layer and pool, and of OTHER; ``network`` as it is built."""
    found = {node.layer: of_layer(network, plan, node.layer, family) for node in plan.layers}
    return {**found, OTHER: of_ports(plan)}


def of_ports(plan: CorePlan) -> Counter[str]:
    """Of what is in no layer."""
    total = Counter({"port": 1, "port bit": plan.input.tdata_bits})
    word_bits = plan.input.tdata_bits * plan.gather
    if plan.gather > 1:
        total["gathered bit"] = word_bits
    if plan.load is not None:
        total += Counter({"load": 1, "load bit": plan.load.tdata_bits})
    return total + _fork(len(plan.readers(INPUT)), word_bits)


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


def of_layer(
    network: Network, plan: CorePlan, name: str, family: Family, fabric: Fabric | None = None
) -> Counter[str]:
    """Of a layer or pool.

    fabric: for another clock of the family than the layer was planned for.
    """
    node = plan.node(name)
    readers = plan.readers(name)
    if isinstance(node, PoolPlan):
        return _pool(node, len(readers), family)
    layer = network.node(name)
    assert isinstance(layer, Layer)
    fabric = fabric or node.fabric
    if node.engine == "unrolled":
        total, widths = _unrolled(layer, node, fabric, family)
    elif node.engine == "parallel":
        total, widths = _parallel(layer, node, fabric, family)
    else:
        total, widths = _event(layer, node, fabric, family)
    if layer.is_readout:
        return total + _readout(widths, node, fabric, plan.output, family)
    bits = layer.neurons + 2
    if node.engine != "unrolled":
        for _ in range(node.pixels):
            total += _slots(bits, node.slots, family)
        if node.pixels > 1:
            total["merged bit"] += bits * node.pixels
    total += _fork(len(readers), bits)
    for reader, k in readers:
        behind = plan.node(reader)
        if isinstance(behind, LayerPlan) and isinstance(feed := behind.feeds[k], FramePlan):
            total += _serialiser(feed.positions, feed.words) if feed.held else Counter()
    return total


def _event(
    layer: Layer, plan: LayerPlan, fabric: Fabric, family: Family
) -> tuple[Counter[str], list[int]]:
    total = Counter[str]()
    lanes: list[npt.NDArray[np.int64]] = []
    bits: list[int] = []
    for projection, feed in zip(layer.projections, plan.feeds, strict=True):
        assert isinstance(feed, DensePlan | ConvPlan)
        total["word bit"] += _word(feed)
        for bank in feed.banks:
            port = port_of(feed, bank, spare=not plan.masked)
            members = feed.rows(bank)
            lanes += [matrix(projection)[:, members[members >= 0]]] * bank.ports
            bits += [projection.weight_bits] * bank.ports
            for _ in range(plan.pixels):
                total += _lane(port, family)
            if plan.word:
                total += _loaded(port, plan, projection.weight_bits, fabric, family)
            else:
                table = np.where(members[:, None] >= 0, matrix(projection).T[members], 0)
                total += _weights(port, plan, table, projection.weight_bits, family)
            if isinstance(feed, DensePlan):
                total += _queue(port, feed, family)
                continue
            for _ in range(plan.pixels):
                channels = len(bank.positions) * feed.groups
                total += _reader(feed.windows, channels, family, groups=feed.groups)
    made = neurons([matrix(p) for p in layer.projections], lanes, _offsets(layer, plan))
    if plan.stored:
        return total + _stored(made, layer, plan, family), []
    return _added(total, made, bits, layer, plan, fabric, constant=False)


def _parallel(
    layer: Layer, plan: LayerPlan, fabric: Fabric, family: Family
) -> tuple[Counter[str], list[int]]:
    total = Counter[str]()
    lanes: list[npt.NDArray[np.int64]] = []
    bits: list[int] = []
    matrices = []
    steps = max(feed.steps for feed in plan.feeds if isinstance(feed, ParallelPlan))
    for projection, feed in zip(layer.projections, plan.feeds, strict=True):
        assert isinstance(feed, ParallelPlan)
        windows = feed.windows
        whole = full_matrix(projection)
        matrices.append(whole)
        lanes += [whole[:, s :: feed.inputs] for s in range(feed.inputs)]
        bits += [step_bits(projection)] * feed.inputs
        held = windows.channels * windows.window.taps * windows.planes
        total += Counter(
            {
                "gathered": held,
                "kept": held,
                "input": feed.inputs,
                "chosen": feed.inputs * (feed.steps * windows.planes - 1),
                "word bit": _word(feed),
            }
        )
        total += _reader(windows, windows.channels, family, whole=True)
        if feed.steps > 1:
            table = np.zeros((feed.steps * feed.inputs, projection.neurons), dtype=np.int64)
            table[: whole.shape[1]] = whole.T
            blocks = fabric.whole(feed.steps, 1)
            table = table.reshape(feed.steps, -1)
            total += _rom(table, step_bits(projection), 1, blocks, family)
    made = neurons(matrices, lanes, _offsets(layer, plan))
    return _added(total, made, bits, layer, plan, fabric, constant=steps == 1)


def _unrolled(
    layer: Layer, plan: LayerPlan, fabric: Fabric, family: Family
) -> tuple[Counter[str], list[int]]:
    circuit = circuit_of(layer, plan)
    pipeline = Pipeline(circuit, fabric.tables)
    total = Counter(
        {
            "unrolled": 1,
            "table": circuit.cells,
            "staged": pipeline.registers,
            "stage": pipeline.latency,
        }
    )
    for feed in plan.feeds:
        if isinstance(feed, UnrolledPlan):
            windows = feed.windows
            total["gathered"] += windows.channels * windows.window.taps * feed.planes
            total["word bit"] += _word(feed)
            total += _reader(windows, windows.channels, family, whole=True)
        elif isinstance(feed, FramePlan) and feed.held:
            total["framed"] += len(feed.order) * feed.planes
    return total, list(circuit.widths)


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
    total += _slots(size, plan.slots, family) + _fork(readers, size)
    return total + _reader(windows, windows.channels, family, whole=True)


def _readout(
    widths: Sequence[int], plan: LayerPlan, fabric: Fabric, port: OutputPort, family: Family
) -> Counter[str]:
    compared = (len(widths) - 1) * max(widths)
    total = Counter({"compared": compared})
    if fabric.level_cycles > 1:
        total["compared twice"] += compared
    if plan.engine == "unrolled":
        total["skid"] += 2 * sum(widths)
    else:
        total["newest"] += sum(widths)
        total += _slots(sum(widths), plan.slots, family)
    return total + _serialiser(port.tdata_bits, port.beats)


def _lane(port: Port, family: Family) -> Counter[str]:
    """An encoder, and the queue of its steps."""
    bits = rows(port).size
    total = Counter(
        {
            "encoder": 1,
            f"position of {port.reads}": port.positions,
            "grouped position": port.positions * port.groups if port.groups > 1 else 0,
            "read": port.reads,
            "address bit": port.address_bits * port.reads,
            "entry bit": port.entry.size,
            "step bit": bits,
        }
    )
    return total + stored(Store(depth=StepQueue.depth, width=bits, clocked=True), family)


def _queue(port: Port, feed: DensePlan, family: Family) -> Counter[str]:
    """The queues of a bank, one a plane."""
    bits = share(port.positions, port.rows).size
    total = Counter({"base bit": 0 if feed.repeats else (port.rows - 1).bit_length()})
    for _ in range(feed.planes):
        total += Counter({"queue": 1, "queue bit": bits, "queued position": port.positions})
        total += stored(Store(depth=feed.queue, width=bits, clocked=True), family)
    if feed.planes > 1:
        total["plane bit"] += bits * feed.planes
    return total


def _reader(
    plan: WindowPlan, channels: int, family: Family, *, groups: int = 1, whole: bool = False
) -> Counter[str]:
    """A line buffer and what reads its windows."""
    kernel_y, kernel_x = plan.window.kernel
    bits = entry_of_window(plan, channels, groups=groups, whole=whole).size
    rounds = 1 if whole else plan.planes
    pixel = channels * plan.planes
    total = Counter(
        {
            "reader": 1,
            "flag": plan.rows * plan.size[1] * rounds,
            "flag choice": plan.rows * kernel_x * rounds,
            "line choice": plan.rows * kernel_y * kernel_x * rounds,
            "tap": plan.window.taps * rounds,
            "buffered bit": pixel,
            "entry of window": bits,
            "plane choice": pixel if rounds > 1 else 0,
        }
    )
    total += stored(Store(depth=plan.depth, width=pixel, clocked=True), family)
    return total + stored(Store(depth=plan.queue, width=bits), family)


def _weights(
    port: Port, plan: LayerPlan, table: npt.NDArray[np.int64], bits: int, family: Family
) -> Counter[str]:
    """The memories of a bank, which are constants; ``table``: weights (rows, neurons)."""
    total = Counter[str]()
    blocks = rows_in_blocks(plan, port)
    if port.spare:
        table = np.concatenate([table, np.zeros_like(table[:1])])
    for reads in reads_of_copies(plan, port):
        total += _rom(table, bits, reads, blocks, family)
    return total


def _rom(
    table: npt.NDArray[np.int64], bits: int, reads: int, blocks: int | None, family: Family
) -> Counter[str]:
    """A Rom of weights of so many bits, ``blocks`` of whose rows are for block RAM; see there."""
    depth, width = len(table), table.shape[1] * bits
    filed = blocks or depth
    style = {0: "logic", depth: "block"}.get(-1 if blocks is None else blocks, "")
    store = Store(
        depth=filed, width=width, reads=reads, clocked=True, constant=True, style=style
    )
    total = stored(store, family)
    if total.pop("constants", 0):
        total += _in_logic(table[:filed], bits, reads)
    else:
        total["block read"] += width * reads
    if depth > filed:
        total += _in_logic(table[filed:], bits, reads)
        total["rest read"] += width * reads
    return total


def _in_logic(table: npt.NDArray[np.int64], bits: int, reads: int) -> Counter[str]:
    """Constants in look-up tables: columns that are alike are there once, the same bits never."""
    stored_bits = (table < 0) if bits == 1 else table & ((1 << bits) - 1)
    columns = (stored_bits[:, :, None] >> np.arange(bits) & 1).astype(np.uint8)
    packed = np.packbits(columns.reshape(len(table), -1), axis=0).T
    kinds = np.unique(np.ascontiguousarray(packed).view(f"V{packed.shape[1]}"))
    every = packed.shape[1] * 8
    ones = np.unpackbits(kinds.view(np.uint8)).reshape(len(kinds), every).sum(axis=1)
    unlike = int(((ones > 0) & (ones < len(table))).sum()) * reads
    return Counter({"constants": len(table) * unlike, "logic read": unlike})


def _loaded(
    port: Port, plan: LayerPlan, weight_bits: int, fabric: Fabric, family: Family
) -> Counter[str]:
    """A memory that is loaded, and the words of its rows."""
    bits = plan.word * weight_bits
    depth = -(-(port.rows << phase_bits(plan.fold)) // LOAD_WORDS) * LOAD_WORDS
    store = Store(depth=depth, width=bits, clocked=True, huge=fabric.huge)
    return Counter({"loaded bit": bits, "folded": plan.fold > 1}) + stored(store, family)


def _stored(
    made: Sequence[Neuron], layer: Layer, plan: LayerPlan, family: Family
) -> Counter[str]:
    """Potentials in a memory; see StoredPotentials."""
    widths = [max(n.width(plan.planes) for n in made[k :: plan.word]) for k in range(plan.word)]
    total = Counter(
        {
            "stored sum": sum(widths),
            "stored word": plan.word * layer.projections[0].weight_bits,
            "group": plan.fold,
            "sign": layer.neurons,
            "shifted": sum(widths) * (plan.planes - 1),
        }
    )
    store = Store(depth=2 << phase_bits(plan.fold), width=sum(widths), clocked=True)
    return total + stored(store, family)


def _added(
    total: Counter[str],
    made: Sequence[Neuron],
    bits: Sequence[int],
    layer: Layer,
    plan: LayerPlan,
    fabric: Fabric,
    *,
    constant: bool,
) -> tuple[Counter[str], list[int]]:
    """With the accumulators of all units, and the bits of their potentials; see Accumulators.

    bits: of the weights of each lane, as they are stored; constant: nothing stores them.
    """
    planes, stem = plan.planes, "constant " if constant else ""
    widths = [neuron.width(planes) for neuron in made]
    low, high = np.array([neuron.lanes for neuron in made], dtype=np.int64).transpose(2, 1, 0)
    first = signed_widths(low, high)
    weights = np.where(np.array(bits)[:, None] == 1, 1, first)
    masked = plan.engine == "parallel" or plan.masked
    mask_stage = masked and fabric.mask_stage
    keeps = masked and not mask_stage and planes == 1 and len(low) == 1
    own = Counter({"neuron": len(made), "potential": sum(widths), "accumulators": 1})
    if masked and not keeps:
        own[f"{stem}masked"] += int(weights.sum())
    if mask_stage:
        own[f"{stem}held weight"] += int(first.sum())
    level = 0
    while len(low) > 1:
        level += 1
        added = len(low) // 2
        low, high = _in_pairs(low), _in_pairs(high)
        sums = signed_widths(low, high)
        own[f"{stem}sum" if level > 1 else f"{stem}first sum"] += int(sums[:added].sum())
        if level % fabric.additions == 0:
            own["held sum"] += int(sums.sum())
    if 1 < planes <= SHIFTED_PLANES:
        shifted = signed_widths(low, high) + planes - 1
        own["shifted"] += int(shifted.sum()) * (planes - 1)
    elif planes > SHIFTED_PLANES:
        own["doubled"] += sum(widths)
    for name, units in own.items():
        total[name] += units * plan.pixels
    return total, widths


def _in_pairs(values: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """Sums of rows two by two, the last one alone if they are odd in number."""
    if len(values) % 2:
        values = np.concatenate([values, np.zeros_like(values[:1])])
    return values[::2] + values[1::2]


def _offsets(layer: Layer, plan: LayerPlan) -> list[int]:
    if layer.is_readout:
        return [0] * layer.neurons
    return [-int(theta) for theta in reachable(layer, plan)]


def _word(feed: Feed) -> int:
    """Bits of the words that come in."""
    if isinstance(feed, FramePlan):
        return word(feed.positions, feed.planes).size
    return word(feed.windows.channels, feed.planes).size


def _slots(bits: int, depth: int, family: Family) -> Counter[str]:
    total = Counter({"slots": 1, "slot": bits})
    return total + stored(Store(depth=depth, width=bits), family)


def _serialiser(width: int, beats: int) -> Counter[str]:
    return Counter({"beat": width * (beats - 1), "beats": beats > 1})


def _fork(readers: int, bits: int) -> Counter[str]:
    return Counter({"forked": bits * (readers - 1)} if readers > 1 else {})
