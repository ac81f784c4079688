"""How many bits numbers take."""

import numpy as np
import numpy.typing as npt


def signed_width(low: int, high: int) -> int:
    """Bits of a signed number that takes every value from low to high."""
    return max(
        1, (-low - 1).bit_length() + 1 if low < 0 else 1, high.bit_length() + 1 if high > 0 else 1
    )


def signed_widths(low: npt.NDArray[np.int64], high: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """That of each of many ranges, below 2**53."""
    below = np.where(low < 0, np.frexp((-low - 1).astype(np.float64))[1] + 1, 1)
    above = np.where(high > 0, np.frexp(high.astype(np.float64))[1] + 1, 1)
    return np.maximum(below, above)
