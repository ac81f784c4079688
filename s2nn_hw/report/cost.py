"""Where area, memory, clock, line and toggles of a core go, and what would change that."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from s2nn_hw.ir import INPUT
from s2nn_hw.protocol import frame_bytes

from .advice import Advice
from .figure import Figure, Origin
from .known import Known, pointer
from .layer import LayerReport
from .sources import SYNTH

#: Resource of synth.json → what it is called.
RESOURCES = {
    "lut": "look-up tables",
    "ff": "flip-flops",
    "bram": "block RAMs",
    "spram": "large memories",
    "dsp": "multipliers",
}

#: Share of what there is of a resource, above which it is said who takes it.
_FULL = 0.5

#: Share of their block RAMs that weights fill, below which they are told of.
_SPARSE = 0.6

#: Share of the toggles of a core, from which on a layer is where to begin.
_MOST = 0.5

#: Clock over that of a board, above which a faster one is worth while.
_FASTER = 1.1

#: On a serial line: bits of a byte, its start and stop among them, and bytes of a packet beside
#: the frame, see docs/protocol.md.
_BITS, _PACKET = 10, 7


def advice(
    known: Known, layers: Sequence[LayerReport], figures: Mapping[str, Figure]
) -> list[Advice]:
    """On what a synthesis tells, and on the toggles."""
    found = _toggles(known, layers, figures["toggles_per_frame"])
    if known.synthesis:
        found = [
            *_device(known, layers),
            *_memory(known, layers),
            *_clock(known),
            *_line(known),
            *found,
        ]
    return found


def _measured(known: Known, *keys: str | int, unit: str = "") -> Figure:
    return known.figure(f"{SYNTH}#{pointer(*keys)}", unit, Origin.MEASURED, verb="synth")


def _computed(known: Known, value: float | None, unit: str, origin: Origin) -> Figure:
    return Figure.of(value, unit, origin, command=known.verbs["synth"])


def _target(known: Known) -> str:
    return str(known.synthesis.get("board") or known.synthesis.get("device"))


def _device(known: Known, layers: Sequence[LayerReport]) -> list[Advice]:
    """What fills the device first, and by which layer."""
    shares = {
        name: area["used"] / area["capacity"]
        for name in RESOURCES
        if (area := known.synthesis.get(name)) and area.get("capacity")
    }
    if not shares:
        return []
    first = max(shares, key=shares.__getitem__)
    figures = {
        "used": _measured(known, first, "used"),
        "capacity": _measured(known, first, "capacity"),
        "share": _computed(known, shares[first], "share", Origin.MEASURED),
    }
    names = {"target": _target(known)}
    sentence = f"The {RESOURCES[first]} fill {{target}} first: {{used}} of {{capacity}}, {{share}}."
    by_layer = known.synthesis.get("layers") or {}
    areas = {layer.name: (by_layer.get(layer.name) or {}).get(first, 0) for layer in layers}
    most = max(areas, key=areas.__getitem__)
    if shares[first] < _FULL:
        sentence += " There is room for more lanes."
    elif areas[most]:
        names |= {"layer": most}
        figures |= {"most": _measured(known, "layers", most, first)}
        sentence += " {layer} takes {most} of them: fewer lanes or neurons there save the most."
    return [Advice(about="device", sentence=sentence, names=names, figures=figures)]


def _memory(known: Known, layers: Sequence[LayerReport]) -> list[Advice]:
    """The layer whose weights leave most of their block RAM empty."""
    of_layer = {memory.path: e.name for e in known.manifest.layers for memory in e.memories}
    stored: Counter[str] = Counter()
    occupied: Counter[str] = Counter()
    blocks: Counter[str] = Counter()
    for memory in (known.synthesis.get("weights") or {}).get("memories", ()):
        name = of_layer.get(memory["path"])
        if name is not None and memory["ram_bits"]:
            stored[name] += memory["bits"]
            occupied[name] += memory["ram_bits"]
            blocks[name] += memory["bram"]
    sparse = [
        name for name in occupied if stored[name] < _SPARSE * occupied[name] and blocks[name] > 1
    ]
    if not sparse:
        return []
    name = max(sparse, key=lambda name: occupied[name] - stored[name])
    entry = next(e for e in known.manifest.layers if e.name == name)
    figures = {
        "stored": _computed(known, stored[name], "bits", Origin.MEASURED),
        "blocks": _computed(known, blocks[name], "", Origin.MEASURED),
        "share": _computed(known, stored[name] / occupied[name], "share", Origin.MEASURED),
        "rows": _computed(known, max(m.rows for m in entry.memories), "", Origin.MEASURED),
    }
    sentence = (
        "The weights of {layer}, {stored}, fill {share} of their {blocks} block RAMs, as a memory "
        "has no more than {rows} rows."
    )
    if len(entry.memories) > 1:
        figures["memories"] = _computed(known, len(entry.memories), "", Origin.MEASURED)
        sentence += " There are {memories} memories: fewer lanes make fewer, with more rows."
    return [Advice(about="memory", sentence=sentence, names={"layer": name}, figures=figures)]


def _clock(known: Known) -> list[Advice]:
    """A clock that is missed, and through what; or one that a board could have."""
    found: dict[str, Any] = known.synthesis.get("fmax_mhz") or {}
    best, target = found.get("best"), found.get("target")
    if best is None or not target:
        return []
    names = {"target": _target(known)}
    figures = {
        "best": _measured(known, "fmax_mhz", "best", unit="MHz"),
        "asked": _measured(known, "fmax_mhz", "target", unit="MHz"),
    }
    if best > _FASTER * target and known.synthesis.get("board"):
        sentence = (
            "{target} has a clock of {asked}, the core and its shell reach {best}: "
            "a faster one makes it at most {gain} as fast."
        )
        figures["gain"] = _computed(known, best / target, "×", Origin.MEASURED)
        option = f"--freq {int(best)}"
        return [
            Advice(about="clock", sentence=sentence, names=names, figures=figures, option=option)
        ]
    if best >= target:
        return []
    sentence = "On {target} the best clock is {best} where {asked} are asked for."
    path = known.synthesis.get("critical_path") or []
    if path:
        total = sum(step["delay_ns"] for step in path)
        along = sum(step["delay_ns"] for step in path if step["kind"] == "routing")
        figures |= {
            "path": _computed(known, total, "ns", Origin.MEASURED),
            "along": _computed(known, along, "ns", Origin.MEASURED),
        }
        sentence += " The longest path takes {path}, of which {along} along nets"
        where = _longest(known, path)
        names |= {"layer": where} if where else {}
        sentence += ", most of it in {layer}." if where else ", outside of all layers."
    seeds = found.get("seeds") or {}
    option = "--seeds 8" if len(seeds) == 1 else ""
    if option:
        sentence += " Only one placement was tried; others may be faster."
    return [Advice(about="clock", sentence=sentence, names=names, figures=figures, option=option)]


def _longest(known: Known, path: Sequence[Mapping[str, Any]]) -> str:
    """The layer in which most of a path's time is spent; empty if that is in none."""
    spent: Counter[str] = Counter()
    for step in path:
        parts = str(step["net"] or step["cell"]).split(".")
        inside = {e.name for e in known.manifest.layers if e.module in parts[:2]}
        spent[inside.pop() if inside else ""] += step["delay_ns"]
    return spent.most_common(1)[0][0]


