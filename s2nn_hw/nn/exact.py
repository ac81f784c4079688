"""The firing condition over the real numbers, decided without rounding."""

from __future__ import annotations

from fractions import Fraction


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
