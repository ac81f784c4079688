"""Proof in simulation: right cores pass on both simulators, every wrong expectation is told."""

from __future__ import annotations

import dataclasses
import importlib
import itertools
import json

import numpy as np
import pytest

import s2nn_hw
from s2nn_hw import cli, flow, golden
from s2nn_hw.flow.emit import build
from s2nn_hw.ir import InputError, ToolError
from s2nn_hw.manifest import Manifest
from sim import runner, simulators, stall

#: The issue's list, of which none may be missing.
FIELDS = {
    "frames",
    "mismatches",
    "layers",
    "latency_cycles",
    "interval_cycles",
    "interval_floor_mean",
    "interval_predicted_mean",
    "toggles_per_frame",
    "accuracy",
    "frames_per_second",
    "simulator",
    "versions",
    "digest",
}
LAYER_FIELDS = {
    "name",
    "engine",
    "lanes",
    "events_mean",
    "floor_cycles_mean",
    "toggles_per_frame",
}

#: Sizes, bits a pixel, bits a weight, lanes.
SHAPES = {
    "no hidden layer": ((30, 5), 1, 4, 4),
    "one neuron a layer": ((12, 1, 1), 1, 3, 2),
    "one input": ((1, 3, 2), 1, 4, 1),
    "all ones": ((1, 1), 1, 1, 1),
    "ten layers": ((20, *[7] * 9, 4), 1, 2, 3),
    "eight-bit pixels": ((17, 6, 3), 8, 3, 3),
    "two-bit pixels, ternary": ((50, 11, 5), 2, 2, 4),
    "binary weights": ((33, 10, 4), 1, 1, 5),
    "eight-bit weights, eight lanes": ((45, 13, 6), 1, 8, 8),
    "results of several beats": ((20, 6, 75), 1, 4, 2),
}


#: Family, inputs, lanes; rows in block RAM of each memory of the first layer, and behind them.
FITTED = {
    "a memory a lane": ("ice40", 784, 3, [(256, 6), (256, 5), (256, 5)]),
    "whole blocks and a few rows": ("ice40", 784, 1, [(768, 16)]),
    "two reads": ("ecp5", 1030, 2, [(1024, 6)]),
    "few rows in all": ("gowin", 12, 1, [(12, 0)]),
}


def failed(verdicts) -> list[str]:
    return [verdict.name for verdict in verdicts if not verdict.passed]


def verify(made, out, **options):
    """flow.verify of a core made by ``emitted``."""
    return flow.verify(
        made.network, made.frames, out, **{"lanes": 2, "simulator": "icarus", **options}
    )


#: Sizes or a convolution, bits a pixel, bits a weight, memory, family.
LOADED = {
    "several words a row": ((50, 40, 10), 1, 4, ("ram", "rom"), "ice40"),
    "all layers": ((30, 20, 7), 1, 3, "ram", None),
    "a word a row": ((20, 9, 4), 2, 4, "ram", "ecp5"),
    "more rows than words": ((90, 33, 5), 1, 1, ("ram", "ram"), "ice40"),
    "a convolution": (None, 2, 3, ("ram", "rom"), "ice40"),
}


def convolution() -> s2nn_hw.ir.Network:
    rng = np.random.default_rng(8)
    conv = s2nn_hw.ir.Conv2d(
        source="input", weights=rng.integers(-3, 4, (24, 2, 3, 3)), weight_bits=3, padding=1
    )
    dense = s2nn_hw.ir.Dense(source="a", weights=rng.integers(-3, 4, (3, 480)), weight_bits=3)
    return s2nn_hw.ir.Network(
        input=s2nn_hw.ir.FrameFormat(shape=(2, 5, 4), bits=2),
        layers=(
            s2nn_hw.ir.Layer(name="a", projections=(conv,), thresholds=np.arange(24) - 12),
            s2nn_hw.ir.Layer(name="readout", projections=(dense,)),
        ),
    )


