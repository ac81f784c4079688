"""Lowering of our own modules."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction

import numpy as np
import torch

from s2nn_hw import ir
from s2nn_hw.ir import InputError, Layer, Node, Pool
from s2nn_hw.nn import IntegrateFire, Projection, Readout, SpikingLayer, SpikingNetwork

from .sums import Integers, sums
from .threshold import firing_layer, negated, normalisation, numbers

#: Thresholds and biases of several steps are below this, to be exact.
_EXACT = 2.0**53


def spiking_network(network: SpikingNetwork) -> ir.Network:
    """The network's layers and pools, in order, with sources by name."""
    skeleton = network.skeleton()
    skeleton.check()
    magnitudes = {
        name: m[0].cpu().numpy().astype(np.int64) for name, m in network.magnitudes().items()
    }
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
        signs = [magnitudes.get(source) for source in node.sources]
        if node.is_readout:
            nodes.append(_readout(node.name, projections, signs, magnitudes.get(node.name)))
        elif isinstance(module.neuron, IntegrateFire):
            nodes.append(_integrating(module, node.name, projections, signs))
        else:
            x_max = [skeleton.maximum(source) for source in node.sources]
            nodes.append(_firing(module, node.name, projections, signs, x_max))
    return replace(skeleton, layers=tuple(nodes))


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
    module: SpikingLayer,
    name: str,
    projections: Sequence[ir.Projection],
    signs: Sequence[Integers | None],
    x_max: Sequence[int],
) -> Layer:
    """Neurons of a single step, folded over the reals."""
    where = f"layer {name!r}"
    norm = normalisation(module.norm, where)
    scale = numbers(module.scale, f"{where}: scale")
    if not math.isfinite(module.neuron.threshold):
        raise InputError(f"{where}: threshold must be finite, not {module.neuron.threshold}")
    threshold = Fraction(module.neuron.threshold)
    return firing_layer(
        name,
        sums(projections, signs, where),
        x_max,
        lambda j: {
            **norm(j),
            "scale": Fraction(scale[j]),
            "threshold": threshold,
            "strict": module.neuron.strict,
        },
    )


def _integrating(
    module: SpikingLayer,
    name: str,
    projections: Sequence[ir.Projection],
    signs: Sequence[Integers | None],
) -> Layer:
    """Neurons of several steps, whose whole numbers are those of the module."""
    where = f"layer {name!r}"
    normalisation(module.norm, where)
    if any(m is not None for m in signs):
        raise InputError(f"{where}: integrate-and-fire neurons must read spikes, not signs")
    neuron = module.neuron
    membrane = neuron.integers(module.normalisation())

    def whole(values: torch.Tensor, what: str) -> Integers:
        found = numbers(values, f"{where}: {what}")
        if (np.abs(found) >= _EXACT).any():
            greatest = max(found.tolist(), key=abs)
            raise InputError(f"{where}: {what} must be below 2^53 to be exact, not {greatest:g}")
        return found.astype(np.int64)

    bias = whole(membrane.bias, "bias")
    return Layer(
        name=name,
        projections=negated(projections, membrane.sign.cpu().numpy().astype(np.int8)),
        thresholds=whole(membrane.threshold, "threshold"),
        bias=bias if bias.any() else None,
        initial=whole(membrane.initial, "initial potential") if neuron.initial else None,
        reset=neuron.reset,
        leak=neuron.leak,
    )


def _readout(
    name: str,
    projections: Sequence[ir.Projection],
    signs: Sequence[Integers | None],
    magnitude: Integers | None,
) -> Layer:
    """Scores; of signs and weights of one bit, with their ``magnitude``, numbers of agreements."""
    found = sums(projections, signs, f"layer {name!r}", whole=magnitude is None)
    # (2·u − lack + magnitude) / 2, and magnitude − lack is twice the sum where the weight is -1.
    bias = -found.lack if magnitude is None else (magnitude - found.lack) // 2
    return Layer(name=name, projections=found.projections, bias=bias if bias.any() else None)
