"""Convolutions, pools and graphs in the integer network: shapes, files, and what is refused."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

import s2nn_hw
from s2nn_hw.ir import INPUT, Conv2d, Dense, FrameFormat, InputError, Layer, Network, Pool, Window


def conv(neurons=4, channels=2, kernel=(3, 3), source=INPUT, **options) -> Conv2d:
    weights = np.ones((neurons, channels, *kernel), np.int8)
    return Conv2d(source=source, weights=weights, weight_bits=2, **options)


def layer(name, *projections) -> Layer:
    return Layer(
        name=name, projections=projections, thresholds=np.ones(projections[0].neurons, int)
    )


def dense(inputs, source) -> Layer:
    weights = np.ones((3, inputs), np.int8)
    return Layer(
        name="readout", projections=(Dense(source=source, weights=weights, weight_bits=2),)
    )


def pool(name="p", source="a", kind="or", size=2, **options) -> Pool:
    options = {"stride": (size, size), **options}
    return Pool(name=name, source=source, kind=kind, kernel=(size, size), **options)


def network(*layers, shape=(2, 8, 6), bits=1) -> Network:
    return Network(input=FrameFormat(shape=shape, bits=bits), layers=layers)


def residual() -> Network:
    """A strided block with a weighted identity, a sum of its map, and a dense head."""
    return network(
        layer("a", conv(padding=(1, 1))),
        layer("b", conv(4, 4, source="a", padding=(1, 1), stride=(2, 1))),
        layer(
            "c",
            conv(4, 4, source="b", padding=(1, 1)),
            conv(4, 1, (1, 1), source="a", stride=(2, 1), groups=4),
        ),
        pool(source="c", kind="sum", size=4, padding=(0, 1), stride=(1, 2)),
        dense(12, "p"),
    )


def test_shapes_and_values_of_a_graph():
    made = residual()
    made.check()
    assert made.shape("a") == (4, 8, 6)
    assert made.shape("b") == made.shape("c") == (4, 4, 6)
    assert made.shape("p") == (4, 1, 3)
    assert made.shape("readout") == (3,)
    assert (made.maximum("p"), made.bits("p"), made.bits("c")) == (16, 5, 1)
    assert made.readers("a") == ("b", "c")
    low, high = made.potential_range(made.node("c"))
    assert high.tolist() == [37] * 4
    assert low.tolist() == [0] * 4


def test_the_file_brings_it_back(tmp_path):
    made = residual()
    s2nn_hw.save(made, tmp_path / "m.s2nn")
    found = s2nn_hw.load(tmp_path / "m.s2nn")
    assert found.digest() == made.digest()
    assert found.node("p") == made.node("p")
    again = found.node("c").projections[1]
    assert (again.stride, again.groups, again.padding) == ((2, 1), 4, (0, 0))


def test_the_digest_knows_every_number_of_a_window():
    digests = set()
    for options in ({}, {"padding": (1, 1)}, {"stride": (2, 2), "padding": (1, 1)}):
        size = int(np.prod(conv(**options).output_shape((2, 8, 6), "a")))
        digests.add(network(layer("a", conv(**options)), dense(size, "a")).digest())
    assert len(digests) == 3


@pytest.mark.parametrize("stride", [(1, 1), (2, 1), (3, 2)])
@pytest.mark.parametrize(
    ("kernel", "padding"), [((3, 3), (1, 1)), ((2, 5), (0, 4)), ((1, 1), (0, 0))]
)
def test_windows_see_what_they_say(kernel, padding, stride):
    """Against zero padding by numpy."""
    size = (7, 6)
    numbers = np.arange(1, 43).reshape(size)
    padded = np.pad(numbers, [(p, p) for p in padding])
    window = Window(kernel=kernel, stride=stride, padding=padding)
    height, width = window.output(size, "w")
    expected = [
        padded[y * stride[0] :, x * stride[1] :][: kernel[0], : kernel[1]].reshape(-1) - 1
        for y in range(height)
        for x in range(width)
    ]
    np.testing.assert_array_equal(window.pixels(size), expected)


WRONG = {
    "kernel too large": (
        [layer("a", conv(kernel=(7, 7)))],
        r"layer 'a': the kernel \(7, 7\) must fit into the padded map \(8, 6\)",
    ),
    "kernel above seven": (
        [layer("a", conv(kernel=(8, 1)))],
        "the kernel must be two integers of 1…7",
    ),
    "padding": ([layer("a", conv(padding=(3, 0)))], "padding must be less than the kernel"),
    "stride": ([layer("a", conv(stride=(0, 1)))], "the stride must be two integers of 1…32768"),
    "padding of truth": (
        [layer("a", conv(padding=True))],
        "layer 'a': the padding must be two integers of 0 or more, not True",
    ),
    "a stray node": ([layer("a", conv()), "b"], "layer 1: must be a Layer or Pool, not str"),
    "a stray projection": ([layer("a", conv(), 3)], "layer 'a': a projection must be a Dense or "),
    "a lone projection": (
        [Layer(name="a", projections=conv(), thresholds=[0])],
        "layer 'a': projections must be a tuple of Dense and Conv2d, not Conv2d",
    ),
    "stride of text": (
        [layer("a", conv(stride="2"))],
        "the stride must be two integers of 1…32768",
    ),
    "channels": (
        [layer("a", conv(channels=3))],
        "weights must have 2 channels a group as 'input' has, not 3",
    ),
    "groups of neurons": (
        [layer("a", conv(channels=1, neurons=3, groups=2))],
        "groups must divide the 3 neurons, not 2",
    ),
    "groups of channels": (
        [layer("a", conv(channels=1, neurons=3, groups=3))],
        "groups must divide the 2 channels of 'input', not 3",
    ),
    "a flat source": (
        [
            layer("a", Dense(source=INPUT, weights=np.ones((4, 96), np.int8), weight_bits=2)),
            layer("b", conv(source="a")),
        ],
        r"layer 'b': a convolution must have a source C×H×W, but 'a' has shape \(4,\)",
    ),
    "a pool of a flat source": (
        [layer("a", Dense(source=INPUT, weights=np.ones((4, 96), np.int8), weight_bits=2)), pool()],
        "layer 'p': a pool must have a source C×H×W",
    ),
    "shapes of a join": (
        [layer("a", conv(), conv(kernel=(1, 1)))],
        r"layer 'a': every projection must give the shape \(4, 6, 4\), not \(4, 8, 6\)",
    ),
    "an or of sums": (
        [layer("a", conv()), pool(kind="sum"), pool("q", "p")],
        "layer 'q': max-pooling must be of spikes, but 'p' has values up to 4",
    ),
    "a pool of another kind": ([layer("a", conv()), pool(kind="max")], "must be one of or, sum"),
    "a cycle": (
        [layer("a", conv(4, 4, source="b")), layer("b", conv(4, 4, source="a"))],
        "layer 'a': is part of a cycle, a → b → a; a network has none",
    ),
    "a dilation": (
        [layer("a", conv(dilation=2)), dense(96, "a")],
        r"layer 'a': dilation must be 1, not \(2, 2\)",
    ),
    "another order": (
        [layer("b", conv(4, 4, source="a")), layer("a", conv())],
        "layer 'b': its source 'a' must come earlier; layers are in the order of evaluation",
    ),
    "a pool too large": (
        [layer("a", conv()), pool(size=33)],
        "layer 'p': the kernel of a pool must have at most 1,024 pixels, not 1,089",
    ),
    "no source": ([layer("a", conv(source="z"))], "source must be 'input' or an earlier layer"),
    "a dangling branch": (
        [layer("a", conv()), layer("b", conv()), dense(96, "b")],
        "layer 'a': nothing reads it; every branch must reach the readout",
    ),
    "a map at the end": (
        [Layer(name="a", projections=(conv(),))],
        "layer 'a': the last layer must be dense",
    ),
    "a pool at the end": ([layer("a", conv()), pool()], "layer 'p': the last layer must be dense"),
    "a dense size": (
        [layer("a", conv()), dense(95, "a")],
        "layer 'readout': weights must have 96 inputs as 'a' has, not 95",
    ),
}


@pytest.mark.parametrize("case", WRONG)
def test_what_is_wrong_is_named(case):
    layers, message = WRONG[case]
    with pytest.raises(InputError, match=message):
        network(*layers).check()


def test_nothing_is_written_of_a_wrong_network(tmp_path):
    made = network(layer("a", conv(kernel=(7, 7))), dense(4, "a"))
    with pytest.raises(InputError, match="layer 'a'"):
        s2nn_hw.flow.emit(made, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_sums_beyond_sixteen_bits_are_refused():
    made = network(
        pool("p", INPUT, "sum", 8, stride=(1, 1)),
        pool("q", "p", "sum", 8, stride=(1, 1)),
        dense(1, "q"),
        shape=(1, 15, 15),
        bits=8,
    )
    with pytest.raises(InputError, match="layer 'q': sums must fit 16 bits, not 20"):
        made.check()
    dataclasses.replace(made, input=FrameFormat(shape=(1, 15, 15), bits=4)).check()


def test_numbers_as_python_and_numpy_give_them():
    """Lists, numpy integers, arrays of any integers, one number for both ways: the same network."""

    def made(weights, thresholds, width, **window):
        net = Network(
            input=FrameFormat(shape=[1, 4, 4], bits=np.uint8(1)),
            layers=(
                Layer(
                    name="a",
                    projections=[
                        Conv2d(source=INPUT, weights=weights, weight_bits=width, **window)
                    ],
                    thresholds=thresholds,
                ),
                pool(source="a", size=2),
                dense(2 * 1 * 1, "p"),
            ),
        )
        net.check()
        return net.digest()

    weights = np.array([[[[1, 1], [1, -1]]], [[[0, 1], [1, -1]]]], np.int8)
    plain = made(weights, np.array([1, 2]), 2, stride=(1, 1), padding=(0, 0))
    assert plain == made(weights.tolist(), [1, 2], 2, stride=1)
    assert plain == made(
        weights.astype(np.uint8).astype(np.int64) - 256 * (weights < 0),
        np.array([1, 2], np.uint8),
        np.int16(2),
        stride=np.int64(1),
        padding=[0, np.int32(0)],
        groups=np.int8(1),
    )


@pytest.mark.parametrize(
    ("thresholds", "message"),
    [
        (
            np.array([1, 2**63], np.uint64),
            "layer 'a': thresholds must fit 64 bits each, not 922337",
        ),
        ([1, [2]], "layer 'a': thresholds must be 2 integers"),
        ([1.5, 2.0], "layer 'a': thresholds must be 2 integers, not float64"),
        ([1, 2, 3], r"layer 'a': thresholds must be 2 integers, not int64 of shape \(3,\)"),
        ([1, -(2**70)], f"layer 'a': thresholds must fit 64 bits each, not -{2**70}"),
        ([1, None], "layer 'a': thresholds must be 2 integers, not object"),
    ],
)
def test_thresholds_that_are_none(thresholds, message):
    first = Layer(
        name="a",
        projections=(Dense(source=INPUT, weights=[[1, 0], [0, 1]], weight_bits=2),),
        thresholds=thresholds,
    )
    net = Network(input=FrameFormat(shape=(2,)), layers=(first, dense(2, "a")))
    with pytest.raises(InputError, match=message):
        net.check()


def test_a_weight_that_no_array_holds():
    huge = Dense(source=INPUT, weights=[[1, -(2**70)]], weight_bits=2)
    with pytest.raises(InputError, match=rf"layer 'a': .* not -{2**70} \(neuron 0, input 1\)"):
        huge.check("a")


def test_weights_whose_rows_are_uneven():
    uneven = Dense(source=INPUT, weights=[[1, 0], [1]], weight_bits=2)
    with pytest.raises(InputError, match="layer 'a': weights must be an array, whose rows"):
        uneven.check("a")