@pytest.mark.parametrize("stall", ["none", "random"])
@pytest.mark.parametrize("simulator", ["verilator", "icarus"])
@pytest.mark.parametrize("case", LOADED)
def test_weights_that_are_loaded(case, simulator, stall, tmp_path):
    """Over their port, before the first frame; from there on cycles are as predicted."""
    sizes, bits, weight_bits, memory, family = LOADED[case]
    rng = np.random.default_rng(9)
    if sizes is None:
        network = convolution()
    else:
        limit = max(1, 2 ** (weight_bits - 1) - 1)
        weights = [rng.integers(-limit, limit + 1, (n, m)) for m, n in itertools.pairwise(sizes)]
        if weight_bits == 1:
            weights = [np.where(w < 0, -1, 1) for w in weights]
        network = s2nn_hw.from_arrays(weights, [np.zeros(sizes[1], int), None], bits, weight_bits)
    images = rng.integers(0, 2**bits, (9, *network.input.shape)) * (
        rng.random((9, *network.input.shape)) < 0.4
    )
    result = flow.verify(
        network, images, tmp_path, memory=memory, family=family, simulator=simulator, stall=stall
    )
    assert result.passed, failed(result.checks)
    manifest = Manifest.read(tmp_path)
    assert manifest.load is not None
    assert (tmp_path / manifest.load.file).is_file()
    # Nothing of them is in what is synthesised.
    loaded = [m for layer in manifest.layers for m in layer.memories if m.file is None]
    assert len(loaded) == (2 if memory in ("ram", ("ram", "ram")) else 1)


@pytest.mark.parametrize("simulator", ["verilator", "icarus"])
@pytest.mark.parametrize("case", FITTED)
def test_weights_fitted_to_a_family(case, simulator, tmp_path):
    """Every row is read, those behind the blocks too, and cycles are as predicted."""
    family, inputs, lanes, parts = FITTED[case]
    rng = np.random.default_rng(5)
    network = s2nn_hw.from_arrays(
        [rng.choice([-1, 1], (6, inputs)), rng.choice([-1, 1], (3, 6))], [np.zeros(6, int), None]
    )
    images = (rng.random((8, inputs)) < 0.4).astype(np.uint8)
    images[0] = 1
    result = flow.verify(
        network, images, tmp_path, lanes=(lanes, 1), family=family, simulator=simulator
    )
    assert result.passed, failed(result.checks)
    verilog = (tmp_path / "s2nn_core.v").read_text()
    hidden = Manifest.read(tmp_path).layers[0]
    for memory, (rows, rest) in zip(hidden.memories, parts, strict=True):
        assert memory.rows == rows + rest
        assert len((tmp_path / memory.file).read_text().split()) == rows
        assert verilog.count(f"rest [0:{rest - 1}];") >= (rest > 0)


@pytest.mark.parametrize("simulator", ["verilator", "icarus"])
@pytest.mark.parametrize("lanes", [1, 3, 4])
def test_memories_deeper_than_a_block_ram(lanes, simulator, tmp_path):
    """In pieces, a cycle later; shallow ones beside them wait as long."""
    rng = np.random.default_rng(7)
    network = s2nn_hw.from_arrays(
        [rng.integers(-7, 8, (10, 4400)), rng.integers(-3, 4, (3, 10))], [np.arange(10) - 5, None]
    )
    images = (rng.random((6, 4400)) < 0.2).astype(np.uint8)
    images[0] = 1
    result = flow.verify(
        network, images, tmp_path, lanes=(lanes, 1), family="ecp5", simulator=simulator
    )
    assert result.passed, failed(result.checks)
    hidden = Manifest.read(tmp_path).layers[0]
    assert len(hidden.memories) > lanes
    stored = sum(memory.rows * memory.row_bits for memory in hidden.memories)
    assert stored >= network.layers[0].projections[0].weights.size * 4


@pytest.mark.parametrize("stall", ["none", "slow-sink"])
@pytest.mark.parametrize("simulator", ["verilator", "icarus"])
def test_frames_that_wait_before_a_short_queue(simulator, stall, tmp_path):
    """What was seen had few spikes, what comes has many: the readout is late, as predicted."""
    rng = np.random.default_rng(6)
    weights = [rng.integers(0, 4, (90, 60)), rng.integers(-3, 4, (4, 90))]
    network = s2nn_hw.from_arrays(weights, [np.full(90, 45), None])
    network = golden.observed(network, (rng.random((6, 60)) < 0.3).astype(np.uint8))
    core = build(network, lanes=(1, 1), family="ice40")
    feed = core.plan.layers[-1].feeds[0]
    assert feed.queue < feed.words
    images = (rng.random((12, 60)) < np.resize([0.2, 0.9, 0.9], (12, 1))).astype(np.uint8)
    result = flow.verify(
        network, images, tmp_path, lanes=1, family="ice40", simulator=simulator, stall=stall
    )
    assert result.passed, failed(result.checks)
    hidden, readout = result.layers
    assert readout.events_mean > hidden.events_mean


