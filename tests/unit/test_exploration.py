"""The choice of plans: the smallest that fit, none wider than the slowest layer needs."""

from __future__ import annotations

import itertools
from math import inf, log, log2

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import s2nn_hw
from rtl_gen.exploration import Explorer, InfeasibleError, front, share
from rtl_gen.exploration.candidates import Candidate, Scenario, Survey
from rtl_gen.exploration.clocks import classes
from rtl_gen.exploration.explorer import SURE
from rtl_gen.exploration.selection import Clock, fastest, select
from rtl_gen.platforms import FAMILIES, family, part
from rtl_gen.timing import needs, typical
from s2nn_hw import golden
from s2nn_hw.flow.emit import planned, values
from s2nn_hw.ir import Network

CAPACITY = {"lut": 100, "ff": 80, "bram": 4}


def network(seed: int = 0) -> Network:
    rng = np.random.default_rng(seed)
    made = s2nn_hw.from_arrays(
        [rng.integers(-3, 4, (12, 40)), rng.integers(-3, 4, (4, 12))],
        [rng.integers(-2, 5, 12), None],
    )
    return golden.observed(made, (rng.random((12, 40)) < 0.3).astype(np.uint8))


@st.composite
def scenarios(draw) -> Scenario:
    def candidate(layer: str) -> Candidate:
        return Candidate(
            layer=layer,
            engine=draw(st.sampled_from(["event", "parallel", "unrolled"])),
            lanes=draw(st.integers(1, 64)),
            windows=1,
            memory="rom",
            used={name: draw(st.integers(0, units)) for name, units in CAPACITY.items()},
            cycles=float(draw(st.integers(1, 9))),
        )

    layers = [f"l{k}" for k in range(draw(st.integers(1, 3)))]
    choices = {name: [candidate(name) for _ in range(draw(st.integers(1, 4)))] for name in layers}
    return Scenario(plan=None, ports=dict.fromkeys(CAPACITY, 0.0), choices=choices)


@given(scenarios(), st.integers(1, 20), st.booleans())
def test_the_choice_is_the_best_of_all(scenario, cycles, together) -> None:
    def allowed(chosen) -> bool:
        needed = [c.cycles for c in chosen]
        if (sum(needed) if together else max(needed)) > cycles:
            return False
        return all(sum(c.used[n] for c in chosen) <= units for n, units in CAPACITY.items())

    every = [c for c in itertools.product(*scenario.choices.values()) if allowed(c)]
    room = {name: float(units) for name, units in CAPACITY.items()}
    if not every:
        with pytest.raises(InfeasibleError):
            select(scenario, room, CAPACITY, cycles=cycles, together=together)
        return
    found = select(scenario, room, CAPACITY, cycles=cycles, together=together)
    assert allowed(found)
    assert [c.layer for c in found] == list(scenario.choices)

    def area(chosen) -> float:
        return sum(share(c.used, CAPACITY) for c in chosen)

    assert area(found) == pytest.approx(min(map(area, every)), abs=1e-6)


@given(scenarios(), st.floats(3, 5), st.floats(3, 5.2))
def test_the_fastest_is_the_fastest_of_all(scenario, low, high) -> None:
    slopes = {"lanes": -0.03, "inputs": -0.05, "fill": -0.4}
    clock = Clock(plain=4.9, slopes=slopes, fill=0.1, low=min(low, high), high=high)

    def rate(chosen) -> float:
        """Its logarithm."""
        if any(sum(c.used[n] for c in chosen) > units for n, units in CAPACITY.items()):
            return -inf
        wide = [
            max((log2(c.lanes) for c in chosen if c.engine == engine), default=0)
            for engine in ("event", "parallel")
        ]
        fill = 0.1 + sum(c.used["lut"] for c in chosen) / CAPACITY["lut"]
        mhz = min(4.9 - 0.03 * wide[0] - 0.05 * wide[1] - 0.4 * fill, high)
        return -inf if mhz < clock.low else mhz - log(max(c.cycles for c in chosen))

    best = max(map(rate, itertools.product(*scenario.choices.values())))
    room = {name: float(units) for name, units in CAPACITY.items()}
    if best == -inf:
        with pytest.raises(InfeasibleError):
            fastest(scenario, room, CAPACITY, clock)
        return
    assert rate(fastest(scenario, room, CAPACITY, clock)) >= best - 2e-3


@pytest.mark.parametrize("known", FAMILIES, ids=lambda known: known.name)
def test_ranges_of_clocks_have_the_same_registers(known) -> None:
    ranges = classes(known)
    assert ranges[0][1] == inf
    assert ranges[-1][0] == 0
    for (low, high, fabric), (_, below, _) in itertools.pairwise(ranges):
        assert low == below
        assert known.fabric(low + 0.1) == known.fabric(min(high, 2000)) == fabric


