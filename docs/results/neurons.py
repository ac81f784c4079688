"""Neurons compared in hardware, ``neurons.md``, and a price for events, ``penalty.md``.

Run it with ``make results ARGS=neurons-fashion-dense``, ``neurons-fashion-conv``,
``neurons-mnist-dense``, ``neurons-mnist-conv`` and ``neurons-cifar10`` after ``s2nn-hw data get``
of these, and with ``ARGS=penalty``; on two cores each takes an hour or two, and goes on where it
was when it is run again.
"""

from __future__ import annotations

import json
import statistics
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from s2nn_hw import flow

HERE = Path(__file__).parent
FILES = HERE.parent.parent / "examples" / "experiments"

#: Experiments of their own, as each takes long.
COLUMNS = ("mnist-dense", "mnist-conv", "fashion-dense", "fashion-conv", "cifar10")

#: With which networks of one step are trained.
SEEDS = 3

#: What of a trial says where its toggles are, which is long.
_LONG = ("rtl_toggles_by_module", "gate_toggles_by_module")

INTRODUCTION = """# Neurons compared

Made by `make results ARGS=neurons-COLUMN`, a column each: `s2nn-hw experiment
examples/experiments/neurons-COLUMN.toml`, which says how everything was trained. Little was
trained, so that two cores do a column in an hour or two: convolutions are narrow, epochs few, and
of networks of several steps and of CIFAR-10 (a copy that went through JPEG) there is one seed.
`full.toml` has the whole grid, for a GPU. Networks of one column differ in their neurons and in the
bits of weights, and are trained alike; no epoch was chosen. Accuracy is that on the whole test set,
of the network that is in hardware, mean ± sample standard deviation over three seeds, or over as
many as are in brackets.

"""
STEPS = """
## One step beside several, and beside binary networks

The event engine with 2 lanes everywhere, {device}. Cycles are those between frames, toggles those
of a frame; cycles and toggles are simulated, over the first {frames} test images with 0 mismatches,
look-up tables, flip-flops and block RAM are what yosys says. Ratios are over `s2nn`
with weights of 4 bits at one step, of the binary network over `s2nn` with weights of one bit, where
that was trained. All are of seed 0.

"""
PENALTY = """# A price for events

Made by `make results ARGS=penalty`: `s2nn-hw experiment examples/experiments/penalty.toml`.
`train --spike-penalty X`, MNIST, weights of 4 bits, the event engine with 2 lanes; mean ± sample
standard deviation over {seeds} seeds, events of all layers, the input's among them, and cycles and
toggles of a frame over the first {frames} test images. Ratios are over the row without a penalty.

![accuracy over toggles](penalty.svg)

"""


@dataclass(frozen=True, order=True)
class Column:
    """What networks are compared on."""

    data: str
    arch: str

    def __str__(self) -> str:
        return f"{self.data}, {self.arch}"


@dataclass(frozen=True)
class Neuron:
    """What is compared."""

    name: str
    bits: int | None
    steps: int | None

    def __str__(self) -> str:
        bits = "" if self.bits is None else f", {self.bits} bit{'s' if self.bits > 1 else ''}"
        steps = "" if self.steps in (None, 1) else f", {self.steps} steps"
        return self.name + bits + steps


S2NN = Neuron("s2nn", 4, 1)
ONE_BIT = Neuron("s2nn", 1, 1)
RELU = Neuron("relu", None, None)
BINARY = Neuron("bnn", 1, 1)
#: Rows of the table of hardware, and what each is beside.
BESIDE = {
    S2NN: S2NN,
    **{Neuron("if", 4, steps): S2NN for steps in (2, 4, 8)},
    ONE_BIT: S2NN,
    BINARY: ONE_BIT,
}
FIGURES = {
    "interval_cycles": "cycles",
    "events": "events",
    "rtl_toggles": "RTL toggles",
    "gate_toggles": "gate-level toggles",
    "lut": "LUT",
    "ff": "FF",
    "bram": "block RAM",
}


#: Points of accuracy that fewer events may cost.
BEARABLE = 0.3
PRICED = {
    "events": "events",
    "interval_cycles": "cycles",
    "rtl_toggles": "RTL toggles",
    "lut": "LUT",
}


