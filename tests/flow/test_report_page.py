"""What report says of a folder as data: every figure where it came from, and what is wrong."""

from __future__ import annotations

import csv
import itertools
import json
import re
import shutil
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from s2nn_hw import cli, flow
from s2nn_hw.flow.emit import build
from s2nn_hw.ir import INPUT, Conv2d, Dense, FrameFormat, InputError, Layer, Network, Pool
from s2nn_hw.report import layer, points, relation, wave
from s2nn_hw.report.contents import CONTENTS, check
from s2nn_hw.report.known import Known
from s2nn_hw.report.pair import Row
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


#: That went through the core alone.
FRAME = {"frame": 0, "first_in": 0, "last_in": 15, "first_out": 180, "last_out": 180}


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


@pytest.mark.parametrize("field", ["frames", "latency_cycles", "checks"])
def test_a_verification_of_the_wrong_kind_is_one_sentence(
    core: Path, field: str, capsys: pytest.CaptureFixture[str]
) -> None:
    digest = flow.report(core)["digest"]
    data = {"schema": 1, "passed": True, "digest": digest, "frames": 3, "checks": []}
    (core / "verify.json").write_text(json.dumps({**data, field: [None]}))
    assert cli.main(["report", str(core), "--html"]) == 2
    said = capsys.readouterr().err
    assert "malformed: " in said
    assert len(said.splitlines()) == 1


def test_what_is_no_page_is_left_as_it_is(core: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["report", str(core), "--html", "-o", str(core)]) == 2
    assert f"error: {core}: must be a file to write the page to, not a f" in capsys.readouterr().err
    mine = core.parent / "mine.py"
    mine.write_text("print()\n")
    for path in (mine, Path("/dev/full")):
        before = path.stat()
        assert cli.main(["report", str(core), "--html", "-o", str(path)]) == 2
        assert f"error: {path}: is no page of a report, and is left" in capsys.readouterr().err
        assert path.stat().st_mode == before.st_mode
    assert mine.read_text() == "print()\n"


def test_what_is_absent_is_named_with_its_command(core: Path) -> None:
    data = flow.report(core)
    absent = {entry["file"]: entry["command"] for entry in data["absent"]}
    assert absent["timeline.json"] == f"s2nn-hw verify MODEL -o {core}"
    assert absent["synth.json"] == "s2nn-hw synth MODEL --board NAME -o DIR"
    assert set(absent) == {
        *("verify.json", "synth.json", "timeline.json", "example.json", "ports.wavedrom.json"),
        *("plan.json", "trials.csv", "bench.json", "results.json"),
    }


