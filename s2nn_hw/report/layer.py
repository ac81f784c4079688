"""One layer: what was built and what was seen of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from s2nn_hw.energy import arithmetic_pj
from s2nn_hw.ir import INPUT
from s2nn_hw.manifest import LayerEntry, Manifest

from .figure import Figure, Origin
from .known import Known, pointer
from .sources import SYNTH, VERIFY


@dataclass(frozen=True, kw_only=True)
class LayerReport:
    """One layer: what was built and what was seen of it.

    Parameters
    ----------
    name: in the network.
    engine, lanes: as built.
    inputs: of a window, of all that it reads.
    neurons: or channels of a map.
    synapses, weight_bits: 0 of a pool.
    windows: of a frame, 1 unless the layer is a map.
    shape: of the output: neurons, or channels, height and width of a map; where these two are not
        told, channels and pixels.
    memory_bits: of weights, copies counted as often as they are stored.
    buffer_bits: of line buffers.
    least_buffer_bits: the sum of Buffer.least_bits.
    sources: layers, or the input, whose streams it reads.
    figures: ``spike_rate`` is the share of the inputs of all windows that spike; ``utilisation``
        the floor over the interval; ``occupied_bits`` what the block RAMs of its weights hold.
    """

    name: str
    engine: str
    lanes: int
    inputs: int
    neurons: int
    windows: int
    shape: tuple[int, ...]
    synapses: int
    weight_bits: int
    memory_bits: int
    buffer_bits: int
    least_buffer_bits: int
    sources: tuple[str, ...]
    figures: dict[str, Figure]


def of(entry: LayerEntry, known: Known) -> LayerReport:
    """The report of a layer."""
    verified = known.verified.get("layers", ())
    places = {layer["name"]: k for k, layer in enumerate(verified)}
    place = places.get(entry.name)
    verify = known.verbs["verify"]

    def seen(name: str, unit: str, origin: Origin = Origin.SIMULATED) -> Figure:
        if place is None:
            return Figure.of(None, unit, origin, command=verify)
        return known.figure(f"{VERIFY}#/layers/{place}/{name}", unit, origin, verb="verify")

    def used(name: str) -> Figure:
        source = f"{SYNTH}#{pointer('layers', entry.name, name)}"
        return known.figure(source, "", Origin.MEASURED, verb="synth")

    # The events are the golden model's; that the core's were the same is a check.
    events = seen("events_mean", "a frame", Origin.PREDICTED)
    if place is None:
        source = f"{known.manifest.top}.json#{pointer('timing', 'samples', 'floor_mean')}"
        floor = known.figure(source + pointer(entry.name), "cycles", Origin.PREDICTED, verb="emit")
        added = multiplied = None
    else:
        floor = seen("floor_cycles_mean", "cycles", Origin.PREDICTED)
        added = verified[place].get("accumulates_mean")
        multiplied = verified[place].get("multiply_accumulates_mean")
    energy = None
    if added is not None and multiplied is not None:
        energy = arithmetic_pj(added, multiplied)
    interval = (known.verified.get("interval_cycles") or {}).get("mean")
    busy = interval if known.verified.get("stall") == "none" else None
    rams = (known.synthesis.get("weights") or {}).get("memories", ())
    paths = {memory.path for memory in entry.memories}
    occupied = [memory["ram_bits"] for memory in rams if memory["path"] in paths]
    taps = entry.inputs * entry.windows * known.manifest.input.steps * _planes(entry, known)
    spikes = None if entry.engine == "pool" or not taps else events.value
    return LayerReport(
        name=entry.name,
        engine=entry.engine,
        lanes=entry.lanes,
        inputs=entry.inputs,
        neurons=entry.neurons,
        windows=entry.windows,
        shape=_shape(entry, known.manifest),
        synapses=entry.synapses,
        weight_bits=entry.weight_bits,
        memory_bits=sum(memory.rows * memory.row_bits for memory in entry.memories),
        buffer_bits=sum(buffer.bits for buffer in entry.buffers),
        least_buffer_bits=sum(buffer.least_bits for buffer in entry.buffers),
        sources=_streams(entry.name, known.manifest),
        figures={
            "events": events,
            "spike_rate": Figure.of(
                None if spikes is None else spikes / taps, "share", Origin.PREDICTED, command=verify
            ),
            "floor": floor,
            "utilisation": Figure.of(
                floor.value / busy if busy and floor.value is not None else None,
                "share",
                Origin.SIMULATED,
                command=verify,
            ),
            "toggles_per_frame": seen("toggles_per_frame", ""),
            "netlist_toggles": known.figure(
                f"{VERIFY}#/netlist" + pointer("netlist_toggles_of_layers", entry.name),
                "",
                Origin.SIMULATED,
                verb="netlist",
            ),
            "arithmetic_energy": Figure.of(energy, "pJ a frame", Origin.ESTIMATED, command=verify),
            "occupied_bits": Figure.of(
                sum(occupied) if occupied else None,
                "",
                Origin.MEASURED,
                command=known.verbs["synth"],
            ),
            **{name: used(name) for name in ("lut", "ff", "bram")},
        },
    )


def feeds(name: str, manifest: Manifest) -> list[dict[str, Any]]:
    """What the options of the emission say of the streams that a layer reads."""
    for node in manifest.options.get("layers") or ():
        if node["layer"] == name:
            feeds = [feed.get("windows") or feed for feed in node.get("feeds") or [node]]
            return [feed for feed in feeds if "source" in feed]
    return []


def _streams(name: str, manifest: Manifest) -> tuple[str, ...]:
    """Where a layer's streams come from; where that is not told, from the layer before it."""
    told = tuple(feed["source"] for feed in feeds(name, manifest))
    names = [INPUT, *(entry.name for entry in manifest.layers)]
    return told or (names[names.index(name) - 1],)


def _shape(entry: LayerEntry, manifest: Manifest) -> tuple[int, ...]:
    for feed in feeds(entry.name, manifest):
        if "size" in feed:
            window = feed["window"]
            sides = zip(
                feed["size"], window["kernel"], window["stride"], window["padding"], strict=True
            )
            height, width = ((n + 2 * pad - k) // step + 1 for n, k, step, pad in sides)
            if height * width == entry.windows:
                return entry.neurons, height, width
    return (entry.neurons,) if entry.windows == 1 else (entry.neurons, entry.windows)


def _planes(entry: LayerEntry, known: Known) -> int:
    """Bits of a value that it reads; 0 where its streams differ in that, so that no rate is one."""
    planes = {feed.get("planes", 1) for feed in feeds(entry.name, known.manifest)} or {1}
    return planes.pop() if len(planes) == 1 else 0
