"""Binary networks: -1 and +1 in torch, spikes in the integer network, and never a difference."""

import copy
import re

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from s2nn_hw import golden
from s2nn_hw.flow.agree import agree
from s2nn_hw.ir import FrameFormat, InputError
from s2nn_hw.lowering import lower
from s2nn_hw.nn import (
    Conv2d,
    Convnet,
    Dense,
    IntegrateFire,
    Mlp,
    Neuron,
    Pool,
    Readout,
    Sign,
    SpikingLayer,
    SpikingNetwork,
)


def disturbed(net, seed, *, dyadic=False, count=12):
    """The network with random numbers, gains of both signs and none among them, and frames.

    dyadic: small powers of two, which torch adds exactly in float64, and ties are frequent.
    """
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for layer in net.layers.values():
            if not isinstance(layer, SpikingLayer):
                continue
            norm = layer.norm
            if dyadic:
                layer.scale = torch.full_like(layer.scale, 0.5)
                norm.eps = 0.0
                norm.running_var.fill_(0.25)
                for values in (norm.weight, norm.bias, norm.running_mean):
                    values.copy_(torch.randint(-4, 5, values.shape, generator=generator) / 2)
            else:
                layer.scale = layer.scale * (torch.rand(layer.scale.shape, generator=generator) + 1)
                for values in (norm.weight, norm.bias, norm.running_mean):
                    values.normal_(generator=generator)
                norm.weight[0] = 0.0
                norm.running_var.uniform_(0.1, 4.0, generator=generator)
    frames = np.random.default_rng(seed).integers(
        0, 2**net.input.bits, (count, *net.input.shape), dtype=np.uint8
    )
    return net.eval(), frames


def binary(arch, seed, *, shape=(2, 8, 9), input_bits=2, weight_bits=1, **options):
    torch.manual_seed(seed)
    return Convnet(
        FrameFormat(shape=shape, bits=input_bits),
        arch,
        neuron=Sign(),
        weight_bits=weight_bits,
        **options,
    )


def by_torch(net, frames):
    """Every node as torch computes it: float64, zero padding, sign(0) = +1; and its greatest."""
    values, most = {"input": torch.from_numpy(frames).double()}, {}
    for name, sources in net.sources().items():
        layer = net.layers[name]
        given = [values[source] for source in sources]
        if isinstance(layer, Pool):
            window = layer.window
            assert window.padding == (0, 0)
            taps = window.taps if layer.kind == "sum" else 1
            pool = nn.functional.avg_pool2d if layer.kind == "sum" else nn.functional.max_pool2d
            values[name] = pool(*given, window.kernel, window.stride).mul(taps).round()
            most[name] = taps * most[sources[0]]
            continue
        u = 0
        for p, x in zip(layer.projections, given, strict=True):
            weights = p.integers(layer.scale.detach()).double()
            if isinstance(p, Conv2d):
                shape = {"stride": p.window.stride, "padding": p.window.padding, "groups": p.groups}
                u = u + nn.functional.conv2d(x, weights, **shape)
            else:
                u = u + x.flatten(1) @ weights.T
        if isinstance(layer, SpikingLayer):
            z = u * layer.scale.double().reshape(-1, *[1] * (u.dim() - 2))
            y = copy.deepcopy(layer.norm).double()(z)
            values[name], most[name] = torch.where(y >= 0, 1.0, -1.0).double(), 1
        else:
            values[name], most[name] = u, layer.projections[0].weight[0].numel() * most[sources[0]]
    return values, most


ARCHITECTURES = [
    "4C3-P2-6C3-P2-3",
    "4C3s2-A2-6C2-5-3",
    "4C5p2-6C3p2-4C3p0-3",
    "4C3g2-DW3-DW3s2-6C3g2-3",
    "4C3-R4-R6s2-G-7-3",
    "4C3-A2-R4-A3s1-R8-3",
    "6C7-P3s2-3",
    "2C3-3",
    "R4-R6-3",
]


@pytest.mark.parametrize("arch", ARCHITECTURES)
@pytest.mark.parametrize("input_bits", [1, 3])
def test_every_value_is_torchs(arch, input_bits):
    net, frames = disturbed(binary(arch, 1, input_bits=input_bits), 1, dyadic=True)
    network = lower(net)
    trace = golden.run(network, frames)
    values, most = by_torch(net, frames)
    for name, found in {**trace.spikes, **trace.pools, "readout": trace.scores}.items():
        assert (2 * found.astype(int) - most[name] == values[name].detach().numpy()).all(), name
    agree(net, network, frames)


