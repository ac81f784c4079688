"""Networks of maps lowered: node by node equal to torch, and refusals by name."""

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
from s2nn_hw.nn import Conv2d, Convnet, Dense, Neuron, Pool, Readout, SpikingLayer, SpikingNetwork


def disturbed(seed, arch, *, shape=(2, 8, 9), input_bits=2, count=12, **options):
    """A Convnet whose every number is random, gains of both signs and none among them."""
    torch.manual_seed(seed)
    net = Convnet(FrameFormat(shape=shape, bits=input_bits), arch, **options)
    with torch.no_grad():
        for layer in net.layers.values():
            if isinstance(layer, Pool):
                continue
            layer.scale = layer.scale * (torch.rand_like(layer.scale) + 0.5)
            if isinstance(layer, SpikingLayer):
                layer.norm.weight.normal_()
                layer.norm.weight[0] = 0.0
                layer.norm.bias.normal_()
                layer.norm.running_mean.normal_()
                layer.norm.running_var.uniform_(0.1, 4.0)
    frames = np.random.default_rng(seed).integers(0, 2**input_bits, (count, *shape), dtype=np.uint8)
    return net.eval(), frames


ARCHITECTURES = [
    "4C3-P2-6C3-P2-3",
    "4C3s2-A2-6C2-5-3",
    "4C5p0-6C1-G-3",
    "4C3g2-DW3-DW3s2-6C3g2-3",
    "R4-R6s2-G-7-3",
    "4C3-A2-R4-A3s1-R8-3",
    "P2-A2-3",
    "6C7-P3s2-3",
    "2C3-3",
]


@pytest.mark.parametrize("arch", ARCHITECTURES)
@pytest.mark.parametrize(("weight_bits", "input_bits"), [(1, 1), (2, 3), (4, 1), (8, 8)])
def test_golden_equals_torch(arch, weight_bits, input_bits):
    if arch.startswith("P") and input_bits > 1:
        pytest.skip("max-pooling is of spikes")
    net, frames = disturbed(weight_bits, arch, weight_bits=weight_bits, input_bits=input_bits)
    agree(net, lower(net), frames)


steps = st.one_of(
    st.builds(
        "{}C{}s{}{}g{}".format,
        st.sampled_from([2, 4, 6]),
        st.integers(1, 5),
        st.integers(1, 3),
        st.sampled_from(["", "p0"]),
        st.sampled_from([1, 2]),
    ),
    st.sampled_from(["DW3", "DW2s2", "R4", "R2s2", "A2", "A3s1", "P2", "P3s1", "P2s3"]),
)


@settings(max_examples=30, deadline=None)
@given(st.lists(steps, max_size=5), st.integers(1, 4), st.integers(1, 2), st.integers(0, 999))
def test_random_graphs(parts, weight_bits, input_bits, seed):
    arch = "-".join([*parts, "G-3" if seed % 2 else "3"])
    try:
        net, frames = disturbed(seed, arch, weight_bits=weight_bits, input_bits=input_bits, count=4)
        network = lower(net)
    except InputError as error:
        # A map that became too small, or max-pooling of sums.
        if not re.search("must fit into the padded map|must be of spikes", str(error)):
            raise
        return
    agree(net, network, frames)


def test_a_negative_gain_negates_the_channel():
    net = SpikingNetwork(
        FrameFormat(shape=(1, 3, 3), bits=2),
        {"a": SpikingLayer([Conv2d(1, 2, 3, padding=1)]), "b": Readout([dense(18)])},
    )
    layer = net.layers["a"]
    with torch.no_grad():
        layer.norm.weight.copy_(torch.tensor([1.0, -1.0]))
    network = lower(net)
    before = layer.projections[0].integers(layer.scale.detach()).numpy()
    after = network.layers[0].projections[0].weights
    assert (after[0] == before[0]).all()
    assert (after[1] == -before[1]).all()
    agree(net, network, np.random.default_rng(0).integers(0, 4, (50, 1, 3, 3), dtype=np.uint8))


def dense(inputs):
    return Dense(inputs, 3)


