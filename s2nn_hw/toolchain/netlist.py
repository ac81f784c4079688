"""Which module of the hierarchy the cells of a flat netlist come from."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping
from pathlib import Path
from typing import Any

from . import fields


def cells_of_modules(
    netlist: Path, top: str, modules: Mapping[str, Collection[str]]
) -> dict[str, Counter[str]]:
    """Path of a module below the top → type of cell → how many, of it alone.

    Flattening leaves the path in front of every name that the Verilog has.  A cell that kept its
    own name, as memories do, tells by it where it comes from.  Any other belongs to the module
    that drives the net that it drives; where optimisation left that net without a name, to the
    module to which most of its readers belong, and where nothing reads it but a port of the top,
    to that of most of its sources.  Every cell is counted once; one of which even that tells
    nothing is the top's.

    Parameters
    ----------
    modules: path → names of the nets driven in it, as the manifest has them.  If the top is not
        among them, all outside these modules is the top's.
    """
    module = flat(netlist, top)
    found: dict[str, Counter[str]] = defaultdict(Counter)
    for name, path in owners(module, netlist.name, modules).items():
        found[path][module["cells"][name]["type"]] += 1
    return dict(found)


def flat(netlist: Path, top: str) -> dict[str, Any]:
    """The module of a flat netlist in yosys' JSON."""
    designs = fields.field(fields.load(netlist), "modules", dict, netlist.name)
    return fields.field(designs, top, dict, netlist.name)


def owners(
    module: dict[str, Any], where: str, modules: Mapping[str, Collection[str]]
) -> dict[str, str]:
    """Cell → path of its module; see cells_of_modules().  ``where`` tells people which netlist."""
    found = _Owners(module, where, modules)
    return {name: found.found.get(name, "") for name in found.cells}


class _Owners:
    """``found``: cell → path of the module that it belongs to, for all of which that is known."""

    def __init__(self, module: Any, where: str, modules: Mapping[str, Collection[str]]):
        self.cells = {
            name: cell
            for name, cell in fields.field(module, "cells", dict, where).items()
            if fields.field(cell, "type", str, f"{where}: {name}") != "$scopeinfo"
        }
        self._driven = {
            path: {name.partition("#")[0] for name in names} for path, names in modules.items()
        }
        netnames = fields.field(module, "netnames", dict, where)
        if "" not in self._driven:
            self._driven[""] = {name for name in netnames if not self._path(name)}
        # yosys calls what has no name after a neighbour, its type and port: x_LUT4_Z_1.
        kinds = "|".join(sorted({re.escape(cell["type"]) for cell in self.cells.values()}))
        self._made_up = re.compile(rf"_(?:{kinds})_[A-Z]+[A-Za-z0-9]*(?:_\d+)*(?:_|$|\[)")
        self._readers: dict[int, list[str]] = defaultdict(list)
        self._drivers: dict[int, str] = {}
        self._outputs: dict[str, list[int]] = {}
        self._inputs: dict[str, list[int]] = {}
        for name, cell in self.cells.items():
            self._connect(name, cell, f"{where}: {name}")
        nets = self._nets(netnames)
        self.found: dict[str, str] = {}
        for name, cell in self.cells.items():
            owner = self._named(name, cell, nets)
            if owner is not None:
                self.found[name] = owner
        self._spread(lambda name: (r for bit in self._outputs[name] for r in self._readers[bit]))
        self._spread(lambda name: (self._drivers.get(bit, "") for bit in self._inputs[name]))

    def _connect(self, name: str, cell: dict[str, Any], where: str) -> None:
        directions = fields.field(cell, "port_directions", dict, where)
        self._outputs[name], self._inputs[name] = [], []
        for port, bits in fields.field(cell, "connections", dict, where).items():
            drives = fields.field(directions, port, str, where) == "output"
            for bit in bits:
                if not isinstance(bit, int):
                    continue  # a constant
                if drives:
                    self._outputs[name].append(bit)
                    self._drivers[bit] = name
                else:
                    self._inputs[name].append(bit)
                    self._readers[bit].append(name)

    def _nets(self, netnames: dict[str, Any]) -> dict[int, str]:
        """Bit → path of the module that drives it, of those that have a name of their own."""
        best: dict[int, tuple[bool, int, str]] = {}
        for name, net in netnames.items():
            if net.get("hide_name") or self._made_up.search(name):
                continue
            path = self._path(name)
            drives = name[len(path) :].removeprefix(".") in self._driven.get(path, ())
            if not path and not drives:
                continue  # a port or a link of the top, driven elsewhere
            rank = (drives, len(path), path)
            for bit in net["bits"]:
                if isinstance(bit, int):
                    best[bit] = max(best.get(bit, rank), rank)
        return {bit: path for bit, (_, _, path) in best.items()}

    def _named(self, name: str, cell: dict[str, Any], nets: dict[int, str]) -> str | None:
        """The owner that names tell, None if none does."""
        if not cell.get("hide_name") and not self._made_up.search(name):
            return self._path(name)
        owners = {nets[bit] for bit in self._outputs[name] if bit in nets}
        return max(owners, key=lambda owner: (len(owner), owner), default=None)

    def _spread(self, neighbours: Any) -> None:
        """Let those without an owner have that of most neighbours, until nothing changes."""
        unknown = [name for name in self.cells if name not in self.found]
        while unknown:
            new: dict[str, str] = {}
            for name in unknown:
                votes = Counter(self.found[n] for n in neighbours(name) if n in self.found)
                if votes:
                    new[name] = max(votes, key=lambda o: (votes[o], len(o), o))
            if not new:
                return
            self.found |= new
            unknown = [name for name in unknown if name not in new]

    def _path(self, name: str) -> str:
        """The longest path of a module that a name begins with, empty for the top."""
        head = name
        while head and head not in self._driven:
            head = head.rpartition(".")[0]
        return head


