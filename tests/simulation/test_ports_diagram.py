"""The timing diagram of the ports: what a simulation saw, cut to what there is to see."""

from __future__ import annotations

import json
import re

import numpy as np
import pytest

import s2nn_hw
from s2nn_hw import golden
from s2nn_hw.flow.ports import PORTS, ports
from s2nn_hw.report.ports import Levels, Stream, diagram


def lanes(text: str) -> dict[str, dict]:
    """Lanes by name, those of a stream as ``stream.lane``."""
    found = {}
    for lane in json.loads(text)["signal"]:
        if isinstance(lane, list):
            found |= {f"{lane[0]}.{inner['name']}": inner for inner in lane[1:]}
        elif lane:
            found[lane["name"]] = lane
    return found


def levels(wave: str) -> str:
    """A lane with its dots replaced by what they stand for; gaps stay."""
    text, level = "", ""
    for char in wave:
        level = char if char not in ".|" else level
        text += char if char == "|" else level
    return text


def stream(name: str, valid: str, ready: str) -> Stream:
    return Stream(
        name=name,
        levels=[
            Levels(valid=int(v), ready=int(r), last=0) for v, r in zip(valid, ready, strict=True)
        ],
        labels=[f"b{k}" for k in range(len(valid))],
    )


def test_short_streams_are_shown_whole():
    text = diagram(
        [stream("a", "0110110", "1011111"), stream("b", "0001000", "1" * 7)], title="t", digest="d"
    )
    found = lanes(text)
    assert found["a.tvalid"]["wave"] == "01.01.0"
    assert found["a.tready"]["wave"] == "101...."
    assert found["a.tdata"] == {"name": "tdata", "wave": "x=.x==x", "data": ["b0", "b1", "b2"]}
    assert found["b.tdata"]["data"] == ["b0"]
    assert found["cycle"]["data"] == ["-2", "-1", "0", "1", "2", "3", "4"]
    assert found["a.tlast"]["wave"] == "x0.x0.x"


def test_long_runs_become_gaps():
    busy, idle = "1" * 500, "0" * 499
    found = lanes(
        diagram([stream("a", busy, busy), stream("b", idle + "1", busy)], title="t", digest="d")
    )
    assert found["clk"]["wave"] == "p..|..."
    assert found["cycle"]["data"] == ["0", "1", "2", "497", "498", "499"]
    assert found["a.tdata"]["wave"] == "===|==="
    assert found["a.tdata"]["data"] == ["b0", "b1", "b2", "b497", "b498", "b499"]
    assert found["a.tvalid"]["wave"] == "1..|..."
    assert found["b.tdata"]["wave"] == "x..|..="
    assert found["b.tvalid"]["wave"] == "0..|..1"


def test_an_unknown_level_is_shown_as_such():
    odd = Stream(
        name="a",
        levels=[Levels(valid=1, ready=-1, last=-1), Levels(valid=1, ready=1, last=0)],
        labels=["0"],
    )
    found = lanes(diagram([odd], title="t", digest="d"))
    assert found["a.tready"]["wave"] == "x1"
    assert found["a.tlast"]["wave"] == "x0"


@pytest.mark.parametrize("core", ["small", "planes", "maps"])
def test_what_the_simulation_saw(request, icarus, core):
    made = request.getfixturevalue(core)
    shown = ports(made.network, made.core, made.frames[:1], made.folder, icarus)
    assert shown.check.passed, shown.check.detail
    assert shown.mismatches == 0
    found = lanes(shown.diagram)
    assert len({len(lane["wave"]) for lane in found.values()}) == 1
    assert len(found["clk"]["wave"]) < 60
    for lane in found.values():
        boxes = lane["wave"].count("=")
        assert boxes == len(lane.get("data", []))
    # All beats, a pause of the source, and a result that has to wait.
    beats = made.core.manifest.input.beats
    assert found["s_axis.tdata"]["data"][0] == "0"
    assert found["s_axis.tdata"]["data"][-1] == str(beats - 1)
    assert re.search("100+1", levels(found["s_axis.tvalid"]["wave"]).replace("|", ""))
    pairs = [
        valid + ready
        for valid, ready in zip(
            *(levels(found[f"m_axis.t{name}"]["wave"]) for name in ("valid", "ready")), strict=True
        )
    ]
    assert pairs.count("10") == 3
    assert pairs.count("11") == 1
    (answer,) = golden.run(made.network, made.frames[:1]).classes.tolist()
    assert found["m_axis.tdata"]["data"] == [f"class {answer}"]


def test_verify_leaves_it(icarus, tmp_path):
    rng = np.random.default_rng(9)
    network = s2nn_hw.from_arrays([rng.integers(-3, 4, (4, 30))], [None])
    frames = rng.integers(0, 2, (3, 30)).astype(np.uint8)
    texts = []
    for name in "ab":
        result = s2nn_hw.flow.verify(network, frames, tmp_path / name, simulator=icarus)
        assert result.passed
        assert "ports diagram" in {check.name for check in result.checks}
        texts.append((tmp_path / name / PORTS).read_text())
    assert texts[0] == texts[1]
    assert lanes(texts[0])["m_axis.tvalid"]
