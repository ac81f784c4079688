"""Lowering of a plain torch Sequential.

Accepted, in this order: Flatten, then for each hidden layer Linear, BatchNorm1d (or none) and our
Neuron, and a last Linear without bias.  Dropout and Identity do nothing in evaluation mode and may
stand anywhere.  The weights of a Linear must be whole numbers, ±127 at most: what scale a trainer
put on them belongs into the normalisation, and only the trainer knows it exactly.  The bias of a
hidden layer is folded into its threshold.

Torch evaluates such a chain in floating point: where a potential meets its threshold to within a
rounding error, torch may decide otherwise than the integer network, which follows the real numbers.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from fractions import Fraction

import numpy as np
from torch import nn

from s2nn_hw import ir
from s2nn_hw.ir import INPUT, FrameFormat, InputError, Layer, integers
from s2nn_hw.ir.weights import weight_bits_for
from s2nn_hw.nn import Neuron

from .threshold import firing_layer, normalisation, numbers


def sequential_layers(module: nn.Sequential, input: FrameFormat) -> list[Layer]:
    """Layers hidden1, hidden2, …, readout of the chain."""
    steps = _steps(module)
    layers: list[Layer] = []
    source = INPUT
    at, step = next(steps, (None, None))
    while step is not None:
        if not isinstance(step, nn.Linear):
            raise InputError(f"module {at}: must be a Linear here, not {type(step).__name__}")
        linear_at, linear = at, step
        at, step = next(steps, (None, None))
        norm = None
        if isinstance(step, nn.BatchNorm1d):
            norm = step
            at, step = next(steps, (None, None))
        if step is None:
            layers.append(_readout(linear, norm, source, linear_at))
            return layers
        if not isinstance(step, Neuron):
            raise InputError(
                f"module {at}: must be a Neuron (or BatchNorm1d after Linear), "
                f"not {type(step).__name__}"
            )
        name = f"hidden{len(layers) + 1}"
        layers.append(_hidden(name, linear, norm, step, source, input))
        source = name
        at, step = next(steps, (None, None))
    raise InputError("a Sequential must end in a Linear, whose outputs are the scores")


def _steps(module: nn.Sequential) -> Iterator[tuple[str, nn.Module]]:
    """The modules that count, with their places; the others are checked and passed over."""
    first = True
    for at, step in module.named_children():
        if isinstance(step, nn.Dropout | nn.Identity):
            continue
        if isinstance(step, nn.Flatten):
            if not first or (step.start_dim, step.end_dim) != (1, -1):
                raise InputError(f"module {at}: a Flatten must come first and flatten whole frames")
            continue
        if not isinstance(step, nn.Linear | nn.BatchNorm1d | Neuron):
            raise InputError(f"module {at}: unsupported module {type(step).__name__}")
        first = False
        yield at, step


def _dense(linear: nn.Linear, source: str, where: str) -> ir.Dense:
    weights = integers(numbers(linear.weight, f"{where}: weights"), f"{where}: weights")
    top = int(np.abs(weights).max())
    if top > np.iinfo(np.int8).max:
        raise InputError(f"{where}: weights must fit 8 bits (-127…127), not {top} in magnitude")
    return ir.Dense(
        source=source, weights=weights.astype(np.int8), weight_bits=weight_bits_for(weights)
    )


def _hidden(
    name: str,
    linear: nn.Linear,
    norm: nn.BatchNorm1d | None,
    neuron: Neuron,
    source: str,
    input: FrameFormat,
) -> Layer:
    where = f"layer {name!r}"
    dense = _dense(linear, source, where)
    if norm is not None and norm.num_features != dense.neurons:
        raise InputError(
            f"{where}: batch normalisation must have {dense.neurons} features, "
            f"not {norm.num_features}"
        )
    if not math.isfinite(neuron.threshold):
        raise InputError(f"{where}: threshold must be finite, not {neuron.threshold}")
    bias = np.zeros(dense.neurons)
    if linear.bias is not None:
        bias = numbers(linear.bias, f"{where}: bias")
    parts = normalisation(norm, where)

    def condition(j: int) -> dict[str, Fraction | bool]:
        numbers_j = parts(j)
        return {
            **numbers_j,
            "mean": numbers_j["mean"] - Fraction(bias[j]),
            "scale": Fraction(1),
            "threshold": Fraction(neuron.threshold),
            "strict": neuron.strict,
        }

    return firing_layer(name, [dense], [input.maximum if source == INPUT else 1], condition)


def _readout(linear: nn.Linear, norm: nn.BatchNorm1d | None, source: str, at: str | None) -> Layer:
    if norm is not None:
        raise InputError(f"module {at}: the readout must not be normalised")
    if linear.bias is not None and numbers(linear.bias, "layer 'readout': bias").any():
        raise InputError("layer 'readout': must have no bias, the integer scores have none")
    return Layer(name="readout", projections=(_dense(linear, source, "layer 'readout'"),))
