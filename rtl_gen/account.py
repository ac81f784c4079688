"""The generator's account of a core: its manifest."""

import hashlib
import importlib.metadata
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from s2nn_hw import yosys
from s2nn_hw.ir import Layer, Network
from s2nn_hw.manifest import Buffer, LayerEntry, LoadPort, Manifest, Memory, Probe, sha256

from .capacity import least_depths
from .feeds import WindowPlan
from .layers.pool import PoolLayer
from .lib.ram import Ram
from .lib.reader import WindowReader
from .lib.rom import Rom
from .names import instance
from .network import Core
from .plan import CorePlan, LayerPlan, feeds_of
from .timing import Values, bounds, floors, typical
from .watches import watch
from .width import signed_width


def account(
    network: Network,
    plan: CorePlan,
    core: Core,
    files: dict[str, str],
    driven: dict[str, tuple[str, ...]],
) -> Manifest:
    """The manifest of a core.

    Parameters
    ----------
    files: name → text of all that it consists of.
    driven: module path → names of the nets driven in it.
    """
    options = asdict(plan)
    hashes = {name: sha256(text.encode()) for name, text in sorted(files.items())}
    versions = {
        name: importlib.metadata.version(name) for name in ("s2nn-hw", "amaranth", yosys.package())
    }
    digest = hashlib.sha256(
        json.dumps([network.digest(), options, hashes, versions], sort_keys=True).encode()
    ).hexdigest()
    return Manifest(
        top=plan.top,
        digest=digest,
        network=network.digest(),
        options=options,
        files=hashes,
        input=plan.input,
        output=plan.output,
        load=None
        if plan.load is None
        else LoadPort(tdata_bits=plan.load.tdata_bits, file=load_file(plan)),
        layers=entries(network, plan, core),
        probes=tuple(_probe(network, name) for name in core.layers if name != network.readout.name),
        watches=tuple(watch(name, built) for name, built in core.layers.items()),
        counters=core.counters,
        nets=driven,
        timing=_timing(plan, network.samples),
        versions=versions,
    )


def entries(network: Network, plan: CorePlan, core: Core) -> tuple[LayerEntry, ...]:
    """What there is to say of a core's layers and pools."""
    least = least_depths(plan)
    return tuple(_entry(network, plan, core, name, least[name]) for name in core.layers)


def _entry(
    network: Network, plan: CorePlan, core: Core, name: str, least: Mapping[WindowPlan, int]
) -> LayerEntry:
    """What there is to say of a layer or pool; ``least``: the depths of its line buffers."""
    node, node_plan, built = network.node(name), plan.node(name), core.layers[name]
    shape = network.shape(name)
    windows = math.prod(shape[1:])
    if not isinstance(node, Layer):
        return LayerEntry(
            name=name,
            module=instance(name),
            engine="pool",
            lanes=1,
            inputs=shape[0] * node.window.taps,
            neurons=shape[0],
            synapses=0,
            weight_bits=0,
            potential_bits=network.bits(name),
            windows=windows,
            memories=(),
            buffers=_buffers(name, built, least),
        )
    assert isinstance(node_plan, LayerPlan)
    assert not isinstance(built, PoolLayer)
    return LayerEntry(
        name=name,
        module=instance(name),
        engine=node_plan.engine,
        lanes=node_plan.lanes,
        inputs=sum(p.inputs for p in node.projections),
        neurons=node.neurons,
        synapses=sum(p.synapses for p in node.projections),
        weight_bits=max(p.weight_bits for p in node.projections),
        potential_bits=max(built.parts.widths),
        accumulator_bits=sum(sum(unit.widths) for unit in built.parts.units),
        adder_bits=sum(
            _adder_bits(neuron.lanes) for unit in built.parts.units for neuron in unit.neurons
        ),
        windows=windows,
        memories=tuple(
            Memory(
                path=f"{instance(name)}.weights{n}",
                rows=len(memory.rows) if isinstance(memory, Rom) else memory.depth,
                row_bits=memory.bits,
                file=memory_file(plan, memory) if isinstance(memory, Rom) else None,
            )
            for n, memory in enumerate(built.parts.roms)
        ),
        buffers=_buffers(name, built, least),
    )


def _adder_bits(ranges: Sequence[tuple[int, int]]) -> int:
    """Bits of the sums when values in these ranges are added two by two."""
    bits = 0
    while len(ranges) > 1:
        pairs = [ranges[k : k + 2] for k in range(0, len(ranges), 2)]
        ranges = [(sum(low for low, _ in q), sum(high for _, high in q)) for q in pairs]
        bits += sum(signed_width(*s) for q, s in zip(pairs, ranges, strict=True) if len(q) > 1)
    return bits


def _buffers(name: str, built: Any, least: Mapping[WindowPlan, int]) -> tuple[Buffer, ...]:
    """The line buffers of a layer or pool."""
    found: list[tuple[str, WindowReader]] = []
    if isinstance(built, PoolLayer):
        found.append(("reader", built.reader))
    else:
        found += built.parts.window_readers()
    return tuple(
        Buffer(
            path=f"{instance(name)}.{path}.buffer",
            bits=reader.buffer_bits,
            # What lanes that take windows of their own hold again, nothing makes them hold.
            least_bits=0
            if reader.first
            else least[reader.plan] * reader.plan.planes * len(reader.channels),
        )
        for path, reader in found
    )


def _probe(network: Network, name: str) -> Probe:
    """Where a layer's spikes or a pool's values are seen."""
    shape = network.shape(name)
    return Probe(
        layer=name,
        valid=f"{instance(name)}.seen_valid",
        data=f"{instance(name)}.seen",
        channels=shape[0],
        planes=network.bits(name),
        pixels=math.prod(shape[1:]),
    )


def _timing(plan: CorePlan, samples: Values) -> dict[str, object]:
    """Predicted cycles: bounds for any frame, and means over samples of all sources."""
    latency, interval = bounds(plan)
    result: dict[str, object] = {"latency_bound": latency, "interval_bound": interval}
    if all(feed.source in samples for node in plan.layers for feed in feeds_of(node)):
        frames, mean = typical(plan, samples)
        samples = {name: values[: frames * plan.steps] for name, values in samples.items()}
        result["samples"] = {
            "frames": frames,
            "interval_mean": mean,
            "floor_mean": {
                name: round(float(floor.mean()), 3) for name, floor in floors(plan, samples).items()
            },
        }
    return result


def memory_file(plan: CorePlan, memory: Rom | Ram) -> str:
    """Name of the file that fills a memory."""
    return f"{plan.top}_{memory.name}.hex"


def load_file(plan: CorePlan) -> str:
    """Name of the file of the beats that load weights."""
    return f"{plan.top}_load.txt"