class Trials:
    """Complete trials of an experiment, found by column, neuron and seed."""

    def __init__(self, rows: Iterable[dict[str, Any]]):
        self._rows: dict[tuple[Column, Neuron], dict[int, dict[str, Any]]] = {}
        for row in rows:
            if row["state"] == "complete":
                assert not row.get("mismatches"), row
                column = Column(row["data"], row["arch"])
                neuron = Neuron(row["neuron"], row["weight_bits"], row["steps"])
                self._rows.setdefault((column, neuron), {})[row["seed"]] = row

    @property
    def columns(self) -> list[Column]:
        """In the order of the file."""
        return list(dict.fromkeys(column for column, _ in self._rows))

    @property
    def neurons(self) -> list[Neuron]:
        """In the order of the file, full precision first."""
        found = list(dict.fromkeys(neuron for _, neuron in self._rows))
        return sorted(found, key=lambda neuron: neuron != RELU)

    def seeds(self, column: Column, neuron: Neuron) -> dict[int, dict[str, Any]]:
        """Seed → trial."""
        return self._rows.get((column, neuron), {})


def write(column: str) -> None:
    """Do what is left of a column, and write its JSON, and ``neurons.md`` of all that have one."""
    experiment(f"neurons-{column}", f"neurons-{column}")
    files = [HERE / f"neurons-{name}.json" for name in COLUMNS]
    columns = [json.loads(file.read_text()) for file in files if file.exists()]
    trials = Trials(row for results in columns for row in results["trials"])
    parts = [
        INTRODUCTION,
        accuracies(trials),
        STEPS.format(device=columns[0]["device"], frames=columns[0]["frames"]),
        *(hardware(trials, column) for column in trials.columns),
    ]
    (HERE / "neurons.md").write_text("".join(parts))


def write_penalty() -> None:
    """The same for ``penalty.md``, ``penalty.svg`` and ``penalty.json``."""
    results = experiment("penalty", "penalty")
    head = PENALTY.format(frames=results["frames"], seeds=len(results["seeds"]))
    (HERE / "penalty.md").write_text(head + penalties(results))
    draw(results, HERE / "penalty.svg")


def experiment(name: str, table: str) -> dict[str, Any]:
    """What the experiment has come to when it is done, which is kept as ``table.json``, too."""
    file = FILES / f"{name}.toml"
    flow.experiment(file, progress=lambda *stage: print(*stage, flush=True))
    results: dict[str, Any] = json.loads((file.with_suffix("") / "results.json").read_text())
    for row in results["trials"]:
        for long in _LONG:
            row.pop(long, None)
    (HERE / f"{table}.json").write_text(json.dumps(results, indent=1) + "\n")
    return results


def accuracies(trials: Trials) -> str:
    """All neurons on all networks, and what S²NN has more than each."""
    columns = trials.columns
    lines = ["## Accuracy, %\n\n", head("neuron", *map(str, columns))]
    for neuron in trials.neurons:
        cells = [
            spread([100 * row["accuracy"] for row in trials.seeds(column, neuron).values()], 2)
            for column in columns
        ]
        lines.append(line(str(neuron), *cells))
    lines += [
        "\nWhat `s2nn` with 4 bits has more than each other, points, over the seeds that both "
        "have:\n\n",
        head("than", *map(str, columns)),
    ]
    for neuron in trials.neurons:
        if neuron == S2NN:
            continue
        cells = []
        for column in columns:
            ours, theirs = trials.seeds(column, S2NN), trials.seeds(column, neuron)
            both = sorted(ours.keys() & theirs.keys())
            gains = [100 * (ours[k]["accuracy"] - theirs[k]["accuracy"]) for k in both]
            cells.append(spread(gains, 2, sign="+"))
        lines.append(line(str(neuron), *cells))
    return "".join(lines)


def hardware(trials: Trials, column: Column) -> str:
    """One network with its neurons, seed 0."""
    known = {neuron: row for neuron in BESIDE if (row := trials.seeds(column, neuron).get(0))}
    if S2NN not in known:
        return ""
    lines = [f"### {column}\n\n", head("neuron", "accuracy, %", *FIGURES.values())]
    for neuron, row in known.items():
        base = known.get(BESIDE[neuron], {})
        cells = [f"{100 * row['accuracy']:.2f}"]
        for name in FIGURES:
            value, other = row.get(name), base.get(name)
            if value is None:
                cells.append("")
                continue
            ratio = f" ({value / other:.2f})" if neuron != BESIDE[neuron] and other else ""
            cells.append(f"{value:,.0f}{ratio}")
        lines.append(line(str(neuron), *cells))
    return "".join(lines) + "\n"


