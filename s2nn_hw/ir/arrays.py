"""A network in one call from integer arrays."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from .dense import Dense
from .errors import InputError
from .frame import FrameFormat
from .layer import Layer
from .network import Network
from .numeric import each_integer, integer, integers
from .projection import INPUT
from .weights import weight_bits_for


def from_arrays(
    weights: Sequence[npt.ArrayLike],
    thresholds: Sequence[npt.ArrayLike | None],
    input_bits: int = 1,
    weight_bits: int | Sequence[int] | None = None,
) -> Network:
    """A chain of dense layers, checked.

    Parameters
    ----------
    weights: per layer, integers of shape (out, in).
    thresholds: per layer, integers of shape (out,); None for the last, which is read out.
    input_bits: width of an input element, 1…8.
    weight_bits: one width for all layers, one each, or None for the least that fits.

    Raises InputError naming the layer (``hidden1``, ``hidden2``, …, ``readout``) and the value.
    """
    if len(weights) == 0 or len(weights) != len(thresholds):
        raise InputError(
            f"weights and thresholds must be of the same length, at least 1, "
            f"not {len(weights)} and {len(thresholds)}"
        )
    widths: Sequence[int | None] | None = each_integer(weight_bits, "weight_bits")
    if widths is None:
        each = None if weight_bits is None else integer(weight_bits, "weight_bits")
        widths = [each] * len(weights)
    if len(widths) != len(weights):
        raise InputError(f"weight_bits must be {len(weights)} widths, not {len(widths)}")

    layers: list[Layer] = []
    source = INPUT
    for k, (w, theta, bits) in enumerate(zip(weights, thresholds, widths, strict=True)):
        name = "readout" if k == len(weights) - 1 else f"hidden{k + 1}"
        matrix = integers(w, f"layer {name!r}: weights")
        if matrix.ndim != 2 or matrix.size == 0:
            raise InputError(
                f"layer {name!r}: weights must have shape (out, in), both at least 1, "
                f"not {matrix.shape}"
            )
        bits = weight_bits_for(matrix) if bits is None else bits
        limit = np.abs(matrix).max()
        if limit > np.iinfo(np.int8).max:
            raise InputError(
                f"layer {name!r}: weights must fit 8 bits (-127…127), not {limit} in magnitude"
            )
        dense = Dense(source=source, weights=matrix.astype(np.int8), weight_bits=bits)
        layers.append(
            Layer(
                name=name,
                projections=(dense,),
                thresholds=None
                if theta is None
                else integers(theta, f"layer {name!r}: thresholds"),
            )
        )
        source = name
    network = Network(
        input=FrameFormat(
            shape=(layers[0].projections[0].inputs,), bits=integer(input_bits, "input_bits")
        ),
        layers=tuple(layers),
    )
    network.check()
    return network
