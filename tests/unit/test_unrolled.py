"""The unrolled engine: every circuit computes its matrix, and cores of them keep their cycles."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

import s2nn_hw
from rtl_gen import timing
from rtl_gen.fabric import Fabric
from rtl_gen.network import Core
from rtl_gen.planner import plan
from rtl_gen.unrolled.circuit import Circuit, circuit, estimate
from rtl_gen.unrolled.decision import Part, decide
from rtl_gen.unrolled.pairs import ROOM, pairs
from rtl_gen.unrolled.proof import holds
from rtl_gen.unrolled.tables import FALSE, TRUE, Tables, signal
from s2nn_hw.ir import Conv2d, Dense, FrameFormat, InputError, Layer, Network


def values(made: Circuit, inputs: np.ndarray) -> np.ndarray:
    """Its outputs, (n, outputs), for bits (n, inputs)."""
    mask = (1 << len(inputs)) - 1
    known = {0: 0} | {1 + k: _packed(column) for k, column in enumerate(inputs.T)}

    def bits(literal: int) -> list[int]:
        value = made.tables.evaluate(known, signal(literal), mask) ^ (mask if literal & 1 else 0)
        return [value >> n & 1 for n in range(len(inputs))]

    return np.array([bits(literal) for literal in made.outputs]).T


def _packed(column: np.ndarray) -> int:
    return sum(int(bit) << n for n, bit in enumerate(column))


def check(weights: np.ndarray, thresholds: list[int] | None, width: int, inputs: np.ndarray):
    made = circuit(weights, thresholds, width)
    assert all(len(table.inputs) <= width for table in made.tables.tables)
    assert all(holds(made.tables, identity) for identity in made.identities)
    found, sums = values(made, inputs), inputs.astype(np.int64) @ weights.T
    if thresholds is not None:
        np.testing.assert_array_equal(found, sums >= np.array(thresholds))
        return made
    at = 0
    for j, own in enumerate(made.sums):
        bits = found[:, at : at + len(own.outputs)]
        at += len(own.outputs)
        places = 1 << np.arange(len(own.outputs))
        places[-1] *= -1
        np.testing.assert_array_equal(bits @ places, sums[:, j])
    return made


@pytest.mark.parametrize("width", [4, 6])
@pytest.mark.parametrize("fires", [True, False], ids=["spikes", "scores"])
def test_small_matrices_for_all_inputs(width: int, fires: bool) -> None:
    rng = np.random.default_rng(width + fires)
    for _ in range(250):
        neurons, size, limit = rng.integers(1, 6), rng.integers(1, 8), 2 ** rng.integers(0, 4)
        weights = rng.integers(-limit, limit + 1, (neurons, size))
        low, high = np.minimum(weights, 0).sum(axis=1), np.maximum(weights, 0).sum(axis=1)
        thresholds = rng.integers(low - 1, high + 3).tolist() if fires else None
        inputs = np.array(list(itertools.product([0, 1], repeat=int(size))))
        check(weights, thresholds, width, inputs)


@pytest.mark.parametrize("width", [4, 6])
@pytest.mark.parametrize(
    ("neurons", "size", "limit", "zeros"),
    [(40, 64, 1, 0.5), (60, 200, 1, 0.8), (12, 40, 7, 0.0), (5, 33, 127, 0.3)],
    ids=["ternary", "sparse", "four-bit", "eight-bit"],
)
def test_large_matrices_for_random_inputs(neurons, size, limit, zeros, width) -> None:
    rng = np.random.default_rng(neurons)
    weights = rng.integers(-limit, limit + 1, (neurons, size))
    weights[rng.random(weights.shape) < zeros] = 0
    inputs = (rng.random((300, size)) < rng.random((300, 1))).astype(int)
    thresholds = rng.integers(-3 * limit, 4 * limit, neurons).tolist()
    made = check(weights, thresholds, width, inputs)
    check(weights, None, width, inputs)
    # Neurons share: all together take fewer cells than each by itself.
    alone = [circuit(weights[j : j + 1], thresholds[j : j + 1], width) for j in range(neurons)]
    assert made.cells < sum(one.cells for one in alone)
    assert made.cells <= estimate(weights, width)


def test_neurons_that_are_alike_or_constant_take_nothing_more() -> None:
    rng = np.random.default_rng(2)
    row = rng.integers(-3, 4, (1, 30))
    one = circuit(row, [4], 4)
    same = circuit(np.repeat(row, 3, axis=0), [4, 4, 4], 4)
    assert len(same.tables.live(same.outputs)) == len(one.tables.live(one.outputs))
    assert len(set(same.outputs)) == 1
    # Σ w x >= θ where -Σ w x <= -θ: the complement of a neuron is no more than an inverter.
    both = circuit(np.concatenate([row, -row]), [4, -3], 4)
    assert len(both.tables.live(both.outputs)) == len(one.tables.live(one.outputs))
    low, high = int(np.minimum(row, 0).sum()), int(np.maximum(row, 0).sum())
    edges = circuit(np.repeat(row, 2, axis=0), [low, high + 1], 4)
    assert edges.outputs == (TRUE, FALSE)


@pytest.mark.parametrize("inputs", range(1, 5))
def test_a_neuron_of_few_inputs_is_one_table(inputs: int) -> None:
    rng = np.random.default_rng(inputs)
    for _ in range(50):
        weights = rng.integers(-7, 8, (1, inputs))
        made = circuit(weights, [int(rng.integers(-6, 7))], 4)
        assert len(made.tables.live(made.outputs)) <= 1


def dense(rng: np.random.Generator, source: str, neurons: int, inputs: int) -> Dense:
    weights = rng.integers(-3, 4, (neurons, inputs)).astype(np.int8)
    return Dense(source=source, weights=weights, weight_bits=3)


def chain(
    rng: np.random.Generator, *, bits: int, classes: int = 4, joined: bool = False
) -> Network:
    """Two layers in a row, and a readout of the second, or of both."""
    heads = [dense(rng, "b", classes, 7)]
    if joined:
        heads.append(dense(rng, "a", classes, 9))
    hidden = [
        Layer(
            name=name,
            projections=(dense(rng, source, neurons, inputs),),
            thresholds=rng.integers(-4, 6, neurons),
        )
        for name, source, neurons, inputs in (("a", "input", 9, 30), ("b", "a", 7, 9))
    ]
    return Network(
        input=FrameFormat(shape=(30,), bits=bits),
        layers=(*hidden, Layer(name="readout", projections=tuple(heads), thresholds=None)),
    )


def network(rng: np.random.Generator, *, bits: int, classes: int = 4) -> Network:
    """That joins both."""
    return chain(rng, bits=bits, classes=classes, joined=True)


def maps(rng: np.random.Generator, *, bits: int, classes: int = 4) -> Network:
    """A grouped convolution, and a dense layer that reads its map."""
    weights = rng.integers(-3, 4, (4, 1, 2, 2)).astype(np.int8)
    convolution = Conv2d(source="input", weights=weights, weight_bits=3, groups=2)
    return Network(
        input=FrameFormat(shape=(2, 4, 4), bits=bits),
        layers=(
            Layer(name="a", projections=(convolution,), thresholds=rng.integers(-2, 6, 4)),
            Layer(name="readout", projections=(dense(rng, "a", classes, 36),), thresholds=None),
        ),
    )


def stalling(rng: np.random.Generator, frames: int, chosen) -> timing.Source:
    return timing.Source(
        waits=rng.integers(0, 3, (frames, chosen.input.beats)) * rng.integers(0, 2),
        alone=np.zeros(frames, dtype=np.bool_),
        settle=0,
        ready=np.concatenate([rng.random(60) < rng.random(), [True]]),
    )


@pytest.mark.parametrize("stalled", [False, True], ids=["free", "stalled"])
@pytest.mark.parametrize("engine", ["unrolled", "event-last", "event-first"])
@pytest.mark.parametrize(
    ("lanes", "bits", "classes", "tables"), [(None, 1, 4, 2), (None, 2, 1, 2), (11, 2, 4, 1)]
)
@pytest.mark.parametrize("kind", [network, chain, maps])
def test_scores_and_cycles(drive, kind, lanes, bits, classes, tables, engine, stalled) -> None:
    rng = np.random.default_rng(bits + classes)
    made = kind(rng, bits=bits, classes=classes)
    made.check()
    count = len(made.weighted)
    engines = {
        "unrolled": "unrolled",
        "event-last": ["unrolled"] * (count - 1) + ["event"],
        "event-first": ["event"] + ["unrolled"] * (count - 1),
    }[engine]
    chosen = plan(made, lanes=lanes, engine=engines, fabric=Fabric(tables=tables))
    frames = rng.integers(0, 2**bits, (12, *made.input.shape)).astype(np.uint8)
    frames[3] = 0
    source = stalling(rng, 12, chosen) if stalled else timing.steady(12, chosen)
    run = drive(Core(made, chosen), frames, source)
    _, scores = chosen.output.unpack([data for _, _, data in run.delivered])
    trace = s2nn_hw.golden.run(made, frames)
    np.testing.assert_array_equal(scores, trace.scores)
    predicted = timing.schedule(chosen, {"input": frames, **trace.spikes, **trace.pools}, source)
    assert [cycle for cycle, _, _ in run.delivered] == predicted.delivered.reshape(-1).tolist()
    assert run.accepted == predicted.accepted.reshape(-1).tolist()


def test_a_frame_a_cycle_while_the_beat_is_wide_enough() -> None:
    made = chain(np.random.default_rng(0), bits=1)
    chosen = plan(made, engine="unrolled")
    assert (chosen.input.beats, chosen.input.tdata_bits) == (1, 32)
    assert timing.bounds(chosen)[1] == 1
    narrow = plan(made, engine="unrolled", lanes=8)
    assert (narrow.input.beats, narrow.input.tdata_bits) == (4, 8)
    assert timing.bounds(narrow)[1] == 4


def test_malformed_frames_leave_nothing(drive) -> None:
    rng = np.random.default_rng(1)
    made = chain(rng, bits=2)
    chosen = plan(made, engine="unrolled", lanes=8)
    beats = chosen.input.beats
    assert beats > 2
    frames = rng.integers(0, 4, (4, 30)).astype(np.uint8)
    whole = [k == beats - 1 for k in range(beats)]
    early = [k == 1 for k in range(2)]
    late = [False] * beats + [True]
    run = drive(
        Core(made, chosen),
        frames,
        timing.steady(4, chosen),
        lasts=[whole, early, late, whole],
        good=[True, False, False, True],
    )
    _, scores = chosen.output.unpack([data for _, _, data in run.delivered])
    np.testing.assert_array_equal(scores, s2nn_hw.golden.run(made, frames[[0, 3]]).scores)
    assert run.error == 3


def test_a_layer_that_is_too_large_is_refused_with_its_size() -> None:
    made = chain(np.random.default_rng(0), bits=1)
    size = estimate(made.weighted[0].projections[0].weights.astype(np.int64), 4)
    with pytest.raises(InputError, match=rf"layer 'a': unrolled .* about {size} look-up tables"):
        plan(made, engine="unrolled", unroll_limit=size - 1)
    assert plan(made, engine="unrolled", unroll_limit=size).layers


def test_tables_are_as_wide_as_the_fabric_has_them() -> None:
    made = chain(np.random.default_rng(0), bits=1)
    stages = [
        [node.stages for node in plan(made, engine="unrolled", fabric=fabric).layers]
        for fabric in (Fabric(tables=1), Fabric(tables=1, table=6), Fabric(tables=100))
    ]
    assert all(four > six for four, six in zip(stages[0], stages[1], strict=True))
    assert stages[2] == [1, 1, 1]


@pytest.mark.parametrize(
    ("engine", "lanes", "words"),
    [
        (["unrolled", "event"], [7, 1], r"layer 'a': lanes must be 8 \(all that it can, as"),
        (["event", "unrolled"], [1, 3], r"layer 'readout': lanes must be 4 \(all that it can, as"),
    ],
)
def test_lanes_that_a_map_does_not_allow(engine, lanes, words) -> None:
    made = maps(np.random.default_rng(0), bits=1)
    with pytest.raises(InputError, match=words):
        plan(made, engine=engine, lanes=lanes)


def test_tables_that_share_a_cell() -> None:
    rng = np.random.default_rng(3)
    weights = rng.integers(-1, 2, (12, 40))
    made = circuit(weights, [0] * 12, 6)
    tables, live = made.tables, made.tables.live(made.outputs)
    found = pairs(tables, live)
    both = [s for pair in found for s in pair]
    assert found
    assert len(both) == len(set(both))
    assert set(both) <= live
    assert made.cells == len(live) - len(found)
    for a, b in found:
        assert len({*tables.table(a).inputs, *tables.table(b).inputs}) <= ROOM
        assert tables.levels[a] == tables.levels[b]


@pytest.mark.parametrize("width", [4, 6])
@pytest.mark.parametrize("size", range(2, 10))
def test_decisions_for_all_inputs(width: int, size: int) -> None:
    rng = np.random.default_rng(size)
    inputs = np.array(list(itertools.product([0, 1], repeat=size)))
    found = 0
    for limit in (1, 1, 2, 5):
        weights = rng.integers(1, limit + 1, size) * rng.choice([-1, 1], size)
        least = int(rng.integers(np.minimum(weights, 0).sum(), np.maximum(weights, 0).sum() + 2))
        tables = Tables(size, width)
        parts = [Part((tables.input(i),), (0, int(w))) for i, w in enumerate(weights)]
        decided = decide(tables, parts, least)
        if decided is not None:
            known = {0: 0} | {1 + k: _packed(column) for k, column in enumerate(inputs.T)}
            mask = (1 << len(inputs)) - 1
            value = tables.evaluate(known, signal(decided), mask) ^ (mask if decided & 1 else 0)
            assert value == _packed(inputs @ weights >= least)
            found += 1
    assert found > 0


@pytest.mark.parametrize(("width", "size", "most"), [(4, 6, 3), (4, 7, 5), (6, 8, 3), (6, 9, 4)])
def test_a_decision_takes_few_tables(width: int, size: int, most: int) -> None:
    for least in range(1, size + 1):
        tables = Tables(size, width)
        parts = [Part((tables.input(i),), (0, 1)) for i in range(size)]
        decided = decide(tables, parts, least)
        assert decided is not None
        assert len(tables.live([decided])) <= most
