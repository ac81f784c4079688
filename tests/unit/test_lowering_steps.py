"""Networks of several steps lowered: every spike, sum and score that of the golden model."""

import re

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from s2nn_hw import golden, ir
from s2nn_hw.flow.agree import agree
from s2nn_hw.ir import FrameFormat, InputError
from s2nn_hw.lowering import lower
from s2nn_hw.nn import Convnet, Dense, IntegrateFire, Mlp, Readout, SpikingLayer, SpikingNetwork


def disturbed(net, seed, count=8):
    """The network with random numbers, gains of both signs and none among them, and frames."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for layer in net.layers.values():
            if isinstance(layer, SpikingLayer) and layer.norm is not None:
                layer.scale = layer.scale * (torch.rand(layer.scale.shape, generator=generator) + 1)
                norm = layer.norm
                for values in (norm.weight, norm.bias, norm.running_mean):
                    values.normal_(generator=generator)
                norm.weight[0] = 0.0
                norm.running_var.uniform_(0.1, 4.0, generator=generator)
    frames = np.random.default_rng(seed).integers(
        0, 2**net.input.bits, (count, *net.input.shape), dtype=np.uint8
    )
    return net.eval(), frames


neurons = st.builds(
    IntegrateFire,
    st.sampled_from([0.3, 1.0, 5.0]),
    steps=st.integers(1, 5),
    reset=st.sampled_from(["soft", "hard", "none"]),
    leak=st.sampled_from([0, 1, 3]),
    initial=st.sampled_from([0.0, 0.5, -0.25, 1.0]),
)
parts = st.sampled_from(
    ["4C3", "6C3s2g2", "4C2p0", "DW3", "DW2s2", "R4", "R2s2", "A2", "A3s1", "P2", "P3s1", "7"]
)


@settings(max_examples=40, deadline=None)
@given(
    st.lists(parts, max_size=4), neurons, st.integers(1, 8), st.integers(1, 3), st.integers(0, 999),
    st.booleans(), st.sampled_from(["direct", "rate"]),
)  # fmt: skip
def test_random_graphs(parts, neuron, weight_bits, input_bits, seed, count, coding):
    torch.manual_seed(seed)
    try:
        net = Convnet(
            FrameFormat(shape=(2, 7, 6), bits=input_bits),
            "-".join([*parts, "3"]),
            weight_bits=weight_bits,
            neuron=neuron,
            count=count,
            coding=coding,
            seed=seed,
        )
    except InputError as error:
        # A map that became too small, max-pooling of sums, a map behind a dense layer.
        if not re.search("must fit into|must be of spikes|must come before", str(error)):
            raise
        return
    net, frames = disturbed(net, seed)
    network = lower(net)
    assert network.steps == (neuron.steps if len(network.weighted) > 1 else 1)
    agree(net, network, frames, batch=3)


@pytest.mark.parametrize("coding", ["direct", "rate"])
def test_parts_of_a_set_are_the_whole_set(coding):
    """Rates are drawn by a frame's number, whatever it is evaluated with."""
    torch.manual_seed(0)
    net = Mlp(
        FrameFormat(shape=(30,), bits=3), (20, 9), 4, neuron=IntegrateFire(steps=6, leak=2),
        coding=coding, seed=11,
    )  # fmt: skip
    net, frames = disturbed(net, 1, count=60)
    network = lower(net)
    assert (network.coding, network.seed, network.steps) == (coding, 11, 6)
    seen = agree(net, network, frames, batch=7)
    trace = golden.run(network, frames)
    assert (seen.classes == trace.classes).all()
    assert seen.spikes == {
        name: pytest.approx(spikes.mean()) for name, spikes in trace.spikes.items()
    }
    halves = [
        golden.run(network, part, first=k) for k, part in ((0, frames[:25]), (25, frames[25:]))
    ]
    assert (np.concatenate([half.scores for half in halves]) == trace.scores).all()


