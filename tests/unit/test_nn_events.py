"""The share of events, against counts by hand."""

import pytest
import torch

from s2nn_hw.ir import FrameFormat
from s2nn_hw.nn import Convnet, Mlp
from s2nn_hw.nn.events import EventShare


def share(network, frames):
    events = EventShare(network)
    with events.watched():
        network(frames)
    return events.take()


def frames(network, n=5):
    generator = torch.Generator().manual_seed(0)
    return torch.randint(0, 2, (n, *network.input.shape), generator=generator)


@pytest.mark.parametrize("training", [False, True])
def test_of_dense_layers_it_is_the_share_that_fires(training):
    network = Mlp(FrameFormat(shape=(1, 6, 6)), (20, 12), 4)
    given = frames(network)
    network.train(training)
    trace = {}
    network(given, trace)
    spikes = trace["hidden1"].sum() + trace["hidden2"].sum()
    assert 0 < spikes < 5 * 32
    assert share(network, given).item() == pytest.approx(spikes.item() / (5 * 32))


@pytest.mark.parametrize(
    ("side", "arch", "reads"),
    [
        # conv1 behind the or-pool is read by nine windows a pixel, conv2 by the 2×2 of stride 2
        # once, conv3 once by the dense layer behind the sum-pool.
        (16, "4C3-P2-6C3-8C2s2p0-A2-10", {"conv1": 9, "conv2": 1, "conv3": 1}),
        # The block's first convolution reads conv1 nine times, its identity once more.
        (8, "4C3-R4-10", {"conv1": 10, "res1a": 9, "res1b": 1}),
    ],
)
def test_a_spike_counts_as_often_as_it_is_read(side, arch, reads):
    network = Convnet(FrameFormat(shape=(1, side, side)), arch).eval()
    given = frames(network)
    trace = {}
    network(given, trace)
    made = sum(reads[name] * trace[name].sum().item() for name in reads)
    most = sum(reads[name] * trace[name].numel() for name in reads)
    assert share(network, given).item() == pytest.approx(made / most)


def test_pooled_early_it_is_what_the_pool_gives():
    # The same layout and weights always: sums in another order may round to the other side.
    torch.manual_seed(0)
    network = Convnet(FrameFormat(shape=(1, 8, 8)), "4C3-P2-10").train()
    given = frames(network)
    found = share(network, given)
    pooled = network.layers["pool1"](
        network.layers["conv1"](given.float().to(memory_format=torch.channels_last))
    )
    assert found.item() == pytest.approx(pooled.mean().item())


def test_steps_down_its_gradient_make_fewer():
    torch.manual_seed(1)
    network = Mlp(FrameFormat(shape=(1, 6, 6)), (40,), 4).train()
    given = frames(network, 64)
    before = share(network, given)
    optimiser = torch.optim.SGD(network.parameters(), lr=1.0)
    for _ in range(20):
        optimiser.zero_grad()
        share(network, given).backward()
        optimiser.step()
    assert share(network, given).item() < 0.8 * before.item()


def test_without_hidden_layers_there_are_none():
    network = Mlp(FrameFormat(shape=(1, 6, 6)), (), 4)
    assert share(network, frames(network)).item() == 0


def test_what_is_not_watched_is_not_seen():
    network = Mlp(FrameFormat(shape=(1, 6, 6)), (5,), 4)
    events = EventShare(network)
    network(frames(network))
    assert events.take().item() == 0