def test_residuals_are_second_projections():
    net, _ = disturbed(0, "4C3-R4-R6s2-G-3", weight_bits=3)
    network = lower(net)
    names = [node.name for node in network.layers]
    assert names == ["conv1", "res1a", "res1b", "res2a", "res2b", "pool1", "readout"]
    identity, strided = network.node("res1b").projections[1], network.node("res2b").projections[1]
    assert (identity.source, identity.weights.shape, identity.groups) == ("conv1", (4, 1, 1, 1), 4)
    assert (strided.source, strided.weights.shape, strided.stride) == (
        "res1b", (6, 4, 1, 1), (2, 2)
    )  # fmt: skip
    assert network.shape("res2b") == (6, 4, 5)
    assert network.maximum("pool1") == 20


def test_ties_on_maps_are_decided_alike():
    net, frames = disturbed(0, "8C3-3", weight_bits=2, count=20)
    layer = net.layers["conv1"]
    generator = torch.Generator().manual_seed(1)
    with torch.no_grad():
        layer.scale = torch.full_like(layer.scale, 0.25)
        layer.norm.eps = 0.0
        layer.norm.running_var.fill_(0.25)
        for values in (layer.norm.weight, layer.norm.bias, layer.norm.running_mean):
            values.copy_(torch.randint(-4, 5, (8,), generator=generator) / 4)
    agree(net, lower(net), frames)


def test_a_source_that_was_changed_is_refused():
    net = SpikingNetwork(
        FrameFormat(shape=(1, 3, 3)),
        {"a": SpikingLayer([Conv2d(1, 2, 3)]), "b": Readout([dense(2)])},
    )
    net.layers["a"].projections[0].source = "c"
    with pytest.raises(InputError, match="layer 'a': source must be 'input' or an earlier"):
        lower(net)


