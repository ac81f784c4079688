"""What report says of a folder as data: every figure where it came from, and what is wrong."""

from __future__ import annotations

import csv
import dataclasses
import itertools
import json
import re
import shutil
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from s2nn_hw import cli, flow, report
from s2nn_hw.flow.emit import build
from s2nn_hw.ir import INPUT, Conv2d, Dense, FrameFormat, Layer, Network, Pool
from s2nn_hw.report import html, layer, points, relation, wave
from s2nn_hw.report.contents import CONTENTS, check
from s2nn_hw.report.known import Known
from s2nn_hw.report.pair import Row, compare
from s2nn_hw.report.points import COLUMNS, Group, Point
from s2nn_hw.report.schematic import HEIGHT, schematic
from s2nn_hw.report.sources import commands
from s2nn_hw.report.timeline import paths, ticks

Folders = tuple[Path, ...]


def at(data: Any, pointer: str) -> Any:
    for key in pointer.split("/")[1:]:
        key = key.replace("~1", "/").replace("~0", "~")
        data = data[int(key)] if isinstance(data, list) else data[key]
    return data


def small() -> Network:
    rng = np.random.default_rng(0)
    conv = Conv2d(
        source=INPUT,
        weights=rng.integers(-3, 4, (4, 1, 3, 3)),
        weight_bits=3,
        stride=2,
        padding=1,
    )
    dense = Dense(source="pool", weights=rng.integers(-3, 4, (3, 24)), weight_bits=3)
    return Network(
        input=FrameFormat(shape=(1, 8, 12), bits=2),
        layers=(
            Layer(name="conv", projections=(conv,), thresholds=rng.integers(1, 9, 4)),
            Pool(name="pool", source="conv", kind="or", kernel=(2, 2), stride=(2, 2)),
            Layer(name="readout", projections=(dense,)),
        ),
    )


def change(path: Path, **fields: Any) -> None:
    path.write_text(json.dumps({**json.loads(path.read_text()), **fields}))


def test_all_fields_are_in_the_reference(
    full: Path, beside: Folders, reference: ModuleType
) -> None:
    """With what they are; the report has no others."""
    text = reference.results()
    found = [flow.report(full, beside=beside), flow.report(beside[0]), flow.report(full, full)]
    assert [data["schema"] for data in found] == [1, 1, 1]
    sections = dict(part.split("\n", 1) for part in text.split("\n## ")[1:])
    told = {
        name: set(re.findall(r"^\| `(\w+)` \| `.*` \| .*\| \S.* \|$", body, re.MULTILINE))
        for name, body in sections.items()
    }
    one, two = found[0], found[2]
    for name, data in {
        "Page": one,
        "LayerReport": one["layers"][0],
        "Figure": one["figures"]["accuracy"],
        "Check": one["checks"][0],
        "Group": one["groups"][0],
        "Point": one["groups"][0]["points"][0],
        "Absent": flow.report(full)["absent"][0],
        "Pair": two,
        "BuildReport": two["builds"][0],
        "Row": two["figures"]["accuracy"],
        "LayerPair": two["layers"][0],
    }.items():
        more = told["BuildReport"] - {"build"} if name == "Page" else set()
        assert set(data) == (told[name] | more) - {"build"}, name
    assert set(found[1]) == set(one)
    for name, data in {
        "Timeline": one["timeline"],
        "TimelineFrame": one["timeline"]["frames"][0],
        "Worked": one["timeline"]["layers"][0],
        "Cycles": one["timeline"]["layers"][0]["cycles"],
        "Values": one["example"]["input"],
        "Waveform": one["ports"],
        "Signal": one["ports"]["signal"][0],
    }.items():
        assert set(told[name]) <= set(data) | {"steps", "data"}, name
    listed = {
        name: set(re.findall(r"^\| `(\w+)` \| \S.* \|$", body, re.MULTILINE))
        for name, body in sections.items()
    }
    assert listed["Figures of a BuildReport"] == set(one["figures"])
    assert listed["Figures of a LayerReport"] == set(one["layers"][0]["figures"])
    compared = set(two["layers"][0]["figures"]) - set(one["layers"][0]["figures"])
    assert listed["What is compared of two layers beside their figures"] == compared


