"""A build report for a terminal."""

from __future__ import annotations

from collections.abc import Mapping

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from . import gates, names, points, synthesis
from .build import BuildReport
from .figure import Figure, spoken
from .page import Page
from .pair import Pair, Row
from .table import table


def page(found: Page) -> RenderableType:
    """The build, what may be compared with it, and what there is not."""
    parts: list[RenderableType] = [] if found.build is None else [text(found.build), ""]
    for note in found.notes:
        parts += [Text(note, "yellow"), ""]
    for group in found.groups:
        parts += [*_group(group), ""]
    if found.absent:
        parts += [_absent(found), ""]
    return Group(*parts[:-1])


def pair(found: Pair) -> RenderableType:
    """Two builds side by side, with ratios."""
    parts: list[RenderableType] = []
    for letter, build in zip("AB", found.builds, strict=True):
        parts += [Text.assemble((letter, "bold"), ": ", _title(build)), ""]
    for note in found.notes:
        parts += [Text(note, "yellow"), ""]
    parts.append(_ratios(found.figures, names.BUILD))
    for layer in found.layers:
        parts += ["", Text(layer.name, "bold"), _ratios(layer.figures, names.FIELDS | names.LAYER)]
    return Group(*parts)


def text(report: BuildReport) -> RenderableType:
    """Tables of figures, layers, checks and files; every figure with its origin."""
    parts: list[RenderableType] = [_title(report), "", _figures(report), "", _layers(report), ""]
    if report.advice:
        parts += [_advice(report), ""]
    if report.checks:
        parts += [_checks(report), ""]
    if report.netlist is not None:
        parts += [gates.title(report.netlist), ""]
        parts += [gates.toggles(report.netlist, report.modules), ""]
    if report.synthesis is not None:
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
        line.append(f", {_frames(report)} on {report.simulator}, stalls: {report.stall}")
    line.append(f"\nin {report.folder}, digest {report.digest[:12]}")
    return line


def _figures(report: BuildReport) -> Table:
    rows = table("figure", ">value", "origin")
    for name, figure in report.figures.items():
        absent = figure.value is None
        value = Text(figure.text(), "dim" if absent else "")
        label = names.BUILD[name]
        if name == "accuracy" and not absent:
            label = f"{label} on {_frames(report)}"
        rows.add_row(label, value, "" if absent else figure.origin.value)
    return rows


def _frames(report: BuildReport) -> str:
    return "1 frame" if report.frames == 1 else f"{report.frames:,} frames"


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


def _advice(report: BuildReport) -> Table:
    rows = table("what to change", "as far as it follows from these numbers", "to be tried")
    for entry in report.advice:
        rows.add_row(entry.about, Text(entry.text), Text(entry.option))
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


def _group(group: points.Group) -> tuple[RenderableType, Table]:
    """Points with their measures."""
    shown = group.known()
    heads = (f">{points.MEASURES[name]}\n({group.origins[name]})" for name in shown)
    rows = table(">number", "what", *heads)
    for number, point in enumerate(group.points, 1):
        cells = (_spoken(point.values[k], "share" if k == "accuracy" else "") for k in shown)
        rows.add_row(str(number), Text(point.label), *cells)
    return Text(group.title, "bold"), rows


def _absent(found: Page) -> Table:
    rows = table("absent", "file", "is made by")
    for entry in found.absent:
        rows.add_row(entry.what, entry.file, Text(entry.command))
    return rows


def _ratios(figures: Mapping[str, Row], labels: Mapping[str, str]) -> Table:
    rows = table("figure", ">A", ">B", ">B / A", "origin")
    for name, row in figures.items():
        known = [origin for origin in row.origins if origin != "absent"]
        ratio = Text(row.compared(), "dim" if row.ratio is None else "")
        cells = (*(_spoken(value, row.unit) for value in row.values), ratio)
        rows.add_row(labels[name], *cells, known[0] if known else "")
    return rows


def _spoken(value: float | None, unit: str) -> Text:
    return Text(spoken(value, unit), "dim" if value is None else "")


def _number(figure: Figure) -> Text:
    """The value without its unit, which the heading or the layer's row implies."""
    if figure.value is None:
        return Text("absent", "dim")
    return Text(f"{figure.value:,.1f}")
