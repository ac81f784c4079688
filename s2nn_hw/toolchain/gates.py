"""A flat netlist as Verilog to simulate: a net a bit, whose name tells where it is from."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from . import fields, process
from .netlist import flat, owners
from .tools import Tool

SCRIPT = "gates.ys"
LOG = "gates.log"
_NETS = "gates.json"
_VERILOG = "gates.v"


@dataclass(frozen=True, kw_only=True)
class Gates:
    """What is simulated.

    verilog: of the netlist alone, without its cells' models.
    cells: type → how many are in it.
    nets: of all that cells drive, name → path of the module that the cell is from.
    seen: name → name of a wire that shows it, of those that were asked for and are there.
    """

    verilog: str
    cells: Counter[str]
    nets: dict[str, str]
    seen: dict[str, str]


def gates(
    netlist: Path,
    tool: Tool,
    work: Path,
    *,
    top: str,
    modules: Mapping[str, Collection[str]],
    wanted: Mapping[str, int],
) -> Gates:
    """The Verilog that yosys writes of a netlist in its JSON.

    Every bit that a cell drives is a net of one bit; its name is one that the bit has in the
    netlist.  Nothing else is changed.

    Parameters
    ----------
    work: a folder for what is made on the way.
    modules: see netlist.cells_of_modules().
    wanted: name of a signal, ``path.signal`` → bits of it, the lowest first, that are to be seen;
        it is there if each of them is driven or constant.
    """
    module = flat(netlist, top)
    home = owners(module, netlist.name, modules)
    cells = {name: module["cells"][name] for name in home}
    drivers = _drivers(cells)
    names = _names(module, drivers)
    seen = {}
    wires = {name: [bit] for bit, name in names.items()}
    for signal, size in wanted.items():
        bits = module["netnames"].get(signal, {"bits": []})["bits"][:size]
        if len(bits) == size and all(bit in drivers or bit in ("0", "1") for bit in bits):
            seen[signal] = f"seen_{_plain(signal)}"
            wires[seen[signal]] = bits
    data = {
        "modules": {
            top: {
                "attributes": {},
                "ports": module["ports"],
                "cells": {f"c{k}": _driving(cell) for k, cell in enumerate(cells.values())},
                "netnames": {
                    name: {"hide_name": 0, "bits": bits, "attributes": {}}
                    for name, bits in wires.items()
                },
            }
        }
    }
    (work / _NETS).write_text(json.dumps(data))
    commands = (f"read_json {_NETS}", f"write_verilog -noattr {_VERILOG}")
    (work / SCRIPT).write_text("".join(f"{command}\n" for command in commands))
    job = process.Job(name="yosys", command=(*tool.command, SCRIPT), folder=work, log=LOG)
    (ended,) = process.run([job])
    if ended.status != 0:
        raise job.failure(ended.status)
    return Gates(
        verilog=(work / _VERILOG).read_text(),
        cells=Counter(cell["type"] for cell in cells.values()),
        nets={name: home[drivers[bit]] for bit, name in names.items()},
        seen=seen,
    )


def _driving(cell: dict[str, Any]) -> dict[str, Any]:
    """The cell without outputs that drive nothing, which Verilog has no constant for."""
    connections = {
        port: bits
        for port, bits in cell["connections"].items()
        if cell["port_directions"][port] != "output" or bits != ["x"]
    }
    return {**cell, "connections": connections}


def _drivers(cells: Mapping[str, Any]) -> dict[int, str]:
    """Bit → cell that drives it."""
    found: dict[int, str] = {}
    for name, cell in cells.items():
        directions = fields.field(cell, "port_directions", dict, name)
        for port, bits in cell["connections"].items():
            if directions[port] == "output":
                found |= {bit: name for bit in bits if isinstance(bit, int)}
    return found


def _names(module: Any, drivers: Mapping[int, str]) -> dict[int, str]:
    """Driven bit → a name of its own that needs no escape and is no port's or keyword."""
    found: dict[int, str] = {}
    taken: set[str] = set()
    named = sorted(module["netnames"].items(), key=lambda item: item[1].get("hide_name", 0))
    for name, net in named:
        for index, bit in enumerate(net["bits"]):
            if bit not in drivers or bit in found:
                continue
            plain = f"n_{_plain(name)}" + (f"_{index}" if len(net["bits"]) > 1 else "")
            found[bit] = plain if plain not in taken else f"{plain}__{bit}"
            taken.add(found[bit])
    for bit in drivers:
        found.setdefault(bit, f"n__{bit}")
    return found


def _plain(name: str) -> str:
    return re.sub(r"\W", "_", name, flags=re.ASCII)
