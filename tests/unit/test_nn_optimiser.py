"""One optimiser of two: whose parameters are whose, and what a step does to them."""

import pytest
import torch
from torch import nn

from s2nn_hw.ir import FrameFormat, InputError
from s2nn_hw.nn import Mlp
from s2nn_hw.nn.fit import Schedule, fit
from s2nn_hw.nn.muon import Muon
from s2nn_hw.nn.optimiser import Optimiser


def step(network, rate, weight_decay=0.0, steps=1):
    """Steps along the gradients of a fixed sum; the course that the rate was asked for."""
    asked = []
    optimiser = Optimiser(
        network, rate=lambda k: asked.append(k) or rate, weight_decay=weight_decay
    )
    for _ in range(steps):
        for k, p in enumerate(network.parameters()):
            p.grad = torch.randn(p.shape, generator=torch.Generator().manual_seed(k))
        optimiser.step()
    return asked


@pytest.mark.parametrize(
    "network",
    [
        nn.Linear(40, 30, bias=False),
        nn.Conv2d(5, 16, 3, bias=False),
        nn.Conv2d(5, 16, 3, bias=False).to(memory_format=torch.channels_last),
        nn.Conv2d(6, 6, 1, groups=6, bias=False),
    ],
)
def test_all_directions_of_a_layers_weights_move_alike(network):
    before = network.weight.detach().clone()
    step(network, 0.25)
    moved = (before - network.weight.detach()).flatten(1) / 0.25
    rows, columns = moved.shape
    moved /= max(1, rows / columns) ** 0.5
    # Muon's five steps leave the singular values within 0.3 of one.
    assert ((torch.linalg.svdvals(moved) - 1).abs() < 0.4).all()
    # Downhill.
    gradient = torch.randn(network.weight.shape, generator=torch.Generator().manual_seed(0))
    assert (gradient.flatten(1) * moved).sum() > 0


def test_other_parameters_take_steps_of_the_rate():
    network = nn.Sequential(nn.Linear(4, 4, bias=False), nn.BatchNorm1d(4))
    step(network, 0.125)
    assert torch.allclose((network[1].weight - 1).abs(), torch.tensor(0.125), atol=1e-3)
    assert torch.allclose(network[1].bias.abs(), torch.tensor(0.125), atol=1e-3)


def test_the_rate_follows_the_steps_and_decay_is_of_weights_alone():
    network = nn.Sequential(nn.Linear(4, 4, bias=False), nn.BatchNorm1d(4))
    network[0].weight.data.fill_(100.0)
    before = network[1].weight.detach().clone()
    asked = step(network, 0.1, weight_decay=0.5, steps=3)
    assert sorted(set(asked)) == [0, 1, 2]
    assert (network[0].weight < 100 * 0.95**3 + 1).all()
    assert ((network[1].weight - before).abs() <= 0.31).all()


def test_what_is_not_learned_and_what_has_no_gradient_stays():
    network = nn.Sequential(*(nn.Linear(4, 4, bias=False) for _ in range(3)), nn.BatchNorm1d(4))
    network[0].weight.requires_grad_(False)
    before = [p.detach().clone() for p in network.parameters()]
    optimiser = Optimiser(network, rate=lambda k: 0.1, weight_decay=0.0)
    network[1].weight.grad = torch.eye(4)
    optimiser.step()
    after = [p.detach() for p in network.parameters()]
    assert [bool((a == b).all()) for a, b in zip(after, before, strict=True)] == [
        True, False, True, True, True,
    ]  # fmt: skip


def test_adam_gives_each_weight_a_step_of_the_rate():
    network = nn.Sequential(nn.Linear(4, 4, bias=False), nn.BatchNorm1d(4))
    before = network[0].weight.detach().clone()
    optimiser = Optimiser(network, kind="adam", rate=lambda k: 0.125)
    for p in network.parameters():
        p.grad = torch.randn(p.shape, generator=torch.Generator().manual_seed(1)) + 5
    optimiser.step()
    moved = before - network[0].weight.detach()
    assert torch.allclose(moved, torch.tensor(0.125), atol=1e-3)
    assert network[0].weight.grad is None


def test_an_unknown_kind_is_refused():
    with pytest.raises(InputError, match="optimiser must be one of muon, adam, not 'sgd'"):
        Optimiser(nn.Linear(2, 2), kind="sgd", rate=lambda k: 0.1)


@pytest.mark.parametrize("shape", [(40, 90), (90, 40), (7, 7)])
def test_muon_takes_the_steps_that_torchs_takes(shape):
    start = torch.randn(shape, generator=torch.Generator().manual_seed(0))
    ours, theirs = nn.Parameter(start.clone()), nn.Parameter(start.clone())
    optimisers = (
        Muon([ours], lr=0.1, weight_decay=0.2),
        torch.optim.Muon([theirs], lr=0.1, weight_decay=0.2, momentum=0.9),
    )
    gradients = torch.Generator().manual_seed(1)
    for _ in range(5):
        ours.grad = torch.randn(shape, generator=gradients)
        theirs.grad = ours.grad.clone()
        for optimiser in optimisers:
            optimiser.step()
    # Theirs is of eight bits.
    assert (ours - start).norm() > 50 * (ours - theirs).norm()


@pytest.mark.parametrize("before", [False, True])
def test_subnormal_numbers_are_zero_in_training_and_as_they_were_after(before):
    def smallest():
        return float(torch.tensor(2.0**-140) * 1)

    seen = []
    net = Mlp(FrameFormat(shape=(1, 2, 2), cuts=(1,)), [3], 2)
    images, labels = torch.ones(4, 1, 2, 2, dtype=torch.uint8), torch.tensor([0, 1, 0, 1])
    if not torch.set_flush_denormal(before):
        pytest.skip("this processor has no such mode")
    try:
        fit(
            net,
            images,
            labels,
            Schedule(epochs=1, batch=2),
            generator=torch.Generator(),
            progress=lambda epoch: seen.append(smallest()),
        )
        after = smallest()
    finally:
        torch.set_flush_denormal(False)
    assert seen == [0]
    assert (after == 0) == before
