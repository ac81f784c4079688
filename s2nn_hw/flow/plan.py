"""Engine, lanes, windows and memory of every layer, chosen for a board or device and a goal."""

from __future__ import annotations

import csv
import io
import json
import math
import os
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from fractions import Fraction
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy.typing as npt

from s2nn_hw.ir import InputError, Network
from s2nn_hw.ir.network import sources

from . import planfile
from .emit import Values, planned, values
from .folder import output_folder

if TYPE_CHECKING:
    from rtl_gen.exploration import Point
    from rtl_gen.plan import CorePlan
    from rtl_gen.platforms import Part

FRONT = "front.csv"
PICTURE = "front.svg"

#: Frames whose events are counted to compare plans, and of which each is then timed alone.
FRAMES = 32
ALONE = 4

#: Points of the front, at the most.
POINTS = 10

#: Windows of frames that the cycles of the front's others are the means over.
FEW_WINDOWS = 4_000

#: Plans that are looked at closely for one that reaches a goal.
TRIES = 6

_RESOURCES = ("lut", "ff", "bram", "spram")


@dataclass(frozen=True, kw_only=True)
class Goal:
    """What a plan is wanted for; without any of these for as many inferences a second as can be.

    Parameters
    ----------
    target_fps: inferences a second, with the least area.
    max_latency: seconds from a frame's first beat to its result's last, with the least area.
    min_area: whether the least area is all that counts.
    """

    target_fps: float | None = None
    max_latency: float | None = None
    min_area: bool = False

    def __post_init__(self) -> None:
        given = [
            name
            for name, value in asdict(self).items()
            if value is not None and value is not False
        ]
        if len(given) > 1:
            raise InputError(f"one goal must be given, not {' and '.join(given)}")
        for name in ("target_fps", "max_latency"):
            value = getattr(self, name)
            if value is not None and not (
                isinstance(value, int | float)
                and not isinstance(value, bool)
                and math.isfinite(value)
                and value > 0
            ):
                raise InputError(f"{name} must be a number above 0, not {value!r}")


@dataclass(frozen=True, kw_only=True)
class Prediction:
    """What a plan is expected to be, its options and how they were found aside.

    Parameters
    ----------
    engine, lanes, windows, memory: of each layer that has synapses, as ``emit`` takes them.
    freq: clock that it is made for, MHz; fmax_mhz: that it is expected to reach.
    lut, ff, bram, spram: of the device, a board's shell included; area: sum of their shares of it.
    interval_cycles, latency_cycles: means, of frames that follow each other, and of frames alone.
    inferences_per_second, latency_seconds: of these, at ``freq``.
    """

    engine: tuple[str, ...]
    lanes: tuple[int, ...]
    windows: tuple[int, ...]
    memory: tuple[str, ...]
    freq: float
    fmax_mhz: float
    lut: int
    ff: int
    bram: int
    spram: int
    area: float
    interval_cycles: float
    latency_cycles: float
    inferences_per_second: float
    latency_seconds: float


@dataclass(frozen=True, kw_only=True)
class PlanResult:
    """The outcome of plan(); its fields are those of ``plan --json`` and of the plan's file.

    Parameters
    ----------
    plan: version of the file.
    board, device: one is None.
    part: the device, as synth() takes it.
    goal: that was given, empty for the most inferences a second.
    options: of emit(), verify() and synth().
    predicted: of the chosen plan.
    capacity: resource → what there is of it.
    layers: of each layer or pool: name, engine, lanes, windows, memory, lut, ff, bram, spram, and
        the cycles of a frame that it needs at the least.
    frames: from which rates were counted, for people.
    front: plans of which none is faster and smaller, the fastest first.
    seconds: it took.
    """

    plan: int
    board: str | None
    device: str | None
    part: str
    goal: dict[str, Any]
    options: dict[str, Any]
    predicted: Prediction
    capacity: dict[str, int]
    layers: tuple[dict[str, Any], ...]
    frames: str
    front: tuple[Prediction, ...]
    network: str
    versions: dict[str, str]
    seconds: float

    def as_dict(self) -> dict[str, Any]:
        """For JSON, the digest among it."""
        data = asdict(self)
        return {**data, "digest": planfile.digest(data)}


