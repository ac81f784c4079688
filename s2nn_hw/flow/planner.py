"""Plans of a network for a board or device: found by estimate, then predicted in full."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from fractions import Fraction
from functools import cached_property
from math import inf
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from s2nn_hw.ir import InputError, Network
from s2nn_hw.ir.network import sources

from .emit import Values, planned, values
from .prediction import RESOURCES, Prediction

if TYPE_CHECKING:
    from rtl_gen.exploration import Point
    from rtl_gen.plan import CorePlan, LayerPlan
    from rtl_gen.platforms import Part

#: Frames whose events are counted to compare plans.
FRAMES = 32

#: Frames that tell whether the few that are played are slow ones.
MANY = 128

#: Frames of which each is timed alone, of the chosen plan and of another.
ALONE = 4
FEW_ALONE = 2

#: Windows of frames that the cycles of the front's others are the means over.
FEW_WINDOWS = 5_000


def frames(network: Network, images: npt.ArrayLike | None, source: str) -> tuple[Values, str]:
    """Values of all sources for some frames, and what these are."""
    if images is None:
        known = network.samples
        needed = {source for node in network.layers for source in sources(node)}
        if needed <= set(known):
            count = min(len(found) for found in known.values())
            kept = {name: found[:count] for name, found in known.items()}
            return kept, f"{count} calibration frames of the network"
        from .images import random_frames

        found = random_frames(network, FRAMES, 0)
        images, source = found.frames, found.source
    from s2nn_hw import golden  # which loads PyTorch

    frames = network.input.frames(images)
    return values(network, frames, golden.run(network, frames)), f"{len(frames)} frames of {source}"


class Planner:
    """Plans of a network for a board or device, by estimate and exactly."""

    def __init__(self, network: Network, frames: Values, board: str | None, device: str | None):
        from rtl_gen import boards
        from rtl_gen.costs import costs
        from rtl_gen.exploration import Explorer
        from rtl_gen.platforms import part

        if (board is None) == (device is None):
            raise InputError("a board or a device must be given, and not both")
        self.network = network
        # A frame that nothing follows has no interval.
        self.frames = {
            name: np.concatenate([found] * 2) if len(found) == network.steps else found
            for name, found in frames.items()
        }
        self.board = None if board is None else boards.board(board)
        self.target = board or device
        self._cores: dict[Any, CorePlan] = {}
        self._intervals: dict[Any, float] = {}
        self._briefs: dict[Any, Prediction] = {}
        self.part: Part = part(self.board.part if self.board is not None else str(device))
        known = costs(self.part.family)  # told before anything is done, if there are none
        self.explorer = Explorer(
            network,
            {name: found[: FRAMES * network.steps] for name, found in self.frames.items()},
            self.part.device,
            self.part.family,
            around=self._shell,
            clock=self._clock,
            most=inf if self.board is None else known.shell(self.part.device),
        )

    @classmethod
    def of(cls, network: Network, board: str | None, device: str | None) -> Planner:
        """For the frames that a network brings along, or random ones."""
        found, _ = frames(network, None, "")
        return cls(network, found, board, device)

    def share(self, used: Mapping[str, float]) -> float:
        """Of the device; see Prediction.area."""
        from rtl_gen.exploration import share

        taken = {name: used[name] for name in RESOURCES}
        return share(taken, self.part.device.capacity)

    def points(self, *, together: bool = False) -> list[Point]:
        """Plans by estimate, from fast to small; InputError if the device has room for none.

        together: as few cycles of all layers in a row count, and not those of the slowest.
        """
        found = self.explorer.points(together=together)
        if not found:
            raise InputError(self._no_room())
        return found

    def full(self, point: Point) -> Prediction:
        """A point, with the cycles of as many frames as the manifest's are of."""
        return self._predicted(point, self.cycles(point), ALONE)

    def brief(self, point: Point) -> Prediction:
        """A point, with the cycles of a few frames."""
        key = _key(point)
        if key not in self._briefs:
            self._briefs[key] = self._predicted(point, self._few_cycles(point), FEW_ALONE)
        return self._briefs[key]

    def rate(self, point: Point) -> float:
        """Inferences a second by a few frames, without the rest of a prediction."""
        return point.mhz * 1e6 / self._few_cycles(point)

    def _few_cycles(self, point: Point) -> float:
        """Mean interval by a few frames.

        These may be slow or quick ones; what the slowest layer needs for them tells by how much.
        """
        from rtl_gen.timing import needs, played, typical

        key = (FEW_WINDOWS, *_key(point))
        if key not in self._intervals:
            core = self._core(point)
            few, interval = typical(core, self.frames, FEW_WINDOWS)
            assert interval is not None  # of two frames at least
            many = min(played(core, self.frames), MANY)
            kept = {name: found[: many * core.steps] for name, found in self.frames.items()}
            cycles = needs(core, kept)
            slow, usual = (max(c[1:n].mean() for c in cycles.values()) for n in (few, many))
            self._intervals[key] = round(interval * usual / slow, 3)
        return self._intervals[key]

    def cycles(self, point: Point) -> float:
        """Mean interval by as many frames as the manifest's."""
        from rtl_gen.timing import WINDOWS, typical

        key = (WINDOWS, *_key(point))
        if key not in self._intervals:
            _, interval = typical(self._core(point), self.frames, WINDOWS)
            assert interval is not None  # of two frames at least
            self._intervals[key] = interval
        return self._intervals[key]

    def _predicted(self, point: Point, interval: float, alone_frames: int) -> Prediction:
        from rtl_gen.exploration import share
        from rtl_gen.timing import alone

        core = self._core(point)
        used = self._used(core)
        latency = alone(core, self.frames, alone_frames)
        hertz = point.mhz * 1e6
        options: dict[str, Any] = {
            name: tuple(chosen) for name, chosen in point.options(self.network).items()
        }
        resources: dict[str, Any] = {name: round(used.get(name, 0)) for name in RESOURCES}
        return Prediction(
            **options,
            freq=point.mhz,
            fmax_mhz=round(point.reached, 1),
            **resources,
            area=round(share(used, self.part.device.capacity), 4),
            interval_cycles=interval,
            latency_cycles=latency,
            inferences_per_second=round(hertz / interval, 1),
            latency_seconds=latency / hertz,
        )

    def _used(self, core: CorePlan) -> dict[str, float]:
        """Resource → how much of it a core takes, and the board's shell."""
        from rtl_gen.costs import costs, inventory

        used = dict(self._shell(core))
        for quantities in inventory(self.network, core, self.part.family).values():
            for name, taken in costs(self.part.family).of(quantities).items():
                used[name] = used.get(name, 0) + taken
        return used

    def layers(self, chosen: Prediction) -> Iterator[dict[str, Any]]:
        """What there is to say of each layer and pool of a plan, and of the board's shell."""
        from rtl_gen.costs import OTHER, costs, inventory
        from rtl_gen.plan import LayerPlan
        from rtl_gen.timing import needs

        core = self._planned(chosen.options, chosen.freq)
        if self.board is not None:
            yield {
                "name": "shell",
                "engine": "",
                **dict.fromkeys(("lanes", "windows", "fold", "memory", "cycles")),
                **{name: round(self._shell(core).get(name, 0)) for name in RESOURCES},
            }
        cycles = needs(core, self.explorer.values)
        for name, quantities in inventory(self.network, core, self.part.family).items():
            used = costs(self.part.family).of(quantities)
            node = None if name == OTHER else core.node(name)
            weighted = node if isinstance(node, LayerPlan) else None
            yield {
                "name": name,
                "engine": weighted.engine if weighted else "pool" if node else "",
                "lanes": weighted.lanes if weighted else None,
                "windows": weighted.pixels if weighted else None,
                "fold": _fold(weighted) if weighted else None,
                "memory": ("ram" if weighted.word else "rom") if weighted else None,
                **{resource: round(used.get(resource, 0)) for resource in RESOURCES},
                "cycles": round(float(cycles[name].mean()), 3) if node else None,
            }

    def _core(self, point: Point) -> CorePlan:
        """The plan of the core."""
        key = _key(point)
        if key not in self._cores:
            self._cores[key] = self._planned(point.options(self.network), point.mhz)
        return self._cores[key]

    def _planned(self, options: Mapping[str, Any], mhz: float) -> CorePlan:
        return planned(self.network, **options, family=self.part.family.name, freq=mhz)

    def area(self, point: Point) -> float:
        """Of the device, the mean share of its resources."""
        from rtl_gen.exploration import share

        return share(point.used, self.part.device.capacity)

    def _shell(self, core: CorePlan) -> dict[str, float]:
        """What a board's shell takes around such a core; nothing without a board."""
        from rtl_gen.costs import costs, of_shell

        if self.board is None:
            return {}
        family = self.part.family
        return costs(family).of(of_shell(core, self.board.store_bytes, family))

    def _clock(self, most: float) -> float:
        """The greatest clock up to so many MHz that there is; 0 if there is none."""
        if self.board is None:
            return float(math.floor(most))
        return max((mhz for mhz in self._clocks if mhz <= most), default=0.0)

    @cached_property
    def _clocks(self) -> list[float]:
        """MHz that the board's oscillator and PLL can make."""
        assert self.board is not None
        hertz = {Fraction(self.board.clock)}
        hertz |= {s.output for s in self.board.family.settings(Fraction(self.board.clock))}
        return sorted(float(h / 10**6) for h in hertz)

    def limits(self, points: Sequence[Point], *, together: bool = False) -> str:
        """What keeps plans from being faster: ``limited by …``."""
        cycles = min(p.cycles for p in points) * 0.99
        limits = self.explorer.limits(cycles, together=together)
        return f"limited by {' and '.join(map(self._limit, limits))}"

    def _limit(self, name: str) -> str:
        """A resource and how much of it plans may take, or a layer as it is."""
        if name not in self._there:
            return name
        usable, whole = self.explorer.usable(name), self._there[name]
        what = "cells (of a look-up table, a flip-flop or both)" if name == "cell" else name
        return f"{what}, {whole:,} of which plans fill {usable / whole:.0%}"

    @property
    def _there(self) -> dict[str, int]:
        """Resource → how much of it the device has."""
        capacity = self.part.device.capacity
        return {**capacity, "cell": capacity["lut"]}

    def _no_room(self) -> str:
        """What the smallest plan needs, and which boards have it."""
        from rtl_gen import boards
        from rtl_gen.platforms import part

        used = self.explorer.smallest()
        short = []
        for name, units in self.explorer.lacking(used).items():
            whole = self._there.get(name, 0)
            short.append(f"about {round(units):,} {name} of {whole:,}")
            if units <= whole:
                short[-1] += f", of which plans fill {self.explorer.usable(name) / whole:.0%}"
        roomy = []
        for other in boards.BOARDS.values():
            planner = Planner(self.network, self.frames, other.name, None)
            if other.name != self.target and planner.explorer.fits():
                roomy.append(other.name if self.board is not None else part(other.part).name)
        needs = ", ".join(short)
        advice = f"{roomy[0]} has room for it" if roomy else "no board here has room for it"
        return f"the network does not fit {self.target}: its smallest plan needs {needs}; {advice}"


def _key(point: Point) -> tuple[Any, ...]:
    """What tells points apart."""
    from rtl_gen.exploration import identity

    return (point.mhz, *map(identity, point.chosen))


def _fold(node: LayerPlan) -> int:
    """Cycles over which the products of an event, or on other engines of a window, are spread."""
    from rtl_gen.feeds import ParallelPlan

    return node.fold * max(
        feed.steps * feed.planes if isinstance(feed, ParallelPlan) else 1 for feed in node.feeds
    )
