"""Which nets a core has: every bit of named logic once, where it is driven."""

import json
import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

_SIMPLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*\Z")


#: Modules that are described elsewhere → their output ports.
Outside = Mapping[str, frozenset[str]]


def nets(
    netlist: str, top: str, outside: Outside = MappingProxyType({})
) -> dict[str, tuple[str, ...]]:
    """Names of the nets driven in each module instance, by its path below the top.

    ``netlist`` is what yosys writes as JSON of the design that it writes as Verilog; ``outside``
    tells what of it is driven by modules that are not in it and list their nets themselves.

    A net with several names is listed under one of them; one that comes in through a port is its
    driver's.  A name stands for all of its bits, or with ``#`` for some: ``data#0-7`` or
    ``data#0-3,9``.  Clock, reset, constants, the contents of memories and unnamed intermediate
    values do not count.
    """
    modules = json.loads(netlist)["modules"]
    outputs = {
        name: frozenset(p for p, port in m["ports"].items() if port["direction"] == "output")
        for name, m in modules.items()
    }
    outputs |= outside
    driven = {name: _driven(module, outputs) for name, module in modules.items()}
    result: dict[str, tuple[str, ...]] = {}

    def visit(name: str, path: str) -> None:
        result[path] = driven[name]
        for instance, cell in sorted(modules[name]["cells"].items()):
            if cell["type"] in modules:
                visit(cell["type"], f"{path}.{instance}" if path else instance)

    visit(top, "")
    return result


def _driven(module: dict[str, Any], outputs: Outside) -> tuple[str, ...]:
    elsewhere: set[int | str] = set()
    for port in module["ports"].values():
        if port["direction"] == "input":
            elsewhere.update(port["bits"])
    # What is left of an unused register is a name that nothing drives.
    driven: set[int | str] = set()
    for cell in module["cells"].values():
        for port in outputs.get(cell["type"], ()):
            elsewhere.update(cell["connections"].get(port, ()))
        for port, direction in cell.get("port_directions", {}).items():
            if direction == "output":
                driven.update(cell["connections"][port])
    named = {
        name.lstrip("\\"): net["bits"]
        for name, net in module["netnames"].items()
        if not net["hide_name"] and name not in ("clk", "rst")
    }
    counted = set(elsewhere)
    chosen = []
    # Whole nets before parts of them, plain names before those that need escaping.
    order = sorted(named, key=lambda name: (not _SIMPLE.match(name), "$" in name, name))
    for partial in (False, True):
        for name in order:
            bits = named[name]
            own = [k for k, bit in enumerate(bits) if bit in driven and bit not in counted]
            own = [k for k in own if bits.index(bits[k]) == k]
            if not own or (len(own) < len(bits)) != partial:
                continue
            counted.update(bits[k] for k in own)
            chosen.append(name if not partial else f"{name}#{_ranges(own)}")
    return tuple(sorted(chosen))


def _ranges(numbers: list[int]) -> str:
    runs: list[list[int]] = []
    for k in numbers:
        if runs and runs[-1][-1] == k - 1:
            runs[-1].append(k)
        else:
            runs.append([k])
    return ",".join(str(run[0]) if len(run) == 1 else f"{run[0]}-{run[-1]}" for run in runs)