def penalties(results: dict[str, Any]) -> str:
    """Accuracy beside events, for every penalty."""
    lines = []
    grids = results["grids"]
    for arch in grids[0]["arch"]:
        entries = [e for e in results["table"] if e["arch"] == arch and e["seeds"]]
        lines += [f"## {arch}\n\n", head("penalty", "accuracy, %", *PRICED.values())]
        for entry in entries:
            price = grids[entry["grid"] - 1]["train"].get("spike_penalty", 0)
            cells = [f"{price:g}", over(entry["accuracy"], 100, 2)]
            for name in PRICED:
                # What does not fit the device has no area.
                if not (entry[name] and entries[0][name]):
                    cells.append("")
                    continue
                ratio = entry[name]["mean"] / entries[0][name]["mean"]
                cells.append(f"{over(entry[name], 1, 0)} ({ratio:.2f})")
            lines.append(line(*cells))
        kept = [e for e in entries if lost(e, entries[0]) <= BEARABLE]
        fewest = min(kept, key=lambda entry: entry["events"]["mean"])
        fewer = 1 - fewest["events"]["mean"] / entries[0]["events"]["mean"]
        lines.append(
            f"\nWith at most {BEARABLE} points of accuracy lost: "
            f"{100 * fewer:.0f} % fewer events.\n\n"
        )
    return "".join(lines)


def lost(entry: dict[str, Any], other: dict[str, Any]) -> float:
    """Points of accuracy that an entry of the table has less than another, means."""
    return 100 * float(other["accuracy"]["mean"] - entry["accuracy"]["mean"])


def draw(results: dict[str, Any], path: Path) -> None:
    """Accuracy over toggles, a curve a network."""
    import matplotlib

    matplotlib.rcParams["svg.hashsalt"] = "s2nn-hw"
    from matplotlib.figure import Figure

    grids = results["grids"]
    figure = Figure(figsize=(7, 4), layout="constrained")
    axis = figure.subplots()
    for arch, marker in zip(grids[0]["arch"], "osD", strict=False):
        entries = [e for e in results["table"] if e["arch"] == arch and e["seeds"]]
        toggles = [entry["rtl_toggles"] for entry in entries]
        accuracies = [entry["accuracy"] for entry in entries]
        axis.errorbar(
            [figure["mean"] / 1e3 for figure in toggles],
            [100 * figure["mean"] for figure in accuracies],
            xerr=[(figure["std"] or 0) / 1e3 for figure in toggles],
            yerr=[100 * (figure["std"] or 0) for figure in accuracies],
            marker=marker,
            capsize=2,
            label=arch,
        )
        for entry in entries:
            price = grids[entry["grid"] - 1]["train"].get("spike_penalty", 0)
            place = (entry["rtl_toggles"]["mean"] / 1e3, 100 * entry["accuracy"]["mean"])
            axis.annotate(f"{price:g}", place, (4, 5), textcoords="offset points", fontsize=8)
    axis.set(xlabel="thousand toggles of the RTL a frame", ylabel="accuracy, %")
    axis.set_title("MNIST, by the price of events in training", fontsize=10)
    axis.grid(alpha=0.3)
    axis.legend()
    figure.savefig(path, metadata={"Date": None})


def head(*cells: str) -> str:
    """The first lines of a table."""
    return line(*cells) + line(*["---"] * len(cells))


def line(*cells: str) -> str:
    """One more."""
    return f"| {' | '.join(cells)} |\n"


def spread(values: Sequence[float], digits: int, sign: str = "") -> str:
    """Mean ± sample standard deviation, and of how many values, where there are not SEEDS."""
    if not values:
        return ""
    text = f"{statistics.fmean(values):{sign},.{digits}f}"
    if len(values) > 1:
        text += f" ± {statistics.stdev(values):,.{digits}f}"
    return text if len(values) == SEEDS else f"{text} ({len(values)})"


def over(figure: dict[str, float | None], scale: float, digits: int) -> str:
    """The same of a figure in the table of an experiment."""
    assert figure["mean"] is not None
    text = f"{scale * figure['mean']:,.{digits}f}"
    return f"{text} ± {scale * figure['std']:,.{digits}f}" if figure["std"] else text
