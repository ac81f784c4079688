"""Numbers as callers give them: Python's, numpy's, in lists or arrays."""

from __future__ import annotations

import operator
from typing import Any

import numpy as np
import numpy.typing as npt

from .errors import InputError


def integer(value: Any, what: str, least: int | None = None) -> int:
    """The value as an int; InputError for truth values, fractions, text, and below ``least``."""
    try:
        if isinstance(value, bool):
            raise TypeError
        number = operator.index(value)
    except TypeError:
        raise InputError(f"{what} must be an integer, not {value!r}") from None
    if least is not None and number < least:
        raise InputError(f"{what} must be {least} or more, not {number}")
    return number


def each_integer(values: Any, what: str) -> tuple[int, ...] | None:
    """The integers of a list, tuple or array of one dimension; None for anything else."""
    if isinstance(values, np.ndarray) and values.ndim == 1:
        values = values.tolist()
    if not isinstance(values, list | tuple | range):
        return None
    return tuple(integer(value, what) for value in values)


def tidy(value: Any) -> Any:
    """A numpy integer as an int, a sequence of them as a tuple; all else as it is, for a check."""
    if isinstance(value, np.integer):
        return int(value)
    if isinstance(value, np.ndarray) and value.ndim == 1:
        value = value.tolist()
    return tuple(tidy(item) for item in value) if isinstance(value, list | tuple) else value


def tidy_pair(value: Any) -> Any:
    """Likewise, and one integer for both."""
    value = tidy(value)
    return (value, value) if isinstance(value, int) and not isinstance(value, bool) else value


def tidy_array(values: Any, dtype: type[np.signedinteger[Any]]) -> Any:
    """Integers as an array, of ``dtype`` if they fit; all else as it is, for a check."""
    try:
        given = np.asarray(values)
    except (ValueError, TypeError, OverflowError):
        return values
    if given.dtype.kind not in "iu" or given.size == 0 or given.dtype == dtype:
        return given
    bounds = np.iinfo(dtype)
    fits = bounds.min <= int(given.min()) and int(given.max()) <= bounds.max
    return given.astype(dtype) if fits else given


def array(values: npt.ArrayLike, what: str) -> npt.NDArray[Any]:
    """The values as an array; InputError for lists that are not all of the same length."""
    try:
        return np.asarray(values)
    except (ValueError, TypeError, OverflowError):
        raise InputError(f"{what} must be an array, whose rows are of one length") from None


def integers(values: npt.ArrayLike, what: str) -> npt.NDArray[np.int64]:
    """The values as int64; whole floats are taken, NaN, infinity and fractions refused."""
    given = array(values, what)
    if given.dtype.kind == "b" or of_integers(given):
        if given.dtype in (np.uint64, object) and (np.abs(given) > np.iinfo(np.int64).max).any():
            raise InputError(f"{what} must fit 64 bits, not {np.abs(given).max()} in magnitude")
        return given.astype(np.int64)
    if given.dtype.kind != "f":
        raise InputError(f"{what} must be integers, not {given.dtype}")
    wrong = ~np.isfinite(given) | (given != np.trunc(given)) | (np.abs(given) >= 2.0**63)
    if wrong.any():
        raise InputError(f"{what} must be integers, not {given[wrong].flat[0]}")
    return given.astype(np.int64)


def of_integers(values: npt.NDArray[Any]) -> bool:
    """Whether an array holds integers, of numpy or, where none is as long, of Python."""
    return values.dtype.kind in "iu" or (
        values.dtype == object and all(type(value) is int for value in values.flat)
    )
