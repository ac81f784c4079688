"""A network in training is refused where the integer network would be, before it is trained."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from s2nn_hw.ir import FrameFormat, InputError
from s2nn_hw.lowering import lower
from s2nn_hw.nn import Conv2d, Dense, Pool, Readout, SpikingLayer, SpikingNetwork

FRAME = FrameFormat(shape=(1, 8, 8), bits=1, cuts=(128,))


def conv(channels=1, source=None, **options):
    return SpikingLayer([Conv2d(channels, 2, 3, padding=1, source=source, **options)])


def readout(inputs=128, source=None):
    return Readout([Dense(inputs, 3, source=source)])


@pytest.mark.parametrize(
    ("layers", "message"),
    [
        ({}, "a network must have at least one layer, not none"),
        ({"a": conv(), "b": conv(source="input"), "c": readout()}, "layer 'a': nothing reads it"),
        (
            {"a": conv(), "b": Pool("sum", 2), "c": Pool("or", 2), "d": readout(8)},
            "layer 'c': max-pooling must be of spikes, but 'b' has values up to 4",
        ),
        (
            {"a": conv(), "b": Readout([Conv2d(2, 3, 3)])},
            "layer 'b': the last layer must be dense, the readout",
        ),
        ({"a": conv()}, "layer 'a': the last layer of a network, and no other, must be a Readout"),
        ({"a": readout(64), "b": readout(3)}, "layer 'a': the last layer of a network, and no"),
        ({"input": conv(), "b": readout()}, "layer 'input': the name is taken"),
        ({"a.b": conv(), "b": readout()}, "layer 'a.b': a name must be a letter and then letters"),
        ({3: conv(), "b": readout()}, "layer 3: a name must be a letter"),
        ({"keys": conv(), "b": readout()}, "layer 'keys': the name is taken by torch's ModuleDict"),
        (
            {"a": conv(source="z"), "b": readout()},
            "layer 'a': source must be 'input' or an earlier layer, not 'z'",
        ),
        (
            {"a": conv(source="b"), "b": readout()},
            "layer 'a': is part of a cycle, a → b → a; a network has none",
        ),
        (
            {"a": SpikingLayer([Conv2d(1, 2, 3, padding=1, dilation=2)]), "b": readout()},
            r"layer 'a': dilation must be 1, not \(2, 2\)",
        ),
        (
            {"a": conv(3), "b": readout()},
            "layer 'a': weights must have 1 channels a group as 'input' has, not 3",
        ),
        (
            {"a": conv(), "b": readout(127)},
            "layer 'b': weights must have 128 inputs as 'a' has, not 127",
        ),
        (
            {"a": SpikingLayer([Dense(64, 9)]), "b": conv(9), "c": readout()},
            r"layer 'b': a convolution must have a source C×H×W, but 'a' has shape \(9,\)",
        ),
        (
            {"a": conv(), "b": SpikingLayer([Conv2d(2, 2, 3), Conv2d(2, 2, 1)]), "c": readout()},
            r"layer 'b': every projection must give the shape \(2, 6, 6\), not \(2, 8, 8\)",
        ),
        ({"a": conv(), "b": nn.Flatten(), "c": readout()}, "layer 'b': must be a SpikingLayer, Po"),
    ],
)
def test_what_cannot_be_lowered_is_refused(layers, message):
    with pytest.raises(InputError, match=f"^{message}"):
        SpikingNetwork(FRAME, layers)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: SpikingLayer([]), "a layer: must have at least one projection, not none"),
        (lambda: SpikingLayer([nn.Linear(3, 2)]), "a layer: unsupported projection Linear"),
        (lambda: Conv2d(0, 2, 3), "channels of a convolution must be 1 or more, not 0"),
        (lambda: Conv2d(2, 2.5, 3), "neurons of a convolution must be an integer, not 2.5"),
        (lambda: Conv2d(2, 2, 3, groups=0), "groups of a convolution must be 1 or more, not 0"),
        (lambda: Dense(0, 3), "inputs of a dense projection must be 1 or more, not 0"),
        (lambda: Dense(3, True), "neurons of a dense projection must be an integer, not True"),
    ],
)
def test_layers_that_cannot_be_are_refused(make, message):
    with pytest.raises(InputError, match=f"^{message}$"):
        make()


def test_the_skeleton_has_the_shapes_of_what_is_lowered():
    layers = {
        "a": conv(),
        "b": Pool("sum", 2),
        "c": SpikingLayer([Conv2d(2, 2, 3, padding=1), Conv2d.identity(2, source="b")]),
        "d": readout(32),
    }
    net = SpikingNetwork(FRAME, layers)
    network, skeleton = lower(net), net.skeleton()
    for node, bone in zip(network.layers, skeleton.layers, strict=True):
        assert node.name == bone.name
        assert network.shape(node.name) == skeleton.shape(node.name)
        assert network.bits(node.name) == skeleton.bits(node.name)


def test_numbers_may_be_numpys():
    torch.manual_seed(0)
    one, three = np.int64(1), np.int64(3)
    layer = SpikingLayer([Conv2d(one, three, three, padding=one, weight_bits=np.int64(4))])
    net = SpikingNetwork(
        FRAME, {"a": layer, "b": Pool("or", np.array([2, 2])), "c": Readout([Dense(48, three)])}
    )
    assert lower(net).classes == 3