@pytest.mark.parametrize("shape", SHAPES)
def test_shapes(tmp_path, icarus, emitted, shape):
    sizes, input_bits, weight_bits, lanes = SHAPES[shape]
    made = emitted(*sizes, input_bits=input_bits, weight_bits=weight_bits, lanes=lanes)
    if shape == "results of several beats":
        assert made.core.manifest.output.bits > 512
        assert made.core.manifest.output.beats == 2
    result = verify(made, tmp_path / "out", stall="random", lanes=lanes, counters=True)
    assert result.passed, result.checks
    assert result.mismatches == 0
    assert len(result.layers) == len(sizes) - 1


def test_rows_of_zeros(tmp_path, icarus):
    rng = np.random.default_rng(2)
    weights = [rng.integers(-3, 4, (8, 30)), np.zeros((3, 8), np.int64)]
    weights[0][[0, 3]] = 0
    weights[0][:, 10:20] = 0
    network = s2nn_hw.from_arrays(weights, [np.array([0, 1, 2, 1, 0, -1, 3, 0]), None])
    frames = rng.integers(0, 2, (8, 30)).astype(np.uint8)
    result = flow.verify(network, frames, tmp_path / "out", simulator="icarus", lanes=3)
    assert result.passed, result.checks


@pytest.mark.parametrize("pattern", sorted(stall.PATTERNS))
@pytest.mark.parametrize("core", ["small", "planes"])
def test_every_stall_pattern(request, icarus, core, pattern):
    made = request.getfixturevalue(core)
    simulation = made.run(made.stimulus(pattern, 4).vectors)
    assert failed(simulation.verdicts) == []
    assert {v.name for v in simulation.verdicts} >= {"cycles in", "cycles out", "spikes hidden1"}


@pytest.mark.parametrize("pattern", ["none", "random"])
@pytest.mark.parametrize("core", ["small", "planes"])
def test_both_simulators_to_the_toggle(request, simulator, core, pattern):
    made = request.getfixturevalue(core)
    vectors = made.stimulus(pattern, 7).vectors
    a, b = (made.run(vectors, simulator(name)) for name in runner.SIMULATORS)
    assert failed(a.verdicts) == failed(b.verdicts) == []
    assert a.activity.nets == b.activity.nets
    assert a.activity.module("") > 0
    assert a.seen.counters == b.seen.counters
    assert a.seen.results == b.seen.results
    np.testing.assert_array_equal(a.seen.delivered, b.seen.delivered)


def test_fields(tmp_path, each, small):
    labels = s2nn_hw.golden.run(small.network, small.frames).classes.copy()
    labels[:6] = (labels[:6] + 1) % 3
    out = tmp_path / "out"
    result = verify(small, out, simulator=each, labels=labels, counters=True)
    data = result.as_dict()
    assert data["passed"]
    assert data.keys() >= FIELDS
    assert json.loads((out / "verify.json").read_text()) == json.loads(json.dumps(data))
    n = len(small.frames)
    assert data["frames"] == n
    assert data["mismatches"] == 0
    assert data["accuracy"] == pytest.approx((n - 6) / n)
    assert data["simulator"] == each
    assert data["versions"][each]
    assert data["digest"] == small.core.manifest.digest == Manifest.read(out).digest
    latency = data["latency_cycles"]
    assert 0 < latency["min"] <= latency["mean"] <= latency["max"] <= data["latency_bound"]
    assert data["interval_cycles"]["mean"] == data["interval_predicted_mean"]
    assert data["interval_floor_mean"] > 0
    assert [layer["name"] for layer in data["layers"]] == ["hidden1", "readout"]
    assert sum(layer["toggles_per_frame"] for layer in data["layers"]) < data["toggles_per_frame"]
    for layer in data["layers"]:
        assert layer.keys() >= LAYER_FIELDS
        assert layer["engine"] == "event"
        assert layer["lanes"] == 2
        assert layer["toggles_per_frame"] > 0
    assert data["layers"][0]["events_mean"] == small.frames.sum(axis=1).mean()
    assert data["counters"].keys() == {
        "count_cycles",
        "count_hidden1_events",
        "count_readout_events",
    }


