"""All-to-all synapses."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from .errors import InputError
from .numeric import tidy, tidy_array
from .weights import check_weights, weight_range


@dataclass(frozen=True, kw_only=True, eq=False)
class Dense:
    """All-to-all synapses.

    Semantics: ``u_j += sum_i weights[j, i] * x_i`` over the flattened source in raster order,
    exact; a feature map C×H×W is flattened channel by channel.  ``weight_bits`` bounds the weights
    to the symmetric range ±(2**(b-1) - 1); one bit means {-1, +1}.

    Parameters
    ----------
    source: name of the layer (or ``input``) whose output is weighted.
    weights: integers of shape (neurons, inputs), as an array or lists.
    weight_bits: 1…8.
    """

    source: str
    weights: npt.NDArray[np.int8]
    weight_bits: int

    def __post_init__(self) -> None:
        object.__setattr__(self, "weights", tidy_array(self.weights, np.int8))
        object.__setattr__(self, "weight_bits", tidy(self.weight_bits))

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
        return weight_range(self.weights, x_max)

    def check(self, layer: str) -> None:
        """Raise InputError naming the layer and the value that is wrong."""
        check_weights(self.weights, self.weight_bits, layer, ("neuron", "input"))

    def output_shape(self, source: tuple[int, ...], layer: str) -> tuple[int, ...]:
        """(neurons,); InputError where the source has another number of elements."""
        if math.prod(source) != self.inputs:
            raise InputError(
                f"layer {layer!r}: weights must have {math.prod(source)} inputs as "
                f"{self.source!r} has, not {self.inputs}"
            )
        return (self.neurons,)
