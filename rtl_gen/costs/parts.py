"""Quantities of what layers consist of, each by the names of what it is made of."""

from collections import Counter
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from rtl_gen.feeds import DensePlan, Feed, FramePlan, WindowPlan
from rtl_gen.layers.event import reads_of_copies, rows_in_blocks
from rtl_gen.layers.membranes import neurons_and_pixels
from rtl_gen.lib.deep import columns
from rtl_gen.lib.encoder import Port
from rtl_gen.lib.fold import phase_bits
from rtl_gen.lib.neuron import SHIFTED_PLANES, Neuron
from rtl_gen.lib.reader import entry_of_window
from rtl_gen.lib.steps import StepQueue, rows
from rtl_gen.plan import LayerPlan
from rtl_gen.platforms.family import Family
from rtl_gen.stream import share, word
from rtl_gen.width import signed_widths
from s2nn_hw.ir import Layer
from s2nn_hw.manifest import LOAD_WORDS

from .storage import Store, stored


def lane(port: Port, family: Family) -> Counter[str]:
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
            "wide entry bit": port.entry.size if port.is_wide else 0,
            "step bit": bits,
        }
    )
    return total + stored(Store(depth=StepQueue.depth, width=bits, clocked=True), family)


def queue(port: Port, feed: DensePlan, family: Family) -> Counter[str]:
    """The queues of a bank, one a plane."""
    bits = share(port.positions, port.rows).size
    total = Counter({"base bit": 0 if feed.repeats else (port.rows - 1).bit_length()})
    for _ in range(feed.planes):
        total += Counter({"queue": 1, "queue bit": bits, "queued position": port.positions})
        total += stored(Store(depth=feed.queue, width=bits, clocked=True), family)
    if feed.planes > 1:
        total += Counter({"plane bit": bits * feed.planes, "skid": 2 * bits})
    return total


def reader(
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
            "flag choice": plan.rows * plan.size[1] * kernel_x * rounds,
            "line choice": plan.rows * kernel_y * kernel_x * rounds,
            "tap": plan.window.taps * rounds,
            "buffered bit": pixel,
            "entry of window": bits,
            "plane choice": pixel if rounds > 1 else 0,
        }
    )
    total += stored(Store(depth=plan.depth, width=pixel, clocked=True), family)
    return total + stored(Store(depth=plan.queue, width=bits), family)


def weights(
    port: Port, plan: LayerPlan, stored_bits: npt.NDArray[np.bool_], family: Family
) -> Counter[str]:
    """The memories of a bank, which are constants; ``stored_bits``: of its rows."""
    total = Counter[str]()
    blocks = rows_in_blocks(plan, port)
    if port.spare:
        stored_bits = np.pad(stored_bits, ((0, 1), (0, 0)))
    copies = reads_of_copies(plan, port)
    if not plan.deep:
        for reads in copies:
            total += rom(stored_bits, reads, blocks, family)
        return total
    depth, wide = stored_bits.shape
    for column in columns(depth, wide, max(copies), plan.fabric):
        own = stored_bits[:, column.low : column.low + column.bits]
        ranges = column.ranges(depth)
        for reads in copies:
            for first, number in ranges:
                blocks = plan.fabric.whole(number, reads)
                total += rom(own[first : first + number], reads, blocks, family)
            total += Counter(
                {
                    "rest read": column.bits * reads,
                    "chosen": column.bits * reads * max(0, len(ranges) - 2),
                }
            )
    return total


def rom(
    table: npt.NDArray[np.bool_], reads: int, blocks: int | None, family: Family
) -> Counter[str]:
    """A Rom of columns of bits, ``blocks`` of whose rows are for block RAM; see there."""
    depth, filed = len(table), blocks or len(table)
    style = {0: "logic", depth: "block"}.get(-1 if blocks is None else blocks, "")
    width = _unlike(table[:filed])
    store = Store(depth=filed, width=width, reads=reads, clocked=True, constant=True, style=style)
    total = stored(store, family)
    total["logic read" if total["constants"] else "block read"] += width * reads
    if depth > filed:
        rest = _unlike(table[filed:]) * reads
        total += Counter({"constants": (depth - filed) * rest, "logic read": rest})
        total["rest read"] += width * reads
    return total


def bit_columns(table: npt.NDArray[np.int64], bits: int) -> npt.NDArray[np.bool_]:
    """Weights (rows, neurons) of so many bits as they are stored, a column a bit."""
    if bits == 1:
        return table < 0
    most = (1 << bits) - 1
    small = np.min_scalar_type(most)
    kept = (table & most).astype(small)
    return (kept[:, :, None] >> np.arange(bits, dtype=small) & 1).reshape(len(table), -1) != 0


def _unlike(columns: npt.NDArray[np.bool_]) -> int:
    """Columns of bits that synthesis keeps: of alike ones it keeps one."""
    ones = columns.sum(axis=0, dtype=np.int64)
    columns = columns[:, (ones > 0) & (ones < len(columns))]
    if not columns.size:
        return 0
    packed = np.ascontiguousarray(np.packbits(columns, axis=0).T)
    return len(np.unique(packed.view(f"V{packed.shape[1]}")))


