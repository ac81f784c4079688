"""Choosing dividers of a PLL."""

from collections.abc import Iterable
from dataclasses import dataclass
from fractions import Fraction

from s2nn_hw.ir import InputError

#: How far from the wanted frequency one may be: so that 33.3 MHz stands for 33.333.
TOLERANCE = Fraction(1, 1000)


@dataclass(frozen=True, kw_only=True)
class Setting:
    """One way to set a PLL; frequencies in Hz, exact.

    Parameters
    ----------
    output: frequency of the clock that it makes.
    detector: ... at which it compares, which it follows the better the higher that is.
    oscillator: ... of its oscillator.
    dividers: name → value, as the family's datasheet counts them.
    """

    output: Fraction
    detector: Fraction
    oscillator: Fraction
    dividers: dict[str, int]


@dataclass(frozen=True, kw_only=True)
class Range:
    """Frequencies that are allowed, in MHz; both ends are."""

    low: float
    high: float

    def __contains__(self, frequency: Fraction) -> bool:
        return self.low * 10**6 <= frequency <= self.high * 10**6

    @property
    def middle(self) -> Fraction:
        """In Hz."""
        return (Fraction(self.low) + Fraction(self.high)) / 2 * 10**6


def choose(
    settings: Iterable[Setting], wanted: Fraction, source: Fraction, oscillator: Range
) -> Setting:
    """The setting that makes the wanted frequency of the source's.

    Of several the nearest, then the one that compares most often, then the one whose oscillator is
    nearest to the middle of its range.  InputError names the nearest frequencies there are.
    """
    every = list(settings)
    near = min({s.output for s in every}, key=lambda f: (abs(f - wanted), f), default=None)
    if near is not None and abs(near - wanted) <= wanted * TOLERANCE:
        return min(
            (s for s in every if s.output == near),
            key=lambda s: (
                -s.detector,
                abs(s.oscillator - oscillator.middle),
                sorted(s.dividers.items()),
            ),
        )
    below = max((s.output for s in every if s.output < wanted), default=None)
    above = min((s.output for s in every if s.output > wanted), default=None)
    nearest = " and ".join(megahertz(f) for f in (below, above) if f is not None)
    raise InputError(
        f"frequency must be one that the PLL makes of {megahertz(source)} MHz, "
        f"the nearest being {nearest} MHz, not {megahertz(wanted)}"
    )


def megahertz(frequency: Fraction) -> str:
    """For people."""
    return f"{float(frequency) / 1e6:.6g}"
