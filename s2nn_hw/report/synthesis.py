"""Area and timing of a synthesis, for a terminal."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from .table import table

_RESOURCES = ("lut", "ff", "carry", "bram", "spram", "dsp")


def text(data: Mapping[str, Any], folder: Path) -> RenderableType:
    """Tables of what ``synth --json`` says."""
    parts: list[RenderableType] = [title(data), f"in {folder}, digest {data['digest'][:12]}", ""]
    return Group(*parts, tables(data))


def tables(data: Mapping[str, Any]) -> RenderableType:
    """The same without its title."""
    parts: list[RenderableType] = [_area(data), "", _layers(data), "", _figures(data)]
    if data["critical_path"]:
        parts += ["", _path(data["critical_path"])]
    return Group(*parts)


def title(data: Mapping[str, Any]) -> Text:
    """The device or board, and the clock."""
    board, device = data["board"], data["device"]
    name = (device, "bold") if board is None else Text.assemble((board, "bold"), f", {device}")
    line = Text.assemble(name, f", {data['family']}: ")
    if data["fmax_mhz"] is None:
        line.append("synthesised", "yellow").append(", no place and route")
    else:
        met = data["timing_met"]
        clock = "aimed at" if board is None else "the board's clock is"
        line.append(f"{data['fmax_mhz']['best']:.2f} MHz", "green" if met else "yellow")
        line.append(f" ({clock} {data['fmax_mhz']['target']:g})")
    return line


def _area(data: Mapping[str, Any]) -> Table:
    rows = table("resource", ">used", ">of", ">%")
    for name in _RESOURCES:
        area = data[name]
        if not area["capacity"] and not area["used"]:
            continue
        percent = "" if area["percent"] is None else f"{area['percent']:.1f}"
        rows.add_row(name, f"{area['used']:,}", f"{area['capacity']:,}", percent)
    return rows


def _layers(data: Mapping[str, Any]) -> Table:
    names = [name for name in _RESOURCES if data[name]["used"]]
    rows = table("layer", *(f">{name}" for name in names))
    for layer, area in data["layers"].items():
        rows.add_row(layer, *(f"{area[name]:,}" for name in names))
    return rows


def _figures(data: Mapping[str, Any]) -> Table:
    rows = table("figure", ">value", "origin")
    rate = data["inferences_per_second"]
    if data["fmax_mhz"] is not None:
        for seed, mhz in data["fmax_mhz"]["seeds"].items():
            value = "not routed" if mhz is None else f"{mhz:.2f} MHz"
            rows.add_row(f"clock, seed {seed}", value, "place and route")
    rows.add_row(
        f"interval, {data['interval_of']}", f"{data['interval_cycles']:,.2f} cycles", "predicted"
    )
    if rate is not None:
        rows.add_row("inferences a second", f"{rate:,}", "clock over interval")
    if data["at_clock"] is not None:
        clock, rate = data["at_clock"]["mhz"], data["at_clock"]["inferences_per_second"]
        rows.add_row(f"… at the board's {clock:g} MHz", f"{rate:,}", "its clock over interval")
    for name, found in data["accumulators"].items():
        if found["floor"]:  # unrolled layers have no accumulators, and no memories
            value = f"{found['used']:,} {name}, {found['over_floor']:.2f} ×"
            rows.add_row("accumulators, over their floor", value, "synthesis")
    if data["weights"]["bits"]:
        rows.add_row("weights", f"{data['weights']['bits']:,} bits", "emitted")
        share = data["weights"]["share"]
        value = "none" if share is None else f"{100 * share:.1f} %"
        rows.add_row("block RAM of weights, filled", value, "synthesis")
    if data["bitstream"] is not None:
        rows.add_row("bitstream", data["bitstream"], "packed of the best seed")
    spent = ", ".join(f"{name} {value:.1f}" for name, value in data["seconds"].items())
    rows.add_row("seconds", spent, "measured")
    if data["cached"]:
        rows.add_row("from the cache", ", ".join(data["cached"]), "")
    return rows


def _path(steps: list[Mapping[str, Any]]) -> Group:
    """Where the time goes, and through which modules."""
    total = sum(step["delay_ns"] for step in steps)
    along = sum(step["delay_ns"] for step in steps if step["kind"] == "routing")
    head = Text.assemble(
        ("critical path", "bold"), f": {total:.2f} ns, of which {along:.2f} along nets"
    )
    rows = table(">ns", "step", "through")
    at = 0.0
    for step in steps:
        at += step["delay_ns"]
        name = step["net"] or f"{step['cell']}.{step['port']}"
        rows.add_row(f"{at:.2f}", step["kind"], Text(name))
    return Group(head, rows)
