"""The plan for a goal, and the front of plans that it is one of."""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Sequence
from typing import TYPE_CHECKING

from s2nn_hw.ir import InputError

from .goal import Goal
from .planner import Planner
from .prediction import Prediction

if TYPE_CHECKING:
    from rtl_gen.exploration import Point

#: Points of the front, at the most.
POINTS = 10

#: Share of a faster plan's area that makes another one of the front.
LEANER = 0.98

#: Plans that are looked at for one that reaches a goal, and of those the ones looked at closely.
TRIES = 4
CLOSE = 2

#: Plans that are looked at for the smallest that makes so many inferences a second.
SMALL = 8

#: Share of the fastest plan's rate with which another is as fast, as far as predictions can tell.
ALIKE = 0.97

#: Times that the fastest is made wider, as long as that is so many times as fast.
STEPS = 3
GAIN = 1.01


def choose(planner: Planner, goal: Goal) -> tuple[Prediction, list[Prediction]]:
    """The plan for a goal, and a front of plans of which none is faster and smaller than another.

    Raises InputError if the device has room for none, or the goal is out of reach, with what is
    not.
    """
    return _Choice(planner, goal).made()


class _Choice:
    """Plans by estimate, of which few frames tell which are worth many frames."""

    def __init__(self, planner: Planner, goal: Goal):
        self.planner = planner
        self.goal = goal
        self.points = planner.points()

    def made(self) -> tuple[Prediction, list[Prediction]]:
        """See choose()."""
        from rtl_gen.exploration import front

        chosen = self._first()
        others = [chosen]
        for point in front(self.points, self.planner.part.device.capacity, POINTS):
            found = self.planner.brief(point)
            if self._rank(found) < self._rank(chosen):
                found = self.planner.full(point)
                chosen = min(chosen, found, key=self._rank)
            others.append(found)
        if not self._reaches(chosen):
            raise InputError(self._nearest(chosen))
        if not self.goal.given:
            small = self._small(ALIKE * chosen.inferences_per_second)
            if small is not None and small.area < chosen.area:
                chosen = small
        return chosen, _front(chosen, others)

    def _reaches(self, plan: Prediction) -> bool:
        """Whether the goal is reached."""
        if self.goal.target_fps is not None:
            return plan.inferences_per_second >= self.goal.target_fps
        if self.goal.max_latency is not None:
            return plan.latency_seconds <= self.goal.max_latency
        return True

    def _rank(self, plan: Prediction) -> tuple[bool, float]:
        """The better a plan is for the goal, the lower."""
        reaches = self._reaches(plan)
        if self.goal.max_latency is not None and not reaches:
            return True, plan.latency_seconds
        if not reaches or not self.goal.given:
            return not reaches, -plan.inferences_per_second
        return False, plan.area

    def _first(self) -> Prediction:
        """A plan that is good for the goal, but others of the front may turn out to be better."""
        if self.goal.min_area:
            return self.planner.full(min(self.points, key=self.planner.area))
        if self.goal.max_latency is not None:
            return self._quick(self.goal.max_latency)
        if self.goal.target_fps is not None:
            return self._small(self.goal.target_fps) or self._fastest()
        return self._fastest()

    def _small(self, wanted: float) -> Prediction | None:
        """The smallest of so many inferences a second, if it is soon found.

        What a point promises is more than it holds, as layers wait for each other.  By how much
        those before did tells which need not be looked at.
        """
        planner, held = self.planner, 0.0
        enough = sorted((p for p in self.points if p.rate >= wanted), key=planner.area)
        for _ in range(SMALL):
            point = next((p for p in enough if p.rate * (held or 1.0) >= wanted), None)
            if point is None:
                return None
            enough.remove(point)
            rate = planner.rate(point)
            if rate >= wanted:
                found = planner.full(point)
                if found.inferences_per_second >= wanted:
                    return found
            held = max(held, min(1.0, rate / point.rate))
        return None

    def _fastest(self) -> Prediction:
        """The most inferences a second: few frames tell which are fast, many which is the fastest.

        What a point promises is more than it holds.
        """
        rate = self.planner.rate
        fast: list[Point] = []
        for point in self.points[:TRIES]:
            if fast and point.rate <= max(map(rate, fast)):
                break
            fast.append(point)
        # Few frames may mislead: those from before count to the end.
        narrow = sorted(fast, key=rate, reverse=True)[:CLOSE]
        for _ in range(STEPS):
            best = max(fast, key=rate)
            wider = list(self.planner.explorer.wider(best))
            fast += wider
            if not wider or max(map(rate, wider)) < GAIN * rate(best):
                break
        wide = sorted(fast, key=rate, reverse=True)[:CLOSE]
        near = [p for p in (*narrow, *wide) if rate(p) >= ALIKE * rate(wide[0])]
        return self.planner.full(max(near, key=lambda p: p.mhz / self.planner.cycles(p)))

    def _quick(self, wanted: float) -> Prediction:
        """The smallest plan of such a latency, if it is soon found, or the quickest.

        The latency goes with the cycles of all layers in a row where each waits for the one before,
        and with those of the slowest where they overlap, as layers of maps do.
        """

        def latency(point: Point) -> float:
            return self.planner.brief(point).latency_seconds

        loose, tight = [], []
        for points in (self.points, self.planner.points(together=True)):
            rising = sorted(points, key=lambda p: p.cycles / p.mhz)
            quick = rising[: bisect_right(rising, wanted, key=latency)]
            # Among the quickest the one does not go with the other: each is looked at.
            if len(quick) > SMALL:
                loose += quick
            else:
                tight += rising[:SMALL]
        found = []
        for point in sorted(loose, key=self.planner.area)[:SMALL]:
            found.append(self.planner.full(point))
            if self._reaches(found[-1]):
                break
        tight = sorted(tight, key=lambda p: self._rank(self.planner.brief(p)))
        found += map(self.planner.full, tight[:CLOSE])
        return min(found, key=self._rank)

    def _nearest(self, found: Prediction) -> str:
        """What can be reached, and what keeps plans from more."""
        target = self.planner.target
        if self.goal.target_fps is not None:
            return (
                f"target_fps must be at most {math.floor(found.inferences_per_second):,} on "
                f"{target}, not {self.goal.target_fps:,.10g}: {self.planner.limits(self.points)}"
            )
        assert self.goal.max_latency is not None
        # Rounded up, so that it is one that is reached.
        nearest = math.ceil(found.latency_seconds * 1e9) / 1e3
        points = self.planner.points(together=True)
        return (
            f"max_latency must be at least {nearest:,.3f} us on {target}, not "
            f"{self.goal.max_latency * 1e6:,.10g} us: {self.planner.limits(points, together=True)}"
        )


def _front(chosen: Prediction, others: Sequence[Prediction]) -> list[Prediction]:
    """The chosen plan and others, of which none is faster and smaller than another."""
    every = [chosen, *(p for p in others if p.options != chosen.options)]
    result: list[Prediction] = []
    for found in sorted(every, key=lambda p: (-p.inferences_per_second, p.area)):
        if found is chosen or all(found.area < LEANER * p.area for p in result):
            result.append(found)
    return result
