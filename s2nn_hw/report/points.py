"""Networks and plans of a front, sweep, bench or experiment as points, to be compared."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from . import front
from .figure import Origin
from .known import pointer
from .sources import BENCH, EXPERIMENT, PLAN, SWEEP

#: Measure → what an axis of it is called.
MEASURES = {
    "accuracy": "accuracy",
    "interval_cycles": "interval, cycles",
    "lut": "area, look-up tables",
    "toggles": "toggles a frame",
}

#: Of a sweep's table it is not known which of its figures were measured.
_EITHER = "measured or predicted"


@dataclass(frozen=True, kw_only=True)
class Point:
    """One of them.

    Parameters
    ----------
    label: for people.
    values: measure → number, None where it is not known.
    source: where it stands, ``plan.json#/front/0``; of a table ``trials.csv#3``, the row from 0.
    """

    label: str
    values: dict[str, float | None]
    source: str


@dataclass(frozen=True, kw_only=True)
class Group:
    """Points that may be compared: of one device, and where accuracy is told of one data set.

    Parameters
    ----------
    title: what they have in common.
    verb: that made them.
    origins: measure → how it came to be.
    points: in the file's order.
    """

    title: str
    verb: str
    origins: dict[str, str]
    points: tuple[Point, ...]

    def known(self) -> list[str]:
        """Measures that some point has."""
        return [name for name in MEASURES if any(p.values[name] is not None for p in self.points)]

    def pairs(self) -> list[tuple[str, str]]:
        """Measures of which two points or more have both."""
        names = list(MEASURES)
        return [
            (x, y)
            for k, y in enumerate(names)
            for x in names[k + 1 :]
            if sum(None not in (p.values[x], p.values[y]) for p in self.points) > 1
        ]

    def best(self, x: str, y: str) -> list[bool]:
        """Of each point whether it has both measures, and none is better in one and as good."""
        signs = [-1 if name == "accuracy" else 1 for name in (x, y)]
        found: list[tuple[float, float] | None] = []
        for point in self.points:
            values = (point.values[x], point.values[y])
            known = [sign * v for sign, v in zip(signs, values, strict=True) if v is not None]
            found.append((known[0], known[1]) if len(known) == 2 else None)
        return [
            mine is not None
            and not any(
                other is not None and other != mine and other[0] <= mine[0] and other[1] <= mine[1]
                for other in found
            )
            for mine in found
        ]


def of_plan(plan: Mapping[str, Any]) -> list[Group]:
    """The front of a plan."""
    told = [(front.words(point), [f"for {point['freq']:g} MHz"]) for point in plan["front"]]
    points = [
        Point(
            label=label + (", chosen" if point == plan["predicted"] else ""),
            values=_values(interval_cycles=point["interval_cycles"], lut=point["lut"]),
            source=f"{PLAN}#{pointer('front', k)}",
        )
        for k, (label, point) in enumerate(zip(_apart(told), plan["front"], strict=True))
    ]
    group = Group(
        title=f"Plans for {plan['board'] or plan['device']}",
        verb="plan",
        origins=dict.fromkeys(MEASURES, Origin.PREDICTED.value),
        points=tuple(points),
    )
    return [group]


def of_sweep(trials: Sequence[Mapping[str, str]]) -> list[Group]:
    """Trials that are complete."""
    points = [
        Point(
            label=f"trial {row['number']}: {row['model']}, plan {row['plan']}, seed {row['seed']}",
            values=_values(**{name: _cell(row.get(name)) for name in MEASURES}),
            source=f"{SWEEP}#{k}",
        )
        for k, row in enumerate(trials)
        if row["state"] == "complete"
    ]
    group = Group(
        title="Trials of a sweep",
        verb="sweep",
        origins=dict.fromkeys(MEASURES, _EITHER),
        points=tuple(points),
    )
    return [group]


def of_bench(bench: Mapping[str, Any]) -> list[Group]:
    """A group a network and device, of circuits that make no mistake."""
    rows = [
        (k, row)
        for k, row in enumerate(bench["rows"])
        if row["device"] and not row["error"] and not row["mismatches"]
    ]
    found = []
    for network, device in dict.fromkeys((row["network"], row["device"]) for _, row in rows):
        here = [(k, row) for k, row in rows if (row["network"], row["device"]) == (network, device)]
        told = [
            (f"{row['generator']}, {row['setting']}", [str(row.get("version", ""))])
            for _, row in here
        ]
        points = [
            Point(
                label=label,
                values=_values(interval_cycles=row["interval_cycles"], lut=row["lut"]),
                source=f"{BENCH}#{pointer('rows', k)}",
            )
            for label, (k, row) in zip(_apart(told), here, strict=True)
        ]
        origins = dict.fromkeys(MEASURES, Origin.SIMULATED.value) | {"lut": Origin.MEASURED.value}
        found.append(
            Group(
                title=f"Generators: {network} on {device}",
                verb="bench",
                origins=origins,
                points=tuple(points),
            )
        )
    return found


#: Measure → column of an experiment.
COLUMNS = {
    "accuracy": "accuracy",
    "interval_cycles": "interval_cycles",
    "lut": "lut",
    "toggles": "rtl_toggles",
}


def of_experiment(experiment: Mapping[str, Any]) -> list[Group]:
    """A group a data set, of means over seeds."""
    table = list(enumerate(experiment["table"]))
    target = experiment["board"] or experiment["device"]
    origins = {name: experiment["columns"][column]["origin"] for name, column in COLUMNS.items()}
    found = []
    for data in dict.fromkeys(entry["data"] for _, entry in table):
        here = [(k, entry) for k, entry in table if entry["data"] == data]
        told = [(_case(entry), _training(entry, experiment)) for _, entry in here]
        points = [
            Point(
                label=label,
                values={
                    name: (entry.get(column) or {}).get("mean") for name, column in COLUMNS.items()
                },
                source=f"{EXPERIMENT}#{pointer('table', k)}",
            )
            for label, (k, entry) in zip(_apart(told), here, strict=True)
        ]
        found.append(
            Group(
                title=f"Experiment: {data}, on {target}, means over seeds",
                verb="experiment",
                origins=origins,
                points=tuple(points),
            )
        )
    return found


def _case(entry: Mapping[str, Any]) -> str:
    """A row of an experiment's table; full precision has no bits."""
    bits = entry["weight_bits"]
    words = [entry["arch"], entry["neuron"], "full precision" if bits is None else f"{bits} bits"]
    if (entry["steps"] or 1) > 1:
        words.append(f"{entry['steps']} steps")
    return ", ".join(words)


def _training(entry: Mapping[str, Any], experiment: Mapping[str, Any]) -> list[str]:
    """What its grid gives to the training."""
    grids = experiment.get("grids") or ()
    grid = grids[entry["grid"] - 1] if grids and "grid" in entry else {}
    options = sorted((grid.get("train") or {}).items())
    return [f"{name.replace('_', ' ')} {value}" for name, value in options]


def _apart(told: Sequence[tuple[str, Sequence[str]]]) -> list[str]:
    """Labels; to those that are alike is added what they do not all have.

    told: of each its label, and what else there is to say of it.
    """
    labels = []
    for label, more in told:
        alike = [other for same, other in told if same == label]
        own = [words for words in more if words and not all(words in other for other in alike)]
        labels.append(", ".join([label, *own]))
    return labels


def _values(**known: float | None) -> dict[str, float | None]:
    """Of every measure, None where it is not known."""
    return {name: known.get(name) for name in MEASURES}


def _cell(text: str | None) -> float | None:
    """The number in a cell of a table, None in an empty one."""
    if not text:
        return None
    return int(text) if text.isdigit() else float(text)