steps = st.one_of(
    st.builds(
        "{}C{}s{}{}g{}".format,
        st.sampled_from([2, 4, 6]),
        st.integers(3, 5),
        st.integers(1, 3),
        st.sampled_from(["", "p0", "p1", "p2"]),
        st.sampled_from([1, 2]),
    ),
    st.sampled_from(["DW3", "DW2s2", "R4", "R2s2", "A2", "A3s1", "P2", "P3s1", "P2s3", "5C1"]),
)


@settings(max_examples=40, deadline=None)
@given(
    st.lists(steps, max_size=5), st.integers(1, 3), st.integers(1, 2), st.integers(0, 999),
    st.booleans(),
)  # fmt: skip
def test_random_graphs(parts, weight_bits, input_bits, seed, dyadic):
    arch = "-".join([*parts, "G-3" if seed % 2 else "3"])
    try:
        net = binary(arch, seed, input_bits=input_bits, weight_bits=weight_bits)
    except InputError as error:
        # A map that became too small, max-pooling of sums, an odd number of channels.
        if not re.search("must fit into|must be of spikes|groups must divide", str(error)):
            raise
        return
    net, frames = disturbed(net, seed, dyadic=dyadic, count=4)
    agree(net, lower(net), frames)


@pytest.mark.parametrize("hidden", [(), (9,), (7, 1, 5)])
@pytest.mark.parametrize("dyadic", [False, True])
def test_dense_networks(hidden, dyadic):
    torch.manual_seed(0)
    net = Mlp(FrameFormat(shape=(13,), bits=3), hidden, 4, weight_bits=1, neuron=Sign())
    net, frames = disturbed(net, 3, dyadic=dyadic, count=300)
    network = lower(net)
    assert all(layer.thresholds.ndim == 1 for layer in network.layers[:-1])
    agree(net, network, frames)


def test_a_tie_is_plus_one():
    """Potentials of an even number of signs are 0 often, and then the neuron fires."""
    torch.manual_seed(0)
    net = Mlp(FrameFormat(shape=(8,), bits=1), (12, 16), 4, weight_bits=1, neuron=Sign())
    with torch.no_grad():
        for layer in list(net.layers.values())[:-1]:
            layer.norm.eps = 0.0
            layer.norm.weight[::2] = -1.0
    frames = np.random.default_rng(0).integers(0, 2, (100, 8), dtype=np.uint8)
    network = lower(net.eval())
    spikes = golden.run(network, frames).spikes
    values = 2.0 * spikes["hidden1"] - 1
    second = net.layers["hidden2"]
    u = values @ second.projections[0].integers(second.scale.detach()).numpy().T
    assert (u == 0).mean() > 0.1
    assert (spikes["hidden2"][u == 0] == 1).all()
    assert (spikes["hidden2"] == np.where(np.arange(16) % 2, u >= 0, u <= 0)).all()


def test_thresholds_are_of_pixels_only_where_padding_makes_them_differ():
    torch.manual_seed(0)
    net = binary("4C3-4C3-4C3p0-4C1-3", 0)
    network = lower(net.eval())
    # The first reads pixels, the third has no padding, the fourth has one tap.
    assert [y.thresholds.shape for y in network.layers[:-1]] == [(4,), (4, 8, 9), (4,), (4,)]
    theta = network.node("conv2").thresholds
    assert (theta[:, 1:-1, 1:-1] == theta[:, 1:2, 1:2]).all()


def test_scores_are_numbers_of_agreements():
    torch.manual_seed(0)
    net = Mlp(FrameFormat(shape=(8,), bits=1), (31,), 5, weight_bits=1, neuron=Sign())
    net, frames = disturbed(net, 0, count=50)
    network = lower(net)
    last, weights = network.readout, network.readout.projections[0].weights
    assert (last.bias == (weights < 0).sum(axis=1)).all()
    trace = golden.run(network, frames)
    agreeing = trace.spikes["hidden1"][:, None, :] == (weights > 0)
    assert (trace.scores == agreeing.sum(axis=2)).all()
    assert (net(torch.from_numpy(frames)).numpy() == trace.scores).all()


