"""Integer weights, whatever shape a projection gives them."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from .errors import InputError
from .numeric import of_integers

MAX_WEIGHT_BITS = 8


def weight_limit(bits: int) -> int:
    """The greatest magnitude: the range is symmetric, and one bit means {-1, +1}."""
    return max(1, int(2 ** (bits - 1)) - 1)


def weight_bits_for(weights: npt.NDArray[np.generic]) -> int:
    """The least width, 1…8, that holds these integers; beyond eight, what check() refuses."""
    array = np.asarray(weights).astype(np.int64)
    top = int(np.abs(array).max(initial=0))
    if top == 1 and not (array == 0).any():
        return 1
    return max(2, top.bit_length() + 1)


def check_weights(
    weights: npt.NDArray[np.generic], bits: int, layer: str, axes: tuple[str, ...]
) -> None:
    """Raise InputError unless they are integers in the range of ``bits``.

    ``axes`` names the dimensions, of which none may be empty.
    """
    where = f"layer {layer!r}"
    if not isinstance(weights, np.ndarray):
        raise InputError(f"{where}: weights must be an array, whose rows are of one length")
    if weights.ndim != len(axes) or 0 in weights.shape:
        raise InputError(
            f"{where}: weights must have shape ({', '.join(axes)}), each at least 1, "
            f"not {weights.shape}"
        )
    if not of_integers(weights):
        raise InputError(f"{where}: weights must be integers, not {weights.dtype}")
    if not isinstance(bits, int) or isinstance(bits, bool) or not 1 <= bits <= MAX_WEIGHT_BITS:
        raise InputError(f"{where}: weight bits must be 1…{MAX_WEIGHT_BITS}, not {bits!r}")
    limit = weight_limit(bits)
    wide = weights if weights.dtype == object else weights.astype(np.int64)
    wrong = np.abs(wide) > limit
    if bits == 1:
        wrong |= weights == 0
    if wrong.any():
        at = tuple(int(k) for k in np.argwhere(wrong)[0])
        place = ", ".join(f"{axis} {k}" for axis, k in zip(axes, at, strict=True))
        allowed = "-1 or +1" if bits == 1 else f"-{limit}…{limit}"
        raise InputError(
            f"{where}: a {bits}-bit weight must be {allowed}, not {int(weights[at])} ({place})"
        )


def weight_range(
    weights: npt.NDArray[np.generic], x_max: int
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Least and greatest sum over all but the first dimension, for inputs 0…x_max."""
    rows = weights.reshape(len(weights), -1).astype(np.int64)
    return np.minimum(rows, 0).sum(axis=1) * x_max, np.maximum(rows, 0).sum(axis=1) * x_max
