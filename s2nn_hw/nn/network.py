"""Layers joined by name, as in the integer network."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import torch
from torch import nn

from s2nn_hw.ir import INPUT, FrameFormat, InputError, Network

from .dense import Dense
from .layer import Readout, SpikingLayer
from .neuron import Neuron
from .pool import Pool
from .skeleton import Trained, skeleton, sources_of
from .surrogates import Surrogate


class SpikingNetwork(nn.Module):
    """A single-step spiking network that can be trained and lowered.

    Semantics: a graph.  Frames (n, *shape) of integers, as input.quantise() makes them, pass the
    layers and pools in order; each reads the nodes it names as its sources, or the one before.  In
    training mode forward gives logits, in evaluation mode the integer scores (float64, exact),
    equal to golden.run() on the lowered network bit for bit.

    Parameters
    ----------
    input: format of the frames.
    layers: name → SpikingLayer or Pool, in order; the last is a Readout.
    dropout: share of spikes dropped in training after each hidden layer.

    Raises InputError naming the layer where the graph is none that can be lowered.
    """

    def __init__(
        self,
        input: FrameFormat,
        layers: dict[str, Trained],
        *,
        dropout: float = 0.0,
    ) -> None:
        super().__init__()
        for k, (name, layer) in enumerate(layers.items(), start=1):
            if isinstance(layer, Readout) != (k == len(layers)):
                raise InputError(
                    f"layer {name!r}: the last layer of a network, and no other, must be a Readout"
                )
        skeleton(input, layers).check()
        self.input = input
        self.layers = nn.ModuleDict()
        for name, layer in layers.items():
            if hasattr(self.layers, name):
                raise InputError(f"layer {name!r}: the name is taken by torch's ModuleDict")
            self.layers[name] = layer
        self.dropout = nn.Dropout(dropout)

    def skeleton(self) -> Network:
        """What it will be as an integer network, see skeleton.py."""
        return skeleton(self.input, self.layers)

    def sources(self) -> dict[str, tuple[str, ...]]:
        """Names of what each node reads, one a projection, by the node's name."""
        return sources_of(self.layers)

    def forward(
        self, frames: torch.Tensor, trace: dict[str, torch.Tensor] | None = None
    ) -> torch.Tensor:
        """Logits or scores (n, classes); ``trace`` is given every node's output by name."""
        if tuple(frames.shape[1:]) != tuple(self.input.shape):
            raise InputError(
                f"frames must have shape (n, {', '.join(map(str, self.input.shape))}), "
                f"not {tuple(frames.shape)}"
            )
        # The fast layout on CPUs, which all that follows keeps.
        layout = torch.channels_last if frames.dim() == 4 else torch.preserve_format
        out = torch.empty_like(frames, dtype=torch.float32, memory_format=layout).copy_(frames)
        values = {INPUT: out}
        early = self._pooled_early() if self.training and trace is None else {}
        for name, sources in self.sources().items():
            layer = self.layers[name]
            if name in early.values():
                continue
            pool = early.get(name)
            if pool is None:
                out = layer(*(values[source] for source in sources))
            else:
                out = layer(*(values[source] for source in sources), pool=self.layers[pool])
            if trace is not None:
                trace[name] = out
            values[pool or name] = self.dropout(out) if isinstance(layer, SpikingLayer) else out
        return out

    def _pooled_early(self) -> dict[str, str]:
        """Layers whose potentials may be pooled before they fire, and the pool that does it."""
        sources = self.sources()
        readers = Counter(name for names in sources.values() for name in names)
        found = {}
        for name, pool in self.layers.items():
            if not isinstance(pool, Pool) or pool.kind != "or" or pool.window.padding != (0, 0):
                continue
            (source,) = sources[name]
            if source == INPUT or readers[source] > 1:
                continue
            if isinstance(self.layers[source], SpikingLayer):
                found[source] = name
        return found

    def encode(self, raw: torch.Tensor) -> torch.Tensor:
        """Frames of raw images, uint8 or float32 (n, *shape), as input.quantise() makes them."""
        cuts = torch.tensor(self.input.cuts, dtype=torch.float32, device=raw.device)
        if raw.dtype != torch.uint8:
            return torch.bucketize(raw.contiguous(), cuts, right=True)
        # A tenth of the time of searching for each pixel.
        values = torch.arange(256, dtype=torch.float32, device=raw.device)
        return torch.bucketize(values, cuts, right=True)[raw.int()]


class Mlp(SpikingNetwork):
    """Dense layers in a chain: hidden1, hidden2, …, readout.

    Parameters
    ----------
    input: format of the frames.
    hidden: widths of the hidden layers, any number of them, also none.
    classes: number of scores.
    weight_bits: 1…8; first_weight_bits, last_weight_bits: of the first layer and of the readout,
        where others.
    fan_in: of the hidden layers, see Projection.
    surrogate, threshold, strict: of the neurons, see Neuron.
    learned_scale: see SpikingLayer.
    """

    def __init__(
        self,
        input: FrameFormat,
        hidden: Sequence[int] = (128,),
        classes: int = 10,
        *,
        weight_bits: int = 4,
        first_weight_bits: int | None = None,
        last_weight_bits: int | None = None,
        fan_in: int | None = None,
        surrogate: Surrogate | None = None,
        threshold: float = 1.0,
        strict: bool = False,
        learned_scale: bool = True,
        dropout: float = 0.0,
    ) -> None:
        bits = [weight_bits] * (len(hidden) + 1)
        if first_weight_bits is not None:
            bits[0] = first_weight_bits
        if last_weight_bits is not None:
            bits[-1] = last_weight_bits
        layers: dict[str, Trained] = {}
        inputs = input.size
        for k, width in enumerate(hidden):
            layers[f"hidden{k + 1}"] = SpikingLayer(
                [Dense(inputs, width, weight_bits=bits[k], fan_in=fan_in)],
                Neuron(threshold, surrogate=surrogate, strict=strict),
                learned_scale=learned_scale,
            )
            inputs = width
        layers["readout"] = Readout(
            [Dense(inputs, classes, weight_bits=bits[-1])],
            gain=1.0 if hidden else 1.0 / input.maximum,
            learned_scale=learned_scale,
        )
        super().__init__(input, layers, dropout=dropout)
