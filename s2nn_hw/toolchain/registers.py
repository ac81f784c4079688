"""Registers behind block RAMs, moved into the block RAMs' own."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from . import fields

if TYPE_CHECKING:
    from rtl_gen.platforms import Family, OutputRegister


#: What was moved: type of cell → how many of them are gone.
ABSORBED = "absorbed.json"


def absorb_all(folder: Path, family: Family, top: str, netlists: Sequence[str]) -> None:
    """Move what it can in each of yosys' netlists of a design, and write down what went."""
    gone = Counter[str]()
    for name in netlists:
        gone = absorb(folder / name, family, top)
    (folder / ABSORBED).write_text(json.dumps(gone) + "\n")


def absorbed(folder: Path) -> Counter[str]:
    """What absorb_all() wrote down."""
    found = fields.load(folder / ABSORBED)
    return Counter(
        {kind: int(fields.number(found, kind, ABSORBED)) for kind in found if found[kind]}
    )


def absorb(netlist: Path, family: Family, top: str) -> Counter[str]:
    """Move what it can of a flat netlist, in place; returns how many flip-flops are gone, by type.

    A port's register is used if everything that reads the port is one such flip-flop a bit.
    Nothing changes for the rest of the netlist: the same nets carry the same values in the same
    cycles, but what a block RAM gives between power-on and the first clock edge.
    """
    data = fields.load(netlist)
    designs = fields.field(data, "modules", dict, netlist.name)
    module = fields.field(designs, top, dict, netlist.name)
    cells = fields.field(module, "cells", dict, netlist.name)
    readers = _readers(module, cells)
    gone = Counter[str]()
    for cell in list(cells.values()):
        for kind in family.output_registers:
            if cell["type"] == kind.ram:
                gone[kind.flip_flop] += _absorb(cell, kind, cells, readers)
    if gone.total():
        netlist.write_text(json.dumps(data))
    return gone


def _readers(module: Any, cells: Any) -> dict[int, list[tuple[str, str]]]:
    """Bit → cell and port of all that read it; a port of the module is a cell without a name."""
    found: dict[int, list[tuple[str, str]]] = defaultdict(list)
    for name, cell in cells.items():
        for port, bits in cell["connections"].items():
            if cell["port_directions"][port] != "output":
                for bit in bits:
                    found[bit].append((name, port))
    for port, wires in module["ports"].items():
        for bit in wires["bits"]:
            found[bit].append(("", port))
    return found


def _absorb(
    ram: Any, kind: OutputRegister, cells: Any, readers: dict[int, list[tuple[str, str]]]
) -> int:
    """Of one port of one block RAM."""
    connections = ram["connections"]
    if int(ram["parameters"][kind.width], 2) not in kind.widths:
        return 0
    if any(connections.get(port, ["0"]) != ["0"] for port in kind.resets):
        return 0
    outputs = {
        port: bits[0]
        for port, bits in connections.items()
        if port.startswith(kind.data) and bits and readers.get(bits[0])
    }
    registers = {}
    for port, bit in outputs.items():
        name = _flip_flop(readers[bit], kind, cells, connections[kind.clock])
        if name is None:
            return 0
        registers[port] = name
    for port, name in registers.items():
        connections[port] = cells.pop(name)["connections"]["Q"]
    if registers:
        ram["parameters"].update(kind.register)
        connections.update({port: ["1"] for port in kind.enables})
    return len(registers)


def _flip_flop(
    found: list[tuple[str, str]], kind: OutputRegister, cells: Any, clock: list[Any]
) -> str | None:
    """The one register that reads a bit, if it is one that the block RAM's can be."""
    if len(found) != 1:
        return None
    ((name, port),) = found
    cell = cells.get(name)
    if cell is None or cell["type"] != kind.flip_flop or port != "DI":
        return None
    parameters, connections = cell["parameters"], cell["connections"]
    free = all(str(parameters.get(key, "")).strip() == value for key, value in kind.plain)
    off = all(connections.get(port, ["0"]) == ["0"] for port in kind.off)
    return name if free and off and connections["CLK"] == clock else None
