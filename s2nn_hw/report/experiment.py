"""The table of an experiment: a row a combination, means and deviations over its seeds."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from s2nn_hw.energy import ACCUMULATE_PJ, MULTIPLY_ACCUMULATE_PJ

from .figure import Origin

#: What tells combinations apart.
CASE = ("grid", "data", "arch", "neuron", "weight_bits", "steps")

#: What the arithmetic estimate is made of.
CONSTANTS = {
    "accumulate_pj": ACCUMULATE_PJ,
    "multiply_accumulate_pj": MULTIPLY_ACCUMULATE_PJ,
    "of": "32-bit floating point in 45 nm, Horowitz, ISSCC 2014",
}


@dataclass(frozen=True, kw_only=True)
class Column:
    """A figure of a trial.

    Parameters
    ----------
    heading: in the table of Markdown; empty for what is not in it.
    unit, origin: of the figure, see Figure; of a heading in per cent it is a share.
    digits: behind the point in that table.
    core: whether it is of the core: of seeds whose core is not measured there is none.
    some: whether seeds that lack it do not count, where any other figure is then absent.
    """

    heading: str
    unit: str
    origin: Origin
    digits: int = 0
    core: bool = False
    some: bool = False

    def text(self, value: float) -> str:
        """The number as the table has it."""
        return f"{100 * value if self.unit == 'share' else value:,.{self.digits}f}"


#: Of a trial, name → what it is.
COLUMNS = {
    "accuracy": Column(heading="accuracy, %", unit="share", origin=Origin.MEASURED, digits=2),
    "train_accuracy": Column(heading="", unit="share", origin=Origin.MEASURED),
    "spike_rate": Column(
        heading="hidden neurons that fire, %", unit="share", origin=Origin.MEASURED, digits=1
    ),
    "input_activity": Column(heading="", unit="share", origin=Origin.MEASURED),
    "accumulates": Column(heading="accumulates", unit="a frame", origin=Origin.MEASURED),
    "multiply_accumulates": Column(
        heading="multiply-accumulates", unit="a frame", origin=Origin.MEASURED
    ),
    "arithmetic_estimate_pj": Column(
        heading="arithmetic alone, nJ", unit="pJ a frame", origin=Origin.ESTIMATED, digits=2
    ),
    "frames": Column(heading="frames in RTL", unit="", origin=Origin.SIMULATED, core=True),
    "mismatches": Column(heading="mismatches", unit="", origin=Origin.SIMULATED, core=True),
    "events": Column(heading="events", unit="a frame", origin=Origin.SIMULATED, core=True),
    "interval_cycles": Column(
        heading="interval, cycles", unit="cycles", origin=Origin.SIMULATED, digits=1, core=True
    ),
    "latency_cycles": Column(
        heading="latency, cycles", unit="cycles", origin=Origin.SIMULATED, digits=1, core=True
    ),
    "toggle_frames": Column(heading="", unit="", origin=Origin.SIMULATED, core=True),
    "rtl_toggles": Column(
        heading="RTL toggles", unit="a frame", origin=Origin.SIMULATED, core=True
    ),
    "gate_toggles": Column(
        heading="gate-level toggles", unit="a frame", origin=Origin.SIMULATED, some=True, core=True
    ),
    "lut": Column(heading="LUT", unit="", origin=Origin.MEASURED, core=True),
    "ff": Column(heading="FF", unit="", origin=Origin.MEASURED, core=True),
    "bram": Column(heading="BRAM", unit="", origin=Origin.MEASURED, core=True),
    "fmax_mhz": Column(
        heading="clock, MHz", unit="MHz", origin=Origin.MEASURED, digits=1, core=True
    ),
    "training_seconds": Column(heading="training, s", unit="s", origin=Origin.MEASURED),
}

_ABSENT = "absent"


def columns() -> dict[str, dict[str, str]]:
    """Unit and origin of every figure."""
    return {name: {"unit": c.unit, "origin": c.origin.value} for name, c in COLUMNS.items()}


def summary(trials: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Of each combination how many ``seeds`` are complete, and of each figure ``mean`` and ``std``.

    The deviation is the sample's, and None of a single seed; a figure is None that a seed lacks,
    but for those of some seeds; figures of the core are of the seeds whose core was measured.
    Combinations without a complete trial have no seeds.
    """
    groups: dict[tuple[Any, ...], list[Mapping[str, Any]]] = {}
    for row in trials:
        of_case = groups.setdefault(tuple(row[name] for name in CASE), [])
        if row["state"] == "complete":
            of_case.append(row)
    found = []
    for case, rows in groups.items():
        entry: dict[str, Any] = {**dict(zip(CASE, case, strict=True)), "seeds": len(rows)}
        measured = [row for row in rows if row.get("frames") is not None]
        for name, column in COLUMNS.items():
            values = [row.get(name) for row in (measured if column.core else rows)]
            if column.some:
                values = [value for value in values if value is not None]
            entry[name] = _spread(values)
        found.append(entry)
    return found