def loaded_weights(port: Port, plan: LayerPlan, weight_bits: int, family: Family) -> Counter[str]:
    """A memory that is loaded, and the words of its rows."""
    bits = plan.word * weight_bits
    depth = -(-(port.rows << phase_bits(plan.fold)) // LOAD_WORDS) * LOAD_WORDS
    store = Store(depth=depth, width=bits, clocked=True, huge=plan.fabric.huge)
    return Counter({"loaded bit": bits, "folded": plan.fold > 1}) + stored(store, family)


def stored_potentials(
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


#: Least and greatest of the weights and 0 that come over each lane, both (lanes, neurons).
Bounds = tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]


def bounds(lanes: Sequence[npt.NDArray[np.int64]]) -> Bounds:
    """Of weights (neurons, n) over each lane."""
    least = np.array([w.min(axis=1, initial=0) for w in lanes], dtype=np.int64)
    return least, np.array([w.max(axis=1, initial=0) for w in lanes], dtype=np.int64)


def accumulators(
    made: Sequence[Neuron],
    weights: Bounds,
    bits: Sequence[int],
    plan: LayerPlan,
    *,
    constant: bool,
) -> tuple[Counter[str], list[int]]:
    """The accumulators of all units, and the bits of the sums of each level of their adders.

    See lib.accumulator.  Whether there is a register behind a level is a matter of the clock.

    Parameters
    ----------
    bits: of the weights of each lane, as they are stored.
    constant: nothing stores them.
    """
    planes, stem = plan.planes, "constant " if constant else ""
    widths = [neuron.width(planes) for neuron in made]
    low, high = weights
    first = signed_widths(low, high)
    stored_bits = np.where(np.array(bits)[:, None] == 1, 1, first)
    masked = plan.engine == "parallel" or plan.masked
    mask_stage = masked and plan.fabric.mask_stage
    keeps = masked and not mask_stage and planes == 1 and len(low) == 1
    total = Counter({"neuron": len(made), "potential": sum(widths), "accumulators": 1})
    if masked and not keeps:
        total[f"{stem}masked"] += int(stored_bits.sum())
    if mask_stage:
        total[f"{stem}held weight"] += int(first.sum())
    levels = []
    while len(low) > 1:
        added = len(low) // 2
        low, high = _in_pairs(low), _in_pairs(high)
        sums = signed_widths(low, high)
        total[f"{stem}sum" if levels else f"{stem}first sum"] += int(sums[:added].sum())
        levels.append(int(sums.sum()) * plan.pixels)
    if 1 < planes <= SHIFTED_PLANES:
        shifted = signed_widths(low, high) + planes - 1
        total["shifted"] += int(shifted.sum()) * (planes - 1)
    elif planes > SHIFTED_PLANES:
        total["doubled"] += sum(widths)
    return times(total, plan.pixels), levels


def _in_pairs(values: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """Sums of rows two by two, the last one alone if they are odd in number."""
    if len(values) % 2:
        values = np.concatenate([values, np.zeros_like(values[:1])])
    return values[::2] + values[1::2]


def word_bits(feed: Feed) -> int:
    """Bits of the words that come in."""
    if isinstance(feed, FramePlan):
        return word(feed.positions, feed.planes).size
    return word(feed.windows.channels, feed.planes).size


def slots(bits: int, depth: int, family: Family) -> Counter[str]:
    total = Counter({"slots": 1, "slot": bits})
    return total + stored(Store(depth=depth, width=bits), family)


def serialiser(width: int, beats: int) -> Counter[str]:
    return Counter({"beat": width * (beats - 1), "beats": beats > 1})


def kept_potentials(
    layer: Layer, plan: LayerPlan, widths: Sequence[int], family: Family
) -> Counter[str]:
    """Membranes, and where they lie."""
    assert plan.membranes is not None
    neurons, pixels = neurons_and_pixels(layer, plan, widths)
    kept = sum(neuron.width for neuron in neurons)
    excess = sum(neuron.excess for neuron in neurons)
    # A comparison is an addition into a register, as an accumulator is.
    total = Counter({"held sum": sum(widths), "potential": excess})
    if pixels.kinds > 1:
        total["constants"] += pixels.kinds * sum(n.threshold for n in neurons)
    if plan.steps == 1:
        return total
    total["potential"] += kept * (1 + (layer.leak > 0)) + plan.membranes.prepares * sum(widths)
    # What it begins with, and what is left of it.
    total["shifted"] += kept * (1 + (layer.reset != "none"))
    total["held sum"] += kept
    if plan.membranes.windows == 1:
        total["bits"] += kept
        return total
    return total + stored(Store(depth=plan.membranes.windows, width=kept, clocked=True), family)


def fork(readers: int, bits: int) -> Counter[str]:
    return Counter({"forked": bits * (readers - 1)} if readers > 1 else {})


def times(quantities: Counter[str], number: int) -> Counter[str]:
    """So many times as much."""
    return Counter({name: units * number for name, units in quantities.items()})
