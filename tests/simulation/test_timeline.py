"""What layers did in a simulation: against the golden model's spikes, by hand, and bounded."""

from __future__ import annotations

import dataclasses
import json

import numpy as np
import pytest

import s2nn_hw
from s2nn_hw import flow, golden
from s2nn_hw.flow import timeline as module
from s2nn_hw.flow.emit import build
from s2nn_hw.flow.stimulus import stimulus
from s2nn_hw.flow.timeline import TIMELINE, timeline
from s2nn_hw.ir import Conv2d, Dense, FrameFormat, Layer, Network
from sim import harness, runner

#: Fixtures, of every engine, of pools, joins, loaded weights and steps.
CORES = ["small", "planes", "doubled", "maps", "summed", "loaded", "unrolled"]


def simulated(made, simulator="icarus", stall="none", **changes):
    """What was played, and what was seen of it."""
    played = made.stimulus(stall, 3)
    vectors = dataclasses.replace(played.vectors, **changes)
    simulation = made.run(vectors, simulator)
    assert [v.name for v in simulation.verdicts if not v.passed] == []
    return played, simulation.seen


def seen_timeline(made, simulator="icarus", stall="none") -> dict:
    played, seen = simulated(made, simulator, stall)
    return json.loads(timeline(made.core, played, seen, simulator))


def cycles(made, seen, layer: str, what: int) -> int:
    """Of all that were watched: to the run's end, at which every layer is at rest."""
    names = [watch.layer for watch in made.core.manifest.watches]
    doing = seen.doing[:-1, names.index(layer)] == what
    assert (seen.doing[-1] == harness.WAITS).all()
    return int(np.diff(seen.changed)[doing].sum())


def made_of(network, frames, folder, **options):
    """As the fixtures are."""
    core = build(network, top="s2nn_core", **options)
    core.write(folder)

    class Made:
        def __init__(self):
            self.network, self.core, self.folder, self.frames = network, core, folder, frames

        def stimulus(self, stall, seed):
            return stimulus(network, core, frames, stall=stall, seed=seed, progress=lambda *_: None)

        def run(self, vectors, simulator):
            return runner.simulate(folder, vectors, simulator=simulator)

    return Made()


@pytest.mark.parametrize("stall", ["none", "random", "slow-sink"])
@pytest.mark.parametrize("core", CORES)
def test_spans_fill_the_cycles(request, icarus, core, stall):
    made = request.getfixturevalue(core)
    check_form(made, seen_timeline(made, stall=stall), stall)


@pytest.mark.parametrize("engine", ["event", "unrolled"])
def test_steps(icarus, stepping, engine):
    made = stepping("rate", engine=engine)
    check_form(made, seen_timeline(made), "none")


def check_form(made, data, stall):
    manifest = made.core.manifest
    assert data.keys() == {"schema", "digest", "simulator", "cycles", "frames", "layers"}
    assert data["schema"] == 1
    assert data["digest"] == manifest.digest
    assert data["simulator"] == "icarus"
    assert [layer["name"] for layer in data["layers"]] == [e.name for e in manifest.layers]
    for layer in data["layers"]:
        end, last = 0, None
        total = dict.fromkeys(("work", "wait", "held"), 0)
        for what, start, until in layer["spans"]:
            assert start == end < until
            assert what != last
            total[what] += until - start
            end, last = until, what
        assert end == data["cycles"] == sum(total.values())
        assert layer["cycles"] == total
        assert total["work"] > 0
    frames = data["frames"]
    assert 1 <= len(frames) <= module.FRAMES
    assert [frame["frame"] for frame in frames] == list(range(len(frames)))
    assert frames[0]["first_in"] == 0
    assert frames[-1]["last_out"] + 1 == data["cycles"]
    for frame in frames:
        assert frame["first_in"] <= frame["last_in"] < frame["first_out"] <= frame["last_out"]
    # Nothing holds back the last layer but the sink.
    if stall == "none":
        assert data["layers"][-1]["cycles"]["held"] == 0
    if stall == "slow-sink":
        assert data["layers"][-1]["cycles"]["held"] > 20 * len(frames)


