"""Synapses shared by all pixels of a map."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from .errors import InputError
from .numeric import tidy, tidy_array, tidy_pair
from .weights import check_weights, weight_range
from .window import Pair, Window


@dataclass(frozen=True, kw_only=True, eq=False)
class Conv2d:
    """Two-dimensional convolution (cross-correlation, as in PyTorch) over a map C×H×W.

    Semantics: ``u[n, y, x] += sum_{c,ky,kx} weights[n, c, ky, kx] * x[g*(C/groups) + c, …]`` with
    the pixel as Window says and g = n // (neurons / groups); exact.  A depthwise convolution has as
    many groups as channels; with a kernel of 1×1 it is the identity of a residual connection,
    weighted channel by channel.

    Parameters
    ----------
    source: name of the layer (or ``input``) whose output is weighted.
    weights: integers of shape (neurons, C / groups, kernel height, kernel width), as an array or
        lists.
    weight_bits: 1…8; see Dense.
    stride, padding: see Window; one number holds for both ways.
    groups: divides C and the neurons.
    dilation: 1; another is refused.
    """

    source: str
    weights: npt.NDArray[np.int8]
    weight_bits: int
    stride: Pair = (1, 1)
    padding: Pair = (0, 0)
    groups: int = 1
    dilation: Pair = (1, 1)

    def __post_init__(self) -> None:
        object.__setattr__(self, "weights", tidy_array(self.weights, np.int8))
        for name in ("weight_bits", "groups"):
            object.__setattr__(self, name, tidy(getattr(self, name)))
        for name in ("stride", "padding", "dilation"):
            object.__setattr__(self, name, tidy_pair(getattr(self, name)))

    @property
    def window(self) -> Window:
        """Kernel, stride and padding."""
        height, width = (int(n) for n in self.weights.shape[2:])
        return Window(kernel=(height, width), stride=self.stride, padding=self.padding)

    @property
    def channels(self) -> int:
        """Channels of the source."""
        return int(self.weights.shape[1]) * self.groups

    @property
    def inputs(self) -> int:
        """Elements of a window of the source."""
        return self.channels * self.window.taps

    @property
    def neurons(self) -> int:
        """Neurons of a pixel: channels of the output."""
        return int(self.weights.shape[0])

    @property
    def synapses(self) -> int:
        """Weights that are not zero, each counted once."""
        return int(np.count_nonzero(self.weights))

    def potential_range(self, x_max: int) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
        """Least and greatest sum of each neuron for inputs 0…x_max."""
        return weight_range(self.weights, x_max)

    def check(self, layer: str) -> None:
        """Raise InputError naming the layer and the value that is wrong."""
        where = f"layer {layer!r}"
        check_weights(
            self.weights, self.weight_bits, layer, ("neuron", "channel", "kernel y", "kernel x")
        )
        self.window.check(where)
        if self.dilation != (1, 1):
            raise InputError(f"{where}: dilation must be 1, not {self.dilation!r}")
        if not isinstance(self.groups, int) or isinstance(self.groups, bool) or self.groups < 1:
            raise InputError(f"{where}: groups must be 1 or more, not {self.groups!r}")
        if self.neurons % self.groups:
            raise InputError(
                f"{where}: groups must divide the {self.neurons} neurons, not {self.groups}"
            )

    def output_shape(self, source: tuple[int, ...], layer: str) -> tuple[int, ...]:
        """(neurons, height, width); InputError where the source does not fit."""
        where = f"layer {layer!r}"
        if len(source) != 3:
            raise InputError(
                f"{where}: a convolution must have a source C×H×W, but {self.source!r} has "
                f"shape {source}"
            )
        if source[0] % self.groups:
            raise InputError(
                f"{where}: groups must divide the {source[0]} channels of {self.source!r}, "
                f"not {self.groups}"
            )
        if source[0] != self.channels:
            raise InputError(
                f"{where}: weights must have {source[0] // self.groups} channels a group as "
                f"{self.source!r} has, not {int(self.weights.shape[1])}"
            )
        return (self.neurons, *self.window.output((source[1], source[2]), where))
