"""Whole modules lowered: layer by layer equal to torch, and refusals by name."""

import numpy as np
import pytest
import torch
from torch import nn

import s2nn_hw
from s2nn_hw import golden
from s2nn_hw.flow.agree import agree
from s2nn_hw.ir import FrameFormat, InputError
from s2nn_hw.lowering import lower
from s2nn_hw.nn import Dense, Mlp, Neuron, Readout, SpikingLayer, SpikingNetwork


def disturbed(seed, hidden, weight_bits, input_bits, inputs=13, **options):
    """An MLP whose every number is random, gains of both signs and none among them."""
    torch.manual_seed(seed)
    net = Mlp(
        FrameFormat(shape=(inputs,), bits=input_bits), hidden, 4, weight_bits=weight_bits, **options
    )
    with torch.no_grad():
        for layer in net.layers.values():
            layer.scale = layer.scale * (torch.rand_like(layer.scale) + 0.5)
            if isinstance(layer, SpikingLayer) and layer.norm is not None:
                layer.norm.weight.normal_()
                layer.norm.weight[0] = 0.0
                layer.norm.bias.normal_()
                layer.norm.running_mean.normal_()
                layer.norm.running_var.uniform_(0.1, 4.0)
    frames = np.random.default_rng(seed).integers(0, 2**input_bits, (200, inputs), dtype=np.uint8)
    return net.eval(), frames


@pytest.mark.parametrize("weight_bits", [1, 2, 3, 4, 5, 6, 7, 8])
@pytest.mark.parametrize("hidden", [(), (9,), (7, 1, 5)])
@pytest.mark.parametrize("input_bits", [1, 3, 8])
def test_golden_equals_torch(weight_bits, hidden, input_bits):
    net, frames = disturbed(weight_bits, hidden, weight_bits, input_bits)
    network = lower(net)
    assert [layer.name for layer in network.layers] == [
        *(f"hidden{k + 1}" for k in range(len(hidden))),
        "readout",
    ]
    assert all(p.weight_bits == weight_bits for y in network.layers for p in y.projections)
    agree(net, network, frames)


@pytest.mark.parametrize("strict", [False, True])
def test_ties_are_decided_alike(strict):
    """Numbers that are small powers of two: nearly every frame meets some threshold exactly."""
    net, frames = disturbed(0, (32,), 2, 2, neuron=Neuron(strict=strict))
    layer = net.layers["hidden1"]
    generator = torch.Generator().manual_seed(1)
    with torch.no_grad():
        layer.scale = torch.full_like(layer.scale, 0.25)
        layer.norm.eps = 0.0
        layer.norm.running_var.fill_(0.25)
        for values in (layer.norm.weight, layer.norm.bias, layer.norm.running_mean):
            values.copy_(torch.randint(-4, 5, (32,), generator=generator) / 4)
    network = lower(net)
    agree(net, network, frames)
    spikes = golden.run(network, frames).spikes["hidden1"]
    u = frames.astype(int) @ network.layers[0].projections[0].weights.T.astype(int)
    ties = u == network.layers[0].thresholds
    assert ties.any(axis=1).mean() > 0.5
    assert (spikes[ties] == 1).all()


def test_a_second_projection_adds_to_the_potential():
    torch.manual_seed(0)
    net = SpikingNetwork(
        FrameFormat(shape=(6,), bits=2),
        {
            "first": SpikingLayer([Dense(6, 5, weight_bits=3)]),
            "second": SpikingLayer(
                [Dense(5, 4, weight_bits=3), Dense(6, 4, weight_bits=4, source="input")]
            ),
            "scores": Readout([Dense(4, 3, weight_bits=3)]),
        },
    )
    frames = np.random.default_rng(0).integers(0, 4, (100, 6), dtype=np.uint8)
    network = lower(net)
    assert [p.source for p in network.layers[1].projections] == ["first", "input"]
    agree(net, network, frames)


