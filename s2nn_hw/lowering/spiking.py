"""Lowering of our own modules."""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np
from torch import nn

from s2nn_hw import ir
from s2nn_hw.ir import INPUT, InputError, Layer, Node
from s2nn_hw.nn import Conv2d, Pool, Projection, Readout, SpikingLayer, SpikingNetwork

from .threshold import firing_layer, normalisation, numbers


def spiking_layers(network: SpikingNetwork) -> list[Node]:
    """The network's layers and pools, in order, with sources by name."""
    nodes: list[Node] = []
    greatest = {INPUT: network.input.maximum}
    for name, sources in network.sources().items():
        module = network.layers[name]
        for source in sources:
            if source not in greatest:
                raise InputError(
                    f"layer {name!r}: source must be {INPUT!r} or an earlier layer, not {source!r}"
                )
        x_max = [greatest[source] for source in sources]
        if isinstance(module, Pool):
            nodes.append(module.node(name, sources[0]))
            greatest[name] = module.maximum(x_max[0])
            continue
        projections = [
            _projection(p, source, module, name)
            for p, source in zip(module.projections, sources, strict=True)
        ]
        if isinstance(module, Readout):
            nodes.append(Layer(name=name, projections=tuple(projections)))
        else:
            nodes.append(_firing(module, name, projections, x_max))
        greatest[name] = 1
    return nodes


def _projection(
    projection: nn.Module, source: str, layer: SpikingLayer | Readout, name: str
) -> ir.Projection:
    where = f"layer {name!r}"
    if not isinstance(projection, Projection):
        raise InputError(f"{where}: unsupported projection {type(projection).__name__}")
    numbers(projection.weight, f"{where}: weights")
    for j, scale in enumerate(numbers(layer.scale, f"{where}: scale")):
        if scale <= 0:
            raise InputError(f"{where}: scale must be positive, not {scale} (neuron {j})")
    integers = projection.integers(layer.scale.detach()).cpu().numpy().astype(np.int8)
    weights = np.ascontiguousarray(integers)  # torch may hold them channels last
    if isinstance(projection, Conv2d):
        return ir.Conv2d(
            source=source,
            weights=weights,
            weight_bits=projection.weight_bits,
            stride=projection.window.stride,
            padding=projection.window.padding,
            groups=projection.groups,
        )
    return ir.Dense(source=source, weights=weights, weight_bits=projection.weight_bits)


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
