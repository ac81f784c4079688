"""Layers joined by name, as in the integer network."""

from __future__ import annotations

import copy
from collections import Counter
from collections.abc import Sequence

import numpy as np
import torch
from torch import nn

from s2nn_hw.ir import INPUT, FrameFormat, InputError, Network

from .dense import Dense
from .layer import AnyNeuron, Readout, SpikingLayer
from .neuron import Neuron
from .pool import Pool
from .signs import magnitudes
from .skeleton import Trained, skeleton, sources_of


class SpikingNetwork(nn.Module):
    """A spiking or binary network that can be trained and lowered.

    Semantics: a graph.  Frames (n, *shape) of integers, as input.quantise() makes them, pass the
    layers and pools in order, at each of the steps that the neurons have; each reads the nodes it
    names as its sources, or the one before.  In training mode forward gives logits, in evaluation
    mode the integer scores (float64, exact), equal to golden.run() on the lowered network bit for
    bit.

    Parameters
    ----------
    input: format of the frames.
    layers: name → SpikingLayer or Pool, in order; the last is a Readout.
    coding, seed: how frames are fed, see ir.Network.  In training rates are drawn by torch's
        global generator instead.
    dropout: share of spikes dropped in training after each hidden layer.

    Raises InputError naming the layer where the graph is none that can be lowered.
    """

    def __init__(
        self,
        input: FrameFormat,
        layers: dict[str, Trained],
        *,
        coding: str = "direct",
        seed: int = 0,
        dropout: float = 0.0,
    ) -> None:
        super().__init__()
        for k, (name, layer) in enumerate(layers.items(), start=1):
            if isinstance(layer, Readout) != (k == len(layers)):
                raise InputError(
                    f"layer {name!r}: the last layer of a network, and no other, must be a Readout"
                )
        bones = skeleton(input, layers, coding=coding, seed=seed)
        bones.check()
        self.input = input
        self.steps, self.coding, self.seed = bones.steps, coding, seed
        self.layers = nn.ModuleDict()
        for name, layer in layers.items():
            if hasattr(self.layers, name):
                raise InputError(f"layer {name!r}: the name is taken by torch's ModuleDict")
            self.layers[name] = layer
        self.dropout = nn.Dropout(dropout)

    def skeleton(self) -> Network:
        """What it will be as an integer network, see skeleton.py."""
        return skeleton(self.input, self.layers, coding=self.coding, seed=self.seed)

    def sources(self) -> dict[str, tuple[str, ...]]:
        """Names of what each node reads, one a projection, by the node's name."""
        return sources_of(self.layers)

    def magnitudes(self) -> dict[str, torch.Tensor]:
        """Of the nodes whose values are signed, see signs.py."""
        return magnitudes(self.layers, self.skeleton())

    def forward(
        self,
        frames: torch.Tensor,
        trace: dict[str, torch.Tensor] | None = None,
        *,
        first: int = 0,
    ) -> torch.Tensor:
        """Logits or scores (n, classes).

        trace: is given every node's output by name; in evaluation mode as golden.run() has it.
        first: number of the first frame, by which rates are drawn in evaluation mode.
        """
        if tuple(frames.shape[1:]) != tuple(self.input.shape):
            raise InputError(
                f"frames must have shape (n, {', '.join(map(str, self.input.shape))}), "
                f"not {tuple(frames.shape)}"
            )
        values = {INPUT: self._fed(frames, first)}
        early = self._pooled_early() if self.training and trace is None else {}
        signed = {} if self.training else self.magnitudes()
        for name, sources in self.sources().items():
            layer = self.layers[name]
            if name in early.values():
                continue
            pool = early.get(name)
            given = [values[source] for source in sources]
            if isinstance(layer, Readout):
                out = layer(*(self._summed(x) for x in given))
            elif pool is None:
                out = layer(*given)
            else:
                out = layer(*given, pool=self.layers[pool])
            values[pool or name] = self.dropout(out) if isinstance(layer, SpikingLayer) else out
            if name in signed:
                out = (out + signed[name].to(out.device)) / 2
            if trace is not None:
                trace[name] = out if isinstance(layer, Readout) else self._by_frames(out)
        return out

    def _fed(self, frames: torch.Tensor, first: int) -> torch.Tensor:
        """What the layers read, float32: all frames of the first step, then of the next, …."""
        if self.coding == "rate" and not self.training:
            pixels = frames.cpu().numpy().astype(np.uint8)
            drawn = self.skeleton().coded(pixels, first=first).swapaxes(0, 1)
            frames = torch.from_numpy(drawn.reshape(-1, *self.input.shape)).to(frames.device)
        # The fast layout on CPUs, which all that follows keeps.
        layout = torch.channels_last if frames.dim() == 4 else torch.preserve_format
        x = torch.empty_like(frames, dtype=torch.float32, memory_format=layout).copy_(frames)
        if self.coding == "direct":
            return torch.cat([x] * self.steps) if self.steps > 1 else x
        if not self.training:
            return x
        rates = torch.cat([x / self.input.maximum] * self.steps)
        return (torch.rand_like(rates) < rates).to(rates)

    def _summed(self, x: torch.Tensor) -> torch.Tensor:
        """The sum over the steps, for which a readout is linear."""
        return x.unflatten(0, (self.steps, -1)).sum(dim=0) if self.steps > 1 else x

    def _by_frames(self, x: torch.Tensor) -> torch.Tensor:
        """A frame's steps one after the other, not a step's frames."""
        return x.unflatten(0, (self.steps, -1)).transpose(0, 1).flatten(0, 1)

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
            layer = self.layers[source]
            if isinstance(layer, SpikingLayer) and layer.neuron.steps == 1:
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
    """Dense layers in a chain: hidden1, hidden2, …, and those of ending().

    Parameters
    ----------
    input: format of the frames.
    hidden: widths of the hidden layers, any number of them, also none.
    classes: number of scores.
    weight_bits: 1…8; first_weight_bits, last_weight_bits: of the first layer and of the last with
        weights, where others.
    fan_in: of the hidden layers, see Projection.
    neuron: of every layer a copy; Neuron() by default.
    count: whether spikes are counted instead of potentials read out, see ending().
    learned_scale: see SpikingLayer.
    coding, seed, dropout: see SpikingNetwork.
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
        neuron: AnyNeuron | None = None,
        count: bool = False,
        learned_scale: bool = True,
        coding: str = "direct",
        seed: int = 0,
        dropout: float = 0.0,
    ) -> None:
        neuron = Neuron() if neuron is None else neuron
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
                copy.copy(neuron),
                learned_scale=learned_scale,
            )
            inputs = width
        layers |= ending(
            Dense(inputs, classes, weight_bits=bits[-1]),
            neuron,
            count=count,
            maximum=1 if hidden or coding == "rate" else input.maximum,
            learned_scale=learned_scale,
        )
        super().__init__(input, layers, coding=coding, seed=seed, dropout=dropout)


def ending(
    last: Dense, neuron: AnyNeuron, *, count: bool, maximum: int, learned_scale: bool
) -> dict[str, Trained]:
    """The last layers of a network: the readout, and before it votes where spikes are counted.

    last: the last weights; maximum: the greatest value that they read.
    """
    if count:
        votes = SpikingLayer([last], copy.copy(neuron), learned_scale=learned_scale)
        return {"votes": votes, "readout": Readout.count(last.neurons, neuron.steps)}
    gain = 1.0 / (maximum * neuron.steps)
    return {"readout": Readout([last], gain=gain, learned_scale=learned_scale)}