def test_a_layer_without_normalisation():
    net = SpikingNetwork(
        FrameFormat(shape=(6,)),
        {
            "a": SpikingLayer([Dense(6, 8)], Neuron(0.3), normalise=False),
            "b": Readout([Dense(8, 3)]),
        },
    )
    agree(net, lower(net), np.random.default_rng(0).integers(0, 2, (64, 6), dtype=np.uint8))


def test_calibration_and_provenance_are_stored():
    net, frames = disturbed(3, (5,), 4, 2)
    network = lower(net, calibration=frames[:7], provenance={"seed": 3})
    assert (network.calibration == frames[:7]).all()
    assert network.provenance == {"seed": 3}
    assert s2nn_hw.lower is lower


def test_a_disagreement_is_found_and_named():
    net, frames = disturbed(3, (5,), 4, 2)
    network = lower(net)
    network.layers[0].thresholds[:] = 10**6  # never
    with pytest.raises(RuntimeError, match="layer 'hidden1': torch and golden model differ"):
        agree(net, network, frames)


@pytest.mark.parametrize(
    ("path", "value", "message"),
    [
        ("projections.0.weight", float("nan"), r"'hidden1': weights must be finite, not nan"),
        ("log2_scale", float("inf"), r"'hidden1': scale must be finite, not inf"),
        ("log2_scale", float("-inf"), r"'hidden1': scale must be positive, not 0.0 \(neuron 1\)"),
        ("log2_scale", float("nan"), r"'hidden1': scale must be finite, not nan"),
        ("norm.weight", float("nan"), r"'hidden1': batch-norm gain must be finite, not nan"),
        ("norm.bias", float("-inf"), r"'hidden1': batch-norm offset must be finite, not -inf"),
        ("norm.running_mean", float("nan"), r"'hidden1': batch-norm mean must be finite"),
        ("norm.running_var", float("nan"), r"'hidden1': batch-norm variance must be finite"),
        ("norm.running_var", -1.0, r"variance plus eps must be positive, not -0.9.* \(neuron 1\)"),
    ],
)
def test_numbers_that_cannot_be_folded_are_refused(path, value, message):
    net, _ = disturbed(0, (5,), 4, 1)
    *modules, name = path.split(".")
    tensor = getattr(net.layers["hidden1"].get_submodule(".".join(modules)), name)
    with torch.no_grad():
        tensor[1] = value
    with pytest.raises(InputError, match=message):
        lower(net)


def test_a_threshold_that_is_no_number_is_refused():
    net, _ = disturbed(0, (5,), 4, 1)
    net.layers["hidden1"].neuron.threshold = float("nan")
    with pytest.raises(InputError, match="layer 'hidden1': threshold must be finite, not nan"):
        lower(net)


def test_an_unknown_projection_is_refused():
    net, _ = disturbed(0, (5,), 4, 1)
    net.layers["hidden1"].projections.append(nn.Conv2d(1, 5, 3))
    net.layers["hidden1"].projections[1].source = "input"
    with pytest.raises(InputError, match="layer 'hidden1': unsupported projection Conv2d"):
        lower(net)


def whole(*shape, top=7, seed=0):
    return torch.randint(
        -top, top + 1, shape, generator=torch.Generator().manual_seed(seed)
    ).float()


def sequential(bias=True):
    torch.manual_seed(1)
    chain = nn.Sequential(
        nn.Flatten(), nn.Linear(12, 9, bias=bias), nn.BatchNorm1d(9), Neuron(1.0), nn.Dropout(0.2),
        nn.Linear(9, 6), Neuron(2.5), nn.Linear(6, 3, bias=False),
    ).double().eval()  # fmt: skip
    with torch.no_grad():
        for k in (1, 5, 7):
            chain[k].weight.copy_(whole(*chain[k].weight.shape, seed=k))
        chain[2].weight.normal_()
        chain[2].bias.normal_()
        chain[2].running_mean.normal_(std=5)
        chain[2].running_var.uniform_(1, 9)
    return chain


