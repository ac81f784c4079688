"""Whole cores in Amaranth's simulator: golden results, predicted cycles, malformed frames."""

from __future__ import annotations

import dataclasses
import itertools

import numpy as np
import pytest

import s2nn_hw
from rtl_gen import timing
from rtl_gen.network import Core
from rtl_gen.planner import plan
from s2nn_hw.flow.emit import values
from s2nn_hw.ir import Conv2d, Dense, FrameFormat, Layer, Network, Pool

FRAMES = 16


def random_network(rng, sizes, weight_bits, input_bits):
    limit = max(1, 2 ** (weight_bits - 1) - 1)
    weights = [
        rng.choice([-1, 1], (n, m)) if weight_bits == 1 else rng.integers(-limit, limit + 1, (n, m))
        for m, n in itertools.pairwise(sizes)
    ]
    thresholds = [rng.integers(-5, 6, n) for n in sizes[1:-1]]
    return s2nn_hw.from_arrays(weights, [*thresholds, None], input_bits, weight_bits)


def random_frames(rng, network, count=FRAMES):
    density = rng.choice([0.02, 0.2, 0.5, 1.0])
    shape = (count, network.input.size)
    pixels = rng.integers(0, network.input.maximum, shape, endpoint=True)
    return (pixels * (rng.random(shape) < density)).astype(np.uint8)


@pytest.mark.parametrize("seed", range(24))
def test_random_network_is_exact_in_value_and_cycle(seed, drive, stalling):
    rng = np.random.default_rng(seed)
    sizes = rng.integers(1, 60, rng.integers(2, 5)).tolist()
    network = random_network(rng, sizes, int(rng.integers(1, 9)), int(rng.choice([1, 1, 2, 3, 8])))
    lanes = [int(rng.integers(1, min(9, n) + 1)) for n in sizes[:-1]]
    chosen = plan(network, lanes=lanes)
    frames = random_frames(rng, network)
    source = stalling(rng, chosen, len(frames), float(rng.choice([0, 0.3, 0.7])))
    run = drive(Core(network, chosen), frames, source)

    trace = s2nn_hw.golden.run(network, frames)
    classes, scores = chosen.output.unpack([data for _, _, data in run.delivered])
    case = f"seed {seed}: {sizes}, lanes {lanes}"
    np.testing.assert_array_equal(scores, trace.scores, case)
    np.testing.assert_array_equal(classes, trace.classes, case)
    lasts = np.array([last for _, last, _ in run.delivered]).reshape(len(frames), -1)
    assert (lasts[:, -1] == 1).all(), case
    assert (lasts[:, :-1] == 0).all(), case
    assert run.error == 0

    predicted = timing.schedule(chosen, values(network, frames, trace), source)
    np.testing.assert_array_equal(run.accepted, predicted.accepted.reshape(-1), case)
    np.testing.assert_array_equal(
        [cycle for cycle, _, _ in run.delivered], predicted.delivered.reshape(-1), case
    )

    # Alone, no frame takes longer than the bound.
    quiet = dataclasses.replace(
        timing.steady(len(frames), chosen), alone=np.ones(len(frames), bool), settle=5
    )
    latencies = timing.schedule(chosen, values(network, frames, trace), quiet).latencies
    assert latencies.max() <= timing.bounds(chosen)[0], case


@pytest.mark.parametrize("value", [0, 1])
def test_uniform_frames(value, drive):
    rng = np.random.default_rng(7)
    network = random_network(rng, [40, 9, 3], 4, 1)
    chosen = plan(network, lanes=4)
    frames = np.full((8, 40), value, np.uint8)
    run = drive(Core(network, chosen), frames, timing.steady(8, chosen))
    _, scores = chosen.output.unpack([data for _, _, data in run.delivered])
    np.testing.assert_array_equal(scores, s2nn_hw.golden.run(network, frames).scores)


def test_latency_bound_is_reached_by_a_full_frame(drive):
    rng = np.random.default_rng(3)
    weights = [rng.integers(-7, 8, (12, 64)), rng.integers(-7, 8, (5, 12))]
    network = s2nn_hw.from_arrays(weights, [np.full(12, -(10**6)), None], weight_bits=4)
    chosen = plan(network, lanes=2)
    frames = np.ones((1, 64), np.uint8)
    run = drive(Core(network, chosen), frames, timing.steady(1, chosen))
    latency, _ = timing.bounds(chosen)
    assert run.delivered[-1][0] - run.accepted[0] == latency