@pytest.mark.parametrize(
    ("name", "fields", "message"),
    [
        ("verify.json", {"digest": "e" * 64}, r"is of another build than core\.json"),
        ("synth.json", {"digest": "e" * 64}, r"is of another build than core\.json"),
        ("timeline.json", {"digest": "e" * 64}, r"is of another build than core\.json"),
        ("example.json", {"digest": "e" * 64}, r"is of another build than core\.json"),
        ("timeline.json", {"schema": 2}, r"'schema' \(version of its format\) must be 1, not 2"),
        ("example.json", {"schema": 2}, r"'schema' \(version of its format\) must be 1, not 2"),
        ("timeline.json", {"cycles": 7}, r"layer 'conv': its spans must end at 7, not 400"),
        (
            "timeline.json",
            {"layers": [{"name": "x", "cycles": {"work": 1, "wait": 0, "held": 0}, "spans": []}]},
            "layer 'x' is not one of the core's",
        ),
        ("timeline.json", {"layers": 3}, "malformed: its layers must be a valid list, not 3"),
        ("timeline.json", {"cycles": 0}, "its cycles must be greater than or equal to 1, not 0"),
        ("timeline.json", {"frames": []}, "its frames must not be empty"),
        ("timeline.json", {"frames": [{"frame": ""}]}, "frames/0/frame must be .* integer, not ''"),
        ("example.json", {"scores": [1, "2"]}, "its scores/1 must be a valid integer, not '2'"),
        ("example.json", {"label": "7"}, "its label must be a valid integer, not '7'"),
        ("example.json", {"class": -1}, "its class must be greater than or equal to 0, not -1"),
        (
            "verify.json",
            {"passed": "no"},
            "malformed: its passed must be a valid boolean, not 'no'",
        ),
        ("verify.json", {"passed": 1}, "malformed: its passed must be a valid boolean, not 1"),
        ("verify.json", {"accuracy": 1.5}, "its accuracy must be less than or equal to 1, not 1.5"),
        ("verify.json", {"mismatches": -1}, "its mismatches must be greater .* to 0, not -1"),
        ("verify.json", {"frames": "9"}, "its frames must be a valid integer, not '9'"),
        (
            "verify.json",
            {"interval_cycles": {"mean": -3.5}},
            "interval_cycles/mean must .* not -3.5",
        ),
        (
            "verify.json",
            {"latency_cycles": {"min": -2, "mean": 1, "max": 3}},
            "it must not have passed with a latency of -2.0 cycles",
        ),
        ("verify.json", {"layers": []}, "must tell of layer 'conv' of core.json once"),
        (
            "verify.json",
            {"checks": [{"name": "scores", "passed": False}]},
            "it must not have passed, as its check 'scores' has not",
        ),
        ("synth.json", {"layers": {}}, "must tell of layer 'conv' of core.json once"),
        ("synth.json", {"timing_met": "yes"}, "its timing_met must be a valid boolean, not 'yes'"),
        ("synth.json", {"lut": {"used": -1}}, "its lut/used must be greater than .* 0, not -1"),
        ("ports.wavedrom.json", {"digest": "e" * 64}, r"is of another build than core\.json"),
        *(
            (name, {"schema": found}, rf"'schema' \(version of .*\) must be 1, not {found!r}: make")
            for name in ("verify.json", "synth.json", "ports.wavedrom.json")
            for found in (2, "1", True, None)
        ),
        ("verify.json", {"accuracy": float("nan")}, "not JSON: it holds NaN"),
        ("ports.wavedrom.json", {"head": {}}, "malformed: it lacks 'head/text'"),
        ("ports.wavedrom.json", {"signal": []}, "its signal must have a row that is not empty"),
        ("ports.wavedrom.json", {"signal": [{}]}, "its signal must have a row that is not empty"),
        (
            "ports.wavedrom.json",
            {"signal": [7]},
            "/signal/0: malformed: it must be an object, not 7",
        ),
        (
            "ports.wavedrom.json",
            {"signal": [["m", {"name": 3, "wave": "0"}]]},
            "/signal/0/1: malformed: its name must be a valid string, not 3",
        ),
        (
            "ports.wavedrom.json",
            {"signal": [{"name": "a", "wave": "=", "data": [[]]}]},
            r"/signal/0: malformed: its data/0 must be a valid string, not \[\]",
        ),
        (
            "ports.wavedrom.json",
            {"signal": [{"name": "a", "wave": "=", "data": None}]},
            "/signal/0: malformed: its data must be a valid list, not None",
        ),
        (
            "ports.wavedrom.json",
            {"signal": [{"name": "a", "wave": "==", "data": ["x"]}]},
            "/signal/0: malformed: it must have as many data as values, 2, not 1",
        ),
        ("timeline.json", {"simulator": []}, r"its simulator must be a valid string, not \[\]"),
        ("timeline.json", {"layers": []}, "its layers must be those of the core, .*, not none"),
        ("timeline.json", {"cycles": 10**30}, "its cycles must be less than or equal to"),
        (
            "timeline.json",
            {"frames": [dict(FRAME, first_in=20, last_in=15)]},
            "its frames/0 must not have first_in 20 after last_in 15",
        ),
        (
            "timeline.json",
            {"frames": [dict(FRAME, first_out=200)]},
            "its frames/0 must not have first_out 200 after last_out 180",
        ),
        (
            "timeline.json",
            {"frames": [FRAME, dict(FRAME, frame=1, last_out=400)]},
            "frame 1: its last_out must be before cycle 400, not 400",
        ),
        ("example.json", {"steps": "x"}, "its steps must be a valid integer, not 'x'"),
        ("example.json", {"steps": None}, "its steps must be a valid integer, not None"),
        ("example.json", {"layers": []}, "those of the core but the readout, .*, not none"),
        ("example.json", {"scores": [-7, 12]}, "its scores must be 3, one a class, not 2"),
        ("example.json", {"scores": [0, 10**30, 0]}, "its scores/1 must be less than or equal to"),
        ("example.json", {"class": 2}, "must be 1, the first of the greatest score, not 2"),
        ("verify.json", {"toggle_frames": []}, "its toggle_frames must be a valid integer"),
        ("verify.json", {"toggles_per_frame": 1e308}, "its toggles_per_frame must be less than"),
        (
            "verify.json",
            {"interval_cycles": {"mean": 1e-320}},
            "must be greater than or equal to 1",
        ),
        ("example.json", {"class": 9}, "class must be that of one of 3 scores, not 9"),
        ("example.json", {"input": {}}, "malformed: it lacks 'input/shape'"),
        ("synth.json", {"weights": 3}, "malformed: its weights must be an object, not 3"),
        ("ports.wavedrom.json", {"signal": [{"name": "a"}]}, "malformed: it lacks 'wave'"),
        (
            "ports.wavedrom.json",
            {"signal": [{"name": "a", "wave": "01h"}]},
            "/signal/0: malformed: its wave must match pattern .*, not '01h'",
        ),
    ],
)
def test_what_does_not_belong_is_told(
    full: Path, name: str, fields: dict[str, Any], message: str
) -> None:
    change(full / name, **fields)
    with pytest.raises(InputError, match=rf"{name}[:#].*{message}"):
        flow.report(full)


