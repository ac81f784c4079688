"""The planner's choice beside every other plan of its space: ``exhaustive.md`` and ``.json``.

Run it with ``make results ARGS=exhaustive``.  Of each example and board:

1. Every combination of what the layers may be is priced, in every range of clocks.  Left out is
   only what cannot be part of the fastest: what is slower than the fastest at any clock, what
   leaves the other layers no room, and what another way to build the layer is no worse than in
   anything that counts.
2. Of the strongest of all combinations by that, and of the planner's choice, every cycle is
   played; they are then made by the tools: yosys, then nextpnr with one seed.  Intervals are those
   of ``emit``, which simulations have found exact.

What was found of a plan is kept in ``exhaustive.json`` as it comes.
"""

from __future__ import annotations

import json
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import inf
from pathlib import Path
from typing import Any

import numpy as np
from plans import BOARDS, EXAMPLES, MODELS

import s2nn_hw
from rtl_gen.costs import costs
from rtl_gen.exploration import Point
from rtl_gen.exploration.candidates import Candidate, Scenario
from rtl_gen.exploration.clocks import classes, features
from rtl_gen.exploration.explorer import SURE
from s2nn_hw.flow.choice import choose
from s2nn_hw.flow.goal import Goal
from s2nn_hw.flow.planner import Planner
from s2nn_hw.flow.synth import synth
from s2nn_hw.ir import InputError, ToolError

HERE = Path(__file__).parent

#: Rivals of the planner's choice that the tools make.
RIVALS = 3

#: Combinations that are priced at a time.
_CHUNK = 1 << 18

INTRODUCTION = """# The planner's choice beside all other plans of its space

Made by `make results ARGS=exhaustive`. All combinations of what the layers of an example may be
(engine, lanes, windows, memory) that the board has room for are priced, in every range of clocks,
but for those that cannot be the fastest. Of the strongest every cycle is played; *by estimate* is
the planner's choice over the best of them. *Predicted* are its inferences a second at the clock
that it asks for. Then choice and rivals go through yosys and nextpnr, one seed; *found* is the
planner's choice over the best of all that were tried, in inferences a second at the clock that
place and route reached; hours each, and not all were tried yet.

"""

HEADINGS = (
    "example",
    "board",
    "combinations",
    "by estimate",
    "choice",
    "predicted",
    "inferences a second",
    "best rival",
    "found",
    "tried",
    "planned in",
)


@dataclass(frozen=True, kw_only=True)
class Space:
    """All plans of a network for a board: how many, and the fastest by estimate."""

    size: int
    best: list[Point]


def space(planner: Planner, most: int) -> Space:
    """Prices every combination."""
    explorer = planner.explorer
    size, best = 0.0, []
    known = max(point.rate for point in explorer.points())
    for low, high, fabric in classes(explorer.family):
        for scenario in explorer.survey.scenarios(fabric):
            size += np.prod([float(len(group)) for group in scenario.choices.values()])
            groups = _hopeful(planner, scenario, fabric, high, known)
            bounds = (low, min(high, explorer.most * SURE))
            for chosen in _fastest(planner, scenario, groups, fabric, bounds, most):
                point = explorer.point(scenario, chosen, fabric, low, high, False)
                if point is not None:
                    best.append(point)
    best.sort(key=lambda p: -p.rate)
    return Space(size=int(size), best=best[:most])


def _hopeful(
    planner: Planner, scenario: Scenario, fabric: Any, high: float, known: float
) -> list[list[Candidate]]:
    """Candidates that could be part of a choice that is faster than what is known.

    What is within a tenth below it stays, too.
    """
    explorer = planner.explorer
    room = explorer.room(scenario)
    bare = features(fabric, [("event", 1)], {"lut": 0.0}, planner.part.device.capacity)
    free = features(fabric, [("unrolled", 1)], {"lut": 0.0}, planner.part.device.capacity)
    kinds = (bare,) if explorer.maps else (bare, free)
    mhz = max(costs(explorer.family).mhz(f, planner.part.device) for f in kinds)
    slowest = min(min(mhz, explorer.most) * SURE, high) * 1e6 / (known * 0.9)
    groups = [[c for c in g if c.cycles <= slowest] for g in scenario.choices.values()]
    if not all(groups):
        return [[] for _ in groups]
    least = [{n: min(c.used.get(n, 0.0) for c in group) for n in room} for group in groups]
    for k, group in enumerate(groups):
        others = {n: sum(used[n] for i, used in enumerate(least) if i != k) for n in room}
        groups[k] = [
            c for c in group if all(c.used.get(n, 0.0) + others[n] <= room[n] for n in room)
        ]
    if not all(groups):
        return [[] for _ in groups]
    # Fewer cycles than some layer needs in any case are of no use to another.
    enough = max(min(c.cycles for c in group) for group in groups)
    return [_useful(group, enough) for group in groups]


