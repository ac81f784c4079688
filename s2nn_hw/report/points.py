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
    points = [
        Point(
            label=front.words(point) + (", chosen" if point == plan["predicted"] else ""),
            values=_values(interval_cycles=point["interval_cycles"], lut=point["lut"]),
            source=f"{PLAN}#{pointer('front', k)}",
        )
        for k, point in enumerate(plan["front"])
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
        points = [
            Point(
                label=f"{row['generator']}, {row['setting']}",
                values=_values(interval_cycles=row["interval_cycles"], lut=row["lut"]),
                source=f"{BENCH}#{pointer('rows', k)}",
            )
            for k, row in rows
            if (row["network"], row["device"]) == (network, device)
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
        points = [
            Point(
                label=f"{entry['arch']}, {entry['neuron']}, {entry['weight_bits']} bits"
                + (f", {entry['steps']} steps" if (entry["steps"] or 1) > 1 else ""),
                values={
                    name: (entry.get(column) or {}).get("mean") for name, column in COLUMNS.items()
                },
                source=f"{EXPERIMENT}#{pointer('table', k)}",
            )
            for k, entry in table
            if entry["data"] == data
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


def _values(**known: float | None) -> dict[str, float | None]:
    """Of every measure, None where it is not known."""
    return {name: known.get(name) for name in MEASURES}


def _cell(text: str | None) -> float | None:
    """The number in a cell of a table, None in an empty one."""
    if not text:
        return None
    return int(text) if text.isdigit() else float(text)
