"""The choice of a plan for a network: words, banks and windows at a time."""

from collections.abc import Container, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt

from s2nn_hw.ir import INPUT, Conv2d, Layer, Network, Pool, Projection, integer
from s2nn_hw.manifest import LOAD_WORDS

from .banks import channel_banks, dense_banks
from .buffers import MAX_SLOTS, Samples, with_short_queue, with_slots
from .capacity import check_progress, with_room_for_joins
from .circuit import circuit
from .fabric import Fabric
from .feeds import ConvPlan, DensePlan, Feed, FramePlan, ParallelPlan, UnrolledPlan, WindowPlan
from .lanes import (
    comes_as_map,
    engines_of,
    input_is_map,
    lanes_of,
    loaded_of,
    windows_at_a_time,
)
from .layers.event import has_deep
from .layers.membranes import integrates, membranes_of
from .lib.encoder import NARROW
from .lib.fold import phase_bits
from .plan import CorePlan, LayerPlan, LoadPlan, NodePlan, PoolPlan
from .ports import POSITIONS_PER_LANE, flat_port, output_port, pixel_port
from .unrolled.layer import UNROLL_LIMIT, bound, unrolled

#: Entries between a line buffer and its encoder.
ENTRIES = 8

#: Pixels that a line buffer holds beyond what its windows need, so that neither waits.
AHEAD = 8


def plan(network: Network, **options: Any) -> CorePlan:
    """Plan a network, and prove that no stall can lock the core.

    options: see draft().  Raises InputError naming the layer and value.
    """
    return check_progress(draft(network, **options))


def draft(
    network: Network,
    *,
    lanes: int | Sequence[int] | None = None,
    windows: int | Sequence[int] | None = None,
    engine: str | Sequence[str] = "event",
    memory: str | Sequence[str] = "rom",
    top: str = "s2nn_core",
    counters: bool = False,
    samples: Samples | None = None,
    fabric: Fabric | None = None,
    unroll_limit: int | None = None,
) -> CorePlan:
    """Plan a network, to compare it with others.

    Parameters
    ----------
    lanes: of every layer that has synapses (one that cannot use as many gets fewer), or one number
        a layer.  Default: 4, or on the parallel engine all inputs of a window.
    windows: at a time, of every convolution on the event engine, over which its lanes are spread;
        see windows_at_a_time().
    engine: of every layer, or one name a layer: ``event``, ``unrolled``, or for convolutions
        ``parallel``.
    memory: of the weights of every layer, or one name a layer: ``rom``, or ``ram``, which is loaded
        before the first frame.
    samples: values of each source for some frames, by which inputs are spread over banks.
    fabric: of the FPGA that the core is for; None: of any.
    unroll_limit: estimated look-up tables of a layer beyond which it is not unrolled; None:
        UNROLL_LIMIT.

    Raises InputError naming the layer and value.
    """
    limit = UNROLL_LIMIT if unroll_limit is None else integer(unroll_limit, "unroll_limit", least=1)
    network = circuit(network)
    engines = engines_of(network, engine)
    loaded = loaded_of(network, engines, memory)
    wanted = lanes_of(network, engines, lanes, loaded)
    fabric = fabric or Fabric()
    pixels = windows_at_a_time(network, engines, wanted, windows, fabric.reads)
    if input_is_map(network):
        port, gather = pixel_port(network), 1
    else:
        readers = [(engines[name], wanted[name]) for name in network.readers(INPUT)]
        port, gather = flat_port(
            network,
            max((lanes for name, lanes in readers if name != "unrolled"), default=0),
            max((lanes for name, lanes in readers if name == "unrolled"), default=0),
        )
    output = output_port(network)
    layers: list[NodePlan] = []
    for node in network.layers:
        if isinstance(node, Pool):
            layers.append(_pool_plan(network, node))
            continue
        layer = _layer_plan(
            network,
            node,
            engine=engines[node.name],
            lanes=wanted[node.name],
            pixels=pixels[node.name],
            given=port.pixels_per_beat * gather,
            samples=samples or {},
            fabric=fabric,
            loaded=fabric.load_bits // len(loaded) if node.name in loaded else 0,
            waiting=[n.layer for n in layers if isinstance(n, LayerPlan) and n.stages],
        )
        if layer.engine == "unrolled":
            layer = unrolled(
                node,
                layer,
                limit=limit,
                counts=counters,
            )
        layers.append(layer)
    layers = bound(network, layers)
    made = CorePlan(
        top=top,
        input=port,
        gather=gather,
        layers=tuple(with_slots(network, layer, layers, output, port.beats) for layer in layers),
        output=output,
        load=_load_plan(network, [n for n in layers if isinstance(n, LayerPlan) and n.word]),
        counters=counters,
        steps=network.steps,
    )
    if not fabric.lut_ram:
        made = with_short_queue(made, samples or {})
    return with_room_for_joins(made, AHEAD)


