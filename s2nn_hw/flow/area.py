"""What a netlist takes of a device: in all, by layer, by module, and for its weights."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from s2nn_hw.ir import ToolError
from s2nn_hw.toolchain import finish, netlist, yosys

if TYPE_CHECKING:
    from rtl_gen.platforms import Family, Part
    from s2nn_hw.manifest import Manifest

#: Modules that there are by the hundred.
_NEURON = re.compile(r"\bneuron_\d+")

#: What of a layer its accumulators are, wherever they are in it; with several windows at a time
#: they are numbered.
_ACCUMULATORS = re.compile(r"\baccumulators\d*\b")

#: Resource → how many.
Units = dict[str, int]


@dataclass(frozen=True, kw_only=True)
class Area:
    """Units of each resource.

    Parameters
    ----------
    layers: of a layer and all in it, by its name; ``other`` is what of the core is in none, and
        ``shell`` what is around the core, if it is not alone.
    modules: of a module alone, by its path below the top, whose own name stands for itself;
        ``neuron_*`` are all the neurons of a layer.
    weights: bits stored, and the block RAM that they occupy, of all memories and of each.
    """

    used: Units
    layers: dict[str, Units]
    modules: dict[str, Units]
    weights: dict[str, Any]


def area(manifest: Manifest, part: Part, folder: Path, *, top: str, core: str = "") -> Area:
    """What the netlist in a folder of yosys' results takes.

    Parameters
    ----------
    top: module of the netlist; core: path of the core in it, empty if it is the core.
    """
    family, above = part.family, f"{core}." if core else ""
    counts = Counter(yosys.cells(folder / yosys.STAT)) - finish.gone(folder)
    used = yosys.area(counts, family)
    nets = {f"{above}{path}".rstrip("."): names for path, names in manifest.nets.items()}
    found = netlist.cells_of_modules(folder / yosys.NETLIST, top, nets)
    if sum(found.values(), Counter()) != Counter(counts):
        raise ToolError(f"{yosys.NETLIST}: holds other cells than {yosys.STAT} counts")

    modules: dict[str, Counter[str]] = {}
    for path, cells in found.items():
        name = _NEURON.sub("neuron_*", path) or top
        modules.setdefault(name, Counter()).update(yosys.area(cells, family))
    homes = {layer.name: f"{above}{layer.module}" for layer in manifest.layers}
    inside = netlist.together(found, homes.values())
    layers = {name: yosys.area(inside[home], family) for name, home in homes.items()}
    inner = yosys.area(netlist.together(found, (core,))[core], family) if core else used
    rest = inner.copy()
    for units in layers.values():
        rest.subtract(units)
    layers["other"] = rest
    if core:
        layers["shell"] = used.copy()
        layers["shell"].subtract(inner)
    return Area(
        used=_whole(used),
        layers={name: _whole(units) for name, units in layers.items()},
        modules={path: _whole(units) for path, units in sorted(modules.items())},
        weights=_weights(manifest, family, found, above),
    )


def of_device(part: Part, used: Mapping[str, int]) -> dict[str, Any]:
    """Resource → ``used``, ``capacity`` and ``percent``, None of a capacity of none."""
    result: dict[str, dict[str, float | None]] = {}
    for name, units in used.items():
        capacity = part.device.capacity.get(name, 0)
        percent = round(100 * units / capacity, 2) if capacity else None
        result[name] = {"used": units, "capacity": capacity, "percent": percent}
    return result


def accumulators(modules: Mapping[str, Units]) -> Units:
    """What those of all layers take."""
    total = Counter[str]()
    for path, units in modules.items():
        if _ACCUMULATORS.search(path):
            total.update(units)
    return _whole(total)


def over_floor(
    modules: Mapping[str, Units], floor: Mapping[str, int]
) -> dict[str, dict[str, float]]:
    """Resource → what the accumulators have ``used``, their ``floor``, and the one by the other."""
    result: dict[str, dict[str, float]] = {}
    for name, least in floor.items():
        used = accumulators(modules)[name]
        result[name] = {
            "used": used,
            "floor": least,
            "over_floor": round(used / least, 3) if least else 0.0,
        }
    return result


def _whole(units: Mapping[str, int]) -> Units:
    """With every resource in it."""
    from rtl_gen.platforms import RESOURCES

    return {name: units.get(name, 0) for name in RESOURCES}


def _weights(
    manifest: Manifest, family: Family, found: Mapping[str, Mapping[str, int]], above: str
) -> dict[str, Any]:
    memories = [memory for layer in manifest.layers for memory in layer.memories]
    inside = netlist.together(found, (f"{above}{memory.path}" for memory in memories))

    def row(bits: int, held: int, units: Mapping[str, int]) -> dict[str, Any]:
        bram, spram = units.get("bram", 0), units.get("spram", 0)
        room = bram * family.bram_bits + spram * family.spram_bits
        share = round(held / room, 4) if room else None
        return {"bits": bits, "bram": bram, "spram": spram, "ram_bits": room, "share": share}

    rows, in_ram, total = [], 0, Counter[str]()
    for memory in memories:
        units = yosys.area(inside[f"{above}{memory.path}"], family)
        bits = memory.rows * memory.row_bits
        held = bits if units["bram"] or units["spram"] else 0
        rows.append({"path": memory.path, **row(bits, held, units)})
        in_ram += held
        total.update(units)
    return {**row(sum(r["bits"] for r in rows), in_ram, total), "memories": rows}