def test_a_single_frame(tmp_path, icarus, small):
    result = verify(small, tmp_path / "out", frames=1)
    assert result.passed
    assert result.frames == 1
    assert result.accuracy is None
    assert result.interval_cycles == {"mean": None}
    assert result["latency_cycles"]["min"] == result["latency_cycles"]["max"]


def test_the_verilator_model_serves_again(tmp_path, simulator, small):
    simulator("verilator")
    verify(small, tmp_path / "a", simulator="verilator", counters=True)
    again = verify(small, tmp_path / "b", simulator="verilator", counters=True)
    assert again.seconds["build"] == 0.0
    # Weights are files: others of the same width are no reason to build.
    layer = small.network.layers[-1]
    (projection,) = layer.projections
    turned = dataclasses.replace(projection, weights=projection.weights[:, ::-1].copy())
    network = dataclasses.replace(
        small.network,
        layers=(*small.network.layers[:-1], dataclasses.replace(layer, projections=(turned,))),
    )
    other = flow.verify(
        network, small.frames, tmp_path / "c", lanes=2, simulator="verilator", counters=True
    )
    assert other.passed
    assert other.digest != again.digest
    same = (tmp_path / "b/s2nn_core.v").read_text() == (tmp_path / "c/s2nn_core.v").read_text()
    assert (other.seconds["build"] == 0.0) == same


# What is wrong with the vectors or the files is told before anything runs.


def test_vectors_of_another_core_are_refused(each, small, planes):
    with pytest.raises(InputError, match="vectors are for another build"):
        small.run(planes.stimulus().vectors, each)


def test_no_frames_are_refused(each, small, tmp_path):
    vectors = small.stimulus().vectors
    none = dataclasses.replace(vectors, scores=vectors.scores[:0], classes=vectors.classes[:0])
    with pytest.raises(InputError, match="at least one frame, not none"):
        small.run(none, each)
    with pytest.raises(InputError):
        flow.verify(small.network, small.frames[:0], tmp_path / "out", simulator=each)
    with pytest.raises(InputError, match="frames must be 1…24, not 0"):
        verify(small, tmp_path / "out", simulator=each, frames=0)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("suffix", ["v", "hex"])
def test_a_changed_file_is_refused(tmp_path, each, small, suffix):
    small.core.write(tmp_path)
    changed = sorted(tmp_path.glob(f"*.{suffix}"))[0]
    changed.write_text(changed.read_text().replace("0", "1", 1))
    with pytest.raises(InputError, match=f"{changed.name}: was changed since it was emitted"):
        runner.simulate(tmp_path, small.stimulus().vectors, simulator=each)


def test_unknown_names_are_refused(tmp_path, small):
    with pytest.raises(InputError, match="simulator must be one of verilator, icarus, not 'vcs'"):
        verify(small, tmp_path / "out", simulator="vcs")
    with pytest.raises(InputError, match="stall must be one of none, random"):
        verify(small, tmp_path / "out", stall="sometimes")
    assert not (tmp_path / "out").exists()


# One wrong expectation fails one check.


def changed(array: np.ndarray, index, delta: int) -> np.ndarray:
    copy = array.copy()
    copy[index] += delta
    return copy


WRONG = {
    "spikes hidden1": lambda v: {
        "spikes": {"hidden1": v.spikes["hidden1"] ^ _one(v.spikes["hidden1"].shape, (5, 3))}
    },
    "scores": lambda v: {"scores": changed(v.scores, (7, 1), 1)},
    "classes": lambda v: {"classes": changed(v.classes, 2, 1)},
    "cycles in": lambda v: {"accepted": changed(v.accepted, -1, 1)},
    "cycles out": lambda v: {"delivered": changed(v.delivered, 0, -1)},
    "frame_error": lambda v: {"errors": (1, 0)},
}


def _one(shape, index) -> np.ndarray:
    array = np.zeros(shape, np.uint8)
    array[index] = 1
    return array


@pytest.mark.parametrize("check", WRONG)
def test_a_wrong_expectation_fails_its_check_alone(icarus, small, check):
    vectors = small.stimulus("random", 2).vectors
    wrong = dataclasses.replace(vectors, **WRONG[check](vectors))
    simulation = small.run(wrong)
    assert failed(simulation.verdicts) == [check]
    assert sum(verdict.mismatches for verdict in simulation.verdicts) == 1