def test_figures_are_those_of_their_files(full: Path, beside: Folders) -> None:
    data = flow.report(full, beside=beside)
    figures = [data["figures"], *(layer["figures"] for layer in data["layers"])]
    known = [f for found in figures for f in found.values() if f["source"]]
    assert len(known) > 40
    for figure in known:
        name, _, pointer = figure["source"].partition("#")
        assert at(json.loads((full / name).read_text()), pointer) == figure["value"]
    for figure in itertools.chain(*(found.values() for found in figures)):
        assert figure["command"].startswith("s2nn-hw ")
    computed = {n for n, f in data["figures"].items() if not f["source"] and f["value"] is not None}
    assert computed == {"interval_over_floor", "inferences_per_second", "arithmetic_energy"}
    assert data["figures"]["interval_over_floor"]["value"] == 151.375 / 140.125


def test_points_are_those_of_their_files(full: Path, beside: Folders) -> None:
    groups = flow.report(full, beside=beside)["groups"]
    assert [group["verb"] for group in groups] == ["plan", "sweep", "bench", "experiment"]
    assert [len(group["points"]) for group in groups] == [3, 2, 2, 3]
    first, second = beside
    for point in itertools.chain(*(group["points"] for group in groups)):
        name, _, pointer = point["source"].partition("#")
        for measure, value in point["values"].items():
            if name == "trials.csv":
                text = list(csv.DictReader((first / name).read_text().splitlines()))[
                    int(pointer)
                ].get(measure)
                found = float(text) if text else None
            elif name == "results.json":
                row = at(json.loads((second / name).read_text()), pointer)
                found = (row[COLUMNS[measure]] or {}).get("mean")
            else:
                found = at(json.loads((first / name).read_text()), pointer).get(measure)
            assert value == found


def test_what_is_computed_of_layers(full: Path) -> None:
    layers = {layer["name"]: layer for layer in flow.report(full)["layers"]}
    conv, pool, readout = layers["conv"], layers["pool"], layers["readout"]
    # 9 inputs of two bits in 64 windows
    assert conv["figures"]["spike_rate"]["value"] == 100.5 / (9 * 64 * 2)
    assert pool["figures"]["spike_rate"]["value"] is None
    assert conv["figures"]["utilisation"]["value"] == 140.125 / 151.375
    assert conv["memory_bits"] == 9 * 16
    assert conv["figures"]["occupied_bits"]["value"] is None
    assert readout["sources"] == ("pool", "conv")
    assert [layer["shape"] for layer in layers.values()] == [(4, 8, 8), (4, 8, 8), (4, 16), (3,)]


def test_shapes_and_options_of_real_cores() -> None:
    """Of the engines that the generator has, a pool and steps of two."""
    model = small()
    for engine in ("event", "parallel", "unrolled"):
        engines = [engine, "event"]
        made = build(model, lanes=1, engine=engines)
        core, options = made.manifest, json.loads(made.files["options.json"])
        check(CONTENTS["options.json"], options, engine)
        assert options["digest"] == core.digest
        relation.check_options(Path(engine), options, core)
        known = Known(manifest=core, folder=Path(), options={}, verified={}, synthesis={})
        found = {entry.name: layer.of(entry, known) for entry in core.layers}
        for name, entry in found.items():
            assert entry.shape == model.shape(name), (engine, name)
        assert [entry.sources for entry in found.values()] == [("input",), ("conv",), ("pool",)]


def test_a_folder_without_a_core(beside: Folders) -> None:
    data = flow.report(beside[0])
    assert data["schema"] == 1
    assert data["digest"] is None
    # Nothing is to take the folder's place, and what is planned for is known.
    assert data["commands"]["verify"] == "s2nn-hw verify MODEL -o DIR"
    assert data["commands"]["synth"] == "s2nn-hw synth MODEL --board ulx3s-85f -o DIR"
    assert data["figures"] is None
    assert [entry["file"] for entry in data["absent"]] == [
        *("s2nn_core.json", "verify.json", "synth.json", "timeline.json", "example.json"),
        *("ports.wavedrom.json", "results.json"),
    ]


