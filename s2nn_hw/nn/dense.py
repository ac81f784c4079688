"""All-to-all synapses with quantised weights."""

from __future__ import annotations

from typing import Any

import numpy.typing as npt
import torch
from torch.nn import functional

from s2nn_hw import ir
from s2nn_hw.ir import integer

from .projection import Projection


class Dense(Projection):
    """The dense projection, ``ir.Dense`` in training; see Projection.

    Parameters
    ----------
    inputs, neurons: shape of the weights, (neurons, inputs).
    weight_bits: 1…8.
    fan_in, source: see Projection.
    """

    def __init__(
        self,
        inputs: int,
        neurons: int,
        *,
        weight_bits: int = 4,
        fan_in: int | None = None,
        source: str | None = None,
    ) -> None:
        shape = (
            integer(neurons, "neurons of a dense projection", least=1),
            integer(inputs, "inputs of a dense projection", least=1),
        )
        super().__init__(shape, weight_bits=weight_bits, fan_in=fan_in, source=source)

    @classmethod
    def identity(cls, neurons: int) -> Dense:
        """Each input to a neuron of its own, as it is; there is nothing to train."""
        made = cls(neurons, neurons, weight_bits=2)
        made.weight.requires_grad_(False).copy_(torch.eye(neurons))
        return made

    def synapses(self, source: str, weights: npt.NDArray[Any]) -> ir.Dense:
        return ir.Dense(source=source, weights=weights, weight_bits=self.weight_bits)

    def project(self, x: torch.Tensor, weight: torch.Tensor) -> torch.Tensor:
        return functional.linear(x.flatten(1), weight)

    def extra_repr(self) -> str:
        neurons, inputs = self.weight.shape
        return f"{inputs}, {neurons}, weight_bits={self.weight_bits}"
