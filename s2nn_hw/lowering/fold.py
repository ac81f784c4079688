"""Normalisation, scale and threshold of a neuron folded into one integer, without rounding."""

from __future__ import annotations

from fractions import Fraction
from math import isqrt


def fold(
    *,
    scale: Fraction,
    gain: Fraction,
    offset: Fraction,
    mean: Fraction,
    variance: Fraction,
    threshold: Fraction,
    strict: bool,
    low: int,
    high: int,
) -> tuple[int, bool]:
    """The integer threshold θ and whether the neuron's weights are to be negated.

    Semantics: with u the integer potential of the neuron, low <= u <= high, and scale and variance
    positive, gain·(scale·u − mean)/√variance + offset >= threshold (strict: >) holds over the real
    numbers iff u >= θ, or, if negated, iff −u >= θ.  A gain below zero negates.  Where the
    condition is the same for all u, also because gain is zero, θ is the least potential (always)
    or one above the greatest (never); so θ always lies within [least, greatest + 1].

    The root is not rational, but ⌊p ± √q⌋ is decided by an integer square root.
    """
    assert scale > 0
    assert variance > 0
    if gain == 0:
        fires = offset > threshold if strict else offset >= threshold
        return (low if fires else high + 1), False
    negate = gain < 0
    if negate:
        gain, mean, low, high = -gain, -mean, -high, -low
    # u >= p + r·√variance
    p = mean / scale
    r = (threshold - offset) / (gain * scale)
    square = r**2 * variance
    theta = _floor(p, square, r >= 0) + 1 if strict else -_floor(-p, square, r < 0)
    return min(max(theta, low), high + 1), negate


def _floor(p: Fraction, q: Fraction, add: bool) -> int:
    """⌊p + √q⌋, or ⌊p − √q⌋ unless ``add``."""
    a, b = p.numerator, p.denominator
    # √q in units of 1/b is √m; since ⌊x / b⌋ = ⌊⌊x⌋ / b⌋, only its floor or ceiling matters.
    m = q * b * b
    if add:
        return (a + isqrt(m.numerator // m.denominator)) // b
    ceiling = -(-m.numerator // m.denominator)
    return (a - (isqrt(ceiling - 1) + 1 if ceiling > 0 else 0)) // b
