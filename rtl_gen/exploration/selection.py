"""One candidate of each layer, so that all fit a device together and take the least of it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import log

import numpy as np
from scipy.optimize import Bounds, LinearConstraint, milp

from .candidates import Candidate, Scenario
from .clocks import WIDTHS, width

#: Of the logarithm of a rate, what all of a device is worth: it decides between equals.
_SMALL = 1e-3


class InfeasibleError(Exception):
    """There is no choice that fits."""


@dataclass(frozen=True, kw_only=True)
class Clock:
    """How the clock of a choice comes about, in logarithms of MHz.

    It is ``plain`` and ``slopes`` (none above 0) times the features of clocks.features(), where
    ``fill`` is that of what is in no layer; but no more than ``high``.  Below ``low`` there is no
    choice.
    """

    plain: float
    slopes: Mapping[str, float]
    fill: float
    low: float
    high: float


def select(
    scenario: Scenario,
    room: Mapping[str, float],
    capacity: Mapping[str, int],
    *,
    cycles: float,
    together: bool = False,
) -> tuple[Candidate, ...]:
    """The choice that takes the smallest share of a device.

    Parameters
    ----------
    room: resource → how much of it the layers may take.
    capacity: of the device, see share().
    cycles: that no layer may need more of, or if ``together`` all of them in a row.

    Raises InfeasibleError.
    """
    groups = [[c for c in group if c.cycles <= cycles] for group in scenario.choices.values()]
    problem = _Problem(groups, room)
    if together:
        problem.at_most([c.cycles for c in problem.flat], cycles)
    return problem.solved([share(c.used, capacity) for c in problem.flat])


def fastest(
    scenario: Scenario, room: Mapping[str, float], capacity: Mapping[str, int], clock: Clock
) -> tuple[Candidate, ...]:
    """The choice of the highest clock over the cycles of its slowest layer.

    It is one whose rate is within a thousandth of the highest, and among these a small one.

    Raises InfeasibleError.
    """
    problem = _Problem(list(scenario.choices.values()), room)
    flat = problem.flat
    slowest = problem.greatest([log(c.cycles) for c in flat])
    widest = {
        name: problem.greatest([width(name, c.engine, c.lanes) for c in flat]) for name in WIDTHS
    }
    mhz = problem.variable(clock.low, clock.high)
    # The clock is no more than what it comes to.
    fill = -clock.slopes["fill"] / capacity["lut"]
    problem.at_most(
        [fill * c.used["lut"] for c in flat],
        clock.plain + clock.slopes["fill"] * clock.fill,
        {mhz: 1.0, **{widest[name]: -clock.slopes[name] for name in WIDTHS}},
    )
    small = [_SMALL * share(c.used, capacity) for c in flat]
    return problem.solved(small, {slowest: 1.0, mhz: -1.0})


class _Problem:
    """An integer programme that takes one candidate of each group, within room.

    Behind the candidates' variables there may be others.
    """

    def __init__(self, groups: Sequence[Sequence[Candidate]], room: Mapping[str, float]):
        if not all(groups):
            raise InfeasibleError
        self.flat = [candidate for group in groups for candidate in group]
        self.of_group = np.repeat(np.arange(len(groups)), [len(group) for group in groups])
        self.bounds = [(0.0, 1.0)] * len(self.flat)
        #: Coefficients by variable, and what their sum is at least and at most.
        self.rows: list[tuple[dict[int, float], float, float]] = []
        for k in range(len(groups)):
            self.rows.append((dict.fromkeys(np.flatnonzero(self.of_group == k), 1.0), 1.0, 1.0))
        for name, units in room.items():
            self.at_most([c.used.get(name, 0.0) for c in self.flat], units)

    def variable(self, low: float, high: float) -> int:
        """One more, between these; its number."""
        self.bounds.append((low, high))
        return len(self.bounds) - 1

    def at_most(
        self, values: Sequence[float], most: float, more: Mapping[int, float] | None = None
    ) -> None:
        """What is taken has values whose sum, and that of other variables, is bounded."""
        self.rows.append(({**dict(enumerate(values)), **(more or {})}, -np.inf, most))

    def greatest(self, values: Sequence[float]) -> int:
        """A variable that is no less than the value of any candidate that is taken."""
        found = self.variable(0.0, np.inf)
        for k in range(self.of_group[-1] + 1):
            of_group = {n: values[n] for n in np.flatnonzero(self.of_group == k)}
            self.rows.append(({**of_group, found: -1.0}, -np.inf, 0.0))
        return found

    def solved(
        self, costs: Sequence[float], more: Mapping[int, float] | None = None
    ) -> tuple[Candidate, ...]:
        """Those that cost least, other variables included; InfeasibleError if there are none."""
        cost = np.zeros(len(self.bounds))
        matrix = np.zeros((len(self.rows), len(self.bounds)))
        cost[: len(costs)] = costs
        for n, value in (more or {}).items():
            cost[n] = value
        for row, (coefficients, _, _) in zip(matrix, self.rows, strict=True):
            row[list(coefficients)] = list(coefficients.values())
        low, high = zip(*self.bounds, strict=True)
        integral = np.arange(len(cost)) < len(self.flat)
        found = milp(
            cost,
            integrality=integral.astype(float),
            bounds=Bounds(low, high),
            constraints=LinearConstraint(
                matrix, [row[1] for row in self.rows], [row[2] for row in self.rows]
            ),
            options={"mip_rel_gap": 0.0},
        )
        if found.x is None:
            raise InfeasibleError
        return tuple(self.flat[k] for k in np.flatnonzero(found.x[: len(self.flat)] > 0.5))


def share(used: Mapping[str, float], capacity: Mapping[str, int]) -> float:
    """Of a device: the mean over its resources of what is used of each by what there is."""
    shares = [units / capacity[name] for name, units in used.items() if capacity.get(name, 0) > 0]
    return sum(shares) / len(shares)


def total(chosen: Sequence[Candidate], scenario: Scenario) -> dict[str, float]:
    """What a choice takes."""
    used = dict(scenario.ports)
    for candidate in chosen:
        for name, units in candidate.used.items():
            used[name] = used.get(name, 0.0) + units
    return used