def plan(
    network: Network,
    out: str | os.PathLike[str] | None = None,
    *,
    board: str | None = None,
    device: str | None = None,
    target_fps: float | None = None,
    max_latency: float | None = None,
    min_area: bool = False,
    images: npt.ArrayLike | None = None,
    source: str = "images",
) -> PlanResult:
    """Choose how each layer is built, so that no layer is wider than the slowest one needs.

    Costs are those of ``rtl_gen/costs``, cycles those of the timing model: nothing is synthesised.
    Into the folder ``out``, if there is one, go the plan (``plan.json``), which emit(), verify() and
    synth() take, the front as a table (``front.csv``) and a plot (``front.svg``).

    Parameters
    ----------
    board: its name in rtl_gen.boards; device: a part; one of both is to be given.
    target_fps, max_latency, min_area: see Goal; none: as many inferences a second as fit.
    images: frames (n, *shape) from which spike rates are counted; None: those that the network
        brings along, or if it brings none random ones; source: what they are, for people.

    Raises InputError on wrong input, and where no plan reaches the goal: what limits it, and what
    is the nearest that does.
    """
    start = time.perf_counter()
    network.check()
    goal = Goal(target_fps=target_fps, max_latency=max_latency, min_area=min_area)
    frames, source = _frames(network, images, source)
    planner = _Planner(network, frames, board, device)
    points = planner.points(goal)
    chosen = planner.choose(points, goal)
    front = planner.front(points, chosen)
    result = PlanResult(
        plan=planfile.VERSION,
        board=board,
        device=device,
        part=planner.part.name,
        goal={k: v for k, v in asdict(goal).items() if v},
        options={
            "engine": list(chosen.engine),
            "lanes": list(chosen.lanes),
            "windows": list(chosen.windows),
            "memory": list(chosen.memory),
            "family": planner.part.family.name,
            "freq": chosen.freq,
        },
        predicted=chosen,
        capacity={name: planner.part.device.capacity.get(name, 0) for name in _RESOURCES},
        layers=tuple(planner.layers(chosen)),
        frames=source,
        front=tuple(front),
        network=network.digest(),
        versions=planfile.versions(),
        seconds=round(time.perf_counter() - start, 3),
    )
    if out is not None:
        _write(result, out)
    return result


def _frames(
    network: Network, images: npt.ArrayLike | None, source: str
) -> tuple[Values, str]:
    """Values of all sources for some frames, and what these are."""
    from s2nn_hw import golden

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
    frames = network.input.frames(images)
    if not len(frames):
        raise InputError("images must be one at least, not 0")
    return values(frames, golden.run(network, frames)), f"{len(frames)} frames of {source}"


