"""Registers behind block RAMs, moved into the block RAMs' own."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rtl_gen.platforms import OutputRegister


def absorb(module: Any, kinds: Sequence[OutputRegister]) -> Counter[str]:
    """Move what it can; returns how many flip-flops are gone, by type.

    A port's register is used if everything that reads the port is one such flip-flop a bit.

    Parameters
    ----------
    module: flat, of yosys' JSON; changed in place.
    """
    cells = module["cells"]
    readers = _readers(module, cells)
    gone = Counter[str]()
    for cell in list(cells.values()):
        for kind in kinds:
            if cell["type"] == kind.ram:
                gone[kind.flip_flop] += _absorb(cell, kind, cells, readers)
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
