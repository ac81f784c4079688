"""Sums over whole maps are joined with the dense layers behind them, without a change of scores."""

from __future__ import annotations

import numpy as np
import pytest

from rtl_gen.circuit import circuit
from rtl_gen.feeds import DensePlan
from rtl_gen.planner import plan
from s2nn_hw import golden
from s2nn_hw.ir import Conv2d, Dense, FrameFormat, Layer, Network, Pool


def weights(rng: np.random.Generator, *shape: int) -> np.ndarray:
    return rng.integers(-3, 4, shape).astype(np.int8)


def network(
    *, kind: str = "sum", size=(4, 5), stride=(4, 5), padding=(0, 0), channels=6, heads=("pool",)
) -> Network:
    """A convolution 3×3 of one channel, its map 4×5 pooled, a dense layer and the readout."""
    rng = np.random.default_rng(11)
    conv = Conv2d(
        source="input", weights=weights(rng, channels, 1, 3, 3), weight_bits=3, padding=(1, 1)
    )
    pool = Pool(name="pool", source="conv", kind=kind, kernel=size, stride=stride, padding=padding)
    conv1 = Layer(name="conv", projections=(conv,), thresholds=rng.integers(-1, 4, channels))
    pooled = int(np.prod(pool.output_shape((channels, 4, 5), 1)))
    inputs = {"pool": pooled, "conv": channels * 20}
    hidden = tuple(
        Dense(source=name, weights=weights(rng, 8, inputs[name]), weight_bits=3) for name in heads
    )
    last = Dense(source="hidden", weights=weights(rng, 3, 8), weight_bits=3)
    made = Network(
        input=FrameFormat(shape=(1, 4, 5)),
        layers=(
            conv1,
            pool,
            Layer(name="hidden", projections=hidden, thresholds=rng.integers(-9, 9, 8)),
            Layer(name="readout", projections=(last,)),
        ),
    )
    made.check()
    return made


def names(net: Network) -> list[str]:
    return [node.name for node in net.layers]


@pytest.mark.parametrize("heads", [("pool",), ("pool", "conv"), ("conv", "pool")])
def test_the_same_values_without_the_pool(heads):
    net = network(heads=heads)
    built = circuit(net)
    built.check()
    assert names(built) == ["conv", "hidden", "readout"]
    frames = np.random.default_rng(1).integers(0, 2, (50, 1, 4, 5), dtype=np.uint8)
    before, after = golden.run(net, frames), golden.run(built, frames)
    np.testing.assert_array_equal(before.scores, after.scores)
    for layer in ("conv", "hidden"):
        np.testing.assert_array_equal(before.spikes[layer], after.spikes[layer])
    assert circuit(built) is built


def test_what_is_known_of_the_pool_is_left_out():
    frames = np.random.default_rng(1).integers(0, 2, (5, 1, 4, 5), dtype=np.uint8)
    net = golden.observed(network(), frames)
    assert set(circuit(net).activity) == set(net.activity) - {"pool"} == {"conv", "hidden"}
    circuit(net).check()


@pytest.mark.parametrize(
    "options",
    [
        {"kind": "or"},
        {"size": (2, 5), "stride": (2, 5)},
        # One window, but not of all pixels.
        {"size": (4, 4)},
        # Nine inputs a window may make more spikes than there are events to make them.
        {"channels": 10},
    ],
)
def test_other_pools_stay(options):
    net = network(**options)
    assert circuit(net) is net


def test_a_window_wider_than_the_map_is_all_of_it():
    net = network(size=(6, 7), stride=(6, 7), padding=(1, 1))
    assert names(circuit(net)) == ["conv", "hidden", "readout"]


def test_pools_of_the_input_or_before_a_convolution_stay():
    rng = np.random.default_rng(2)
    whole = {"kind": "sum", "kernel": (4, 5), "stride": (4, 5)}
    head = Layer(
        name="readout",
        projections=(Dense(source="last", weights=weights(rng, 3, 2), weight_bits=3),),
    )
    of_input = (Pool(name="last", source="input", **whole), head)
    conv = Conv2d(source="input", weights=weights(rng, 2, 2, 3, 3), weight_bits=3, padding=(1, 1))
    point = Conv2d(source="pool", weights=weights(rng, 2, 2, 1, 1), weight_bits=3)
    before_conv = (
        Layer(name="conv", projections=(conv,), thresholds=np.zeros(2, np.int64)),
        Pool(name="pool", source="conv", **whole),
        Layer(name="last", projections=(point,), thresholds=np.zeros(2, np.int64)),
        head,
    )
    for layers in (of_input, before_conv):
        net = Network(input=FrameFormat(shape=(2, 4, 5)), layers=layers)
        net.check()
        assert circuit(net) is net


@pytest.mark.parametrize("lanes", [1, 2, 3])
def test_weights_are_stored_once(lanes):
    chosen = plan(network(), lanes=lanes)
    (feed,) = chosen.node("hidden").feeds
    assert isinstance(feed, DensePlan)
    assert feed.repeats
    assert (feed.source, feed.words, feed.positions, feed.planes) == ("conv", 20, 6, 1)
    rows = np.concatenate([feed.rows(bank) for bank in feed.banks])
    # Channel c of the first pixel is input c * 20.
    assert sorted(rows.tolist()) == [0, 20, 40, 60, 80, 100]
    of_pool, of_conv = plan(network(heads=("pool", "conv"))).node("hidden").feeds
    assert of_pool.repeats
    assert not of_conv.repeats