def whole(module, seed=0):
    """Whole-number weights, and random statistics, in float64."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for m in module.modules():
            if isinstance(m, nn.Conv2d | nn.Linear | nn.ConvTranspose2d):
                m.weight.copy_(torch.randint(-3, 4, m.weight.shape, generator=generator))
            if isinstance(m, nn.BatchNorm1d | nn.BatchNorm2d):
                m.weight.normal_(generator=generator)
                m.bias.normal_(generator=generator)
                m.running_mean.normal_(std=3, generator=generator)
                m.running_var.uniform_(1, 9, generator=generator)
    return module.double().eval()


def test_a_plain_sequential_is_lowered():
    torch.manual_seed(0)
    chain = whole(
        nn.Sequential(
            nn.Conv2d(2, 4, 3, padding="same"), nn.BatchNorm2d(4), Neuron(1.0), nn.MaxPool2d(2),
            nn.Dropout2d(0.1), nn.Conv2d(4, 6, (3, 2), stride=(2, 1), padding=1, groups=2),
            nn.BatchNorm2d(6), Neuron(0.5), nn.AvgPool2d(2, stride=1, padding=1),
            nn.Conv2d(6, 5, 1, padding="valid"), Neuron(0.25), nn.AvgPool2d(2),
            nn.Flatten(), nn.Linear(5 * 1 * 3, 7), nn.BatchNorm1d(7), Neuron(1.0),
            nn.Linear(7, 3, bias=False),
        )
    )  # fmt: skip
    input_format = FrameFormat(shape=(2, 8, 8), bits=2)
    frames = np.random.default_rng(0).integers(0, 4, (200, 2, 8, 8), dtype=np.uint8)
    network = lower(chain, input_format)
    assert [node.name for node in network.layers] == [
        "conv1", "pool1", "conv2", "pool2", "conv3", "pool3", "hidden1", "readout"
    ]  # fmt: skip
    trace = golden.run(network, frames)
    x = torch.from_numpy(frames).double()
    with torch.no_grad():
        for end, name in ((3, "conv1"), (8, "conv2"), (11, "conv3"), (16, "hidden1")):
            assert (chain[:end](x).numpy() == trace.spikes[name]).all(), name
            assert 0.02 < trace.spikes[name].mean() < 0.98
        assert (chain[:4](x).numpy() == trace.pools["pool1"]).all()
        assert (chain[:9](x).numpy() * 4 == trace.pools["pool2"]).all()
        assert (chain(x).numpy() == trace.scores).all()


@pytest.mark.parametrize(
    ("pool", "factor"),
    [(nn.AdaptiveAvgPool2d(1), 12), (nn.AvgPool2d((3, 4), divisor_override=2), 2)],
)
def test_scores_after_an_average_are_so_many_times_as_great(pool, factor):
    chain = whole(
        nn.Sequential(
            nn.Conv2d(1, 4, 1), Neuron(0.5), pool, nn.Flatten(), nn.Linear(4, 3, bias=False)
        )
    )
    frames = np.random.default_rng(0).integers(0, 2, (30, 1, 3, 4), dtype=np.uint8)
    network = lower(chain, FrameFormat(shape=(1, 3, 4)))
    scores = golden.run(network, frames).scores
    with torch.no_grad():
        expected = chain(torch.from_numpy(frames).double()).numpy() * factor
    np.testing.assert_allclose(scores, expected, rtol=1e-12)
    assert network.maximum("pool1") == 12


def fire():
    return Neuron(0.5)


#: How a first pool is named.
POOL = "layer 'pool1' (module 0): "


@pytest.mark.parametrize(
    ("chain", "message"),
    [
        (lambda: [nn.Conv2d(1, 2, 3, dilation=2)], "'conv1': dilation must be 1, not (2, 2)"),
        (
            lambda: [nn.Conv2d(1, 2, 3, padding=1, padding_mode="reflect")],
            "'conv1': padding_mode must be 'zeros', not 'reflect'",
        ),
        (
            lambda: [nn.Conv2d(1, 2, 2, padding="same")],
            "'conv1': padding 'same' must go with an odd kernel, not (2, 2)",
        ),
        (lambda: [nn.Conv2d(1, 2, 8)], "the kernel must be two integers of 1…7, not (8, 8)"),
        (lambda: [nn.Conv2d(2, 2, 3)], "'conv1': weights must have 1 channels a group"),
        (lambda: [nn.Conv2d(1, 2, 7)], "'conv1': the kernel (7, 7) must fit into the padded map"),
        (lambda: [nn.ConvTranspose2d(1, 2, 3)], "module 0: unsupported module ConvTranspose2d"),
        (lambda: [nn.Conv1d(1, 2, 3)], "module 0: unsupported module Conv1d"),
        (lambda: [nn.MaxPool2d(2, ceil_mode=True)], POOL + "ceil_mode must be off"),
        (lambda: [nn.AvgPool2d(2, ceil_mode=True)], POOL + "ceil_mode must be off"),
        (lambda: [nn.MaxPool2d(2, dilation=2)], POOL + "dilation must be 1, not 2"),
        (lambda: [nn.MaxPool2d(2, return_indices=True)], POOL + "return_indices must be off"),
        (
            lambda: [nn.AvgPool2d(3, padding=1, count_include_pad=False)],
            POOL + "count_include_pad must be on where there is padding",
        ),
        (lambda: [nn.AdaptiveAvgPool2d(2)], POOL + "output_size must be 1, not 2"),
        (lambda: [nn.AvgPool2d(2), nn.MaxPool2d(2)], "max-pooling must be of spikes"),
        (
            lambda: [nn.Conv2d(1, 2, 3), nn.BatchNorm2d(2), nn.MaxPool2d(2)],
            "module 2: must be a Neuron (or BatchNorm2d after Conv2d), not MaxPool2d",
        ),
        (
            lambda: [nn.Conv2d(1, 2, 3), nn.BatchNorm1d(2), fire()],
            "module 1: must be a Neuron (or BatchNorm2d after Conv2d), not BatchNorm1d",
        ),
        (
            lambda: [nn.Conv2d(1, 2, 3), nn.BatchNorm2d(3), fire()],
            "'conv1': batch normalisation must have 2 features, not 3",
        ),
        (lambda: [nn.Conv2d(1, 2, 3), fire(), nn.Linear(8, 3)], "must come before the first Lin"),
        (lambda: [nn.Flatten(), nn.Conv2d(1, 2, 3), fire()], "Conv2d must have a source C×H×W"),
        (
            lambda: [nn.Flatten(), nn.Linear(16, 2), fire(), nn.Flatten()],
            "module 3: a Flatten must come before the first Linear",
        ),
        (lambda: [nn.Conv2d(1, 2, 3)], "must end in a Linear, whose outputs are the scores"),
    ],
)  # fmt: skip
def test_what_cannot_be_mapped_is_refused_by_name(chain, message):
    modules = whole(nn.Sequential(*chain(), *([fire()] if len(chain()) == 1 else [])))
    if message.startswith("must end"):
        modules = modules[:1]
    with pytest.raises(InputError) as caught:
        lower(modules, FrameFormat(shape=(1, 4, 4)))
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)
