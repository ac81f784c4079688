"""Lowering of our own modules."""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np
from torch import nn

from s2nn_hw import ir
from s2nn_hw.ir import INPUT, InputError, Layer, Projection
from s2nn_hw.nn import Dense, Readout, SpikingLayer, SpikingNetwork

from .threshold import firing_layer, normalisation, numbers


def spiking_layers(network: SpikingNetwork) -> list[Layer]:
    """The network's layers, in order, with sources by name."""
    layers: list[Layer] = []
    previous = INPUT
    for name, module in network.layers.items():
        projections, x_max = [], []
        for p in module.projections:
            source = previous if p.source is None else p.source
            projections.append(_projection(p, source, module, name))
            x_max.append(network.input.maximum if source == INPUT else 1)
        if isinstance(module, Readout):
            layers.append(Layer(name=name, projections=tuple(projections)))
        else:
            layers.append(_firing(module, name, projections, x_max))
        previous = name
    return layers


def _projection(
    projection: nn.Module, source: str, layer: SpikingLayer | Readout, name: str
) -> Projection:
    where = f"layer {name!r}"
    if not isinstance(projection, Dense):
        raise InputError(f"{where}: unsupported projection {type(projection).__name__}")
    numbers(projection.weight, f"{where}: weights")
    for j, scale in enumerate(numbers(layer.scale, f"{where}: scale")):
        if scale <= 0:
            raise InputError(f"{where}: scale must be positive, not {scale} (neuron {j})")
    weights = projection.integers(layer.scale.detach()).cpu().numpy().astype(np.int8)
    return ir.Dense(source=source, weights=weights, weight_bits=projection.weight_bits)


def _firing(
    module: SpikingLayer, name: str, projections: list[Projection], x_max: list[int]
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
