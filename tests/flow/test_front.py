"""The plot of plans: legible whatever they are."""

from __future__ import annotations

import itertools
import re
from pathlib import Path
from xml.etree import ElementTree

import matplotlib
import pytest

from s2nn_hw.report import front


@pytest.mark.parametrize("layers", [2, 6, 13])
@pytest.mark.parametrize("plans", [1, 2, 10])
def test_the_plot_numbers_the_plans(tmp_path: Path, layers: int, plans: int) -> None:
    """Points by number, and below them every layer of every plan, in lines that have room."""
    point = {
        "engine": ["parallel"] * layers,
        "lanes": [12] * layers,
        "windows": [6] * layers,
        "memory": ["ram"] * layers,
    }
    points = [
        {**point, "area": 0.5 * 0.98**k, "inferences_per_second": 1e6 * 0.97**k}
        for k in range(plans)
    ]
    data = {
        "board": "ulx3s-85f",
        "device": None,
        "network": "0",
        "front": points,
        "predicted": points[0],
    }
    with matplotlib.rc_context({"svg.fonttype": "none"}):
        front.draw(data, tmp_path / "front.svg")
    root = ElementTree.parse(tmp_path / "front.svg").getroot()
    texts = ["".join(text.itertext()) for text in root.iter("{http://www.w3.org/2000/svg}text")]
    written = " ".join(" ".join(texts).split())
    assert written.count("parallel 12/6 ram") == layers * plans
    assert [str(number) for number in range(1, plans + 1)] == [
        text for text in texts if re.fullmatch(r"\d\d?", text) and int(text) <= plans
    ]
    assert max(len(text) for text in texts) <= 104


def test_numbers_of_points_are_apart() -> None:
    """Also of ten points of which five each are one, as good as on the other five."""
    points = [(100.0 + k // 5, 50.0) for k in range(10)]
    numbers = front.places(points)
    for (x, y), (other_x, other_y) in itertools.combinations(numbers, 2):
        assert abs(x - other_x) >= 11 or abs(y - other_y) >= 10
    for (x, y), (point_x, point_y) in itertools.product(numbers, points):
        assert abs(x - point_x) >= 11 or abs(y - point_y) >= 10