def _pool_plan(network: Network, pool: Pool) -> PoolPlan:
    windows = _windows(network, pool, pool.source, network.bits(pool.source), 1)
    # The result of a whole map is wide, and gone before the next one ends.
    alone = windows.windows == 1 and windows.words >= MAX_SLOTS // 2
    return PoolPlan(
        layer=pool.name,
        kind=pool.kind,
        windows=windows,
        planes=network.bits(pool.name),
        slots=1 if alone else MAX_SLOTS // 2,
    )


def _windows(
    network: Network, node: Pool | Conv2d, source: str, planes: int, pixels: int
) -> WindowPlan:
    channels, height, width = network.shape(source)
    least = WindowPlan(
        source=source,
        size=(height, width),
        channels=channels,
        planes=planes,
        window=node.window,
        rows=1,
        queue=ENTRIES,
    )
    return with_rows(least, least.least_depth + AHEAD + pixels * node.window.stride[1])


def with_rows(plan: WindowPlan, pixels: int) -> WindowPlan:
    """The plan with a line buffer of at least so many pixels."""
    return replace(plan, rows=max(plan.rows, -(-pixels // plan.size[1])))


def _layer_plan(
    network: Network,
    layer: Layer,
    *,
    engine: str,
    lanes: int,
    pixels: int,
    given: int,
    samples: Samples,
    fabric: Fabric,
    loaded: int,
    waiting: Container[str],
) -> LayerPlan:
    """A layer's plan, but for its slots.

    loaded: bits of a word if its weights are loaded, else 0.
    waiting: flat sources whose frames stay in registers until they are taken.
    """
    planes = max(network.bits(p.source) for p in layer.projections)
    feeds: list[Feed] = []
    for k, projection in enumerate(layer.projections):
        share = lanes // pixels
        if k:
            share = _keeping_pace(layer.projections[0], projection, share)
        source = projection.source
        values = samples.get(source)
        if isinstance(projection, Conv2d):
            windows = _windows(network, projection, source, planes, pixels)
            if engine == "unrolled":
                windows = replace(windows, planes=network.bits(source))
                feeds.append(UnrolledPlan(windows=windows, groups=projection.groups))
                continue
            if engine == "parallel":
                inputs = lanes if k == 0 else -(-projection.inputs // feeds[0].steps)
                feeds.append(ParallelPlan(windows=windows, groups=projection.groups, inputs=inputs))
                continue
            feeds.append(
                ConvPlan(
                    windows=windows,
                    groups=projection.groups,
                    banks=channel_banks(projection, windows, share, values),
                )
            )
        elif engine == "unrolled":
            feed = _frame_feed(network, projection, given)
            feeds.append(replace(feed, held=feed.words > 1 or source not in waiting))
        elif comes_as_map(network, source):
            feeds.append(_map_feed(network, projection, planes, share, fabric.reads, values))
        else:
            positions = given if source == INPUT else _positions(projection.inputs, share)
            feeds.append(
                dense_banks(
                    source=source,
                    inputs=projection.inputs,
                    planes=planes,
                    positions=positions,
                    lanes=share,
                    reads=fabric.reads,
                    order=None,
                    repeats=False,
                    fixed=source == INPUT,
                    values=values,
                )
            )
    membranes = membranes_of(network, layer, engine)
    plan = LayerPlan(
        layer=layer.name,
        engine=engine,
        feeds=tuple(feeds),
        pixels=pixels,
        slots=MAX_SLOTS,
        fabric=fabric,
        word=(word := _word(layer, loaded)),
        fold=(fold := -(-layer.neurons // word) if word else 1),
        # Scores are wanted all at once, and so are potentials that are not yet all.
        stored=fold > 1 and not layer.is_readout and network.steps == 1 and membranes is None,
        steps=network.steps,
        integrates=integrates(network, layer, engine),
        membranes=membranes,
        totals=layer.is_readout
        and (network.steps > 1 or (engine == "unrolled" and bool(layer.bias_or_zero.any()))),
        masked=bool(word)
        or not all(
            _spares_a_row(projection, feed, fabric, pixels)
            for projection, feed in zip(layer.projections, feeds, strict=True)
        ),
    )
    return replace(plan, deep=has_deep(plan, layer))


def _word(layer: Layer, bits: int) -> int:
    """Neurons of a word of so many bits; 0 for one of none."""
    weight_bits = layer.projections[0].weight_bits
    return min(layer.neurons, max(1, bits // weight_bits)) if bits else 0


def _load_plan(network: Network, layers: Sequence[LayerPlan]) -> LoadPlan | None:
    """The port over which the weights of these layers are loaded."""
    if not layers:
        return None
    depths, widths = [], []
    for plan in layers:
        layer = network.node(plan.layer)
        assert isinstance(layer, Layer)
        feed = plan.feeds[0]
        assert isinstance(feed, DensePlan | ConvPlan)
        rows = len(feed.rows(feed.banks[0])) << phase_bits(plan.fold)
        depths.append(-(-rows // LOAD_WORDS) * LOAD_WORDS)
        widths.append(plan.word * layer.projections[0].weight_bits)
    offset = (max(depths) - 1).bit_length()
    address = offset + (len(layers) - 1).bit_length()
    return LoadPlan(
        tdata_bits=-(-max(address, *widths) // 8) * 8, address_bits=address, offset_bits=offset
    )


def _spares_a_row(projection: Projection, feed: Feed, fabric: Fabric, pixels: int) -> bool:
    """Whether all memories have a row of zeros to read where there is no event."""
    if not isinstance(feed, DensePlan | ConvPlan) or projection.weight_bits == 1:
        return False
    if isinstance(feed, ConvPlan) and feed.groups > 1:
        return False
    return all(
        fabric.spares(len(feed.rows(bank)), bank.ports * min(fabric.shares(bank.ports), pixels))
        for bank in feed.banks
    )


def _map_feed(
    network: Network,
    projection: Projection,
    planes: int,
    lanes: int,
    reads: int,
    values: npt.NDArray[np.unsignedinteger] | None,
) -> DensePlan:
    """A dense projection of a map, which comes pixel by pixel."""
    channels, height, width = network.shape(projection.source)
    pixels = height * width
    lanes = min(lanes, channels)
    order = np.arange(channels) * pixels + np.arange(pixels)[:, None]
    weights = projection.weights.reshape(projection.neurons, channels, pixels)
    repeats = bool((weights == weights[:, :, :1]).all())
    parts = 1
    if values is not None and len(values) and projection.source != INPUT and not repeats:
        events = np.bitwise_count(values).sum() / len(values)
        parts = _parts(channels, pixels, -(-lanes // reads), float(events) / lanes)
    made = dense_banks(
        source=projection.source,
        inputs=projection.inputs,
        planes=planes,
        positions=channels // parts,
        lanes=lanes,
        reads=reads,
        order=order.reshape(-1),
        repeats=repeats,
        fixed=True,
        values=values,
    )
    return replace(made, parts=parts)


def _parts(channels: int, pixels: int, banks: int, cycles: float) -> int:
    """Words that a pixel is cut into: entries that are narrow, as far as they take no time.

    cycles: of a frame, for its events.
    """
    parts = 1
    while (
        channels % (2 * parts) == 0
        and channels > NARROW * banks * parts
        and 2 * (2 * parts) * pixels <= cycles
    ):
        parts *= 2
    return parts


def _frame_feed(network: Network, projection: Projection, given: int) -> FramePlan:
    """A dense projection whose frames are gathered whole; ``given``: values of a beat."""
    source = projection.source
    if comes_as_map(network, source):
        channels, height, width = network.shape(source)
        positions, pixels = channels, height * width
        order = (np.arange(channels) * pixels + np.arange(pixels)[:, None]).reshape(-1)
    else:
        positions = given if source == INPUT else projection.inputs
        order = np.full(-(-projection.inputs // positions) * positions, -1)
        order[: projection.inputs] = np.arange(projection.inputs)
    return FramePlan(
        source=source,
        positions=positions,
        planes=network.bits(source),
        order=tuple(order.tolist()),
    )


def _positions(inputs: int, lanes: int) -> int:
    """Of a word: as many as the lanes scan, evened out over the frame's words."""
    words = -(-inputs // (POSITIONS_PER_LANE * lanes))
    return max(lanes, -(-inputs // words))


def _keeping_pace(first: Projection, other: Projection, lanes: int) -> int:
    """Lanes of another projection of a layer, in proportion to its inputs."""
    inputs = [p.inputs // (p.groups if isinstance(p, Conv2d) else 1) for p in (first, other)]
    most = other.channels // other.groups if isinstance(other, Conv2d) else other.inputs
    return min(most, max(1, -(-lanes * inputs[1] // inputs[0])))