@pytest.mark.parametrize("bits", [1, 3])
def test_event_layers_work_a_cycle_an_event(icarus, emitted, bits):
    """With one lane: a plane's events, or of one without any its end; exactly."""
    made = emitted(30, 12, 7, 3, lanes=1, input_bits=bits, counters=False)
    played, seen = simulated(made)
    trace = golden.run(made.network, made.frames)
    planes = [made.frames >> b & 1 for b in range(bits)]
    for name, source in (
        ("hidden1", planes),
        ("hidden2", [trace.spikes["hidden1"]]),
        ("readout", [trace.spikes["hidden2"]]),
    ):
        events = np.sum([np.maximum(1, plane.sum(axis=1)) for plane in source])
        assert cycles(made, seen, name, harness.WORKS) == events, name
    assert (played.events["hidden1"] == np.bitwise_count(made.frames).sum(axis=1)).all()


@pytest.mark.parametrize("lanes", [2, 4, 7])
def test_lanes_work_together(icarus, emitted, lanes):
    """Never more cycles than events, nor fewer than all lanes would take; the more the fewer."""
    made = emitted(60, 20, 3, lanes=lanes, counters=False)
    played, seen = simulated(made)
    for entry in made.core.manifest.layers:
        events = np.maximum(1, played.events[entry.name])
        work = cycles(made, seen, entry.name, harness.WORKS)
        assert np.ceil(events / entry.lanes).sum() <= work <= events.sum()
        assert work <= 0.8 * events.sum() + len(events)


def test_words_of_a_row_are_cycles_of_work(icarus, loaded):
    played, seen = simulated(loaded)
    (hidden, _) = loaded.core.plan.layers
    assert hidden.fold == 3
    work = 3 * np.maximum(1, played.events["hidden1"]).sum()
    assert cycles(loaded, seen, "hidden1", harness.WORKS) == work


def test_pools_work_a_cycle_a_pixel(icarus, maps):
    """Those of a window that have spikes; of one without any, a cycle is left."""
    _, seen = simulated(maps)
    spikes = golden.run(maps.network, maps.frames).spikes["join"].max(axis=1)
    windows = np.lib.stride_tricks.sliding_window_view(spikes, (3, 3), axis=(1, 2))[:, ::2, ::2]
    work = np.maximum(1, windows.sum(axis=(3, 4), dtype=np.int64)).sum()
    assert cycles(maps, seen, "pool", harness.WORKS) == work


def test_unrolled_layers_work_a_cycle_a_word(icarus, unrolled):
    _, seen = simulated(unrolled)
    assert unrolled.core.manifest.input.beats == 5
    frames = len(unrolled.frames)
    assert cycles(unrolled, seen, "hidden1", harness.WORKS) == 5 * frames
    assert cycles(unrolled, seen, "readout", harness.WORKS) == frames


def windowed() -> Network:
    rng = np.random.default_rng(11)
    conv = Conv2d(source="input", weights=rng.integers(-3, 4, (4, 2, 2, 2)), weight_bits=3)
    head = Dense(source="conv", weights=rng.integers(-3, 4, (3, 4 * 12)), weight_bits=3)
    return Network(
        input=FrameFormat(shape=(2, 4, 5), bits=2),
        layers=(
            Layer(name="conv", projections=(conv,), thresholds=np.array([2, 0, 4, 1])),
            Layer(name="readout", projections=(head,)),
        ),
    )


@pytest.mark.parametrize(("engine", "lanes"), [("parallel", 3), ("unrolled", 8)])
def test_windows_are_gathered_and_added(icarus, tmp_path, engine, lanes):
    frames = np.random.default_rng(12).integers(0, 4, (6, 2, 4, 5), dtype=np.uint8)
    frames *= np.random.default_rng(13).random(frames.shape) < 0.4
    frames = frames.astype(np.uint8)
    made = made_of(windowed(), frames, tmp_path, engine=[engine, "event"], lanes=[lanes, 1])
    _, seen = simulated(made)
    pixels = (frames.max(axis=1) > 0).astype(np.int64)
    windows = np.lib.stride_tricks.sliding_window_view(pixels, (2, 2), axis=(1, 2))
    gathered = np.maximum(1, windows.sum(axis=(3, 4)))
    work = cycles(made, seen, "conv", harness.WORKS)
    if engine == "unrolled":
        assert work == gathered.sum()
        return
    (feed,) = made.core.plan.layers[0].feeds
    added = feed.steps * 2 * gathered.size
    assert feed.steps > 1
    assert added <= work <= added + gathered.sum()


