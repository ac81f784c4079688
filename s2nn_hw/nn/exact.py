"""The firing condition over the real numbers, decided without rounding."""

from __future__ import annotations

from fractions import Fraction

import torch

from .normalisation import Normalisation, over


def spikes(
    u: torch.Tensor, normalisation: Normalisation, *, threshold: float, strict: bool
) -> torch.Tensor:
    """Which integer potentials, float64 (frames, neurons, …), reach the threshold; of booleans.

    Decided in float64, and wherever its rounding error could matter by fires().
    """
    n = normalisation
    scale, gain, offset, mean, root = (
        over(values, u) for values in (n.scale, n.gain, n.offset, n.mean, n.deviation)
    )
    left = gain * (scale * u - mean)
    right = (threshold - offset) * root
    found = left > right if strict else left >= right
    # A dozen roundings of 2^-53 relative to these magnitudes are far below the bound.
    magnitude = gain.abs() * (scale * u.abs() + mean.abs()) + (abs(threshold) + offset.abs()) * root
    doubtful = (left - right).abs() <= magnitude * 2.0**-44
    neuron = doubtful.nonzero()[:, 1]
    cases = torch.stack([neuron.double(), u[doubtful]])
    cases, case = cases.unique(dim=1, return_inverse=True)
    level = Fraction(threshold)
    decided = [
        fires(int(k), **n.exact(int(j)), threshold=level, strict=strict)
        for j, k in cases.T.tolist()
    ]
    found[doubtful] = torch.tensor(decided, dtype=torch.bool, device=u.device)[case]
    return found


def fires(
    u: int,
    *,
    scale: Fraction,
    gain: Fraction,
    offset: Fraction,
    mean: Fraction,
    variance: Fraction,
    threshold: Fraction,
    strict: bool,
) -> bool:
    """Whether gain·(scale·u − mean)/√variance + offset >= threshold (strict: >); variance > 0.

    Multiplied by √variance and squared side by side, so that only rationals are compared.
    """
    left = gain * (scale * u - mean)
    right = threshold - offset  # times √variance
    if left == 0 or right == 0 or (left > 0) != (right > 0):
        order = _sign(left) - _sign(right)
    else:
        order = _sign(left) * _sign(left**2 - right**2 * variance)
    return order > 0 or (order == 0 and not strict)


def _sign(value: Fraction) -> int:
    return (value > 0) - (value < 0)
