"""Where the windows of convolutions and pools lie on a feature map."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from .errors import InputError

#: The largest kernel of a convolution, each way.
MAX_KERNEL = 7

#: The largest stride, each way; no map is as large.
MAX_STRIDE = 2**15

Pair = tuple[int, int]


@dataclass(frozen=True, kw_only=True)
class Window:
    """Kernel, stride and zero padding; each a pair, height first.

    Semantics: output pixel (y, x) sees the input pixels (y*stride + ky - padding, …) for 0 <= ky <
    kernel, and likewise in x; those beyond the map's edge are zero.  There are
    ``(size + 2*padding - kernel) // stride + 1`` output pixels each way.
    """

    kernel: Pair
    stride: Pair = (1, 1)
    padding: Pair = (0, 0)

    @property
    def taps(self) -> int:
        """Pixels of a window."""
        return self.kernel[0] * self.kernel[1]

    def check(self, where: str, largest: int | None = MAX_KERNEL) -> None:
        """Raise InputError, beginning with ``where``, unless the numbers make sense.

        largest: of the kernel, each way.
        """
        for name, pair, least, most in (
            ("kernel", self.kernel, 1, largest),
            ("stride", self.stride, 1, MAX_STRIDE),
            ("padding", self.padding, 0, None),
        ):
            whole = (
                isinstance(pair, tuple)
                and len(pair) == 2
                and all(type(n) is int and n >= least for n in pair)
            )
            if not whole or (most is not None and max(pair) > most):
                bounds = f"{least}…{most}" if most is not None else f"{least} or more"
                raise InputError(
                    f"{where}: the {name} must be two integers of {bounds}, not {pair!r}"
                )
        if any(p >= k for p, k in zip(self.padding, self.kernel, strict=True)):
            raise InputError(
                f"{where}: padding must be less than the kernel {self.kernel}, not {self.padding}"
            )

    def output(self, size: Pair, where: str) -> Pair:
        """Height and width of the output; InputError where the kernel does not fit."""
        pairs = zip(size, self.padding, self.kernel, strict=True)
        if any(n + 2 * p < k for n, p, k in pairs):
            padded = tuple(n + 2 * p for n, p in zip(size, self.padding, strict=True))
            raise InputError(
                f"{where}: the kernel {self.kernel} must fit into the padded map {padded}"
            )
        h, w = (
            (n + 2 * p - k) // s + 1
            for n, p, k, s in zip(size, self.padding, self.kernel, self.stride, strict=True)
        )
        return h, w

    def pixels(self, size: Pair) -> npt.NDArray[np.int64]:
        """Input pixel in raster order of each window's each tap, -1 beyond the edge.

        Shape (windows, taps), both in raster order.
        """
        axes = [
            np.arange(n)[:, None] * s - p + np.arange(k)
            for n, s, p, k in zip(
                self.output(size, "window"), self.stride, self.padding, self.kernel, strict=True
            )
        ]
        y, x = axes[0][:, None, :, None], axes[1][None, :, None, :]
        inside = (y >= 0) & (y < size[0]) & (x >= 0) & (x < size[1])
        found = np.where(inside, y * size[1] + x, -1)
        return found.reshape(-1, self.taps)