@pytest.mark.parametrize("input_bits", [1, 3])
@pytest.mark.parametrize("fault", ["early", "late", "very late"])
def test_malformed_frame_is_dropped_and_its_neighbours_are_not(fault, input_bits, drive):
    rng = np.random.default_rng(5)
    network = random_network(rng, [70, 12, 4], 3, input_bits)
    chosen = plan(network, lanes=2)
    beats = chosen.input.beats
    assert beats > 2
    frames = random_frames(rng, network, 6)
    whole = [k == beats - 1 for k in range(beats)]
    bad = {
        "early": [False, True],
        "late": [False] * beats + [True],
        "very late": [False] * (3 * beats + 1) + [True],
    }[fault]
    lasts = [whole, bad, whole, whole, bad, whole]
    good = [row is whole for row in lasts]
    source = timing.Source(
        waits=np.zeros((6, beats), np.int64),
        alone=np.zeros(6, bool),
        settle=0,
        ready=np.array([True, False, True]),
    )
    run = drive(Core(network, chosen), frames, source, lasts=lasts, good=good)
    _, scores = chosen.output.unpack([data for _, _, data in run.delivered])
    np.testing.assert_array_equal(scores, s2nn_hw.golden.run(network, frames).scores[good])
    assert run.error == (1 if fault == "early" else 2)


@pytest.mark.parametrize("edge", ["always", "never", "far beyond"])
def test_thresholds_at_the_extremes(edge, drive):
    rng = np.random.default_rng(11)
    weights = [rng.integers(-3, 4, (6, 20)), rng.integers(-3, 4, (3, 6))]
    low = np.minimum(weights[0], 0).sum(axis=1)
    high = np.maximum(weights[0], 0).sum(axis=1)
    theta = {"always": low, "never": high + 1, "far beyond": np.full(6, 2**60)}[edge]
    network = s2nn_hw.from_arrays(weights, [theta, None])
    chosen = plan(network, lanes=3)
    frames = rng.integers(0, 2, (8, 20)).astype(np.uint8)
    run = drive(Core(network, chosen), frames, timing.steady(8, chosen))
    _, scores = chosen.output.unpack([data for _, _, data in run.delivered])
    expected = weights[1].sum(axis=1) if edge == "always" else np.zeros(3)
    np.testing.assert_array_equal(scores, np.tile(expected, (8, 1)))


def test_scores_of_a_readout_that_joins_pixels_and_spikes(drive):
    """The accumulators are wider than the scores: found by a reader with a reference of his own."""

    def dense(source, rows, bits):
        return Dense(source=source, weights=np.array(rows, np.int8), weight_bits=bits)

    network = Network(
        input=FrameFormat(shape=(2,), bits=3),
        layers=(
            Layer(name="w", projections=(dense("input", [[1, 1]], 1),), thresholds=np.array([8])),
            Layer(
                name="readout",
                projections=(
                    dense("input", [[1, 1], [1, 1]], 1),
                    dense("w", [[31], [1]], 6),
                ),
                thresholds=None,
            ),
        ),
    )
    network.check()
    chosen = plan(network, lanes=1)
    frames = np.array([[7, 3], [1, 2], [0, 0], [7, 7]], np.uint8)
    run = drive(Core(network, chosen), frames, timing.steady(len(frames), chosen))
    _, scores = chosen.output.unpack([data for _, _, data in run.delivered])
    np.testing.assert_array_equal(scores, s2nn_hw.golden.run(network, frames).scores)


@pytest.mark.parametrize("seed", range(8))
def test_wide_pixels_in_parts_are_exact_in_value_and_cycle(seed, drive, stalling):
    """A dense layer that is long at work takes a map's pixels in narrow words."""
    rng = np.random.default_rng(seed)
    channels = int(rng.choice([34, 64, 80, 136]))
    kind, lanes = ("or", "sum")[seed % 2], 1 + seed // 2 % 2
    conv = Conv2d(
        source="input",
        weights=rng.integers(-3, 4, (channels, 1, 3, 3)).astype(np.int8),
        weight_bits=3,
        padding=(1, 1),
    )
    size = channels * 6
    dense = Dense(
        source="pool",
        weights=rng.integers(-7, 8, (5, size)).astype(np.int8),
        weight_bits=4,
    )
    network = Network(
        input=FrameFormat(shape=(1, 4, 6), bits=1),
        layers=(
            Layer(name="conv", projections=(conv,), thresholds=rng.integers(-4, 2, channels)),
            Pool(name="pool", source="conv", kind=kind, kernel=(2, 2), stride=(2, 2)),
            Layer(name="readout", projections=(dense,), thresholds=None),
        ),
    )
    network.check()
    frames = random_frames(rng, network, 6).reshape(-1, 1, 4, 6)
    trace = s2nn_hw.golden.run(network, frames)
    sampled = values(network, frames, trace)
    chosen = plan(network, lanes=[1, lanes], samples=sampled)
    (feed,) = chosen.layers[-1].feeds
    assert feed.positions * feed.parts == channels > 32 >= feed.positions
    source = stalling(rng, chosen, len(frames), float(rng.choice([0, 0.3, 0.7])))
    run = drive(Core(network, chosen), frames, source)
    _, scores = chosen.output.unpack([data for _, _, data in run.delivered])
    np.testing.assert_array_equal(scores, trace.scores)
    predicted = timing.schedule(chosen, sampled, source)
    np.testing.assert_array_equal(run.accepted, predicted.accepted.reshape(-1))
    np.testing.assert_array_equal(
        [cycle for cycle, _, _ in run.delivered], predicted.delivered.reshape(-1)
    )
    # Without samples nothing is known of the work.
    assert plan(network, lanes=1).layers[-1].feeds[0].parts == 1
