"""How many bits numbers take."""


def signed_width(low: int, high: int) -> int:
    """Bits of a signed number that takes every value from low to high."""
    return max(
        1, (-low - 1).bit_length() + 1 if low < 0 else 1, high.bit_length() + 1 if high > 0 else 1
    )
