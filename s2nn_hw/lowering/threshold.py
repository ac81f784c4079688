"""A whole layer folded: its integer weights and what normalises it become an ir.Layer."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from fractions import Fraction
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import nn

from s2nn_hw.ir import InputError, Layer, Projection

from .fold import fold
from .sums import Sums


def firing_layer(
    name: str,
    sums: Sums,
    x_max: Sequence[int],
    condition: Callable[[int], dict[str, Any]],
) -> Layer:
    """A hidden layer of a single step; its thresholds are of pixels only where these differ.

    x_max: the greatest element of each projection's source.
    condition: gives neuron j's numbers as fold() takes them, for the module's potential.
    """
    ranges = [p.potential_range(m) for p, m in zip(sums.projections, x_max, strict=True)]
    low = np.sum([low for low, _ in ranges], axis=0)
    high = np.sum([high for _, high in ranges], axis=0)
    thresholds = np.zeros(sums.lack.shape, np.int64)
    sign = np.ones(len(thresholds), np.int8)
    for j, lack in enumerate(sums.lack):
        numbers_j = condition(j)
        scale, mean = numbers_j["scale"], numbers_j["mean"]
        values, places = np.unique(lack, return_inverse=True)
        folded = [
            fold(
                low=int(low[j]),
                high=int(high[j]),
                **{**numbers_j, "scale": sums.factor * scale, "mean": mean + scale * int(value)},
            )
            for value in values
        ]
        thresholds[j] = np.array([theta for theta, _ in folded])[places].reshape(lack.shape)
        sign[j] = -1 if folded[0][1] else 1
    by_neuron = thresholds.reshape(len(thresholds), -1)
    if (by_neuron == by_neuron[:, :1]).all():
        thresholds = by_neuron[:, 0].copy()
    return Layer(name=name, projections=negated(sums.projections, sign), thresholds=thresholds)


def negated(
    projections: Sequence[Projection], sign: npt.NDArray[np.int8]
) -> tuple[Projection, ...]:
    """The projections, of which each neuron's weights are multiplied by its sign, ±1."""
    return tuple(
        replace(p, weights=p.weights * sign.reshape(-1, *[1] * (p.weights.ndim - 1)))
        for p in projections
    )


def numbers(tensor: torch.Tensor, what: str) -> npt.NDArray[np.float64]:
    """The values in float64, all finite; else InputError naming the first that is not."""
    array = tensor.detach().cpu().double().numpy()
    wrong = ~np.isfinite(array)
    if wrong.any():
        place = ", ".join(str(int(k)) for k in np.argwhere(wrong)[0])
        raise InputError(f"{what} must be finite, not {array[wrong][0]} (at {place})")
    return array


def normalisation(
    norm: nn.BatchNorm1d | nn.BatchNorm2d | None, where: str
) -> Callable[[int], dict[str, Fraction]]:
    """Gain, offset, mean and variance (eps included) by neuron, exact; without a norm, identity.

    Raises InputError, beginning with ``where``, for numbers that cannot be folded.
    """
    if norm is None:
        one, zero = Fraction(1), Fraction(0)
        return lambda j: {"gain": one, "offset": zero, "mean": zero, "variance": one}
    if norm.running_mean is None or norm.running_var is None:
        raise InputError(f"{where}: batch normalisation must track running statistics")
    size = norm.num_features
    gain = numbers(
        torch.ones(size) if norm.weight is None else norm.weight, f"{where}: batch-norm gain"
    )
    offset = numbers(
        torch.zeros(size) if norm.bias is None else norm.bias, f"{where}: batch-norm offset"
    )
    mean = numbers(norm.running_mean, f"{where}: batch-norm mean")
    variance = numbers(norm.running_var, f"{where}: batch-norm variance")
    for j, value in enumerate(variance):
        if Fraction(value) + Fraction(norm.eps) <= 0:
            raise InputError(
                f"{where}: batch-norm variance plus eps must be positive, "
                f"not {value + norm.eps} (neuron {j})"
            )
    return lambda j: {
        "gain": Fraction(gain[j]),
        "offset": Fraction(offset[j]),
        "mean": Fraction(mean[j]),
        "variance": Fraction(variance[j]) + Fraction(norm.eps),
    }