@pytest.mark.parametrize("bits", [2, 4, 7])
def test_a_readout_of_several_bits_is_doubled(bits):
    torch.manual_seed(0)
    frame = FrameFormat(shape=(8,), bits=1)
    net = Mlp(frame, (31,), 5, weight_bits=1, last_weight_bits=bits, neuron=Sign())
    net, frames = disturbed(net, 0, count=50)
    network = lower(net)
    readout, module = network.readout.projections[0], net.layers["readout"]
    weights = module.projections[0].integers(module.scale.detach()).numpy()
    assert (readout.weights == 2 * weights).all()
    assert readout.weight_bits == bits + 1
    trace = golden.run(network, frames)
    assert (trace.scores == (2.0 * trace.spikes["hidden1"] - 1) @ weights.T).all()
    agree(net, network, frames)


def test_a_layer_of_signs_and_spikes_keeps_both():
    """Signs and spikes side by side, pools with padding, and a shortcut from the input."""
    torch.manual_seed(0)
    net = SpikingNetwork(
        FrameFormat(shape=(2, 7, 6), bits=2),
        {
            "a": SpikingLayer([Conv2d(2, 4, 3, padding=1, weight_bits=1)], Sign()),
            "b": Pool("or", 3, stride=2, padding=2),
            "c": SpikingLayer([Conv2d(4, 4, 3, padding=1, weight_bits=2)], Neuron()),
            "d": Pool("sum", 3, stride=2, padding=1, source="a"),
            "e": SpikingLayer(
                [
                    Conv2d(4, 4, 3, padding=1, weight_bits=3, source="d"),
                    Conv2d(2, 4, 3, padding=1, stride=2, weight_bits=2, source="input"),
                ],
                Sign(),
            ),
            "f": Readout([Dense(48, 3, weight_bits=1), Dense(80, 3, weight_bits=2, source="c")]),
        },
    )
    net, frames = disturbed(net, 5, count=40)
    network = lower(net)
    signs, pixels = network.node("e").projections
    assert (signs.weight_bits, pixels.weight_bits) == (4, 2)
    assert [p.weight_bits for p in network.readout.projections] == [3, 2]
    assert network.node("c").thresholds.ndim == 3
    agree(net, network, frames)


def test_a_batch_in_training_has_torchs_gradients():
    net = binary("4C3-P2-R6-A2-7-3", 0).train()
    x = torch.randint(0, 4, (6, 2, 8, 9))
    trace = {}
    net(x, trace).square().sum().backward()
    assert set(trace["res1b"].unique().tolist()) == {-1.0, 1.0}
    for name, parameter in net.named_parameters():
        assert parameter.grad is not None, name
        assert parameter.grad.abs().sum() > 0, name


def test_the_sign_passes_gradients_straight_through_within_one():
    y = torch.tensor([-1.5, -0.5, 0.0, 0.5, 1.5], requires_grad=True)
    out = Sign()(y)
    assert out.tolist() == [-1, -1, 1, 1, 1]
    out.sum().backward()
    assert y.grad.tolist() == [0, 1, 1, 1, 0]


def test_what_cannot_be_exact_is_refused():
    frame = FrameFormat(shape=(8,), bits=1)
    wide = Mlp(frame, (4,), 3, weight_bits=1, last_weight_bits=8, neuron=Sign())
    with pytest.raises(InputError) as caught:
        lower(wide.eval())
    assert str(caught.value) == (
        "layer 'readout': weights of signs of 'hidden1' are doubled here and must have at most "
        "7 bits, not 8"
    )
    mixed = SpikingNetwork(
        frame,
        {
            "a": SpikingLayer([Dense(8, 4)], Sign()),
            "b": SpikingLayer([Dense(4, 4)], IntegrateFire(steps=1)),
            "c": Readout([Dense(4, 2)]),
        },
    )
    with pytest.raises(InputError, match="layer 'b': integrate-and-fire neurons must read spikes"):
        lower(mixed.eval())
    chain = nn.Sequential(nn.Linear(4, 2), Sign(), nn.Linear(2, 2))
    with pytest.raises(InputError, match="module 1: unsupported module Sign"):
        lower(chain, FrameFormat(shape=(4,)))