def unpaired(netlist: Path, top: str, look_up: str, flip_flop: str, data: str) -> int:
    """Flip-flops that share no logic cell with a look-up table.

    One shares it with the look-up table that drives it and nothing else.

    Parameters
    ----------
    look_up: type of cell; flip_flop: what the types of flip-flops begin with; data: their input.
    """
    readers: Counter[int] = Counter()
    tables: set[int] = set()
    inputs: list[int] = []
    for name, cell in fields.field(flat(netlist, top), "cells", dict, netlist.name).items():
        where = f"{netlist.name}: {name}"
        kind = fields.field(cell, "type", str, where)
        directions = fields.field(cell, "port_directions", dict, where)
        for port, bits in fields.field(cell, "connections", dict, where).items():
            if fields.field(directions, port, str, where) == "output":
                tables |= set(bits) if kind == look_up else set()
                continue
            readers.update(bit for bit in bits if isinstance(bit, int))
            if kind.startswith(flip_flop) and port == data:
                inputs += bits
    return sum(bit not in tables or readers[bit] > 1 for bit in inputs)


def names(netlist: Path, top: str, net: str) -> tuple[str, ...]:
    """All names of a net of one bit, its own among them; ToolError if there is no such net."""
    data = fields.load(netlist)
    module = fields.field(
        fields.field(data, "modules", dict, netlist.name), top, dict, netlist.name
    )
    nets = fields.field(module, "netnames", dict, netlist.name)
    where = f"{netlist.name}: {net}"
    bits = fields.field(fields.field(nets, net, dict, where), "bits", list, where)
    return tuple(name for name, other in nets.items() if other.get("bits") == bits)


def together(
    found: Mapping[str, Mapping[str, int]], paths: Iterable[str]
) -> dict[str, Counter[str]]:
    """Path → sum over it and all below it."""
    return {
        path: sum(
            (
                Counter(counts)
                for inner, counts in found.items()
                if inner == path or inner.startswith(f"{path}.")
            ),
            Counter(),
        )
        for path in paths
    }
