"""What a netlist did in the core's place, for a terminal."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rich.table import Table
from rich.text import Text

from .table import table


def title(data: Mapping[str, Any]) -> Text:
    """The outcome, of the object that ``verify --json`` has under ``netlist``."""
    outcome, style = ("verified", "green") if data["passed"] else ("FAILED", "bold red")
    line = Text.assemble(
        "netlist: ",
        (outcome, style),
        f", {data['cells']:,} cells of {data['family']} ({data['device']})",
    )
    if data["unseen"]:
        line.append(
            f"\nspikes of {', '.join(data['unseen'])}: in no net of it, checked by the scores alone"
        )
    return line


def toggles(data: Mapping[str, Any], modules: Mapping[str, float]) -> Table:
    """Toggles a frame of each module alone: of the Verilog's nets, and of the netlist's.

    modules: the Verilog's, by path.
    """
    rows = table("module", ">toggles of the Verilog\n(simulated)", ">of the netlist\n(simulated)")
    ours = data["netlist_toggles"]
    for path in sorted(modules.keys() | ours.keys()):
        rows.add_row(Text(path), *(_number(side.get(path)) for side in (modules, ours)))
    both = (sum(modules.values()) if modules else None, data["netlist_toggles_per_frame"])
    rows.add_row(Text("all", "bold"), *map(_number, both))
    return rows


def _number(value: float | None) -> Text:
    return Text("absent", "dim") if value is None else Text(f"{value:,.1f}")
