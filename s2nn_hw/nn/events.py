"""Events of a network in training: what its datapath will spend cycles and toggles on."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import torch
from torch import nn

from .conv2d import Conv2d
from .layer import SpikingLayer
from .network import SpikingNetwork
from .pool import Pool


class EventShare:
    """The share of all events that hidden neurons could make which they do make, differentiable.

    Semantics: an event is a spike and a window in which it is read: a dense layer reads a spike
    once, a convolution, at the edge aside, kernel over stride times each way.  Of what several
    nodes read, all count; what a pool reads, as often as its result is.  0 means that no hidden
    neuron fires.

    Parameters
    ----------
    network: whose batches pass forward while the share is ``watched``.
    """

    def __init__(self, network: SpikingNetwork):
        self._network = network
        self._reads = _reads(network)
        self._spikes: dict[str, torch.Tensor] = {}

    @contextmanager
    def watched(self) -> Iterator[EventShare]:
        """Look at what the layers give."""
        hooks = []
        try:
            for name in self._reads:

                def seen(layer: nn.Module, sources: object, out: torch.Tensor, name: str = name):
                    self._spikes[name] = (out + 1) / 2 if layer.neuron.signed else out

                hooks.append(self._network.layers[name].register_forward_hook(seen))
            yield self
        finally:
            for hook in hooks:
                hook.remove()

    def take(self) -> torch.Tensor:
        """The mean share in the newest batch, a number 0…1; 0 where there is no hidden layer."""
        spikes, self._spikes = self._spikes, {}
        if not spikes:
            return torch.zeros(())
        made = [self._reads[name] * out.float().sum() for name, out in spikes.items()]
        most = sum(self._reads[name] * out.numel() for name, out in spikes.items())
        return torch.stack(made).sum() / most


def _reads(network: SpikingNetwork) -> Mapping[str, float]:
    """How many windows read a spike of each hidden layer, edges aside."""
    sources = network.sources()
    of: dict[str, float] = {}
    for name, layer in reversed(network.layers.items()):
        ways = (
            [of[name]]
            if isinstance(layer, Pool)
            else [_windows(p) if isinstance(p, Conv2d) else 1.0 for p in layer.projections]
        )
        for source, times in zip(sources[name], ways, strict=True):
            of[source] = of.get(source, 0.0) + times
    return {
        name: of[name] for name, layer in network.layers.items() if isinstance(layer, SpikingLayer)
    }


def _windows(projection: Conv2d) -> float:
    stride_y, stride_x = projection.window.stride
    return projection.window.taps / (stride_y * stride_x)