def test_commands_make_it_again_and_take_nothing_away(tmp_path: Path) -> None:
    options = {
        **{"engine": ["event", "unrolled"], "lanes": [2, 1], "windows": [4, 1]},
        **{"memory": ["ram", "rom"], "family": "ecp5", "freq": 80.0, "counters": True},
    }
    run = {"frames": 3, "stall": "bursty", "seed": 7, "simulator": "icarus"}
    core = " --engine event,unrolled --lanes 2,1 --windows 4,1 --memory ram,rom --counters"
    found = commands(tmp_path, options, run, None, "LFE5U-25F")
    assert found["verify"] == (
        f"s2nn-hw verify MODEL{core} --family ecp5 --freq 80.0 --frames 3 --stall bursty --seed 7 "
        f"--simulator icarus -o {tmp_path}"
    )
    # Synthesis makes a folder of its own, in which no verification is.
    assert found["synth"] == f"s2nn-hw synth MODEL{core} --device LFE5U-25F -o DIR"
    (tmp_path / "synth.json").touch()
    found = commands(tmp_path, options, run, None, "LFE5U-25F")
    assert found["synth"].endswith(f"-o {tmp_path}")
    assert found["netlist"].endswith("--netlist LFE5U-25F -o DIR")
    assert commands(tmp_path, {}, {}, None, None)["emit"] == "s2nn-hw emit MODEL -o DIR"


def test_what_is_absent_is_named_with_its_command(core: Path) -> None:
    data = flow.report(core)
    absent = {entry["file"]: entry["command"] for entry in data["absent"]}
    assert absent["timeline.json"] == f"s2nn-hw verify MODEL -o {core}"
    assert absent["synth.json"] == "s2nn-hw synth MODEL --board NAME -o DIR"
    assert set(absent) == {
        *("verify.json", "synth.json", "timeline.json", "example.json", "ports.wavedrom.json"),
        *("plan.json", "trials.csv", "bench.json", "results.json"),
    }


def test_what_a_folder_lacks_is_found_beside_it(full: Path, core: Path, shelf: Path) -> None:
    data = flow.report(core, beside=[full])
    assert data["folder"] == str(core)
    assert data["passed"] is True
    assert data["ports"] == json.loads((full / "ports.wavedrom.json").read_text())
    (full / "ports.wavedrom.json").unlink()
    assert flow.report(full)["ports"] is None
    assert flow.report(full, beside=[shelf / "full"])["ports"] == data["ports"]


def test_two_builds_side_by_side(full: Path, tmp_path: Path) -> None:
    other = shutil.copytree(full, tmp_path / "other")
    verified = json.loads((other / "verify.json").read_text())
    change(other / "verify.json", interval_cycles={"mean": 2 * 151.375}, mismatches=1)
    (other / "synth.json").unlink()
    data = flow.report(full, other)
    assert data["schema"] == 1
    interval = data["figures"]["interval"]
    assert (interval["values"], interval["ratio"]) == ((151.375, 302.75), 2.0)
    assert data["figures"]["mismatches"]["ratio"] is None  # of a zero there is none
    assert data["figures"]["lut"]["values"] == (1000, None)
    assert data["figures"]["lut"]["ratio"] is None
    assert [layer["name"] for layer in data["layers"]] == [x["name"] for x in verified["layers"]]
    assert data["layers"][0]["figures"]["utilisation"]["ratio"] == 0.5
    assert {layer["only"] for layer in data["layers"]} == {""}
    assert data["notes"] == ()


