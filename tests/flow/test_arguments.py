"""The functions: numpy's integers are taken, and what is wrong is one sentence."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import s2nn_hw
from rtl_gen import planner
from s2nn_hw import flow, golden
from s2nn_hw.flow.images import images
from s2nn_hw.ir import InputError

RNG = np.random.default_rng(6)
NETWORK = s2nn_hw.from_arrays(
    [RNG.integers(-3, 4, (5, 8)), RNG.integers(-3, 4, (4, 5)), RNG.integers(-3, 4, (3, 4))],
    [RNG.integers(-1, 2, 5), RNG.integers(-1, 2, 4), None],
)
FRAMES = RNG.integers(0, 2, (4, 8))


@pytest.mark.parametrize(
    ("lanes", "plain"),
    [(np.int64(2), 2), (np.array([2, 2, 1]), (2, 2, 1)), ([np.uint8(2), 2, 1], (2, 2, 1))],
)
def test_lanes_may_be_numpys(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, lanes: Any, plain: Any
) -> None:
    given = []

    def enough(network: Any, **options: Any) -> None:
        given.append(options["lanes"])
        raise InputError("enough")

    monkeypatch.setattr(planner, "plan", enough)
    with pytest.raises(InputError, match="enough"):
        flow.emit(NETWORK, tmp_path / "out", lanes=lanes)
    assert repr(given) == repr([plain])


@pytest.mark.parametrize("lanes", [2.5, "4", True, [2, "2", 2], np.array([2.0, 2, 2])])
def test_lanes_of_another_kind_are_told(tmp_path: Path, lanes: Any) -> None:
    with pytest.raises(InputError, match=r"^lanes must be an integer, not "):
        flow.emit(NETWORK, tmp_path / "out", lanes=lanes)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"seed": -1}, "seed must be 0 or more, not -1"),
        ({"seed": 1.5}, "seed must be an integer, not 1.5"),
        ({"frames": 2.5}, "frames must be an integer, not 2.5"),
        ({"frames": 5}, "frames must be 1…4, not 5"),
        ({"stall": "sometimes"}, "stall must be one of none, random"),
        ({"labels": [0, 1, 2, 3]}, r"a label must be 0…2, not 3 \(image 3\)"),
        ({"labels": [0, 1, 2, 0.5]}, "labels must be integers, not 0.5"),
        ({"labels": [[0], [1, 2]]}, "labels must be an array, whose rows are of one length"),
        ({"baseline": "absent.json"}, "absent.json: baseline cannot be read: No such file"),
        ({"top": "reg"}, "top must not be 'reg', a keyword of Verilog"),
        ({"engine": 3}, "engine must be one of event, parallel, unrolled, not 3"),
        ({"top": 3}, "top must be a letter and then letters"),
    ],
    ids=str,
)
def test_what_is_wrong_is_told(tmp_path: Path, options: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=f"^{message}"):
        flow.verify(NETWORK, FRAMES, tmp_path / "out", simulator="icarus", **options)
    assert not (tmp_path / "out").exists()


def test_ragged_images_are_told(tmp_path: Path) -> None:
    ragged: Any = [[0, 1], [0]]
    message = "^images must be an array, whose rows are of one length$"
    with pytest.raises(InputError, match=message):
        golden.run(NETWORK, ragged)
    with pytest.raises(InputError, match=message):
        flow.verify(NETWORK, ragged, tmp_path / "out")


def test_the_number_and_seed_of_random_images() -> None:
    for options in ({"frames": 2.5}, {"seed": -1}):
        with pytest.raises(InputError, match="must be "):
            images(NETWORK, **options)  # type: ignore[arg-type]
    assert len(images(NETWORK, frames=np.int64(3)).frames) == 3  # type: ignore[arg-type]