def explorer(made: Network, device: str = "iCE40UP5K", **options) -> Explorer:
    chosen = part(device)
    return Explorer(
        made,
        made.samples,
        chosen.device,
        chosen.family,
        around=options.get("around", lambda plan: {}),
        clock=lambda most: float(int(most)),
        **({"most": options["most"]} if "most" in options else {}),
    )


def test_plans_are_rate_matched_and_fit() -> None:
    exploring = explorer(network())
    points = exploring.points()
    assert len(points) > 3
    assert points[0].rate == max(p.rate for p in points)
    for low, high, fabric in classes(family("ice40")):
        for scenario in exploring.survey.scenarios(fabric):
            for point in points:
                if not low < point.mhz <= high:
                    continue
                for candidate in point.chosen:
                    if candidate not in scenario.choices[candidate.layer]:
                        break
                    # No other way to build the layer is as fast as need be and smaller.
                    smaller = [
                        c
                        for c in scenario.choices[candidate.layer]
                        if c.cycles <= point.cycles
                        and all(c.used[n] < candidate.used[n] for n in ("lut", "ff"))
                        and c.used["bram"] <= candidate.used["bram"]
                        and c.used["spram"] <= candidate.used["spram"]
                    ]
                    assert not smaller
    for point in points:
        assert not exploring.lacking(point.used)


def test_what_is_around_takes_room() -> None:
    made = network()
    alone = explorer(made).points()
    beside = explorer(made, around=lambda plan: {"lut": 2500.0, "cell": 2500.0}).points()
    assert beside[0].rate < alone[0].rate
    none = explorer(made, around=lambda plan: {"bram": 30.0, "lut": 5000.0, "cell": 5000.0})
    assert not none.fits()
    assert none.points() == []
    assert none.lacking(none.smallest())


def test_what_is_around_slows_down() -> None:
    made = network()
    alone, beside = explorer(made).points(), explorer(made, most=41.0).points()
    assert alone[0].reached > 60
    assert all(point.reached <= 41 and point.mhz <= 41 * SURE for point in beside)
    # Of unrolled layers nothing else is slower.
    assert max(point.mhz for point in beside) == int(41 * SURE)


def test_limits_name_what_more_of_would_help() -> None:
    made = network()
    wide = explorer(made, "LFE5U-85F-6")
    cycles = wide.points()[0].cycles
    assert wide.limits(cycles * 0.5, together=False) == ["layer 'hidden1'", "layer 'readout'"]
    narrow = explorer(made, around=lambda plan: {"lut": 2500.0, "cell": 2500.0})
    cycles = narrow.points()[0].cycles
    assert narrow.limits(cycles * 0.99, together=False)


def test_the_front_has_no_plan_that_another_beats() -> None:
    points = explorer(network(), "LFE5U-85F-6").points()
    capacity = part("LFE5U-85F-6").device.capacity
    kept = front(points, capacity, 5)
    assert 1 < len(kept) <= 5
    assert kept[0].rate == points[0].rate
    for one, other in itertools.permutations(kept, 2):
        larger = share(one.used, capacity) > share(other.used, capacity)
        assert one.rate < other.rate or larger


@pytest.mark.parametrize("lanes", [1, 2, 4])
def test_a_layers_own_cycles_are_near_the_cores(lanes: int) -> None:
    """The slowest layer's need is the interval, but for what joins frames."""
    made = network()
    plan = planned(made, lanes=lanes)
    slowest = max(float(cycles.mean()) for cycles in needs(plan, made.samples).values())
    _, interval = typical(plan, made.samples)
    assert slowest <= interval * 1.01
    assert interval <= slowest * 1.25 + 2


def test_imbalance_of_banks_counts() -> None:
    """All events in one bank: as many cycles as there are, however many lanes."""
    made = network()
    plan = planned(made, lanes=4)
    (feed,) = plan.node("hidden1").feeds
    frame = np.zeros((1, 1, 1, 40), np.uint8)
    frame.reshape(-1)[list(feed.rows(feed.banks[0])[feed.rows(feed.banks[0]) >= 0])] = 1
    own = values(made, frame, golden.run(made, frame))
    events = int(frame.sum())
    assert needs(plan, own)["hidden1"][0] == -(-events // feed.banks[0].ports)


def test_what_a_survey_shows_is_what_plans_are() -> None:
    made = network()
    capacity = part("LFE5U-25F-6").device.capacity
    survey = Survey(network=made, values=made.samples, family=family("ecp5"), capacity=capacity)
    (scenario,) = survey.scenarios(family("ecp5").fabric())
    assert {c.engine for group in scenario.choices.values() for c in group} == {
        "event",
        "unrolled",
    }
    for group in scenario.choices.values():
        assert len({(c.engine, c.lanes, c.windows) for c in group}) == len(group)
