"""What report refuses or says of files that are wrong, foreign or torn."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path
from typing import Any

import pytest

from s2nn_hw import cli, flow
from s2nn_hw.ir import InputError

Folders = tuple[Path, ...]


#: That went through the core alone.
FRAME = {"frame": 0, "first_in": 0, "last_in": 15, "first_out": 180, "last_out": 180}


def change(path: Path, **fields: Any) -> None:
    path.write_text(json.dumps({**json.loads(path.read_text()), **fields}))


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
    into = data
    for key in way:
        into = into[int(key)] if isinstance(into, list) else into[key]
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


def test_a_folder_beside_it_that_adds_nothing_is_told(
    full: Path, core: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(["report", str(core), "--with", str(tmp_path)]) == 2
    assert f"{tmp_path}: has nothing that is looked for" in capsys.readouterr().err
    again = shutil.copytree(full, tmp_path / "again")
    (note,) = flow.report(full, beside=[again])["notes"]
    assert note == f"{again} has nothing that the folders before it lack, {full} the first."


def test_a_port_for_weights_is_checked(core: Path) -> None:
    change(core / "core.json", load=3)
    with pytest.raises(InputError, match=r"core\.json: malformed: its load must be an object"):
        flow.report(core)


def test_what_is_no_folder_or_cannot_be_read_is_told(full: Path) -> None:
    with pytest.raises(InputError, match=r"verify\.json: must be a folder"):
        flow.report(full / "verify.json")
    (full / "plan.json").symlink_to(full / "nowhere")
    with pytest.raises(InputError, match=r"plan\.json: cannot be read: No such file"):
        flow.report(full)