def _useful(group: Sequence[Candidate], enough: float) -> list[Candidate]:
    """Those that no other of the same engine is as good as in everything."""

    def vector(c: Candidate) -> tuple[float, ...]:
        used = (c.used.get(name, 0.0) for name in sorted(c.used))
        return (max(c.cycles, enough), c.lanes, *used)

    kept: list[Candidate] = []
    for c in sorted(group, key=vector):
        if not any(
            k.engine == c.engine and all(a <= b for a, b in zip(vector(k), vector(c), strict=True))
            for k in kept
        ):
            kept.append(c)
    return kept


def _fastest(
    planner: Planner,
    scenario: Scenario,
    groups: list[list[Candidate]],
    fabric: Any,
    bounds: tuple[float, float],
    most: int,
) -> Iterator[tuple[Candidate, ...]]:
    """The combinations that fit and have the highest rates."""
    explorer = planner.explorer
    room = explorer.room(scenario)
    names = list(room)
    shape = tuple(len(group) for group in groups)
    found: list[tuple[float, int]] = []
    around = explorer.around(scenario.plan)
    base = {name: scenario.ports[name] + around.get(name, 0.0) for name in names}
    clock, capacity = costs(explorer.family), planner.part.device.capacity
    for start in range(0, int(np.prod(shape)), _CHUNK):
        flat = np.arange(start, min(start + _CHUNK, int(np.prod(shape))))
        at = np.unravel_index(flat, shape)

        def each(of: Any, join: Any, at: Any = at) -> np.ndarray:
            parts = [
                np.array([of(c) for c in group])[k] for group, k in zip(groups, at, strict=True)
            ]
            return join.reduce(parts)

        fits = np.ones(len(flat), bool)
        for name in names:
            fits &= each(lambda c, n=name: c.used.get(n, 0.0), np.add) <= room[name]
        if not fits.any():
            continue
        cycles = each(lambda c: c.cycles, np.maximum)
        lanes = each(lambda c: c.lanes if c.engine == "event" else 1, np.maximum)
        inputs = each(lambda c: c.lanes if c.engine == "parallel" else 1, np.maximum)
        adds = each(lambda c: c.engine in ("event", "parallel"), np.logical_or) | explorer.maps
        lut = each(lambda c: c.used["lut"], np.add) + base["lut"]
        mhz = np.zeros(len(flat))
        for kind in (True, False):
            some = fits & (adds == kind)
            engines = [("event", 1)] if kind else [("unrolled", 1)]
            plain = clock.mhz(
                features(fabric, engines, {"lut": 0.0}, capacity), planner.part.device
            )
            slope = clock.clock
            mhz[some] = plain * np.exp(
                slope["lanes"] * np.log2(lanes[some])
                + slope["inputs"] * np.log2(inputs[some])
                + slope["fill"] * lut[some] / capacity["lut"]
            )
        reached = np.minimum(mhz * SURE, bounds[1])
        rate = np.where(reached > bounds[0], reached / cycles, 0.0)
        for k in np.argsort(-rate)[:most]:
            if rate[k] > 0:
                found.append((float(rate[k]), int(flat[k])))
        found = sorted(found, reverse=True)[:most]
    for _, k in found:
        yield tuple(
            group[int(i)] for group, i in zip(groups, np.unravel_index(k, shape), strict=True)
        )


def write() -> None:
    """All by estimate, in minutes; then what is not known through the tools; and the table."""
    file = HERE / "exhaustive.json"
    known: dict[str, Any] = json.loads(file.read_text()) if file.is_file() else {}
    for tools in (False, True):
        for board in BOARDS:
            for model in MODELS:
                name = f"{model} {board}"
                print(name, "tools" if tools else "estimate", flush=True)
                entry = known.setdefault(name, {})
                for _ in _tried(entry, model, board) if tools else _compared(entry, model, board):
                    file.write_text(json.dumps(known, indent=1) + "\n")
                    (HERE / "exhaustive.md").write_text(_text(known))


