"""Synapses into a layer."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from .errors import InputError

MAX_WEIGHT_BITS = 8

#: The name under which projections refer to the network's input frame.
INPUT = "input"


@dataclass(frozen=True, kw_only=True, eq=False)
class Dense:
    """All-to-all synapses.

    Semantics: ``u_j += sum_i weights[j, i] * x_i`` over the flattened source in raster order,
    exact.  ``weight_bits`` bounds the weights to the symmetric range ±(2**(b-1) - 1); one bit
    means {-1, +1}.

    Parameters
    ----------
    source: name of the layer (or ``input``) whose output is weighted.
    weights: integers of shape (neurons, inputs).
    weight_bits: 1…8.
    """

    source: str
    weights: npt.NDArray[np.int8]
    weight_bits: int

    @property
    def inputs(self) -> int:
        """Elements of the source."""
        return int(self.weights.shape[1])

    @property
    def neurons(self) -> int:
        """Neurons reached."""
        return int(self.weights.shape[0])

    @property
    def synapses(self) -> int:
        """Weights that are not zero."""
        return int(np.count_nonzero(self.weights))

    def potential_range(self, x_max: int) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
        """Least and greatest sum of each neuron for inputs 0…x_max."""
        weights = self.weights.astype(np.int64)
        low = np.where(weights < 0, weights, 0).sum(axis=1) * x_max
        high = np.where(weights > 0, weights, 0).sum(axis=1) * x_max
        return low, high

    def check(self, layer: str) -> None:
        """Raise InputError naming the layer and the value that is wrong."""
        where = f"layer {layer!r}"
        if self.weights.ndim != 2 or 0 in self.weights.shape:
            raise InputError(
                f"{where}: dense weights must have shape (neurons, inputs), both at least 1, "
                f"not {self.weights.shape}"
            )
        if self.weights.dtype.kind not in "iu":
            raise InputError(f"{where}: weights must be integers, not {self.weights.dtype}")
        if not 1 <= self.weight_bits <= MAX_WEIGHT_BITS:
            raise InputError(
                f"{where}: weight bits must be 1…{MAX_WEIGHT_BITS}, not {self.weight_bits!r}"
            )
        limit = max(1, 2 ** (self.weight_bits - 1) - 1)
        wrong = np.abs(self.weights.astype(np.int64)) > limit
        if self.weight_bits == 1:
            wrong |= self.weights == 0
        if wrong.any():
            j, i = (int(k) for k in np.argwhere(wrong)[0])
            allowed = "-1 or +1" if self.weight_bits == 1 else f"-{limit}…{limit}"
            raise InputError(
                f"{where}: a {self.weight_bits}-bit weight must be {allowed}, not "
                f"{int(self.weights[j, i])} (neuron {j}, input {i})"
            )


#: Every kind of projection.  A new one brings its golden, gateware and test of the same name.
Projection = Dense


def weight_bits_for(weights: npt.NDArray[np.generic]) -> int:
    """The least width, 1…8, that holds these integers; beyond eight, what check() refuses."""
    array = np.asarray(weights).astype(np.int64)
    top = int(np.abs(array).max(initial=0))
    if top == 1 and not (array == 0).any():
        return 1
    return max(2, top.bit_length() + 1)
