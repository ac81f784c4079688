"""Lowering of our own modules."""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np

from s2nn_hw import ir
from s2nn_hw.ir import InputError, Layer, Node, Pool
from s2nn_hw.nn import Projection, Readout, SpikingLayer, SpikingNetwork

from .threshold import firing_layer, normalisation, numbers


def spiking_layers(network: SpikingNetwork) -> list[Node]:
    """The network's layers and pools, in order, with sources by name."""
    skeleton = network.skeleton()
    skeleton.check()
    nodes: list[Node] = []
    for node in skeleton.layers:
        if isinstance(node, Pool):
            nodes.append(node)
            continue
        module = network.layers[node.name]
        projections = [
            _projection(p, source, module, node.name)
            for p, source in zip(module.projections, node.sources, strict=True)
        ]
        if node.is_readout:
            nodes.append(Layer(name=node.name, projections=tuple(projections)))
        else:
            x_max = [skeleton.maximum(source) for source in node.sources]
            nodes.append(_firing(module, node.name, projections, x_max))
    return nodes


def _projection(
    projection: Projection, source: str, layer: SpikingLayer | Readout, name: str
) -> ir.Projection:
    where = f"layer {name!r}"
    numbers(projection.weight, f"{where}: weights")
    for j, scale in enumerate(numbers(layer.scale, f"{where}: scale")):
        if scale <= 0:
            raise InputError(f"{where}: scale must be positive, not {scale} (neuron {j})")
    integers = projection.integers(layer.scale.detach()).cpu().numpy().astype(np.int8)
    # torch may hold them channels last
    return projection.synapses(source, np.ascontiguousarray(integers))


def _firing(
    module: SpikingLayer, name: str, projections: list[ir.Projection], x_max: list[int]
) -> Layer:
    where = f"layer {name!r}"
    norm = normalisation(module.norm, where)
    scale = numbers(module.scale, f"{where}: scale")
    if not math.isfinite(module.neuron.threshold):
        raise InputError(f"{where}: threshold must be finite, not {module.neuron.threshold}")
    threshold = Fraction(module.neuron.threshold)
    return firing_layer(
        name,
        projections,
        x_max,
        lambda j: {
            **norm(j),
            "scale": Fraction(scale[j]),
            "threshold": threshold,
            "strict": module.neuron.strict,
        },
    )
