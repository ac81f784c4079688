"""The full-precision counterpart of a spiking network, to measure what spikes and bits cost."""

from __future__ import annotations

import torch
from torch import nn
from torch.nn import functional

from s2nn_hw.ir import INPUT

from .conv2d import Conv2d
from .layer import Readout, SpikingLayer
from .network import SpikingNetwork
from .pool import Pool
from .projection import Projection


class Twin(nn.Module):
    """The same graph with float weights and ReLU; it is trained alike and never lowered.

    Semantics: a neuron gives max(0, BN(Σ w·x)) where the spiking one fires; pools give the
    greatest or the mean value; pixels come in unquantised, as shares of the greatest raw value.
    The last layer is linear without bias, as the readout is.

    Parameters
    ----------
    network: gives the graph; its weights are of no matter.
    maximum: the greatest raw value of a pixel.
    """

    def __init__(self, network: SpikingNetwork, maximum: int) -> None:
        super().__init__()
        self.maximum = maximum
        self.layers = nn.ModuleDict({name: _twin(layer) for name, layer in network.layers.items()})
        self.sources = network.sources()
        self.dropout = network.dropout

    def forward(self, frames: torch.Tensor) -> torch.Tensor:
        """Logits (n, classes)."""
        out = frames
        values = {INPUT: frames}
        for name, sources in self.sources.items():
            layer = self.layers[name]
            out = layer(*(values[source] for source in sources))
            if isinstance(layer, _Layer) and layer.norm is not None:
                out = self.dropout(out)
            values[name] = out
        return out

    def encode(self, raw: torch.Tensor) -> torch.Tensor:
        """What forward takes, of raw images."""
        layout = torch.channels_last if raw.dim() == 4 else torch.preserve_format
        frames = torch.empty_like(raw, dtype=torch.float32, memory_format=layout)
        return torch.div(raw, self.maximum, out=frames)


class _Layer(nn.Module):
    """Projections, and normalisation and ReLU but for a readout."""

    def __init__(self, layer: SpikingLayer | Readout) -> None:
        super().__init__()
        self.projections = nn.ModuleList(_projection(p) for p in layer.projections)
        kind = nn.BatchNorm2d if layer.is_map else nn.BatchNorm1d
        self.norm = kind(layer.neurons) if isinstance(layer, SpikingLayer) else None

    def forward(self, *sources: torch.Tensor) -> torch.Tensor:
        z = sum(
            p(x if isinstance(p, nn.Conv2d) else x.flatten(1))
            for p, x in zip(self.projections, sources, strict=True)
        )
        return z if self.norm is None else functional.relu(self.norm(z))


class _Mean(nn.Module):
    """A sum-pool's twin: the mean keeps real values in range."""

    def __init__(self, pool: Pool) -> None:
        super().__init__()
        self.pool = pool

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.pool(x) / self.pool.window.taps


def _twin(layer: SpikingLayer | Pool | Readout) -> nn.Module:
    if isinstance(layer, Pool):
        return layer if layer.kind == "or" else _Mean(layer)
    return _Layer(layer)


def _projection(projection: Projection) -> nn.Module:
    neurons, inputs = projection.weight.shape[:2]
    if not isinstance(projection, Conv2d):
        made = nn.Linear(inputs, neurons, bias=False)
    else:
        window, groups = projection.window, projection.groups
        made = nn.Conv2d(
            inputs * groups,
            neurons,
            window.kernel,
            stride=window.stride,
            padding=window.padding,
            groups=groups,
            bias=False,
        )
    nn.init.kaiming_normal_(made.weight, nonlinearity="relu")
    return made
