"""What all kinds of synapses have in common in training."""

from __future__ import annotations

import math
from typing import Any

import numpy.typing as npt
import torch
from torch import nn

from s2nn_hw import ir
from s2nn_hw.ir import InputError
from s2nn_hw.ir.numeric import tidy

from . import quantise

#: Of one projection; ten times the block RAM of the largest FPGAs, and a gigabyte in training.
MAX_WEIGHTS = 1 << 26


class Projection(nn.Module):
    """Synapses with quantised weights; a kind gives ``project`` and ``synapses``.

    Semantics: forward gives project(x, scale · k) with k = integers(); the scale is the layer's,
    shared by all its projections, so that their integer sums may be added.  potential() gives
    project(x, k) alone, exact.

    Parameters
    ----------
    shape: of the weights, neurons first.
    weight_bits: 1…8, see quantise.limit().
    source: name of the node whose output is weighted; None for the one before.
    """

    def __init__(self, shape: tuple[int, ...], *, weight_bits: int, source: str | None) -> None:
        super().__init__()
        self.weight_bits = tidy(weight_bits)
        quantise.check_bits(self.weight_bits)
        self.source = source
        if math.prod(shape) > MAX_WEIGHTS:
            raise InputError(
                f"{math.prod(shape):,} weights of a layer are more than the {MAX_WEIGHTS:,} that "
                f"can be trained"
            )
        self.weight = nn.Parameter(torch.empty(shape))
        nn.init.kaiming_uniform_(self.weight, nonlinearity="linear")

    @property
    def neurons(self) -> int:
        """Neurons reached; of a map, channels."""
        return len(self.weight)

    def project(self, x: torch.Tensor, weight: torch.Tensor) -> torch.Tensor:
        """The sums of x weighted by ``weight``, linear in both."""
        raise NotImplementedError

    def synapses(self, source: str, weights: npt.NDArray[Any]) -> ir.Projection:
        """The same in the integer network, with these weights."""
        raise NotImplementedError

    def forward(self, x: torch.Tensor, scale: torch.Tensor) -> torch.Tensor:
        return self.project(x, quantise.fake_quantise(self.weight, scale, self.weight_bits))

    def integers(self, scale: torch.Tensor) -> torch.Tensor:
        """The weights as whole numbers in the range of weight_bits, dtype of the weight."""
        return quantise.integers(self.weight.detach(), scale, self.weight_bits)

    def potential(self, x: torch.Tensor, scale: torch.Tensor) -> torch.Tensor:
        """The projection's integer share of the potential, float64 and exact below 2^50.

        Rounded, since torch may choose a way of convolution that leaves the whole numbers on
        the way, by far less than one half.
        """
        return self.project(x.double(), self.integers(scale.detach()).double()).round()
