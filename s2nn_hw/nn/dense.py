"""All-to-all synapses with quantised weights."""

from __future__ import annotations

import torch
from torch.nn import functional

from .projection import Projection


class Dense(Projection):
    """The dense projection, ``ir.Dense`` in training; see Projection.

    Parameters
    ----------
    inputs, neurons: shape of the weights, (neurons, inputs).
    weight_bits: 1…8.
    source: see Projection.
    """

    def __init__(
        self, inputs: int, neurons: int, *, weight_bits: int = 4, source: str | None = None
    ) -> None:
        super().__init__((neurons, inputs), weight_bits=weight_bits, source=source)

    def output_shape(self, source: tuple[int, ...], layer: str) -> tuple[int, ...]:
        """(neurons,), whatever the source's shape."""
        return (self.neurons,)

    def project(self, x: torch.Tensor, weight: torch.Tensor) -> torch.Tensor:
        return functional.linear(x.flatten(1), weight)

    def extra_repr(self) -> str:
        neurons, inputs = self.weight.shape
        return f"{inputs}, {neurons}, weight_bits={self.weight_bits}"