class _Planner:
    """Plans of a network for a board or device, by estimate and exactly."""

    def __init__(
        self, network: Network, frames: Values, board: str | None, device: str | None
    ):
        from rtl_gen import boards
        from rtl_gen.costs import costs
        from rtl_gen.exploration import Explorer
        from rtl_gen.platforms import part

        if (board is None) == (device is None):
            raise InputError("a board or a device must be given, and not both")
        self.network = network
        self.frames = frames
        self.board = None if board is None else boards.board(board)
        self.target = board or device
        self.part: Part = part(self.board.part if self.board is not None else str(device))
        costs(self.part.family)  # told before anything is done, if there are none
        self.explorer = Explorer(
            network,
            {name: found[:FRAMES] for name, found in frames.items()},
            self.part.device,
            self.part.family,
            around=self._shell,
            clock=self._clock,
        )

    def points(self, goal: Goal) -> list[Point]:
        """Plans by estimate, from fast to small; InputError if the device has room for none."""
        found = self.explorer.points(together=goal.max_latency is not None)
        if not found:
            raise InputError(self._no_room())
        return found

    def choose(self, points: Sequence[Point], goal: Goal) -> Prediction:
        """The plan for a goal; InputError if it is out of reach, with what is not."""
        if goal.target_fps is not None:
            wanted = goal.target_fps
            fast = [p for p in points if p.rate >= wanted]
            for point in sorted(fast, key=self._area)[:TRIES]:
                found = self.exactly(point)
                if found.inferences_per_second >= wanted:
                    return found
            fastest = max(map(self.exactly, points[:TRIES]), key=lambda p: p.inferences_per_second)
            if fastest.inferences_per_second >= wanted:
                return fastest
            raise InputError(
                f"target_fps must be at most {_down(fastest.inferences_per_second):,} on "
                f"{self.target}, not {wanted:,g}: {self._limits(points)}"
            )
        if goal.max_latency is not None:
            return self._quick(points, goal.max_latency)
        if goal.min_area:
            return self.exactly(min(points, key=self._area))
        return max(map(self.exactly, points[:TRIES]), key=lambda p: p.inferences_per_second)

    def _quick(self, points: Sequence[Point], wanted: float) -> Prediction:
        """The smallest plan of such a latency."""
        close = [p for p in points if p.cycles / (p.mhz * 1e6) <= 2 * wanted] or points[:1]
        for point in sorted(close, key=self._area):
            found = self.exactly(point)
            if found.latency_seconds <= wanted:
                return found
        quickest = min(map(self.exactly, points[:TRIES]), key=lambda p: p.latency_seconds)
        raise InputError(
            f"max_latency must be at least {quickest.latency_seconds * 1e6:,.3f} us on "
            f"{self.target}, not {wanted * 1e6:,.3f} us: {self._limits(points)}"
        )

    def front(self, points: Sequence[Point], chosen: Prediction) -> list[Prediction]:
        """The chosen plan and others, of which none is faster and smaller than another."""
        from rtl_gen.exploration import front

        kept = front(points, self.part.device.capacity, POINTS)
        every = sorted(
            {chosen, *(self._exactly(point, FEW_WINDOWS) for point in kept)},
            key=lambda p: (-p.inferences_per_second, p.area),
        )
        result: list[Prediction] = []
        for found in every:
            if found == chosen or not result or found.area < min(p.area for p in result):
                result.append(found)
        return result

    def exactly(self, point: Point) -> Prediction:
        """A point, as its plan is in full, with as many frames as the manifest's cycles are of."""
        from rtl_gen.timing import WINDOWS

        return self._exactly(point, WINDOWS)

    def _exactly(self, point: Point, windows: int) -> Prediction:
        from rtl_gen.exploration import share
        from rtl_gen.timing import alone, typical

        core = self._core(point)
        used = self._used(core)
        options = point.options(self.network)
        frames, interval = typical(core, self.frames, windows)
        latency = alone(core, self.frames, min(ALONE, frames))
        interval = latency if interval is None else interval
        hertz = point.mhz * 1e6
        return Prediction(
            **{name: tuple(chosen) for name, chosen in options.items()},
            freq=point.mhz,
            fmax_mhz=round(point.reached, 1),
            **{name: round(used.get(name, 0)) for name in _RESOURCES},
            area=round(share(used, self.part.device.capacity), 4),
            interval_cycles=interval,
            latency_cycles=latency,
            inferences_per_second=round(hertz / interval, 1),
            latency_seconds=latency / hertz,
        )

    def _used(self, core: CorePlan) -> dict[str, float]:
        """Resource → how much of it a core takes, and the board's shell."""
        from rtl_gen.costs import costs, inventory

        used: Counter[str] = Counter(self._shell(core))
        for quantities in inventory(self.network, core, self.part.family).values():
            used.update(costs(self.part.family).of(quantities))
        return used

    def layers(self, chosen: Prediction) -> Iterator[dict[str, Any]]:
        """What there is to say of each layer and pool of a plan."""
        from rtl_gen.costs import OTHER, costs, inventory
        from rtl_gen.plan import LayerPlan
        from rtl_gen.timing import floors

        core = self._core(chosen)
        cycles = floors(core, self.explorer.values)
        for name, quantities in inventory(self.network, core, self.part.family).items():
            used = costs(self.part.family).of(quantities)
            node = None if name == OTHER else core.node(name)
            weighted = isinstance(node, LayerPlan)
            yield {
                "name": name,
                "engine": node.engine if weighted else "pool" if node else "",
                "lanes": node.lanes if weighted else None,
                "windows": node.pixels if weighted else None,
                "memory": ("ram" if node.word else "rom") if weighted else None,
                **{resource: round(used.get(resource, 0)) for resource in _RESOURCES},
                "cycles": round(float(cycles[name].mean()), 3) if node else None,
            }

    def _core(self, found: Prediction | Point) -> CorePlan:
        """The plan in full."""
        options = found.options(self.network) if not isinstance(found, Prediction) else {
            name: getattr(found, name) for name in ("engine", "lanes", "windows", "memory")
        }
        mhz = found.freq if isinstance(found, Prediction) else found.mhz
        return planned(self.network, **options, family=self.part.family.name, freq=mhz)

    def _area(self, point: Point) -> float:
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

    def _limits(self, points: Sequence[Point]) -> str:
        """What keeps plans from being faster."""
        limits = self.explorer.limits(min(p.cycles for p in points) * 0.999)
        return f"limited by {' and '.join(limits)}"

    def _no_room(self) -> str:
        """What the smallest plan needs, and which boards have it."""
        from rtl_gen import boards
        from rtl_gen.platforms import part

        used = self.explorer.smallest()
        short = ", ".join(
            f"about {round(units):,} {name} of {self.part.device.capacity.get(name, 0):,}"
            for name, units in self.explorer.lacking(used).items()
        )
        roomy = []
        for other in boards.BOARDS.values():
            planner = _Planner(self.network, self.frames, other.name, None)
            if other.name != self.target and planner.explorer.fits():
                roomy.append(other.name if self.board is not None else part(other.part).name)
        advice = f"{roomy[0]} has room for it" if roomy else "no board here has room for it"
        return f"the network does not fit {self.target}: its smallest plan needs {short}; {advice}"


def _down(value: float) -> int:
    return math.floor(value)


def _write(result: PlanResult, out: str | os.PathLike[str]) -> None:
    """The files of a plan."""
    from s2nn_hw.report import front

    data = result.as_dict()
    rows = data["front"]
    with output_folder(out) as folder:
        (folder / planfile.PLAN).write_text(json.dumps(data, indent=1) + "\n")
        text = io.StringIO()
        table = csv.DictWriter(text, list(rows[0]), lineterminator="\n")
        table.writeheader()
        for row in rows:
            table.writerow({k: " ".join(map(str, v)) if isinstance(v, tuple | list) else v for k, v in row.items()})
        (folder / FRONT).write_text(text.getvalue())
        front.draw(data, folder / PICTURE)