@pytest.mark.parametrize(
    ("name", "place", "value", "message"),
    [
        ("core.json", "layers/0/synapses", [], r"its layers/0/synapses must .* integer, not \[\]"),
        ("core.json", "layers/0/lanes", 0, "its layers/0/lanes must be greater .* to 1, not 0"),
        ("core.json", "layers/1/memories/0/rows", "x", "its layers/1/memories/0/rows must be"),
        ("core.json", "layers", 3, "its layers must be a valid list, not 3"),
        ("core.json", "input/pixels", None, "its input/pixels must be a valid integer, not None"),
        (
            "core.json",
            "timing/samples/interval_mean",
            1e308,
            "its timing/samples/interval_mean must",
        ),
        (
            "core.json",
            "options/layers/0/feeds/0/windows/size/0",
            0,
            "windows/size/0 must be greater",
        ),
        ("core.json", "options/layers/2/windows/planes", "2", "layers/2/windows/planes must be a"),
        ("verify.json", "layers/0/lanes", 1e30, r"its layers/0/lanes must .* integer, not 1e\+30"),
        ("verify.json", "layers/0/lanes", 4, "layer 'conv': its lanes must be 2, as core.json has"),
        (
            "verify.json",
            "layers/0/engine",
            "event",
            "layer 'conv': its engine must be parallel, as",
        ),
        ("verify.json", "layers/0/floor_cycles_mean", 1e308, "its layers/0/floor_cycles_mean must"),
        ("timeline.json", "layers/1/spans/0/2", "30", "its layers/1/spans/0/2 must be a valid int"),
        ("timeline.json", "frames/0/last_out", 10**30, "its frames/0/last_out must be less than"),
        ("example.json", "layers/0/name", "other", "its layers must be those of the core but the"),
        ("synth.json", "layers/conv/lut", 10**30, "its layers/conv/lut must be less than or equal"),
    ],
)
@pytest.mark.parametrize("words", [(), ("--json",), ("--html",)])
def test_a_wrong_value_is_told_of_every_form(
    full: Path,
    name: str,
    place: str,
    value: Any,
    message: str,
    words: tuple[str, ...],
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Where it is read, not where it is shown."""
    data = json.loads((full / name).read_text())
    *way, last = place.split("/")
    into = at(data, "".join(f"/{key}" for key in way))
    into[int(last) if isinstance(into, list) else last] = value
    (full / name).write_text(json.dumps(data))
    assert cli.main(["report", str(full), *words]) == 2
    said = capsys.readouterr().err
    assert re.search(rf"{name}: .*{message}", said), said
    assert len(said.splitlines()) == 1


@pytest.mark.parametrize(
    ("name", "field"),
    [
        ("core.json", "counters"),
        ("verify.json", "toggle_frames"),
        ("timeline.json", "simulator"),
        ("example.json", "scores"),
    ],
)
def test_an_absent_field_is_told(full: Path, name: str, field: str) -> None:
    data = json.loads((full / name).read_text())
    (full / name).write_text(json.dumps({k: v for k, v in data.items() if k != field}))
    with pytest.raises(InputError, match=rf"{name}: malformed: it lacks '{field}'$"):
        flow.report(full)


@pytest.mark.parametrize(
    ("name", "fields", "message"),
    [
        ("plan.json", {"plan": 2}, r"'plan' \(version of its format\) must be 1, not 2"),
        ("plan.json", {"network": "0" * 64}, r"is for another network than core\.json"),
        ("plan.json", {"front": [{}]}, "malformed: it lacks"),
        ("bench.json", {"format": 0}, r"'format' \(version of its format\) must be 1, not 0"),
        ("bench.json", {"rows": [3]}, "malformed: its rows/0 must be an object, not 3"),
        ("bench.json", {"networks": {}}, "must have the digest of its network 'digits'"),
        ("plan.json", {"board": 3}, "malformed: its board must be a valid string, not 3"),
        ("plan.json", {"front": []}, "malformed: its front must not be empty"),
        ("results.json", {"schema": None}, r"must be 1, not None"),
    ],
)
def test_what_lies_beside_is_checked(
    core: Path, beside: Folders, name: str, fields: dict[str, Any], message: str
) -> None:
    (path,) = (folder / name for folder in beside if (folder / name).exists())
    change(path, **fields)
    with pytest.raises(InputError, match=rf"{name}: .*{message}"):
        flow.report(core, beside=beside)


def test_a_table_of_trials_that_is_torn_is_told(core: Path, beside: Folders) -> None:
    (beside[0] / "trials.csv").write_text("number,model,plan,seed,state\n0,mlp\n")
    with pytest.raises(InputError, match=r"trials\.csv: must have as many cells in each row"):
        flow.report(core, beside=beside)


@pytest.mark.parametrize(
    ("cell", "message"),
    [
        (("4000,40.5", "many,40.5"), r"trials\.csv#0: malformed: its lut must be a valid integer"),
        (
            ("4000,40.5", "4000,-1"),
            r"trials\.csv#0: .* interval_cycles must be greater .* not '-1'",
        ),
        (("4000,40.5", "4000,nan"), r"trials\.csv#0: .* interval_cycles must be a finite number"),
        ((",network", ",other"), "its column 'network' is absent, .* again with s2nn-hw sweep$"),
    ],
)
def test_a_table_of_trials_that_is_wrong_is_told(
    core: Path, beside: Folders, cell: tuple[str, str], message: str
) -> None:
    path = beside[0] / "trials.csv"
    path.write_text(path.read_text().replace(*cell))
    with pytest.raises(InputError, match=message):
        flow.report(core, beside=beside)


@pytest.mark.parametrize("name", ["verify.json", "synth.json", "ports.wavedrom.json"])
def test_a_file_from_before_it_had_a_version_is_told(full: Path, name: str) -> None:
    data = json.loads((full / name).read_text())
    (full / name).write_text(json.dumps({k: v for k, v in data.items() if k != "schema"}))
    wanted = (
        rf"{name}: its 'schema' .* is absent, as in a file older than version 1 or .* again with"
    )
    with pytest.raises(InputError, match=wanted):
        flow.report(full)


def test_a_number_that_no_one_can_hold_is_told(full: Path) -> None:
    path = full / "verify.json"
    path.write_text(path.read_text().replace("123456.5", "1e999"))
    with pytest.raises(InputError, match=r"verify\.json: not JSON: it holds 1e999"):
        flow.report(full)


def test_what_is_of_another_core_or_network_is_said(
    core: Path, beside: Folders, capsys: pytest.CaptureFixture[str]
) -> None:
    """A plan's core may still have to be made, and many networks be compared."""
    first, second = beside
    assert flow.report(first)["notes"] == ()
    (note,) = flow.report(core, beside=beside)["notes"]
    assert note == (
        f"{first}/plan.json is for another core than core.json, and so are its figures: engine "
        "event, event, event (here parallel, event, event); lanes 4, 4, 4 (here 2, 2, 2)."
    )
    built = {"engine": ["parallel", "event", "event"], "lanes": [2, 2, 2]}
    options = json.loads((first / "plan.json").read_text())["options"] | built
    change(first / "plan.json", options=options)
    data = flow.report(core, beside=beside)
    assert data["notes"] == ()
    here = {"freq": None, "counters": False, "unroll_limit": None, "digest": data["digest"]}
    (core / "options.json").write_text(json.dumps({"schema": 1, **options, **here}))
    (note,) = flow.report(core, beside=beside)["notes"]
    assert note.endswith("its figures: freq 100.0 (here none).")

    (core / "options.json").unlink()
    change(first / "bench.json", networks={"digits": "0" * 64})
    change(second / "results.json", trials=[{"network": "1" * 64}, {"network": None}])
    trials = first / "trials.csv"
    trials.write_text(trials.read_text().replace(data["network"], "2" * 64))
    found = flow.report(core, beside=beside)["notes"]
    assert [note.partition(" is not of the network of core.json (abab")[0] for note in found] == [
        *(f"{first}/trials.csv", f"{first}/bench.json", f"{second}/results.json")
    ]
    assert [note.rpartition(" ")[2] for note in found] == [f"{n * 12}." for n in "201"]
    assert cli.main(["report", str(core), "--with", str(first)]) == 0
    assert "trials.csv is not of the" in " ".join(capsys.readouterr().out.split())


def test_a_core_that_answers_too_early_is_shown(full: Path) -> None:
    """That is what its failed verification is looked at for."""
    spread = {"min": -2, "mean": 1.5, "max": 3}
    checks = [{"name": "cycles out", "passed": False, "detail": "40 values differ"}]
    change(full / "verify.json", passed=False, latency_cycles=spread, checks=checks)
    assert flow.report(full)["figures"]["latency_min"]["value"] == -2


def test_an_empty_file_is_told(full: Path) -> None:
    (full / "timeline.json").write_text("{}")
    with pytest.raises(InputError, match=r"timeline\.json: must not be empty"):
        flow.report(full)


def test_what_a_folder_lacks_is_found_beside_it(full: Path, core: Path, shelf: Path) -> None:
    data = flow.report(core, beside=[full])
    assert data["folder"] == str(core)
    assert data["passed"] is True
    assert data["ports"] == json.loads((full / "ports.wavedrom.json").read_text())
    (full / "ports.wavedrom.json").unlink()
    assert flow.report(full)["ports"] is None
    assert flow.report(full, beside=[shelf / "full"])["ports"] == data["ports"]


def test_half_a_build_is_told(full: Path, tmp_path: Path) -> None:
    (full / "core.json").unlink()
    with pytest.raises(InputError, match=r"one emitted core .*and holds core\.v of half a build"):
        flow.report(full)
    empty = tmp_path / "empty"
    empty.mkdir()
    with pytest.raises(InputError, match=r"one emitted core .* or a plan, sweep, bench or exp"):
        flow.report(empty)
    with pytest.raises(InputError, match="absent: no such build folder"):
        flow.report(tmp_path / "absent")


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


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["{0}", "{0}", "{0}"], "report takes one folder or two, not 3"),
        (["{0}", "{0}", "--with", "{0}"], "--with is for one folder"),
        (["{0}", "-o", "page.html"], "-o names the page that --html writes"),
    ],
)
def test_options_that_make_no_sense(
    core: Path, words: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(["report", *(word.format(core) for word in words)]) == 2
    assert message in capsys.readouterr().err


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