def _line(known: Known) -> list[Advice]:
    """A board's serial line, where it is slower than the core."""
    baud, told = known.synthesis.get("baud"), known.synthesis.get("at_clock") or {}
    place, rate = "at_clock/inferences_per_second", told.get("inferences_per_second")
    if known.synthesis.get("timing_met") is False:
        place, rate = "inferences_per_second", known.synthesis.get("inferences_per_second")
    if not baud or not rate:
        return []
    most = baud / (_BITS * (_PACKET + frame_bytes(known.manifest.input)))
    if most >= rate:
        return []
    figures = {
        "rate": known.figure(f"{SYNTH}#/{place}", "", Origin.ESTIMATED, verb="synth"),
        "baud": _measured(known, "baud"),
        "most": _computed(known, most, "", Origin.ESTIMATED),
    }
    sentence = (
        "The serial line of {target} carries at most {most} frames a second at {baud} baud, where "
        "the core makes {rate} inferences: only a faster line or a design of your own shows its "
        "speed."
    )
    return [
        Advice(about="line", sentence=sentence, names={"target": _target(known)}, figures=figures)
    ]


def _toggles(known: Known, layers: Sequence[LayerReport], whole: Figure) -> list[Advice]:
    """The layer that most of them are in."""
    toggles = {layer.name: layer.figures["toggles_per_frame"] for layer in layers}
    counted = {name: figure.value for name, figure in toggles.items() if figure.value is not None}
    if not whole.value or not counted:
        return []
    most = max(counted, key=counted.__getitem__)
    share = counted[most] / whole.value
    layer = next(layer for layer in layers if layer.name == most)
    if share < _MOST or len(counted) == 1:
        return []
    figures = {
        "share": Figure.of(share, "share", Origin.SIMULATED, command=whole.command),
        "toggles": toggles[most],
        "events": layer.figures["events"],
    }
    sentence = "{layer} makes {share} of the toggles, {toggles} a frame; its events are {events}."
    option = ""
    if layer.engine == "event" and INPUT not in layer.sources:
        sentence += " Training for fewer makes fewer toggles."
        option = "train --spike-penalty 0.1"
    return [
        Advice(
            about="toggles",
            sentence=sentence,
            names={"layer": most},
            figures=figures,
            option=option,
        )
    ]
