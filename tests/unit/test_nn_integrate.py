"""Integrate-and-fire neurons in training: whole numbers, gradients by hand, refusals."""

import numpy as np
import pytest
import torch

from s2nn_hw.ir import FrameFormat, InputError
from s2nn_hw.nn import (
    S2NN,
    Boxcar,
    Convnet,
    Dense,
    IntegrateFire,
    Mlp,
    Neuron,
    Readout,
    SpikingLayer,
    SpikingNetwork,
    Triangle,
)
from s2nn_hw.nn.events import EventShare
from s2nn_hw.nn.normalisation import SMALLEST_GAIN, Normalisation


def numbers(**given):
    """A normalisation of one neuron that does nothing, but for what is given."""
    known = {"scale": 1.0, "gain": 1.0, "offset": 0.0, "mean": 0.0, "variance": 1.0}
    values = {name: torch.tensor([given.get(name, known[name])]).double() for name in known}
    return Normalisation(**values, eps=given.get("eps", 0.0))


def test_whole_numbers_follow_the_normalisation():
    # y = 0.5·(0.25·u − 3)/2 + 0.4: an integer is worth 1/16.
    n = numbers(scale=0.25, gain=0.5, offset=0.4, mean=3.0, variance=3.0, eps=1.0)
    m = IntegrateFire(1.0, initial=0.4).integers(n)
    assert [float(v) for v in (m.sign, m.threshold, m.bias, m.initial)] == [1, 16, round(-5.6), 6]
    n = numbers(scale=0.25, gain=-0.5, offset=0.4, mean=3.0, variance=4.0)
    m = IntegrateFire(2.0).integers(n)
    assert [float(v) for v in (m.sign, m.threshold, m.bias, m.initial)] == [-1, 32, 18, 0]


def test_a_threshold_is_one_at_least_and_a_gain_of_zero_is_bounded():
    assert IntegrateFire(1.0).integers(numbers(gain=100.0)).threshold == 1
    m = IntegrateFire(1.0).integers(numbers(gain=0.0, offset=0.5))
    assert (m.threshold, m.bias) == (1 / SMALLEST_GAIN, 0.5 / SMALLEST_GAIN)


@pytest.mark.parametrize("reset", ["soft", "hard", "none"])
@pytest.mark.parametrize(("leak", "initial"), [(0, 0.0), (1, 0.5), (3, -0.5)])
@pytest.mark.parametrize("arch", [None, "24C3-R4s2-3"])
def test_training_computes_the_whole_numbers_of_evaluation(reset, leak, initial, arch):
    """With the statistics of the batch in the place of those that are stored."""
    torch.manual_seed(0)
    neuron = IntegrateFire(steps=5, reset=reset, leak=leak, initial=initial)
    frame = FrameFormat(shape=(2, 6, 5), bits=2)
    net = (
        Mlp(frame, (40,), 3, neuron=neuron) if arch is None else Convnet(frame, arch, neuron=neuron)
    )
    frames = torch.randint(0, 4, (30, *frame.shape))
    name, layer = next(iter(net.layers.items()))
    with torch.no_grad():
        layer.norm.weight.copy_(torch.linspace(-1.5, 1.5, layer.neurons))
        layer.norm.bias.uniform_(-0.2, 0.6)
    trace = {}
    net.train()(frames, trace)
    fed = torch.cat([frames] * 5).float()
    batch = layer.normalisation(layer._sum([fed]))
    expected = neuron.fire(layer.potential(fed), batch)
    found = net._by_frames(expected) == trace[name]
    assert 0.05 < expected.mean() < 0.95
    # A constant between two whole numbers goes to either side.
    assert found.float().mean() > 0.97
    by_neuron = found.transpose(0, 1).flatten(1).all(dim=1)
    assert by_neuron.float().mean() > 0.9


def by_hand(currents, theta, reset, leak, initial):
    """The membrane's spikes in Python's integers."""
    v, spikes = initial, []
    for current in currents:
        v = v - (v >> leak if leak else 0) + current
        spikes.append(int(v >= theta))
        if v >= theta and reset != "none":
            v = v - theta if reset == "soft" else 0
    return spikes


@pytest.mark.parametrize("reset", ["soft", "hard", "none"])
@pytest.mark.parametrize("leak", [0, 1, 2, 6])
@pytest.mark.parametrize("initial", [0.0, -0.5, 1.0])
def test_evaluation_is_the_membrane_by_hand(reset, leak, initial):
    generator = np.random.default_rng(0)
    u = generator.integers(-30, 41, (8, 50))
    neuron = IntegrateFire(20.0, steps=8, reset=reset, leak=leak, initial=initial)
    n = numbers(offset=-3.0)
    found = neuron.fire(torch.from_numpy(u).double().reshape(-1, 1), n).reshape(8, 50)
    for k in range(50):
        start = round(20 * initial)
        expected = by_hand([int(c) - 3 for c in u[:, k]], 20, reset, leak, start)
        assert found[:, k].tolist() == expected