def _compared(entry: dict[str, Any], model: str, board: str) -> Iterator[None]:
    """The choice and its rivals, by estimate."""
    network = s2nn_hw.load(EXAMPLES / model / "model.s2nn")
    before = entry.get("found", {})
    entry.clear()
    start = time.perf_counter()
    planner = Planner.of(network, board, None)
    try:
        choice, _ = choose(planner, Goal())
    except InputError as error:
        entry["error"] = str(error)
        yield
        return
    seconds = time.perf_counter() - start
    all_plans = space(planner, 400)
    briefly = sorted(
        _distinct(all_plans.best), key=lambda p: -planner.brief(p).inferences_per_second
    )
    fully = [planner.full(point) for point in briefly[: RIVALS + 1]]
    rivals = [plan for plan in fully if plan.options != choice.options][:RIVALS]
    best = max(plan.inferences_per_second for plan in (choice, *rivals))
    plans = {json.dumps({**plan.options, "freq": plan.freq}): plan for plan in (choice, *rivals)}
    entry |= {
        "combinations": all_plans.size,
        "by_estimate": round(choice.inferences_per_second / best, 4),
        "seconds": round(seconds, 1),
        "choice": next(iter(plans)),
        "predicted": {name: plan.inferences_per_second for name, plan in plans.items()},
        "found": {name: before[name] for name in plans if name in before},
    }
    yield


def _tried(entry: dict[str, Any], model: str, board: str) -> Iterator[None]:
    """What the tools make of them, one after the other."""
    network = s2nn_hw.load(EXAMPLES / model / "model.s2nn")
    for name in entry.get("predicted", {}):
        if name not in entry["found"]:
            entry["found"][name] = _made(network, board, json.loads(name))
            yield


def _distinct(points: Sequence[Point]) -> list[Point]:
    """The fastest of each set of engines and lanes, so many that rivals are not all alike."""
    kept: dict[Any, Point] = {}
    for point in points:
        kept.setdefault(tuple((c.engine, c.lanes, c.windows) for c in point.chosen), point)
    return list(kept.values())[: 4 * RIVALS]


def _made(network: Any, board: str, options: dict[str, Any]) -> dict[str, Any]:
    """Inferences a second that the tools reach, or why they do not."""
    with tempfile.TemporaryDirectory() as folder:
        try:
            found = synth(network, folder, board=board, **options)
        except (InputError, ToolError) as error:
            return {"error": str(error).splitlines()[0]}
    assert found.fmax_mhz is not None
    return {
        "fmax_mhz": found.fmax_mhz["best"],
        "interval_cycles": found.interval_cycles,
        "inferences_per_second": found.inferences_per_second,
    }


def _text(known: dict[str, Any]) -> str:
    rows, rest = [], []
    for name, entry in known.items():
        model, board = name.split()
        if "error" in entry:
            rest.append(f"* {model} on {board}: {entry['error']}\n")
        elif "choice" in entry:
            rows.append(_row(model, board, entry))
    head = f"| {' | '.join(HEADINGS)} |\n|{'---|' * len(HEADINGS)}\n"
    return INTRODUCTION + head + "".join(rows) + "\n" + "".join(rest)


def _row(model: str, board: str, entry: dict[str, Any]) -> str:
    found = entry["found"]
    rates = {name: made.get("inferences_per_second", 0) for name, made in found.items()}
    own = rates.get(entry["choice"], 0)
    best = max((rate for name, rate in rates.items() if name != entry["choice"]), default=-inf)
    options = json.loads(entry["choice"])
    engines = ", ".join(
        f"{engine} {lanes}"
        for engine, lanes in zip(options["engine"], options["lanes"], strict=True)
    )
    cells = (
        model,
        board,
        f"{entry['combinations']:,}",
        f"{entry['by_estimate']:.3f}",
        engines,
        f"{entry['predicted'][entry['choice']]:,.0f}",
        f"{own:,}" if found else "",
        f"{best:,}" if best > 0 else "",
        f"{own / max(own, best):.3f}" if own else "does not fit" if found else "",
        f"{len(found)} of {len(entry['predicted'])}",
        f"{entry['seconds']:.1f} s",
    )
    return f"| {' | '.join(cells)} |\n"
