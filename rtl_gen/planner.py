"""The choice of a plan for a network: words, banks, ports and buffers."""

import itertools
from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt

from s2nn_hw.ir import INPUT, Dense, InputError, Layer, Network
from s2nn_hw.manifest import InputPort, OutputPort

from .engines.event import EventEngine
from .lib.accumulator import levels
from .lib.slots import Slots
from .placement import balance
from .plan import Bank, CorePlan, EventPlan, signed_width

#: Positions a lane scans in one cycle.  At the spike rates of images (about one in eight) words
#: come twice as fast as events leave, and a bank's priority encoder stays within 32 bits.
POSITIONS_PER_LANE = 16

#: Widest result beat; larger results take several.
MAX_RESULT_BEAT = 512

#: Sixteen is what distributed RAM gives at the price of one.
MAX_SLOTS = 16

#: Values of a source for a few frames, (n, elements): what placement is fitted to.
Samples = Mapping[str, npt.NDArray[np.uint8]]


def plan(
    network: Network,
    *,
    lanes: int | Sequence[int] | None = None,
    top: str = "s2nn_core",
    counters: bool = False,
    samples: Samples | None = None,
) -> CorePlan:
    """Plan a chain of dense layers.

    Parameters
    ----------
    lanes: of every layer (a layer with fewer inputs gets as many as it has inputs), or one number
        a layer.  Default: 4.
    samples: values of each source for some frames, by which inputs are spread over banks.

    Raises InputError naming the layer and value.
    """
    _check_chain(network)
    wanted = _lanes_of(network, lanes)
    port, gather = _input_port(network, wanted[0])
    positions = [
        port.pixels_per_beat * gather,
        *(
            _positions(layer.projections[0].inputs, count)
            for layer, count in zip(network.layers[1:], wanted[1:], strict=True)
        ),
    ]
    words = [
        -(-layer.projections[0].inputs // p)
        for layer, p in zip(network.layers, positions, strict=True)
    ]
    output = _output_port(network)
    planes = network.input.bits
    layers = []
    for k, layer in enumerate(network.layers):
        # Frames cannot follow each other faster than this.
        pace = max(port.beats, planes, *words[: k + 1])
        beats = words[k + 1] if k + 1 < len(words) else output.beats
        source = layer.projections[0].source
        layers.append(
            _event_plan(
                network,
                layer,
                lanes=wanted[k],
                positions=positions[k],
                slots=_slots(network, layer, wanted[k], beats, pace),
                values=None if samples is None else samples.get(source),
            )
        )
    return CorePlan(
        top=top,
        input=port,
        gather=gather,
        layers=tuple(layers),
        output=output,
        counters=counters,
    )


def _slots(network: Network, layer: Layer, lanes: int, beats: int, pace: int) -> int:
    """As many as keep windows going while a slot is on its way round."""
    loop = EventEngine.latency + levels(lanes) + Slots.read_latency + Slots.free_latency + beats
    if layer.is_readout:
        loop += 1 + levels(network.classes)
    return min(MAX_SLOTS, max(2, -(-loop // pace) + 1))


def _check_chain(network: Network) -> None:
    source = INPUT
    for layer in network.layers:
        if len(layer.projections) != 1 or not isinstance(layer.projections[0], Dense):
            raise InputError(f"layer {layer.name!r}: the event engine takes one dense projection")
        if layer.projections[0].source != source:
            raise InputError(
                f"layer {layer.name!r}: the generator takes chains, so the source must be "
                f"{source!r}, not {layer.projections[0].source!r}"
            )
        source = layer.name


def _lanes_of(network: Network, lanes: int | Sequence[int] | None) -> list[int]:
    inputs = [layer.projections[0].inputs for layer in network.layers]
    if lanes is None:
        return [min(4, n) for n in inputs]
    if isinstance(lanes, int):
        wanted = [lanes, *(min(lanes, n) for n in inputs[1:])]
    else:
        wanted = list(lanes)
        if len(wanted) != len(inputs):
            raise InputError(f"lanes must be one number or {len(inputs)}, not {len(wanted)}")
    for layer, count, n in zip(network.layers, wanted, inputs, strict=True):
        if not isinstance(count, int) or isinstance(count, bool) or not 1 <= count <= n:
            raise InputError(
                f"layer {layer.name!r}: lanes must be 1…{n}, one an input at most, not {count!r}"
            )
    return wanted


def _positions(inputs: int, lanes: int) -> int:
    """Of a word: as many as the lanes scan, evened out over the frame's words."""
    words = -(-inputs // (POSITIONS_PER_LANE * lanes))
    return max(lanes, -(-inputs // words))


def _input_port(network: Network, lanes: int) -> tuple[InputPort, int]:
    """The port, and how many of its beats make a word."""
    bits, pixels = network.input.bits, network.input.size
    budget = POSITIONS_PER_LANE * lanes
    beats = -(-pixels * bits // budget)
    per_beat = min(pixels, max(1, -(-pixels // beats)))
    tdata = -(-per_beat * bits // 8) * 8
    per_beat = min(pixels, tdata // bits)
    gather = max(1, min(budget, pixels) // per_beat)
    while per_beat * gather < lanes:
        gather += 1
    return (
        InputPort(tdata_bits=tdata, pixel_bits=bits, pixels_per_beat=per_beat, pixels=pixels),
        gather,
    )


def _output_port(network: Network) -> OutputPort:
    low, high = network.potential_range(network.layers[-1])
    score_bits = -(-signed_width(int(low.min()), int(high.max())) // 8) * 8
    class_bits = -(-max(1, (network.classes - 1).bit_length()) // 8) * 8
    bits = class_bits + network.classes * score_bits
    return OutputPort(
        tdata_bits=min(bits, MAX_RESULT_BEAT),
        class_bits=class_bits,
        score_bits=score_bits,
        classes=network.classes,
    )


def _event_plan(
    network: Network,
    layer: Layer,
    *,
    lanes: int,
    positions: int,
    slots: int,
    values: npt.NDArray[np.uint8] | None,
) -> EventPlan:
    source = layer.projections[0].source
    inputs, planes = network.width(source), network.bits(source)
    words = -(-inputs // positions)
    ports = [2] * (lanes // 2) + [1] * (lanes % 2)
    sizes = _shares(positions, ports)
    order = np.full(words * positions, -1, dtype=np.int64)
    order[:inputs] = np.arange(inputs)
    # A frame comes in raster order, so only the bank of a position is free; spikes of a layer are
    # there all at once, so any neuron may go to any position.
    fixed = source == INPUT
    groups = np.arange(positions) if fixed else np.arange(inputs)
    if not fixed:
        sizes = _fill(inputs, [size * words for size in sizes])
    counts = None
    if values is not None and len(values):
        bits = values.reshape(len(values), 1, inputs) >> np.arange(planes)[:, None] & 1
        bits = bits.reshape(-1, inputs)
        if fixed:
            padded = np.zeros((len(bits), words * positions), dtype=np.uint8)
            padded[:, :inputs] = bits
            counts = padded.reshape(len(bits), words, positions).sum(axis=1)
        else:
            counts = bits
    owner = balance(len(groups), sizes, ports, counts)
    if fixed:
        banks = tuple(
            Bank(ports=p, positions=tuple(int(k) for k in np.flatnonzero(owner == b)))
            for b, p in enumerate(ports)
        )
    else:
        banks, order = _spread(owner, ports, positions, words)
    queue = max(4, _power_of_two(words * (2 if planes > 1 else 1)))
    return EventPlan(
        layer=layer.name,
        positions=positions,
        planes=planes,
        order=tuple(int(k) for k in order),
        banks=banks,
        queue=queue,
        slots=slots,
    )


def _spread(
    owner: npt.NDArray[np.int64], ports: Sequence[int], positions: int, words: int
) -> tuple[tuple[Bank, ...], npt.NDArray[np.int64]]:
    """Banks over the positions, and the order that puts each bank's inputs at its positions."""
    sizes = _shares(positions, ports)
    order = np.full((words, positions), -1, dtype=np.int64)
    banks = []
    start = 0
    for b, (port, size) in enumerate(zip(ports, sizes, strict=True)):
        members = np.flatnonzero(owner == b)
        place = np.full(words * size, -1, dtype=np.int64)
        place[: len(members)] = members
        order[:, start : start + size] = place.reshape(words, size)
        banks.append(Bank(ports=port, positions=tuple(range(start, start + size))))
        start += size
    return tuple(banks), order.reshape(-1)


def _shares(total: int, parts: Sequence[int]) -> list[int]:
    """``total`` split in proportion to the parts."""
    edges = np.cumsum([0, *parts]) * total // sum(parts)
    return [int(b - a) for a, b in itertools.pairwise(edges)]


def _fill(total: int, capacity: Sequence[int]) -> list[int]:
    """``total`` split in proportion to the capacities, which bound it."""
    sizes = _shares(total, capacity)
    for b, room in enumerate(capacity):
        over = max(0, sizes[b] - room)
        sizes[b] -= over
        for other in range(len(sizes)):
            given = min(over, max(0, capacity[other] - sizes[other])) if other != b else 0
            sizes[other] += given
            over -= given
    return sizes


def _power_of_two(n: int) -> int:
    return 1 << (n - 1).bit_length()
