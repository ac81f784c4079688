"""All-to-all synapses with quantised weights."""

from __future__ import annotations

import torch
from torch import nn
from torch.nn import functional

from . import quantise


class Dense(nn.Module):
    """The dense projection, ``ir.Dense`` in training.

    Semantics: forward gives scale · Σ_i k_ji·x_i with k = integers(); the scale is the layer's,
    shared by all its projections, so that their integer sums may be added.  potential() gives
    Σ_i k_ji·x_i alone, exact.

    Parameters
    ----------
    inputs, neurons: shape of the weights, (neurons, inputs).
    weight_bits: 1…8, see quantise.limit().
    source: name of the layer whose output is weighted; None for the one before.
    """

    def __init__(
        self, inputs: int, neurons: int, *, weight_bits: int = 4, source: str | None = None
    ) -> None:
        super().__init__()
        quantise.check_bits(weight_bits)
        self.inputs = inputs
        self.neurons = neurons
        self.weight_bits = weight_bits
        self.source = source
        self.weight = nn.Parameter(torch.empty(neurons, inputs))
        nn.init.kaiming_uniform_(self.weight, nonlinearity="linear")

    def forward(self, x: torch.Tensor, scale: torch.Tensor) -> torch.Tensor:
        weight = quantise.fake_quantise(self.weight, scale, self.weight_bits)
        return functional.linear(x.flatten(1), weight)

    def integers(self, scale: torch.Tensor) -> torch.Tensor:
        """The weights as whole numbers in the range of weight_bits, dtype of the weight."""
        return quantise.integers(self.weight.detach(), scale, self.weight_bits)

    def potential(self, x: torch.Tensor, scale: torch.Tensor) -> torch.Tensor:
        """The projection's integer share of the potential, float64 and exact: below 2^53."""
        return functional.linear(x.flatten(1).double(), self.integers(scale.detach()).double())

    def extra_repr(self) -> str:
        return f"{self.inputs}, {self.neurons}, weight_bits={self.weight_bits}"