def test_results_that_are_missing_or_left_over_fail(icarus, small):
    vectors = small.stimulus().vectors
    fewer = dataclasses.replace(
        vectors,
        scores=vectors.scores[:-1],
        classes=vectors.classes[:-1],
        spikes={name: spikes[:-1] for name, spikes in vectors.spikes.items()},
        delivered=vectors.delivered[:-1],
    )
    assert set(failed(small.run(fewer).verdicts)) >= {"frames", "scores", "classes", "cycles out"}
    more = dataclasses.replace(
        vectors,
        scores=np.concatenate([vectors.scores, vectors.scores[:1]]),
        classes=np.concatenate([vectors.classes, vectors.classes[:1]]),
        timeout=300,
    )
    assert set(failed(small.run(more).verdicts)) >= {"alive", "frames", "scores", "classes"}


def test_a_failed_check_is_in_the_result_and_the_exit_status(
    tmp_path, icarus, small, monkeypatch, capsys
):
    module = importlib.import_module("s2nn_hw.flow.verify")
    play = module.stimulus

    def wrong(*arguments, **options):
        played = play(*arguments, **options)
        scores = changed(played.vectors.scores, (0, 0), 1)
        vectors = dataclasses.replace(played.vectors, scores=scores)
        return dataclasses.replace(played, vectors=vectors)

    monkeypatch.setattr(module, "stimulus", wrong)
    s2nn_hw.save(small.network, tmp_path / "model.s2nn")
    np.save(tmp_path / "frames.npy", small.frames)
    out = tmp_path / "out"
    words = f"verify {tmp_path / 'model.s2nn'} --images {tmp_path / 'frames.npy'} -o {out}"
    status = cli.main([*words.split(), "--simulator", "icarus", "--json"])
    assert status == 1
    data = json.loads(capsys.readouterr().out)
    assert data["passed"] is False
    assert data["mismatches"] == 1
    assert [check["name"] for check in data["checks"] if not check["passed"]] == ["scores"]


# Simulators that die or a core that does not answer end the run.


def test_a_core_without_a_sink_is_dead(each, small):
    vectors = small.stimulus().vectors
    ready = np.zeros_like(vectors.ready)
    simulation = small.run(dataclasses.replace(vectors, ready=ready, timeout=200), each)
    assert simulation.seen.timed_out
    assert set(failed(simulation.verdicts)) >= {"alive", "frames", "scores", "classes"}
    assert simulation.seen.accepted.max() < 1000
    assert simulation.activity is None


def test_a_dead_core_is_a_failed_result_without_toggles(tmp_path, icarus, small, monkeypatch):
    module = importlib.import_module("s2nn_hw.flow.verify")
    play = module.stimulus

    def blocked(*arguments, **options):
        played = play(*arguments, **options)
        ready = np.zeros_like(played.vectors.ready)
        vectors = dataclasses.replace(played.vectors, ready=ready, timeout=200)
        return dataclasses.replace(played, vectors=vectors)

    monkeypatch.setattr(module, "stimulus", blocked)
    result = verify(small, tmp_path / "out")
    assert not result.passed
    assert result.toggles_per_frame is None
    assert [layer.toggles_per_frame for layer in result.layers] == [None, None]
    assert result.latency_cycles == {"min": None, "mean": None, "max": None}
    # Nothing to look at of a core that does something else.
    left = {path.name for path in (tmp_path / "out").glob("*.json")}
    assert left == {"s2nn_core.json", "options.json", "verify.json"}


def test_a_simulator_that_ends_early_is_a_tool_error(each, small, monkeypatch):
    play = runner._Model.play

    def ended(*arguments, dump, stop=None):
        play(*arguments, dump=dump, stop=0)

    monkeypatch.setattr(runner._Model, "play", ended)
    with pytest.raises(ToolError, match="the bench gave no verdict"):
        small.run(small.stimulus().vectors, each)


def test_a_simulator_that_is_killed_is_a_tool_error(icarus, small, monkeypatch):
    monkeypatch.setattr(
        simulators.Icarus, "_test_command", lambda self: [["sh", "-c", "kill -9 $$"]]
    )
    with pytest.raises(ToolError, match="the bench gave no verdict"):
        small.run(small.stimulus().vectors)


def test_an_absent_simulator_is_told(small, tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(InputError, match="icarus: iverilog and vvp must be installed"):
        verify(small, tmp_path / "out")
    with pytest.raises(InputError, match=r"verilator: g\+\+, make, ar, perl, python3 must be"):
        verify(small, tmp_path / "out", simulator="verilator")
