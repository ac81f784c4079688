"""Baselines: growth fails, and what cannot be compared is refused by name."""

from __future__ import annotations

import copy
import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from s2nn_hw.ir import InputError
from s2nn_hw.report import baseline

RESULT: dict[str, Any] = {
    "schema": 1,
    "frames": 100,
    "simulator": "verilator",
    "stall": "none",
    "seed": 0,
    "counters": {},
    "images": {"source": "mnist test set", "digest": "i"},
    "latency_cycles": {"min": 50, "mean": 60.0, "max": 70},
    "interval_cycles": {"mean": 40.0},
    "toggles_per_frame": 1000.0,
    "layers": [
        {"name": "a", "engine": "event", "lanes": 4, "toggles_per_frame": 700.0},
        {"name": "b", "engine": "event", "lanes": 2, "toggles_per_frame": 200.0},
    ],
    "digest": "x",
    "passed": True,
}


def changed(**changes: Any) -> dict[str, Any]:
    return {**copy.deepcopy(RESULT), **changes}


def failed(result: dict[str, Any], allowed: float) -> list[str]:
    checks = baseline.compare(result, RESULT, allowed)
    assert len(checks) == 5
    return [check.name for check in checks if not check.passed]


def test_an_equal_result_passes_at_no_tolerance() -> None:
    assert failed(changed(digest="retrained"), 0.0) == []


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("latency_cycles.mean", "baseline latency_cycles.mean"),
        ("interval_cycles.mean", "baseline interval_cycles.mean"),
        ("toggles_per_frame", "baseline toggles_per_frame"),
        ("layers.1.toggles_per_frame", "baseline toggles_per_frame of b"),
    ],
)
def test_growth_fails_beyond_the_tolerance_alone(path: str, name: str) -> None:
    def scaled(factor: float) -> dict[str, Any]:
        result = changed()
        node: Any = result
        *parents, last = path.split(".")
        for key in parents:
            node = node[int(key)] if key.isdigit() else node[key]
        node[last] *= factor
        return result

    assert failed(scaled(0.5), 0.0) == []
    assert failed(scaled(1.05), 0.05) == [], "exactly the tolerance is allowed"
    assert failed(scaled(1.0501), 0.05) == [name]


def test_the_detail_tells_both_numbers() -> None:
    (_, interval, *_) = baseline.compare(changed(interval_cycles={"mean": 44}), RESULT, 0.05)
    assert interval.detail == "40 → 44 (+10.00%, allowed +5.00%)"


def test_growth_from_nothing_fails() -> None:
    old = changed(toggles_per_frame=0)
    (_, _, toggles, *_) = baseline.compare(RESULT, old, 0.05)
    assert not toggles.passed


def test_what_is_absent_fails() -> None:
    (_, _, toggles, *_) = baseline.compare(changed(toggles_per_frame=None), RESULT, 0.05)
    assert not toggles.passed
    assert toggles.detail == "absent in the result"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"simulator": "icarus"}, "its simulator is 'verilator', here 'icarus'"),
        ({"frames": 50}, "its frames is 100, here 50"),
        ({"stall": "random"}, "its stall is 'none', here 'random'"),
        ({"counters": {"count_cycles": 7}}, "its counters is False, here True"),
        (
            {"images": {"source": "x.npz", "digest": "j"}},
            r"it is of other images \(from 'mnist test set', here from 'x\.npz'\)",
        ),
        ({"layers": RESULT["layers"][:1]}, r"its layers is \['a', 'b'\], here \['a'\]"),
        (
            {"layers": [{**RESULT["layers"][0], "lanes": 8}, RESULT["layers"][1]]},
            "its lanes of layer 'a' is 4, here 8",
        ),
    ],
)
def test_what_differs_is_refused_by_name(change: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=f"b.json: not comparable: {message}"):
        baseline.compare(changed(**change), RESULT, 0.05, "b.json")


def test_the_seed_counts_where_it_decides() -> None:
    assert failed(changed(seed=1), 0.0) == []
    with pytest.raises(InputError, match="its seed is 0, here 1"):
        baseline.compare(changed(stall="random", seed=1), changed(stall="random"), 0.05)


def test_counters_count_what_grew() -> None:
    """That they differ in value is no reason to refuse."""
    old = changed(counters={"count_cycles": 7})
    assert baseline.compare(changed(counters={"count_cycles": 8}), old, 0.05)


def test_a_single_frame_has_no_interval() -> None:
    one = changed(interval_cycles={"mean": None})
    checks = baseline.compare(one, one, 0.0)
    assert all(check.passed for check in checks)
    assert "baseline interval_cycles.mean" not in {check.name for check in checks}
    for new, old in ((one, RESULT), (RESULT, one)):
        (interval,) = [c for c in baseline.compare(new, old, 0.0) if "interval" in c.name]
        assert not interval.passed


def test_much_can_be_refused_before_the_simulation() -> None:
    """What compare() refuses follows from what is known before."""
    known = ("simulator", "frames", "stall", "seed", "images", "counters", "layers")
    baseline.comparable({key: RESULT[key] for key in known}, RESULT)


@pytest.mark.parametrize(
    ("text", "fraction"), [("5%", 0.05), ("5", 0.05), (" 2.5 % ", 0.025), ("0", 0.0)]
)
def test_tolerance(text: str, fraction: float) -> None:
    assert math.isclose(baseline.tolerance(text), fraction)


@pytest.mark.parametrize("text", ["", "%", "five", "-1", "nan", "inf", "5%%"])
def test_no_tolerance(text: str) -> None:
    with pytest.raises(InputError, match="tolerance must be a percentage, 0 or more, not"):
        baseline.tolerance(text)


def test_reads_an_earlier_result(tmp_path: Path) -> None:
    for result in (RESULT, changed(interval_cycles={"mean": None})):
        (tmp_path / "b.json").write_text(json.dumps(result))
        assert baseline.read(tmp_path / "b.json") == result


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "baseline cannot be read: No such file"),
        ("{", "baseline is not JSON"),
        ("[]", "not the result of a verification"),
        (changed(schema=2), r"its 'schema' .* must be 1, not 2: make it again with s2nn-hw verify"),
        ({k: v for k, v in RESULT.items() if k != "schema"}, "its 'schema' .* is absent, as in a"),
        (changed(passed=False), "baseline must be of a verification that passed"),
        (changed(toggles_per_frame=None), "baseline has no toggles_per_frame to compare with"),
        (changed(latency_cycles={}), "baseline has no latency_cycles.mean to compare with"),
        (changed(layers=None), "baseline has no layers to compare with"),
        (changed(images=None), r"baseline has no images\.digest to compare with"),
    ],
)
def test_what_is_no_baseline_is_told(tmp_path: Path, content: Any, message: str) -> None:
    path = tmp_path / "b.json"
    if content is not None:
        path.write_text(content if isinstance(content, str) else json.dumps(content))
    reader: Callable[[Path], Any] = baseline.read
    with pytest.raises(InputError, match=rf"b\.json: {message}"):
        reader(path)
