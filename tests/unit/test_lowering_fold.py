"""Folding against brute force over every potential, in exact arithmetic of its own."""

from decimal import Decimal, localcontext
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from s2nn_hw.lowering.fold import fold

# Few small denominators make ties frequent; squares make the root rational.
small = st.builds(Fraction, st.integers(-40, 40), st.sampled_from([1, 2, 4, 8, 3]))
positive = st.builds(Fraction, st.integers(1, 60), st.sampled_from([1, 2, 4, 8, 3]))
variance = positive | positive.map(lambda v: v * v)
floats = st.floats(-1e3, 1e3, width=32).map(Fraction)


def fires(u, *, scale, gain, offset, mean, variance, threshold, strict):
    with localcontext() as context:
        context.prec = 120

        def d(value):
            return Decimal(value.numerator) / Decimal(value.denominator)

        root = d(variance).sqrt()
        y = d(gain) * (d(scale) * u - d(mean)) - (d(threshold) - d(offset)) * root
        return not strict if abs(y) < Decimal(10) ** -90 else y > 0


def compare(low, high, numbers):
    theta, negate = fold(low=low, high=high, **numbers)
    least, greatest = (-high, -low) if negate else (low, high)
    assert least <= theta <= greatest + 1
    assert negate == (numbers["gain"] < 0)
    for u in range(low, high + 1):
        assert ((-u if negate else u) >= theta) == fires(u, **numbers), u


@settings(max_examples=300)
@given(
    st.integers(-60, 0),
    st.integers(0, 60),
    st.fixed_dictionaries(
        {
            "scale": positive,
            "gain": small,
            "offset": small,
            "mean": small,
            "variance": variance,
            "threshold": small,
            "strict": st.booleans(),
        }
    ),
)
def test_fold_equals_brute_force(low, high, numbers):
    compare(low, high, numbers)


@given(
    st.fixed_dictionaries(
        {
            "scale": st.floats(2**-20, 8, width=32).map(Fraction),
            "gain": floats,
            "offset": floats,
            "mean": floats,
            "variance": st.floats(2**-30, 1e3, width=32).map(Fraction),
            "threshold": floats,
            "strict": st.booleans(),
        }
    )
)
def test_fold_equals_brute_force_for_floats_as_stored(numbers):
    compare(-30, 30, numbers)


PLAIN = {
    "scale": Fraction(1),
    "gain": Fraction(1),
    "offset": Fraction(0),
    "mean": Fraction(0),
    "variance": Fraction(1),
    "threshold": Fraction(1),
    "strict": False,
}


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, (1, False)),
        ({"strict": True}, (2, False)),
        ({"gain": Fraction(-1)}, (1, True)),
        ({"gain": Fraction(0)}, (11, False)),  # never
        ({"gain": Fraction(0), "offset": Fraction(1)}, (-10, False)),  # always
        ({"gain": Fraction(0), "offset": Fraction(1), "strict": True}, (11, False)),
        ({"mean": Fraction(1000)}, (11, False)),
        ({"mean": Fraction(-1000)}, (-10, False)),
        ({"gain": Fraction(-1), "mean": Fraction(-1000)}, (11, True)),
        ({"variance": Fraction(2)}, (2, False)),  # √2
        ({"variance": Fraction(4)}, (2, False)),  # equality fires
        ({"variance": Fraction(4), "strict": True}, (3, False)),
        ({"variance": Fraction(2), "threshold": Fraction(-1)}, (-1, False)),  # −√2
        ({"scale": Fraction(0.1), "threshold": Fraction(0.3)}, (3, False)),
        # In binary, 0.7 is a little less than seven times 0.1: rounded division says 6.999….
        ({"scale": Fraction(0.1), "threshold": Fraction(0.7)}, (7, False)),
    ],
)
def test_fold_of_known_cases(changes, expected):
    assert fold(low=-10, high=10, **{**PLAIN, **changes}) == expected


def test_a_float32_quotient_would_round_to_the_wrong_side():
    """1/3 in float32 is above a third: three of them exceed 1, and 3 potentials just suffice."""
    third = Fraction(11184811, 2**25)
    assert third * 3 > 1
    assert fold(low=-10, high=10, **{**PLAIN, "scale": third})[0] == 3
    below = Fraction(11184810, 2**25)
    assert fold(low=-10, high=10, **{**PLAIN, "scale": below})[0] == 4