@pytest.mark.parametrize("bias", [True, False])
def test_a_plain_sequential_is_lowered(bias):
    chain = sequential(bias)
    input_format = FrameFormat(shape=(1, 3, 4), bits=2)
    frames = np.random.default_rng(0).integers(0, 4, (300, 1, 3, 4), dtype=np.uint8)
    network = lower(chain, input_format)
    trace = golden.run(network, frames)
    x = torch.from_numpy(frames).double()
    with torch.no_grad():
        assert (chain(x).numpy() == trace.scores).all()
        assert (chain[:4](x).numpy() == trace.spikes["hidden1"]).all()
    assert 0.05 < trace.spikes["hidden1"].mean() < 0.95
    assert [y.projections[0].weight_bits for y in network.layers] == [4, 4, 4]


@pytest.mark.parametrize(
    ("chain", "message"),
    [
        (lambda: [nn.Linear(4, 2), nn.ReLU()], "module 1: unsupported module ReLU"),
        (lambda: [nn.ConvTranspose2d(1, 2, 3)], "module 0: unsupported module ConvTranspose2d"),
        (lambda: [Neuron()], "module 0: must be a Conv2d, Linear or pool here, not Neuron"),
        (lambda: [nn.Linear(4, 2), nn.Linear(2, 2)], "module 1: must be a Neuron"),
        (lambda: [nn.Linear(4, 2), nn.Flatten()], "module 1: must be a Neuron"),
        (lambda: [nn.Flatten(2)], "module 0: a Flatten must flatten whole frames"),
        (lambda: [nn.Linear(4, 2)], "layer 'readout'"),
        (lambda: [], "must end in a Linear"),
    ],
)
def test_a_sequential_of_something_else_is_refused(chain, message):
    with pytest.raises(InputError, match=message):
        lower(nn.Sequential(*chain()), FrameFormat(shape=(4,)))


def readout(weight, bias=None):
    linear = nn.Linear(2, 1, bias=bias is not None)
    with torch.no_grad():
        linear.weight.copy_(torch.tensor([weight]))
        if bias is not None:
            linear.bias.fill_(bias)
    return nn.Sequential(linear)


def test_weights_and_biases_that_do_not_fit_are_refused():
    two = FrameFormat(shape=(2,))
    with pytest.raises(InputError, match=r"'readout': weights must be integers, not 0.5"):
        lower(readout([0.5, 1.0]), two)
    with pytest.raises(InputError, match=r"'readout': weights must fit 8 bits .* not 128"):
        lower(readout([-128.0, 1.0]), two)
    with pytest.raises(InputError, match="'readout': weights must be finite, not nan"):
        lower(readout([float("nan"), 1.0]), two)
    with pytest.raises(InputError, match="'readout': must have no bias"):
        lower(readout([1.0, 1.0], bias=0.5), two)
    assert lower(readout([1.0, 1.0], bias=0.0), two).layers[0].projections[0].weight_bits == 1


def test_modules_and_inputs_that_do_not_fit_are_refused():
    net, _ = disturbed(0, (5,), 4, 1)
    with pytest.raises(InputError, match="must be a SpikingNetwork or a torch Sequential, not Lin"):
        lower(nn.Linear(2, 2))
    with pytest.raises(InputError, match=r"the input must be a FrameFormat, not \(2,\)"):
        lower(readout([1.0, 1.0]), (2,))
    with pytest.raises(InputError, match="input bits must be 1…8, not 9"):
        lower(readout([1.0, 1.0]), FrameFormat(shape=(2,), bits=9))
    with pytest.raises(InputError, match="must be lowered with the input's FrameFormat"):
        lower(readout([1.0, 1.0]))
    with pytest.raises(InputError, match="input must be the module's own"):
        lower(net, FrameFormat(shape=(13,), bits=2))
    with pytest.raises(InputError, match="must have 3 inputs as 'input' has, not 2"):
        lower(readout([1.0, 1.0]), FrameFormat(shape=(3,)))