def test_a_slow_layer_holds_the_one_before(icarus, tmp_path):
    rng = np.random.default_rng(5)
    network = s2nn_hw.from_arrays(
        [rng.integers(-3, 4, (60, 20)), rng.integers(-3, 4, (3, 60))], [np.full(60, -20), None]
    )
    frames = rng.integers(0, 2, (16, 20)).astype(np.uint8)
    made = made_of(network, frames, tmp_path, lanes=[8, 1])
    data = seen_timeline(made)
    hidden, readout = (layer["cycles"] for layer in data["layers"])
    assert readout["work"] > 0.8 * data["cycles"]
    assert hidden["held"] > hidden["work"] + hidden["wait"]
    assert readout["held"] == 0


@pytest.mark.parametrize("core", ["dense", "unrolled", "maps"])
def test_a_sink_that_stops_holds_every_layer(request, icarus, emitted, core):
    """Once all is full none works and every one has something, until the sink goes on."""
    dense = core == "dense"  # which takes in dozens of frames
    made = emitted(40, 9, 3, frames=99) if dense else request.getfixturevalue(core)
    vectors = made.stimulus("none", 3).vectors
    period, awake = len(vectors.ready), 200
    ready = np.arange(period) < awake
    vectors = dataclasses.replace(vectors, ready=ready, accepted=None, delivered=None)
    simulation = made.run(vectors, icarus)
    assert [v.name for v in simulation.verdicts if not v.passed] == []
    seen = simulation.seen
    end = (seen.changed[0] // period + 1) * period - 1
    at = np.searchsorted(seen.changed, end, side="right") - 1
    assert end - period < seen.changed[at] < end - 1000, "it must have come to a standstill"
    assert set(seen.doing[at].tolist()) == {harness.HELD}
    assert seen.accepted.max() > end


@pytest.mark.parametrize("core", ["small", "maps", "unrolled"])
def test_both_simulators_see_the_same(request, simulator, core):
    made = request.getfixturevalue(core)
    a, b = (seen_timeline(made, simulator(name), "random") for name in runner.SIMULATORS)
    assert {a.pop("simulator"), b.pop("simulator")} == set(runner.SIMULATORS)
    assert a == b


def test_watching_changes_nothing_else(icarus, maps):
    _, watched = simulated(maps)
    _, unwatched = simulated(maps, watch=None)
    assert len(watched.changed) > 0
    assert len(unwatched.changed) == 0
    vectors = maps.stimulus().vectors
    a, b = (maps.run(dataclasses.replace(vectors, watch=w)) for w in (vectors.watch, None))
    assert a.activity.nets == b.activity.nets


def test_the_file_is_bounded(icarus, emitted, monkeypatch):
    made = emitted(30, 12, 7, 3, lanes=1, counters=False)
    played, seen = simulated(made)
    whole = json.loads(timeline(made.core, played, seen, icarus))
    assert len(whole["frames"]) == module.FRAMES
    most = sum(len(layer["spans"]) for layer in whole["layers"])
    monkeypatch.setattr(module, "SPANS", most // 2)
    less = json.loads(timeline(made.core, played, seen, icarus))
    assert sum(len(layer["spans"]) for layer in less["layers"]) <= most // 2
    assert 1 <= len(less["frames"]) < module.FRAMES
    assert less["cycles"] == less["frames"][-1]["last_out"] + 1
    for layer, longer in zip(less["layers"], whole["layers"], strict=True):
        assert layer["spans"][:-1] == longer["spans"][: len(layer["spans"]) - 1]
    # Not even one frame: the beginning of it, and when it would be out.
    monkeypatch.setattr(module, "SPANS", 4)
    least = json.loads(timeline(made.core, played, seen, icarus))
    assert least["frames"] == whole["frames"][:1]
    assert least["cycles"] < whole["frames"][0]["last_out"]
    monkeypatch.undo()
    monkeypatch.setattr(harness, "WATCHED", 25)
    played, seen = simulated(made)
    short = json.loads(timeline(made.core, played, seen, icarus))
    assert short["cycles"] == 25
    assert seen.changed[-1] - seen.changed[0] < 25


def test_the_first_cycles_of_a_long_file_are_few_bytes():
    span = len('["work",12345,12346],')
    assert module.SPANS * span < 280_000
    assert harness.WATCHED == 20_000


def test_verify_leaves_it(icarus, tmp_path, small):
    result = flow.verify(
        small.network, small.frames, tmp_path / "a", lanes=2, simulator=icarus, counters=True
    )
    assert result.passed
    data = json.loads((tmp_path / "a" / TIMELINE).read_text())
    assert data == seen_timeline(small)
