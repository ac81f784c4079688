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
    fan_in: weights a neuron keeps, those of the greatest magnitude, the others are 0; None: all.
    source: name of the node whose output is weighted; None for the one before.
    """

    def __init__(
        self,
        shape: tuple[int, ...],
        *,
        weight_bits: int,
        fan_in: int | None = None,
        source: str | None,
    ) -> None:
        super().__init__()
        self.weight_bits = tidy(weight_bits)
        quantise.check_bits(self.weight_bits)
        self.fan_in = None if fan_in is None else ir.integer(fan_in, "fan-in", least=1)
        if self.fan_in is not None and self.weight_bits == 1:
            raise InputError("fan-in must be left out where weights have one bit, which has no 0")
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
        weight = quantise.fake_quantise(self.weight, scale, self.weight_bits)
        if self.fan_in is not None:
            # Gradients reach what is left out, too, so that it may come back.
            weight = weight - (weight * ~quantise.greatest(self.weight, self.fan_in)).detach()
        return self.project(x, weight)

    def integers(self, scale: torch.Tensor) -> torch.Tensor:
        """The weights as whole numbers in the range of weight_bits, dtype of the weight."""
        weight = self.weight.detach()
        whole = quantise.integers(weight, scale, self.weight_bits)
        if self.fan_in is not None:
            whole = whole * quantise.greatest(weight, self.fan_in)
        return whole

    def potential(self, x: torch.Tensor, scale: torch.Tensor) -> torch.Tensor:
        """The projection's integer share of the potential, float64 and exact below 2^50.

        Rounded, since torch may choose a way of convolution that leaves the whole numbers on
        the way, by far less than one half.
        """
        return self.project(x.double(), self.integers(scale.detach()).double()).round()
