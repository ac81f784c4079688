"""A build report for a terminal."""

from __future__ import annotations

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from s2nn_hw.ir import well_formed

from . import gates, synthesis
from .build import SYNTH, VERIFY, BuildReport
from .figure import Figure
from .table import table

_LABELS = {
    "accuracy": "accuracy",
    "mismatches": "mismatches against the golden model",
    "latency_min": "latency, least",
    "latency_mean": "latency, mean",
    "latency_max": "latency, greatest",
    "latency_bound": "latency of any frame, at most",
    "interval": "interval, mean",
    "interval_predicted": "interval, mean, predicted",
    "interval_bound": "interval of any frames, at most",
    "interval_floor": "floor of the slowest layer",
    "interval_over_floor": "interval over floor",
    "toggles_per_frame": "toggles a frame",
    "inferences_per_second": "inferences a second",
    "simulation_speed": "simulation speed",
    "arithmetic_energy": "energy, arithmetic only, 45 nm",
}


def text(report: BuildReport) -> RenderableType:
    """Tables of figures, layers, checks and files; every figure with its origin."""
    parts: list[RenderableType] = [_title(report), "", _figures(report), "", _layers(report), ""]
    if report.checks:
        parts += [_checks(report), ""]
    if report.netlist is not None:
        with well_formed(f"{report.folder}/{VERIFY}: malformed: its netlist"):
            parts += [gates.title(report.netlist), ""]
            parts += [gates.toggles(report.netlist, report.modules), ""]
    if report.synthesis is not None:
        with well_formed(f"{report.folder}/{SYNTH}: malformed: it"):
            title, tables = synthesis.title(report.synthesis), synthesis.tables(report.synthesis)
        parts += [title, "", tables, ""]
    return Group(*parts, _files(report))


def _title(report: BuildReport) -> Text:
    if report.passed is None:
        outcome, style = "not verified", "yellow"
    else:
        outcome, style = ("verified", "green") if report.passed else ("FAILED", "bold red")
    line = Text.assemble((report.top, "bold"), ": ", (outcome, style))
    if report.passed is not None:
        line.append(f", {report.frames:,} frames on {report.simulator}, stalls: {report.stall}")
    line.append(f"\nin {report.folder}, digest {report.digest[:12]}")
    return line


def _figures(report: BuildReport) -> Table:
    rows = table("figure", ">value", "origin")
    for name, figure in report.figures.items():
        absent = figure.value is None
        value = Text(figure.text(), "dim" if absent else "")
        label = _LABELS[name]
        if name == "accuracy" and not absent:
            label = f"{label} on {report.frames:,} frames"
        rows.add_row(label, value, "" if absent else figure.origin.value)
    return rows


def _layers(report: BuildReport) -> Table:
    rows = table(
        "layer",
        "engine",
        ">lanes",
        ">inputs",
        ">neurons",
        ">weights",
        ">line buffer\n(at least) bits",
        ">events\n(predicted)",
        ">floor\n(predicted)",
        ">toggles\n(simulated)",
    )
    for layer in report.layers:
        rows.add_row(
            layer.name,
            layer.engine,
            str(layer.lanes),
            f"{layer.inputs:,}",
            f"{layer.neurons:,}",
            f"{layer.weight_bits} bit" if layer.weight_bits else "",
            f"{layer.buffer_bits:,} ({layer.least_buffer_bits:,})" if layer.buffer_bits else "",
            *(_number(layer.figures[name]) for name in ("events", "floor", "toggles_per_frame")),
        )
    return rows


def _checks(report: BuildReport) -> Table:
    rows = table("check", "holds", "detail")
    for check in report.checks:
        mark = Text("yes", "green") if check.passed else Text("NO", "bold red")
        rows.add_row(Text(check.name), mark, Text(check.detail))
    return rows


def _files(report: BuildReport) -> Table:
    rows = table("file", ">bytes")
    for name, size in report.files.items():
        rows.add_row(Text(name), f"{size:,}")
    return rows


def _number(figure: Figure) -> Text:
    """The value without its unit, which the heading or the layer's row implies."""
    if figure.value is None:
        return Text("absent", "dim")
    return Text(f"{figure.value:,.1f}")
