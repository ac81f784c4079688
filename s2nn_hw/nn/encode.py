"""The input encoder: raw pixels become frames of 1…8-bit elements."""

from __future__ import annotations

from s2nn_hw.ir import FrameFormat, InputError
from s2nn_hw.ir.frame import MAX_INPUT_BITS


def frame_format(
    shape: tuple[int, ...], bits: int, maximum: int, *, threshold: int | None = None
) -> FrameFormat:
    """A frame of that shape whose cuts divide the raw range 0…maximum evenly.

    Semantics: cut k = ⌈k·(maximum + 1) / 2^bits⌉, k = 1 … 2^bits − 1; at one bit it is
    ``threshold`` where given, else half intensity.

    Raises InputError where the raw range has fewer values than ``bits`` can tell apart, or the
    threshold lies outside it.
    """
    if isinstance(bits, bool) or not isinstance(bits, int) or not 1 <= bits <= MAX_INPUT_BITS:
        raise InputError(f"input bits must be 1…{MAX_INPUT_BITS}, not {bits!r}")
    if 2**bits > maximum + 1:
        raise InputError(
            f"input bits must be at most {(maximum + 1).bit_length() - 1} for raw pixels "
            f"0…{maximum}, not {bits}"
        )
    if threshold is None:
        cuts = tuple(-(-k * (maximum + 1) // 2**bits) for k in range(1, 2**bits))
    elif bits != 1:
        raise InputError(f"an input threshold must go with 1-bit input, not {bits}-bit")
    elif not 1 <= threshold <= maximum:
        raise InputError(f"the input threshold must be 1…{maximum}, not {threshold!r}")
    else:
        cuts = (threshold,)
    return FrameFormat(shape=tuple(shape), bits=bits, cuts=cuts)
