"""From integer potentials to what a neuron compares with its threshold."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

import torch

#: A gain nearer to 0 counts as this much where it is divided by.
SMALLEST_GAIN = 2.0**-10


@dataclass(frozen=True, kw_only=True, eq=False)
class Normalisation:
    """The numbers of a layer's scales and batch normalisation; each float64 (neurons,).

    Semantics: the integer potential u of a neuron is normalised to
    ``y = gain·(scale·u − mean)/√(variance + eps) + offset``, over the reals; scale and
    variance + eps are positive.
    """

    scale: torch.Tensor
    gain: torch.Tensor
    offset: torch.Tensor
    mean: torch.Tensor
    variance: torch.Tensor
    eps: float

    @property
    def deviation(self) -> torch.Tensor:
        """√(variance + eps), rounded."""
        return (self.variance + self.eps).sqrt()

    @property
    def unit(self) -> torch.Tensor:
        """By how much y changes as u does by one, rounded; positive, see SMALLEST_GAIN."""
        return self.gain.abs().clamp_min(SMALLEST_GAIN) * self.scale / self.deviation

    def exact(self, j: int) -> dict[str, Fraction]:
        """The numbers of neuron j as exact.fires() takes them; its variance includes eps."""
        return {
            "scale": Fraction(float(self.scale[j])),
            "gain": Fraction(float(self.gain[j])),
            "offset": Fraction(float(self.offset[j])),
            "mean": Fraction(float(self.mean[j])),
            "variance": Fraction(float(self.variance[j])) + Fraction(self.eps),
        }


def over(values: torch.Tensor, like: torch.Tensor) -> torch.Tensor:
    """Numbers of each neuron, shaped to broadcast over (frames, neurons) or (frames, C, H, W)."""
    return values.reshape(-1, *[1] * (like.dim() - 2))
