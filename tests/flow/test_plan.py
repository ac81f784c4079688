"""Plans: what is predicted is what is built, goals are reached or it is told what limits them."""

from __future__ import annotations

import csv
import dataclasses
import itertools
import json
import re
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest

import s2nn_hw
from rtl_gen.exploration.candidates import Candidate
from s2nn_hw import cli, flow, golden
from s2nn_hw.flow import planfile
from s2nn_hw.flow.choice import ALIKE
from s2nn_hw.flow.emit import planned as planned_core
from s2nn_hw.flow.planner import Planner
from s2nn_hw.ir import INPUT, Conv2d, Dense, FrameFormat, InputError, Layer, Network, Pool
from s2nn_hw.manifest import Manifest


def dense(seed: int = 0) -> Network:
    rng = np.random.default_rng(seed)
    made = s2nn_hw.from_arrays(
        [rng.integers(-3, 4, (16, 64)), rng.integers(-3, 4, (5, 16))],
        [rng.integers(-2, 5, 16), None],
    )
    return golden.observed(made, (rng.random((20, 64)) < 0.3).astype(np.uint8))


def maps(seed: int = 0) -> Network:
    rng = np.random.default_rng(seed)
    conv = Conv2d(source=INPUT, weights=rng.integers(-3, 4, (4, 1, 3, 3)), weight_bits=3, padding=1)
    made = Network(
        input=FrameFormat(shape=(1, 8, 8), bits=2),
        layers=(
            Layer(name="conv", projections=(conv,), thresholds=rng.integers(1, 9, 4)),
            Pool(name="pool", source="conv", kind="or", kernel=(2, 2), stride=(2, 2)),
            Layer(
                name="readout",
                projections=(
                    Dense(source="pool", weights=rng.integers(-3, 4, (3, 64)), weight_bits=3),
                ),
            ),
        ),
    )
    return golden.observed(made, rng.integers(0, 4, (8, 1, 8, 8)).astype(np.uint8))