def _spread(values: Sequence[Any]) -> dict[str, float | None] | None:
    known = [float(value) for value in values if value is not None]
    if not known or len(known) < len(values):
        return None
    return {
        "mean": statistics.fmean(known),
        "std": statistics.stdev(known) if len(known) > 1 else None,
    }


def markdown(
    table: Sequence[Mapping[str, Any]],
    trials: Sequence[Mapping[str, Any]],
    configuration: Mapping[str, Any],
) -> str:
    """The table with all that is needed to read it."""
    # What nobody asked for has no column.
    shown = {
        name: column
        for name, column in COLUMNS.items()
        if column.heading and any(entry[name] for entry in table)
    }
    heads = ["grid", "data", "architecture", "neuron", "weights, bits", "steps", "seeds"]
    heads += [f"{column.heading} ({column.origin})" for column in shown.values()]
    lines = [heads, ["---"] * len(heads)]
    for entry in table:
        of_case = [_ABSENT if entry[name] is None else str(entry[name]) for name in CASE]
        cells = [_cell(name, column, entry[name]) for name, column in shown.items()]
        lines.append([*of_case, str(entry["seeds"]), *cells])
    text = [*(f"| {' | '.join(line)} |" for line in lines), "", _key(configuration), ""]
    for number, grid in enumerate(configuration["grids"], start=1):
        options = ", ".join(f"{name} {value}" for name, value in grid["train"].items())
        seeds = grid.get("measured_seeds") or configuration.get("measured_seeds")
        named = ", ".join(map(str, seeds or ()))
        cores = f"; cores simulated and synthesised: of seeds {named}" if named else ""
        text.append(
            f"* Grid {number}: {options or 'options of training as they are by default'}{cores}."
        )
    text += [
        f"* Trial {row['number']} ({', '.join(str(row[name]) for name in (*CASE[1:], 'seed'))}): "
        f"{said}"
        for row in trials
        if (said := row.get("error") or row.get("unfit"))
    ]
    return "\n".join(text) + "\n"


def _cell(name: str, column: Column, spread: Mapping[str, float | None] | None) -> str:
    if spread is None or spread["mean"] is None:
        return _ABSENT
    # The estimate is kept in pJ, as a frame of a small network has it.
    scale = 1e-3 if name == "arithmetic_estimate_pj" else 1.0
    text = column.text(scale * spread["mean"])
    # Of what is the same for every seed there is no deviation to tell.
    return f"{text} ± {column.text(scale * spread['std'])}" if spread["std"] else text


def _key(configuration: Mapping[str, Any]) -> str:
    target = configuration["board"] or configuration["device"]
    frames = configuration["frames"]
    return (
        "Means and sample standard deviations over the seeds. Measured: accuracy, spikes and "
        "operations by the golden model on the whole test set, area and clock by yosys and nextpnr "
        f"for {target}. Simulated: the core's Verilog on the first {frames} test images. Three "
        "energies, of which none is to be compared with another: the arithmetic alone is "
        f"estimated, at {ACCUMULATE_PJ} pJ an accumulate and {MULTIPLY_ACCUMULATE_PJ} pJ a "
        "multiply-accumulate (32-bit floating point in 45 nm); toggles are counted, without "
        "delays, of the nets of the RTL, and of those of the synthesised "
        "netlist, where it was simulated. All operations, events and toggles are those of a frame."
    )