def test_a_neuron_is_what_its_constants_say():
    torch.manual_seed(0)
    neuron = IntegrateFire(steps=3, reset="hard", leak=2, initial=0.5)
    net, _ = disturbed(Mlp(FrameFormat(shape=(9,)), (5,), 2, neuron=neuron), 0)
    layer = net.layers["hidden1"]
    node = lower(net).node("hidden1")
    membrane = neuron.integers(layer.normalisation())
    before = layer.projections[0].integers(layer.scale.detach()).numpy()
    sign = np.where(layer.norm.weight.detach().numpy() < 0, -1, 1)
    assert set(sign) == {-1, 1}
    assert (node.projections[0].weights == before * sign[:, None]).all()
    assert (node.thresholds == membrane.threshold.numpy()).all()
    assert (node.bias == membrane.bias.numpy()).all()
    assert (node.initial == np.round(node.thresholds / 2)).all()
    assert (node.reset, node.leak) == ("hard", 2)


def test_what_is_not_there_is_none():
    net = SpikingNetwork(
        FrameFormat(shape=(6,)),
        {
            "a": SpikingLayer([Dense(6, 8)], IntegrateFire(0.3, steps=2), normalise=False),
            "b": Readout([Dense(8, 3)]),
        },
    )
    network = lower(net.eval())
    node = network.node("a")
    assert (node.bias, node.initial, node.leak, network.readout.bias) == (None, None, 0, None)
    agree(net, network, np.random.default_rng(0).integers(0, 2, (64, 6), dtype=np.uint8))


def test_counted_spikes_are_an_identity_that_is_read_out():
    torch.manual_seed(0)
    net = Mlp(FrameFormat(shape=(9,)), (15,), 4, neuron=IntegrateFire(steps=5), count=True)
    net, frames = disturbed(net, 0, count=40)
    network = lower(net)
    assert [node.name for node in network.layers] == ["hidden1", "votes", "readout"]
    readout = network.readout.projections[0]
    assert (readout.weights == np.eye(4)).all()
    assert readout.weight_bits == 2
    trace = golden.run(network, frames)
    votes = trace.spikes["votes"].reshape(40, 5, 4)
    assert (trace.scores == votes.sum(axis=1)).all()
    assert len(np.unique(trace.scores)) > 2
    agree(net, network, frames)


def test_training_leaves_the_identity_alone():
    net = Mlp(FrameFormat(shape=(9,)), (15,), 4, neuron=IntegrateFire(steps=5), count=True)
    readout = net.layers["readout"]
    assert not any(p.requires_grad for p in readout.parameters())
    votes = torch.ones(3, 4)
    assert (readout.train()(votes) == 8 / 5).all()


def test_numbers_that_are_not_exact_are_refused():
    torch.manual_seed(0)
    net = Mlp(FrameFormat(shape=(9,)), (5,), 2, neuron=IntegrateFire(steps=3)).eval()
    norm = net.layers["hidden1"].norm
    with torch.no_grad():
        norm.bias[3] = 1e30
    with pytest.raises(InputError, match=r"^layer 'hidden1': bias must be below 2\^53 to be exact"):
        lower(net)
    with torch.no_grad():
        norm.bias[3] = float("nan")
    with pytest.raises(InputError, match="layer 'hidden1': batch-norm offset must be finite"):
        lower(net)
    deep = Mlp(FrameFormat(shape=(9,)), (5,), 2, neuron=IntegrateFire(steps=2, leak=60))
    with pytest.raises(InputError, match=r"^layer 'hidden1': leak must be 0…52, not 60$"):
        lower(deep.eval())
    many = IntegrateFire(steps=10**6)
    with pytest.raises(InputError, match="the network's steps must be 1"):
        Mlp(FrameFormat(shape=(9,)), (5,), 2, neuron=many)


def test_the_file_keeps_it(tmp_path):
    torch.manual_seed(0)
    neuron = IntegrateFire(steps=3, reset="none", leak=1, initial=0.5)
    net = Mlp(FrameFormat(shape=(9,), bits=2), (5,), 2, neuron=neuron, coding="rate", seed=4)
    net, frames = disturbed(net, 0)
    network = lower(net, calibration=frames, provenance={"seed": 4})
    ir.save(network, tmp_path / "model.s2nn")
    again = ir.load(tmp_path / "model.s2nn")
    assert again.digest() == network.digest()
    agree(net, again, frames)