@pytest.fixture(scope="module")
def planned(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a model and its plan."""
    home = tmp_path_factory.mktemp("plan")
    s2nn_hw.save(dense(), home / "model.s2nn")
    assert cli.main(["plan", str(home), "--board", "icebreaker", "-o", str(home / "plan")]) == 0
    return home


@pytest.mark.parametrize("board", ["ulx3s-85f", "icebreaker", "tangnano9k"])
@pytest.mark.parametrize("make", [dense, maps])
def test_the_interval_is_exactly_the_manifests(make, board: str, tmp_path: Path) -> None:
    network = make()
    result = flow.plan(network, board=board)
    flow.emit(network, tmp_path / "core", **result.options)
    manifest = Manifest.read(tmp_path / "core")
    assert manifest.timing["samples"]["interval_mean"] == result.predicted.interval_cycles
    made = {
        layer.name: (layer.engine, layer.lanes) for layer in manifest.layers if layer.weight_bits
    }
    told = {
        row["name"]: (row["engine"], row["lanes"])
        for row in result.layers
        if row["lanes"] is not None
    }
    assert made == told
    for name in ("lut", "ff", "bram"):
        total = sum(row[name] for row in result.layers)
        assert getattr(result.predicted, name) == pytest.approx(total, abs=len(result.layers))


def test_a_layer_is_folded_over_cycles() -> None:
    """Nine taps of two planes on so many inputs; an event of loaded weights over words of a row."""
    network = maps()
    planner = Planner.of(network, "icebreaker", None)
    found = dataclasses.replace(
        flow.plan(network, board="icebreaker").predicted, windows=(1, 1), lanes=(1, 1)
    )
    for lanes, fold in ((9, 2), (5, 4), (1, 18)):
        plan = dataclasses.replace(
            found, engine=("parallel", "event"), lanes=(lanes, 1), memory=("rom", "rom")
        )
        shell, conv, pool, readout, _ = (row["fold"] for row in planner.layers(plan))
        assert (shell, conv, pool, readout) == (None, fold, None, 1)
    loaded = dataclasses.replace(found, engine=("event", "event"), memory=("rom", "ram"))
    _, _, _, readout, _ = planner.layers(loaded)
    core = planned_core(network, **loaded.options, family="ice40", freq=loaded.freq)
    assert readout["fold"] == core.node("readout").fold


def test_the_choice_is_within_a_tenth_of_the_best_of_all() -> None:
    """Of all combinations of lanes and engines, whose cycles are played and clocks predicted."""
    network = dense()
    result = flow.plan(network, device="iCE40UP5K")
    planner = Planner(network, network.samples, None, "iCE40UP5K")
    points = planner.explorer.points()
    best = 0.0
    ways: dict[str, dict[object, Candidate]] = {"hidden1": {}, "readout": {}}
    for candidate in (c for point in points for c in point.chosen):
        kind = (candidate.engine, candidate.lanes, candidate.memory)
        ways[candidate.layer][kind] = candidate
    for chosen in itertools.product(*(way.values() for way in ways.values())):
        for point in {p.mhz: p for p in points}.values():
            other = type(point)(
                chosen=chosen,
                mhz=point.mhz,
                reached=point.reached,
                used=point.used,
                cycles=max(c.cycles for c in chosen),
            )
            found = planner.full(other)
            used = {n: getattr(found, n) for n in ("lut", "ff", "bram", "spram")}
            if not planner.explorer.lacking(used):
                best = max(best, found.inferences_per_second)
    assert result.predicted.inferences_per_second >= 0.9 * best


def test_goals_are_reached_with_less_area() -> None:
    network = dense()
    fast = flow.plan(network, device="LFE5U-25F-6").predicted
    half = fast.inferences_per_second / 2
    enough = flow.plan(network, device="LFE5U-25F-6", target_fps=half).predicted
    assert half <= enough.inferences_per_second
    assert enough.area < fast.area
    small = flow.plan(network, device="LFE5U-25F-6", min_area=True).predicted
    assert small.area <= enough.area
    wanted = small.latency_seconds * 0.8
    quick = flow.plan(network, device="LFE5U-25F-6", max_latency=wanted).predicted
    assert quick.latency_seconds <= wanted
    assert small.area <= quick.area <= fast.area * 1.2


def test_more_spikes_are_more_cycles() -> None:
    network = dense()
    few, many = (
        flow.plan(
            network,
            device="iCE40UP5K",
            min_area=True,
            images=(np.random.default_rng(1).random((8, 64)) < rate).astype(np.uint8),
        ).predicted
        for rate in (0.1, 0.9)
    )
    assert many.interval_cycles > 2 * few.interval_cycles


@pytest.mark.parametrize("make", [dense, maps])
def test_the_nearest_that_is_told_is_accepted(make) -> None:
    network = make()
    with pytest.raises(InputError) as told:
        flow.plan(network, device="LFE5U-25F-6", max_latency=1e-9)
    (nearest,) = re.findall(r"at least ([\d.]+) us", str(told.value))
    wanted = float(nearest) * 1e-6
    assert flow.plan(network, device="LFE5U-25F-6", max_latency=wanted).predicted
    with pytest.raises(InputError) as told:
        flow.plan(network, device="LFE5U-25F-6", target_fps=1e12)
    (nearest,) = re.findall(r"at most ([\d,]+) on", str(told.value))
    wanted = float(nearest.replace(",", ""))
    assert flow.plan(network, device="LFE5U-25F-6", target_fps=wanted).predicted


def test_no_goal_finds_a_faster_plan_than_none() -> None:
    """Layers that wait for each other: more lanes than the slowest needs, and still faster."""
    rng = np.random.default_rng(5)
    conv = Conv2d(
        source=INPUT, weights=rng.integers(-3, 4, (8, 1, 3, 3)), weight_bits=3, padding=1, groups=4
    )
    head = Dense(source="conv", weights=rng.integers(-3, 4, (5, 512)), weight_bits=3)
    network = Network(
        input=FrameFormat(shape=(4, 8, 8), bits=1),
        layers=(
            Layer(name="conv", projections=(conv,), thresholds=rng.integers(0, 5, 8)),
            Layer(name="readout", projections=(head,)),
        ),
    )
    frames = (rng.random((16, 4, 8, 8)) < 0.4).astype(np.uint8)
    fastest = flow.plan(network, device="LFE5U-25F-6", images=frames).predicted
    for latency in (3e-6, 2e-6, 1.5e-6):
        quick = flow.plan(network, device="LFE5U-25F-6", images=frames, max_latency=latency)
        assert quick.predicted.inferences_per_second <= 1.02 * fastest.inferences_per_second


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("make", [dense, maps])
def test_none_of_the_front_is_better_than_the_choice(make, seed: int) -> None:
    network, device = make(seed), "LFE5U-25F-6"
    fastest = flow.plan(network, device=device)
    rates = [p.inferences_per_second for p in fastest.front]
    alike = [p for p in fastest.front if p.inferences_per_second >= ALIKE * max(rates)]
    assert fastest.predicted.area == min(p.area for p in alike)
    wanted = max(rates) / 3
    enough = flow.plan(network, device=device, target_fps=wanted)
    reach = [p for p in enough.front if p.inferences_per_second >= wanted]
    assert enough.predicted.area == min(p.area for p in reach)
    latency = fastest.predicted.latency_seconds * 1.5
    quick = flow.plan(network, device=device, max_latency=latency)
    reach = [p for p in quick.front if p.latency_seconds <= latency]
    assert quick.predicted.area == min(p.area for p in reach)


def test_a_board_is_no_faster_than_its_shell() -> None:
    """Unrolled, the core would be made for twice the clock."""
    core = flow.plan(dense(), device="iCE40UP5K").predicted
    board = flow.plan(dense(), board="icebreaker").predicted
    assert set(core.engine) == set(board.engine) == {"unrolled"}
    assert board.fmax_mhz < core.fmax_mhz / 1.5


def test_what_is_out_of_reach_is_told_with_what_is_not() -> None:
    network = dense()
    with pytest.raises(InputError, match=r"target_fps must be at most [\d,]+ on tangnano9k, not"):
        flow.plan(network, board="tangnano9k", target_fps=1e9)
    with pytest.raises(InputError, match=r"max_latency must be at least [\d.]+ us on tangnano9k"):
        flow.plan(network, board="tangnano9k", max_latency=1e-9)
    rng = np.random.default_rng(0)
    wide = s2nn_hw.from_arrays(
        [rng.integers(-7, 8, (700, 64)), rng.integers(-7, 8, (5, 700))],
        [rng.integers(-2, 5, 700), None],
    )
    with pytest.raises(InputError) as told:
        flow.plan(wide, board="icebreaker")
    assert "does not fit icebreaker: its smallest plan needs about" in str(told.value)
    assert "ulx3s" in str(told.value) or "tangnano9k" in str(told.value)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({}, "a board or a device must be given"),
        ({"board": "icebreaker", "device": "iCE40UP5K"}, "a board or a device must be given"),
        ({"board": "icebreaker", "target_fps": 0}, "target_fps must be a number above 0, not 0"),
        ({"board": "icebreaker", "max_latency": float("nan")}, "max_latency must be a number"),
        ({"board": "icebreaker", "target_fps": 5, "min_area": True}, "one goal must be given"),
        ({"board": "nanoboard"}, "board must be one of"),
        ({"device": "XC7A100T"}, "no costs of Xilinx 7 series"),
        ({"board": "icebreaker", "images": np.zeros((0, 64), np.uint8)}, "at least one image"),
        ({"board": "icebreaker", "images": np.zeros((2, 63), np.uint8)}, "63"),
    ],
)
def test_wrong_input_is_one_sentence(options, said: str) -> None:
    with pytest.raises(InputError, match=said):
        flow.plan(dense(), **options)


def test_a_folder_holds_plan_table_and_plot(planned: Path) -> None:
    data = json.loads((planned / "plan" / "plan.json").read_text())
    assert data["digest"] == planfile.digest(data)
    assert data["predicted"] in data["front"]
    with (planned / "plan" / "front.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == len(data["front"])
    assert [float(r["inferences_per_second"]) for r in rows] == [
        p["inferences_per_second"] for p in data["front"]
    ]
    assert ElementTree.parse(planned / "plan" / "front.svg").getroot().tag.endswith("svg")


def test_what_is_printed_is_numbered_and_explained(
    planned: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Numbers are those of the plot; words that are of plans alone are told below them."""
    assert cli.main(["plan", str(planned), "--board", "icebreaker", "--min-area"]) == 0
    out = capsys.readouterr().out
    rows = re.findall(r"^(→| )  +(\d+)  (?:unrolled|event)", out, re.MULTILINE)
    assert len(rows) > 1
    assert [int(number) for _, number in rows] == list(range(1, len(rows) + 1))
    assert [mark for mark, _ in rows].count("→") == 1
    for said in (
        r"^fold: cycles that",
        r"^made for [\d.]+ MHz \(place and route is expected to reach [\d.]+\)",
        r"^event 12/6 ram: that engine, 12 lanes over 6 windows at a time",
        r"^→ is the chosen one; the others are predicted from fewer frames",
    ):
        assert re.search(said, out, re.MULTILINE)
    bare = dataclasses.replace(dense(), calibration=None, activity={})
    s2nn_hw.save(bare, tmp_path / "model.s2nn")
    assert cli.main(["plan", str(tmp_path), "--board", "icebreaker", "--min-area"]) == 0
    assert "from 32 frames of random pixels, seed 0, in" in capsys.readouterr().out


def test_help_tells_the_frames_that_are_taken(capsys: pytest.CaptureFixture[str]) -> None:
    for verb, default in (("plan", "the model's calibration frames"), ("verify", "images.npz")):
        assert cli.main([verb, "--help"]) == 0
        told = " ".join(capsys.readouterr().out.split())
        assert f"such as mnist (default: {default}" in told


def test_the_same_plan_comes_out_twice(planned: Path) -> None:
    before = json.loads((planned / "plan" / "plan.json").read_text())
    again = flow.plan(s2nn_hw.load(planned / "model.s2nn"), board="icebreaker").as_dict()
    for name in ("seconds", "digest"):
        before.pop(name), again.pop(name)
    assert json.loads(json.dumps(again)) == before


def test_emit_and_verify_take_a_plan(planned: Path, capsys: pytest.CaptureFixture[str]) -> None:
    plan = str(planned / "plan" / "plan.json")
    assert cli.main(["emit", str(planned), "--plan", plan, "-o", str(planned / "core")]) == 0
    options = json.loads((planned / "core" / "options.json").read_text())
    told = json.loads(Path(plan).read_text())["options"]
    assert {name: options[name] for name in told} == told
    out = ["--simulator", "icarus", "--frames", "6", "-o", str(planned / "verified")]
    # The folder of the plan stands for it.
    assert cli.main(["verify", str(planned), "--plan", str(planned / "plan"), *out]) == 0
    capsys.readouterr()


def test_synth_tells_the_interval_of_the_plans_frames(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A model without frames of its own: the plan was made of others."""
    rng = np.random.default_rng(1)
    weights = [rng.integers(-3, 4, (4, 30)), rng.integers(-3, 4, (3, 4))]
    s2nn_hw.save(s2nn_hw.from_arrays(weights, [np.zeros(4, int), None]), tmp_path / "model.s2nn")
    plan, out = str(tmp_path / "plan"), str(tmp_path / "out")
    words = ["--device", "iCE40UP5K", "--min-area", "-o", plan, "--json"]
    assert cli.main(["plan", str(tmp_path), *words]) == 0
    predicted = json.loads(capsys.readouterr().out)["predicted"]
    synth = ["synth", str(tmp_path), "--plan", plan, "-o", out, "--json"]
    for more, of in ([], "frames of the plan"), (["--freq", "20"], "bound"):
        cli.main([*synth, *more])
        found = json.loads(capsys.readouterr().out)
        assert found["interval_of"] == of
        assert more or found["interval_cycles"] == predicted["interval_cycles"]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ("emit {home} --plan {home}/plan/plan.json --lanes 2 -o {out}", "--lanes must be left out"),
        ("emit {home} --plan {home}/none.json -o {out}", "none.json: cannot be read"),
        ("emit {home} --plan {home}/model.s2nn -o {out}", "model.s2nn: not a plan"),
        ("emit {home} --plan {home}/changed.json -o {out}", "was changed since it was made"),
        ("emit {home} --plan {home}/older.json -o {out}", "was made with s2nn-hw 0.0.1"),
        (
            "emit {home} --plan {home}/format.json -o {out}",
            "its 'plan' (version of its format) must be 1, not 9",
        ),
        ("emit {home}/other --plan {home}/plan -o {out}", "is for another network"),
        ("synth {home} --plan {home}/plan --board ulx3s-85f -o {out}", "is for icebreaker"),
        ("verify {home} --plan {home}/plan --netlist LFE5U-25F -o {out}", "is for icebreaker, not"),
        ("synth {home} -o {out}", "--board, --device or --plan is needed"),
    ],
)
def test_a_plan_that_does_not_belong_is_refused(
    planned: Path, capsys: pytest.CaptureFixture[str], arguments: str, said: str
) -> None:
    good = json.loads((planned / "plan" / "plan.json").read_text())
    changed = {**good, "options": {**good["options"], "freq": 11.0}}
    older = {**good, "versions": {**good["versions"], "s2nn-hw": "0.0.1"}}
    (planned / "changed.json").write_text(json.dumps(changed))
    for name, plan in (("older", older), ("format", {**good, "plan": 9})):
        plan["digest"] = planfile.digest(plan)
        (planned / f"{name}.json").write_text(json.dumps(plan))
    s2nn_hw.save(dense(seed=1), planned / "other" / "model.s2nn")
    line = arguments.format(home=planned, out=planned / "refused")
    assert cli.main(line.split()) == 2
    assert said in capsys.readouterr().err
    assert not (planned / "refused").exists()


@pytest.mark.parametrize(
    ("path", "value", "said"),
    [
        (["board"], ..., "it lacks 'board'"),
        (["board"], None, "it must be for a board or a device"),
        (["predicted"], ..., "it lacks 'predicted'"),
        (["predicted", "interval_cycles"], ..., "it lacks 'interval_cycles'"),
        (["predicted", "interval_cycles"], 0, "interval_cycles must be a number above 0, not 0"),
        (["predicted", "interval_cycles"], "x", "it holds a value of the wrong kind"),
        (["options", "freq"], ..., "its options lack 'freq'"),
        (["options", "speed"], 3, "its options must not have 'speed'"),
    ],
)
def test_a_plan_that_was_put_together_by_hand_is_refused(
    planned: Path, tmp_path: Path, path: list[str], value: object, said: str
) -> None:
    """Its digest is right."""
    plan = json.loads((planned / "plan" / "plan.json").read_text())
    *above, name = path
    holder = plan[above[0]] if above else plan
    holder.pop(name, None)
    if value is not ...:
        holder[name] = value
    plan["digest"] = planfile.digest(plan)
    (tmp_path / "plan.json").write_text(json.dumps(plan))
    with pytest.raises(InputError) as told:
        planfile.read(tmp_path / "plan.json", dense())
    assert str(told.value) == f"{tmp_path / 'plan.json'}: not a plan: {said}"


@pytest.mark.parametrize("coding", ["direct", "rate"])
@pytest.mark.parametrize("frames", [1, 20])
def test_frames_are_planned_with_all_their_steps(frames: int, coding: str, tmp_path: Path) -> None:
    made = dataclasses.replace(dense(), steps=3, coding=coding, calibration=None, activity={})
    pixels = (np.random.default_rng(1).random((frames, 64)) < 0.3).astype(np.uint8)
    made = golden.observed(made, pixels)
    result = flow.plan(made, tmp_path / "plan", device="LFE5U-25F")
    found = flow.verify(made, pixels, tmp_path / "core", simulator="icarus", **result.options)
    assert found.passed
    if frames > 1:
        assert result.predicted.interval_cycles == pytest.approx(
            found.interval_cycles["mean"], rel=0.1
        )
