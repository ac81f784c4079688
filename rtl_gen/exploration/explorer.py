"""The plans that a device has room for, from the fastest to the smallest."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import groupby
from math import inf, log
from typing import Any

import numpy as np

from rtl_gen.costs import costs
from rtl_gen.fabric import Fabric
from rtl_gen.plan import CorePlan
from rtl_gen.platforms.family import Device, Family
from rtl_gen.timing import Values
from s2nn_hw.ir import Network, Pool

from .candidates import Candidate, Scenario, Survey
from .clocks import WIDTHS, WINDOWS, classes, features, plain
from .selection import Clock, InfeasibleError, fastest, select, share, total

#: Steps of cycles between the fastest plan and the smallest, in each range of clocks.
STEPS = 24

#: Cells are predicted roughly: where nothing else fits, what is a little beyond those that can be
#: filled may.
ROUGH = 1.1

#: Of the cycles of the slowest layer: one that needs so many is slow, too.
_SLOW = 0.8

#: What of the clock that is predicted is asked for, so that most placements reach it.
SURE = 0.95


@dataclass(frozen=True, kw_only=True)
class Point:
    """A plan, by estimate.

    Parameters
    ----------
    chosen: what each layer is.
    mhz: clock to make it for; reached: that it will reach.
    used: of the device, what is around the core included.
    cycles: from frame to frame, or of a frame alone if the plans are made for latency.
    """

    chosen: tuple[Candidate, ...]
    mhz: float
    reached: float
    used: Mapping[str, float]
    cycles: float

    @property
    def rate(self) -> float:
        """Frames a second."""
        return self.mhz * 1e6 / self.cycles

    def options(self, network: Network) -> dict[str, Any]:
        """As planner.plan() takes them, of each layer that has synapses."""
        by_name = {candidate.layer: candidate for candidate in self.chosen}
        own = [by_name[layer.name] for layer in network.weighted]
        return {
            "engine": [c.engine for c in own],
            "lanes": [c.lanes for c in own],
            "windows": [c.windows for c in own],
            "memory": [c.memory for c in own],
        }


class Explorer:
    """Finds plans of a network for a device.

    Parameters
    ----------
    network: which.
    values: of all sources for some frames.
    device, family: for which.
    around: resource → what of it something else takes, such as a board's shell.
    clock: from MHz to the greatest clock up to it that can be made; 0 if there is none.
    most: MHz that what is around the core reaches.
    """

    def __init__(
        self,
        network: Network,
        values: Values,
        device: Device,
        family: Family,
        *,
        around: Callable[[CorePlan], Mapping[str, float]],
        clock: Callable[[float], float],
        most: float = inf,
    ):
        self.network = network
        self.values = values
        self.device = device
        self.family = family
        self.around = around
        self.clock = clock
        self.most = most

    @cached_property
    def survey(self) -> Survey:
        """What each layer may be."""
        return Survey(
            network=self.network,
            values=self.values,
            family=self.family,
            capacity=self.device.capacity,
        )

    @cached_property
    def maps(self) -> bool:
        """Whether any layer or pool reads windows."""
        return any(isinstance(node, Pool) or node.is_map for node in self.network.layers)

    @cached_property
    def _fill(self) -> float:
        """Share of the logic cells that plans may take."""
        sure = self.family.fill
        return sure if self._any(sure) else min(1.0, sure * ROUGH)

    def _any(self, fill: float) -> bool:
        """Whether there is any plan that the device has room for."""
        _, _, fabric = classes(self.family)[0]
        for scenario in self.survey.scenarios(fabric):
            try:
                self._select(scenario, self._room(scenario, fill), inf)
            except InfeasibleError:
                continue
            return True
        return False

    def room(self, scenario: Scenario) -> dict[str, float]:
        """Resource → how much the layers of a core may take."""
        return self._room(scenario, self._fill)

    def _room(self, scenario: Scenario, fill: float) -> dict[str, float]:
        taken = [scenario.ports, self.around(scenario.plan)]
        return {
            name: self._usable(name, fill) - sum(t.get(name, 0.0) for t in taken)
            for name in scenario.ports
        }

    def usable(self, name: str) -> float:
        """How much of a resource may be used."""
        return self._usable(name, self._fill)

    def _usable(self, name: str, fill: float) -> float:
        capacity = self.device.capacity
        if name == "cell":
            return capacity["lut"] * fill
        return capacity.get(name, 0) * (self.family.routable if name in ("lut", "ff") else 1.0)

    def points(self, *, together: bool = False) -> list[Point]:
        """From fast to small; ``together``: by the cycles of all layers in a row."""
        found: dict[Any, Point] = {}
        for low, high, fabric in classes(self.family):
            for scenario in self.survey.scenarios(fabric):
                for chosen in self._choices(scenario, fabric, low, high, together):
                    point = self.point(scenario, chosen, fabric, low, high, together)
                    if point is not None:
                        found.setdefault((point.mhz, *map(identity, chosen)), point)
        return sorted(found.values(), key=lambda p: (-p.rate, share(p.used, self.device.capacity)))

    def _choices(
        self, scenario: Scenario, fabric: Fabric, low: float, high: float, together: bool
    ) -> Iterator[tuple[Candidate, ...]]:
        room = self.room(scenario)

        def attempt(cycles: float) -> tuple[Candidate, ...] | None:
            try:
                return self._select(scenario, room, cycles, together)
            except InfeasibleError:
                return None

        smallest = attempt(inf)
        if smallest is None:
            return
        most = _cycles(smallest, together)
        if together:
            least = self._least(scenario, attempt, most)
        else:
            fast = list(self._fastest(scenario, room, fabric, low, high))
            if not fast:
                return
            yield from fast
            least = min(_cycles(chosen, together) for chosen in fast)
        for cycles in np.geomspace(least, most, STEPS) if least < most else [most]:
            # A hair more, as the steps are rounded.
            chosen = attempt(float(cycles) * (1 + 1e-9))
            if chosen is not None:
                yield chosen

    def _fastest(
        self,
        scenario: Scenario,
        room: Mapping[str, float],
        fabric: Fabric,
        low: float,
        high: float,
    ) -> Iterator[tuple[Candidate, ...]]:
        """The fastest choice of clocks in a range, and the fastest that is all unrolled."""
        around = scenario.ports["lut"] + self.around(scenario.plan).get("lut", 0.0)
        own = costs(self.family)
        high = min(high, self.most * SURE)
        if high <= low:
            return
        unrolled = {
            name: [c for c in group if c.engine in ("", "unrolled")]
            for name, group in scenario.choices.items()
        }
        kinds = [("event", scenario.choices)]
        kinds += [] if self.maps else [("unrolled", unrolled)]
        for engine, choices in kinds:
            bare = {plain(fabric, [engine]): 1.0}
            clock = Clock(
                plain=log(own.mhz(bare, self.device) * SURE),
                slopes={name: own.clock[name] for name in (*WIDTHS, "fill")},
                fill=around / self.device.capacity["lut"],
                low=log(low) if low else 0.0,
                high=log(high),
            )
            try:
                yield fastest(replace(scenario, choices=choices), room, self.device.capacity, clock)
            except InfeasibleError:
                continue

    def _least(
        self,
        scenario: Scenario,
        attempt: Callable[[float], tuple[Candidate, ...] | None],
        most: float,
    ) -> float:
        """The fewest cycles of all layers in a row that fit."""
        low = sum(min(c.cycles for c in group) for group in scenario.choices.values())
        high = most
        while high > low * 1.01:
            middle = (low * high) ** 0.5
            chosen = attempt(middle)
            low, high = (middle, high) if chosen is None else (low, _cycles(chosen, True))
        return high

    def point(
        self,
        scenario: Scenario,
        chosen: tuple[Candidate, ...],
        fabric: Fabric,
        low: float,
        high: float,
        together: bool,
    ) -> Point | None:
        used = self._with_shell(scenario, chosen)
        kinds = [(candidate.engine, candidate.lanes) for candidate in chosen]
        kinds += [WINDOWS] * self.maps
        found = features(fabric, kinds, used, self.device.capacity)
        reached = min(self.most, costs(self.family).mhz(found, self.device))
        mhz = self.clock(min(high, reached * SURE))
        if not low < mhz:
            return None
        cycles = _cycles(chosen, together)
        return Point(chosen=chosen, mhz=mhz, reached=reached, used=used, cycles=cycles)

    def wider(self, point: Point) -> Iterator[Point]:
        """The plan with the next wider way to build one of its slowest layers, where it fits.

        By estimate none is faster, but layers that wait for each other may be.
        """
        slow = _SLOW * max(candidate.cycles for candidate in point.chosen)
        for low, high, fabric in classes(self.family):
            if not low < point.mhz <= high:
                continue
            for scenario in self.survey.scenarios(fabric):
                if any(c not in scenario.choices[c.layer] for c in point.chosen):
                    continue
                for k, own in enumerate(point.chosen):
                    others = [
                        c
                        for c in scenario.choices[own.layer]
                        if (c.engine, c.memory) == (own.engine, own.memory) and c.lanes > own.lanes
                    ]
                    if own.cycles < slow or not others:
                        continue
                    wide = min(others, key=lambda c: (c.lanes, c.cycles))
                    chosen = (*point.chosen[:k], wide, *point.chosen[k + 1 :])
                    found = self.point(scenario, chosen, fabric, low, high, False)
                    if found is not None and not self.lacking(found.used):
                        yield found

    def limits(self, cycles: float, *, together: bool) -> list[str]:
        """Why no plan takes so few cycles: resources, or layers that no engine makes faster."""
        _, _, fabric = classes(self.family)[0]
        names: set[str] = set()
        for scenario in self.survey.scenarios(fabric):
            least = {name: min(c.cycles for c in group) for name, group in scenario.choices.items()}
            if together and sum(least.values()) > cycles:
                names.add(f"layer {max(least, key=lambda name: least[name])!r}")
            elif not together and max(least.values()) > cycles:
                names.update(f"layer {name!r}" for name, few in least.items() if few > cycles)
            else:
                names.update(self._short(scenario, cycles, together))
        return sorted(names)

    def _short(self, scenario: Scenario, cycles: float, together: bool) -> Iterator[str]:
        """Resources of which more would do, each by itself, or if none does all that lack."""
        room = self.room(scenario)
        alone = []
        for name in room:
            try:
                self._select(scenario, {**room, name: inf}, cycles, together)
            except InfeasibleError:
                continue
            alone.append(name)
        if alone:
            yield from alone
            return
        chosen = self._select(scenario, dict.fromkeys(room, inf), cycles, together)
        yield from self.lacking(self._with_shell(scenario, chosen))

    def fits(self) -> bool:
        """Whether there is any plan that the device has room for."""
        return self._any(self._fill)

    def smallest(self) -> dict[str, float]:
        """What the plan takes that lacks least of the device."""
        _, _, fabric = classes(self.family)[0]
        found, capacity = [], self.device.capacity
        for scenario in self.survey.scenarios(fabric):
            chosen = self._select(scenario, dict.fromkeys(scenario.ports, inf), inf)
            used = self._with_shell(scenario, chosen)
            found.append(used)
        return min(found, key=lambda used: (len(self.lacking(used)), share(used, capacity)))

    def lacking(self, used: Mapping[str, float]) -> dict[str, float]:
        """Of what is used that of which there is not enough."""
        return {name: units for name, units in used.items() if units > self.usable(name)}

    def _select(
        self,
        scenario: Scenario,
        room: Mapping[str, float],
        cycles: float,
        together: bool = False,
    ) -> tuple[Candidate, ...]:
        capacity = self.device.capacity
        return select(scenario, room, capacity, cycles=cycles, together=together)

    def _with_shell(self, scenario: Scenario, chosen: Sequence[Candidate]) -> dict[str, float]:
        used = total(chosen, scenario)
        for name, units in self.around(scenario.plan).items():
            used[name] = used.get(name, 0.0) + units
        return used


def front(points: Sequence[Point], capacity: Mapping[str, int], most: int) -> list[Point]:
    """Those that no other is faster and smaller than, evened out to at most so many."""
    best: list[Point] = []
    smallest = inf
    for point in sorted(points, key=lambda p: (-p.rate, share(p.used, capacity))):
        if share(point.used, capacity) < smallest:
            smallest = share(point.used, capacity)
            best.append(point)
    if len(best) <= most:
        return best
    rates = np.log([p.rate for p in best])
    wanted = np.linspace(rates[0], rates[-1], most)
    kept = [int(np.abs(rates - rate).argmin()) for rate in wanted]
    return [best[k] for k, _ in groupby(sorted({0, len(best) - 1, *kept}))]


def _cycles(chosen: Sequence[Candidate], together: bool) -> float:
    cycles = [candidate.cycles for candidate in chosen]
    return sum(cycles) if together else max(cycles)


def identity(candidate: Candidate) -> tuple[Any, ...]:
    """What tells candidates of a layer apart."""
    return (candidate.engine, candidate.lanes, candidate.windows, candidate.memory)
