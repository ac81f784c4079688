"""What a layer adds up in the module, in terms of what it adds up of spikes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from s2nn_hw.ir import Conv2d, InputError, Projection
from s2nn_hw.ir.weights import MAX_WEIGHT_BITS

Integers = npt.NDArray[np.int64]


@dataclass(frozen=True, kw_only=True, eq=False)
class Sums:
    """The module's potential is ``factor``·u − ``lack``, with u the sum of these projections.

    lack: int64 (neurons,), or (neurons, H, W) of a map: at its border some of the inputs are
        missing, and zero padding is neither -1 nor +1.
    """

    projections: tuple[Projection, ...]
    factor: int
    lack: Integers

    @classmethod
    def plain(cls, projections: Sequence[Projection]) -> Sums:
        """Those of a layer that adds up the same values in both."""
        lack = np.zeros(projections[0].neurons, np.int64)
        return cls(projections=tuple(projections), factor=1, lack=lack)


def sums(
    projections: Sequence[Projection],
    magnitudes: Sequence[Integers | None],
    where: str,
    *,
    whole: bool = False,
) -> Sums:
    """Exact sums of sources that are signed, x = 2k − magnitude, or not (None).

    Semantics: Σ w·x = 2·Σ w·k − Σ w·magnitude.  Where all sources are signed, the factor 2 is left
    out of the weights.  Where some are not, or with ``whole``, the weights of signed ones are
    doubled, which takes a bit more.

    Raises InputError, beginning with ``where``, if there are no such bits.
    """
    pairs = list(zip(projections, magnitudes, strict=True))
    if all(m is None for m in magnitudes):
        return Sums.plain(projections)
    doubled = whole or any(m is None for m in magnitudes)
    return Sums(
        projections=tuple(_doubled(p, where) if doubled and m is not None else p for p, m in pairs),
        factor=1 if doubled else 2,
        lack=np.sum([_weighted(p, m) for p, m in pairs if m is not None], axis=0),
    )


def _weighted(projection: Projection, values: Integers) -> Integers:
    """The projection's sums of these values of its source."""
    weights = projection.weights.astype(np.int64)
    if not isinstance(projection, Conv2d):
        return weights @ values.ravel()
    channels, *size = values.shape
    pixels = projection.window.pixels((size[0], size[1]))
    # A pixel more, which is zero, for those beyond the edge.
    flat = np.concatenate([values.reshape(channels, -1), np.zeros((channels, 1), np.int64)], axis=1)
    groups = projection.groups
    windows = flat[:, pixels].reshape(groups, channels // groups, *pixels.shape)
    rows = weights.reshape(groups, -1, channels // groups, pixels.shape[1])
    found = np.einsum("gnct,gcwt->gnw", rows, windows)
    return found.reshape(projection.output_shape(values.shape, projection.source))


def _doubled(projection: Projection, where: str) -> Projection:
    bits = projection.weight_bits
    if bits == MAX_WEIGHT_BITS:
        raise InputError(
            f"{where}: weights of signs of {projection.source!r} are doubled here and must have "
            f"at most {MAX_WEIGHT_BITS - 1} bits, not {bits}"
        )
    return replace(projection, weights=2 * projection.weights, weight_bits=max(3, bits + 1))
