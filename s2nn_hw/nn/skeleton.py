"""What a network in training will be as an integer network, before its weights are known."""

from __future__ import annotations

from collections.abc import Mapping

from s2nn_hw.ir import INPUT, FrameFormat, InputError, Network, Node

from .layer import Readout, SpikingLayer
from .pool import Pool

#: What a network in training is made of.
Trained = SpikingLayer | Pool | Readout


def sources_of(layers: Mapping[str, Trained]) -> dict[str, tuple[str, ...]]:
    """Names of what each node reads, one a projection, by the node's name."""
    found: dict[str, tuple[str, ...]] = {}
    previous = INPUT
    for name, layer in layers.items():
        found[name] = tuple(previous if source is None else source for source in layer.sources)
        previous = name
    return found


def steps_of(layers: Mapping[str, Trained]) -> int:
    """The steps of the hidden layers, 1 where there is none; InputError where they differ."""
    found = {
        name: layer.neuron.steps
        for name, layer in layers.items()
        if isinstance(layer, SpikingLayer)
    }
    first = next(iter(found.values()), 1)
    for name, steps in found.items():
        if steps != first:
            raise InputError(
                f"layer {name!r}: its neurons must have {first} steps as those before, not {steps}"
            )
    return first


def skeleton(
    input: FrameFormat, layers: Mapping[str, Trained], *, coding: str = "direct", seed: int = 0
) -> Network:
    """The integer network of the same graph, shapes and widths; all weights 1, all thresholds 0.

    Its check() is what makes a network in training one that can be lowered, whatever it learns.
    Raises InputError naming the layer that is none.
    """
    for name, layer in layers.items():
        if not isinstance(layer, Trained):
            raise InputError(
                f"layer {name!r}: must be a SpikingLayer, Pool or Readout, "
                f"not {type(layer).__name__}"
            )
    nodes: list[Node] = [layers[name].node(name, *s) for name, s in sources_of(layers).items()]
    return Network(
        input=input, layers=tuple(nodes), steps=steps_of(layers), coding=coding, seed=seed
    )