def test_what_two_builds_do_not_have_in_common_is_said(
    full: Path, core: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (note,) = flow.report(full, core)["notes"]
    assert note.startswith("Only one was verified: ")
    other = shutil.copytree(full, tmp_path / "other")
    change(other / "core.json", network="0" * 64)
    change(other / "verify.json", frames=1)
    found = flow.report(full, other)["notes"]
    assert found[0] == "They are of two networks."
    assert found[1].startswith("They were verified with other frames, ")
    assert cli.main(["report", str(full), str(other)]) == 0
    shown = " ".join(capsys.readouterr().out.split())
    assert all(note in shown for note in found)
    assert "1 frame on" in shown


def test_what_grew_since_a_baseline_is_said(full: Path) -> None:
    earlier = json.loads((full / "verify.json").read_text())
    earlier["images"] = {"digest": "1" * 64, "source": "images.npz"}
    change(full / "verify.json", images=earlier["images"])
    earlier["toggles_per_frame"] /= 2
    (full / "baseline.json").write_text(json.dumps(earlier))
    (note,) = flow.report(full)["notes"]
    assert re.match(
        r"toggles_per_frame grew since .*/baseline\.json, from 61,728.* to 123,456", note
    )


def test_layers_that_one_build_has(full: Path, core: Path) -> None:
    pair = [report.build.read(folder) for folder in (full, core)]
    second = dataclasses.replace(
        pair[1], layers=tuple(dataclasses.replace(x, name=f"{x.name}s") for x in pair[1].layers[:1])
    )
    found = compare(pair[0], second)
    assert [(layer.name, layer.only) for layer in found.layers] == [
        *((layer.name, "A") for layer in pair[0].layers),
        (f"{pair[0].layers[0].name}s", "B"),
    ]
    text = html.pair(found)
    assert f"{found.layers[0].name}, which only A has." in text
    assert f"{found.layers[-1].name}, which only B has." in text


def test_a_ratio_in_words() -> None:
    cases = {(2, 4): "2.00 ×", (0, 0): "equal", (0, 1): "no ratio", (None, 0): "absent"}
    for values, words in cases.items():
        ratio = 2.0 if values == (2, 4) else None
        row = Row(values=values, ratio=ratio, unit="", origins=("simulated", "simulated"))
        assert row.compared() == words


def test_the_terminal_says_the_same(
    full: Path, beside: Folders, capsys: pytest.CaptureFixture[str]
) -> None:
    first, second = map(str, beside)
    assert cli.main(["report", str(full), "--with", first, "--with", second]) == 0
    shown = capsys.readouterr().out
    for expected in (
        "104.12 MHz",
        "Plans for ulx3s-85f",
        "event 4, event 4",
        "96.88 %",
        "2,000.50",
        "make the core 1.09 × as fast at best",
    ):
        assert expected in shown
    assert cli.main(["report", str(full)]) == 0
    assert "s2nn-hw plan MODEL --board ulx3s-85f -o DIR" in capsys.readouterr().out
    assert cli.main(["report", str(full), str(full)]) == 0
    shown = capsys.readouterr().out
    assert "1.00 ×" in shown
    assert re.search(r"mismatches against the golden model +0 +0 +equal", shown)


def test_the_best_points() -> None:
    values = [(0.9, 10), (0.8, 20), (0.95, 30), (0.9, 10), (None, 1)]
    points = [
        Point(
            label="",
            source="",
            values={"accuracy": a, "interval_cycles": i, "lut": None, "toggles": None},
        )
        for a, i in values
    ]
    group = Group(title="", verb="plan", origins={}, points=tuple(points))
    assert group.pairs() == [("interval_cycles", "accuracy")]
    assert group.best("interval_cycles", "accuracy") == [True, False, True, True, False]


def test_labels_tell_points_apart() -> None:
    """What is alike but for its clock or training says so, and of full precision are no bits."""
    point = {
        **{"engine": ["event"], "lanes": [2], "windows": [1], "memory": ["rom"]},
        **{"interval_cycles": 50.0, "lut": 900},
    }
    front = [
        {**point, "freq": 95.0},
        {**point, "freq": 112.5},
        {**point, "lanes": [1], "freq": 95.0},
    ]
    plan = {"front": front, "predicted": front[1], "board": None, "device": "x"}
    (group,) = points.of_plan(plan)
    assert [found.label for found in group.points] == [
        "event 2, for 95 MHz",
        "event 2, for 112.5 MHz, chosen",
        "event 1",
    ]
    case = {"data": "mnist", "arch": "784-10", "neuron": "s2nn", "weight_bits": 4, "steps": 1}
    table = [
        {**case, "grid": 1},
        {**case, "grid": 2},
        {**case, "grid": 2, "neuron": "relu", "weight_bits": None, "steps": None},
    ]
    trained = [{"train": {"epochs": 8}}, {"train": {"epochs": 8, "spike_penalty": 0.1}}]
    columns = {name: {"origin": "measured"} for name in COLUMNS.values()}
    found = {"grids": trained, "table": table, "board": "b", "device": None, "columns": columns}
    (group,) = points.of_experiment(found)
    assert [found.label for found in group.points] == [
        "784-10, s2nn, 4 bits",
        "784-10, s2nn, 4 bits, spike penalty 0.1",
        "784-10, relu, full precision",
    ]
    row = {"network": "n", "device": "d", "error": None, "mismatches": 0, "lut": 9}
    row |= {"generator": "g", "setting": "s", "interval_cycles": 1.0}
    (group,) = points.of_bench({"rows": [{**row, "version": "1.2"}, {**row, "version": "1.3"}]})
    assert [found.label for found in group.points] == ["g, s, 1.2", "g, s, 1.3"]


def test_streams_that_pass_rows_run_beside_them(full: Path) -> None:
    from s2nn_hw import report

    found = schematic(report.read(full).layers)
    boxes = {node.name: node for node in found.nodes}
    tops = [node.y for node in found.nodes]
    assert tops == sorted(tops)
    assert boxes["readout"].y > boxes["pool"].y + HEIGHT
    (passing,) = [path for path in found.streams if "H" in path]
    assert passing.startswith(f"M132 {boxes['conv'].y + HEIGHT}")
    assert passing.endswith(f"V{boxes['readout'].y}")
    assert len(found.streams) == 6


def test_spans_and_ticks() -> None:
    assert paths([("work", 0, 3), ("wait", 3, 5)])["work"] == "M0 0h3v20h-3z"
    assert ticks(9) == list(range(10))
    assert ticks(400) == [0, 50, 100, 150, 200, 250, 300, 350, 400]


def test_lanes_of_a_waveform() -> None:
    signal = [
        {"name": "clk", "wave": "p.|."},
        {},
        ["s", {"name": "data", "wave": "x=|=", "data": ["a", "b"]}, {"name": "v", "wave": "01|0"}],
    ]
    first, second = wave.strips({"signal": signal})
    assert (first.cycles, first.torn, second.cycles, second.torn) == (2, True, 1, False)
    clock, data, valid = first.lanes
    assert (clock.name, clock.group) == ("clk", "")
    assert clock.line.count("V0") == 2
    assert (data.unknown != "", [label.text for label in data.labels]) == (True, ["a"])
    assert valid.line == "M0 18H36L39 0H72"
    # Behind what is left out it goes on, or is another.
    clock, data, valid = second.lanes
    assert clock.line.count("V0") == 1
    assert data.labels == [wave.Label(x=18.0, text="b", path="/signal/2/1/data/1", room=None)]
    assert valid.line == "M0 18H36"


def test_a_long_waveform_is_cut_in_parts() -> None:
    """A value across a cut is written on both sides, squeezed where it has no room."""
    signal = [{"name": "d", "wave": "x....=..x....", "data": ["class 7"]}]
    found = wave.strips({"signal": signal})
    assert [strip.cycles for strip in found] == [4, 4, 5]
    assert not any(strip.torn for strip in found)
    (value,), (unknown,) = found[1].lanes[0].labels, found[2].lanes
    assert (value.x, value.text, value.room) == (90.0, "class 7", None)
    assert (unknown.labels, unknown.unknown[:2]) == ([], "M0")
    assert (
        wave.strips({"signal": [{"name": "d", "wave": "=", "data": ["class 7"]}]})[0]
        .lanes[0]
        .labels[0]
        .room
        == 32
    )