@pytest.mark.parametrize(("reset", "leak"), [("soft", 0), ("soft", 2), ("hard", 0), ("none", 1)])
def test_gradients_pass_the_steps_by_hand(reset, leak):
    """Of two steps; a reset is a constant, but a hard one cuts off what was before."""
    surrogate = Triangle(width=3.0)
    neuron = IntegrateFire(8.0, steps=2, reset=reset, leak=leak, surrogate=surrogate)
    for first, second in ((6.0, 1.0), (9.0, 7.0), (8.0, 1.0)):
        y = torch.tensor([[first], [second]], requires_grad=True)
        spikes = neuron(y, lambda: numbers())
        spikes[1].sum().backward()
        fired = first >= 8
        kept = first - (8 if fired and reset == "soft" else 0)
        kept = 0 if fired and reset == "hard" else kept
        v = kept - (kept // 2**leak if leak else 0) + second
        assert spikes.flatten().tolist() == [float(fired), float(v >= 8)]
        slope = surrogate.derivative(torch.tensor(v - 8.0)).item()
        passed = 0 if fired and reset == "hard" else 1 - (2.0**-leak if leak else 0)
        assert y.grad.flatten().tolist() == pytest.approx([slope * passed, slope])


def test_the_surrogate_sees_thresholds_not_units():
    neuron = IntegrateFire(1.0, steps=1, surrogate=Boxcar(width=0.5))
    y = torch.tensor([[0.4], [0.6], [1.4], [1.6]], requires_grad=True)
    neuron(y, lambda: numbers(scale=1 / 64)).sum().backward()
    assert y.grad.flatten().tolist() == [0, 1, 1, 0]


@pytest.mark.parametrize("steps", [1, 3])
def test_pools_are_of_the_spikes_of_a_step(steps):
    """A membrane is a pixel's own: only of a single step may potentials be pooled instead."""
    torch.manual_seed(0)
    net = Convnet(
        FrameFormat(shape=(2, 8, 8), bits=2), "8C3-P2-3", neuron=IntegrateFire(steps=steps)
    ).train()
    frames = torch.randint(0, 4, (20, 2, 8, 8))
    assert bool(net._pooled_early()) == (steps == 1)
    # With a trace, of whose nodes every one is wanted, nothing is pooled early.
    assert (net(frames) == net(frames, {})).all()


@pytest.mark.parametrize("count", [False, True])
def test_gradients_reach_every_parameter(count):
    torch.manual_seed(0)
    net = Convnet(
        FrameFormat(shape=(2, 8, 8), bits=2),
        "4C3-P2-R4-R6s2-A2-G-9-3",
        neuron=IntegrateFire(steps=3, surrogate=S2NN()),
        coding="rate",
        count=count,
    ).train()
    net(torch.randint(0, 4, (6, 2, 8, 8))).square().sum().backward()
    for name, parameter in net.named_parameters():
        if parameter.requires_grad:
            assert parameter.grad is not None, name
            assert parameter.grad.abs().sum() > 0, name


def test_rates_are_drawn_anew_in_training_and_alike_in_evaluation():
    torch.manual_seed(0)
    neuron = IntegrateFire(steps=4)
    net = Mlp(FrameFormat(shape=(50,), bits=4), (20,), 3, neuron=neuron, coding="rate", seed=3)
    frames = torch.randint(0, 16, (200, 50))
    net.train()
    one, other = net._fed(frames, 0), net._fed(frames, 0)
    assert one.shape == (800, 50)
    assert set(one.unique().tolist()) == {0.0, 1.0}
    assert (one != other).any()
    # Standard deviation of a share of 40,000: 0.0025 at most.
    assert one.mean().item() == pytest.approx(frames.float().mean().item() / 15, abs=0.01)
    net.eval()
    assert (net(frames) == net(frames)).all()
    assert (net(frames)[70:] == net(frames[70:], first=70)).all()
    assert (net(frames)[70:] != net(frames[70:])).any()


def test_the_share_of_events_is_a_mean_over_steps():
    torch.manual_seed(0)
    net = Mlp(FrameFormat(shape=(30,)), (20,), 3, neuron=IntegrateFire(steps=4)).eval()
    frames = torch.randint(0, 2, (50, 30))
    events, trace = EventShare(net), {}
    with events.watched():
        net(frames, trace)
    assert trace["hidden1"].shape == (200, 20)
    assert events.take().item() == pytest.approx(trace["hidden1"].mean().item())


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"threshold": 0.0}, "a neuron's threshold must be positive, not 0.0"),
        ({"threshold": float("inf")}, "a neuron's threshold must be positive, not inf"),
        ({"steps": 0}, "steps must be 1 or more, not 0"),
        ({"steps": 2.0}, "steps must be an integer, not 2.0"),
        ({"reset": "zero"}, "the reset must be one of soft, hard, none, not 'zero'"),
        ({"leak": -1}, "the leak must be 0 or more, not -1"),
        ({"initial": 2.0}, "the initial potential must be -1…1 thresholds, not 2.0"),
        ({"initial": float("nan")}, "the initial potential must be -1…1 thresholds, not nan"),
    ],
)
def test_neurons_that_cannot_be_are_refused(options, message):
    with pytest.raises(InputError, match=f"^{message}$"):
        IntegrateFire(**options)


def test_layers_of_other_steps_and_unknown_codings_are_refused():
    frame = FrameFormat(shape=(8,), bits=2)
    for neuron, steps in ((Neuron(), 1), (IntegrateFire(steps=2), 2)):
        layers = {
            "a": SpikingLayer([Dense(8, 4)], IntegrateFire(steps=3)),
            "b": SpikingLayer([Dense(4, 4)], neuron),
            "c": Readout([Dense(4, 2)]),
        }
        with pytest.raises(InputError, match=rf"^layer 'b': .* 3 steps .*, not {steps}$"):
            SpikingNetwork(frame, layers)
    with pytest.raises(InputError, match="the coding must be direct or rate, not 'time'"):
        Mlp(frame, (4,), 2, neuron=IntegrateFire(), coding="time")
