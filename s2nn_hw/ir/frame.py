"""What the network is fed: the shape and range of a frame, and how raw images become one."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from .errors import InputError
from .numeric import array, tidy

MAX_INPUT_BITS = 8


@dataclass(frozen=True, kw_only=True)
class FrameFormat:
    """Shape, width and encoding of the network's input.

    Semantics: a frame is an array of unsigned integers below ``2**bits``, channel-first.
    A raw pixel r becomes the number of ``cuts`` it reaches, ``sum(r >= c for c in cuts)``: one
    cut is a threshold, ``2**bits - 1`` of them a quantiser of any shape.  Without cuts there is
    no raw form: the caller brings frames.

    Parameters
    ----------
    shape: dimensions of one frame, C×H×W for images, (N,) for flat inputs.
    bits: width of a pixel, 1…8.
    cuts: strictly increasing raw values, none or exactly ``2**bits - 1`` of them.
    """

    shape: tuple[int, ...]
    bits: int = 1
    cuts: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        for name in ("shape", "bits", "cuts"):
            object.__setattr__(self, name, tidy(getattr(self, name)))

    @property
    def size(self) -> int:
        """Pixels in a frame."""
        return math.prod(self.shape)

    @property
    def maximum(self) -> int:
        """The largest value of a pixel."""
        return int(2**self.bits - 1)

    def check(self) -> None:
        """Raise InputError unless the format is one that hardware can be made for."""
        if (
            not isinstance(self.shape, tuple)
            or not self.shape
            or any(not _whole(n) or n < 1 for n in self.shape)
        ):
            raise InputError(f"the input shape must be positive integers, not {self.shape!r}")
        if not _whole(self.bits) or not 1 <= self.bits <= MAX_INPUT_BITS:
            raise InputError(f"input bits must be 1…{MAX_INPUT_BITS}, not {self.bits!r}")
        if self.cuts and len(self.cuts) != self.maximum:
            raise InputError(
                f"{self.bits}-bit input must have {self.maximum} cuts, not {len(self.cuts)}"
            )
        if not all(_whole(cut) for cut in self.cuts):
            raise InputError(f"the input cuts must be integers, not {list(self.cuts)!r}")
        if any(a >= b for a, b in zip(self.cuts, self.cuts[1:], strict=False)):
            raise InputError(f"the input cuts must increase, not {list(self.cuts)!r}")

    def quantise(self, raw: npt.ArrayLike) -> npt.NDArray[np.uint8]:
        """Frames (n, *shape) of raw images of that shape, see frames(); see Semantics."""
        images = self._fitting(raw)
        if not self.cuts:
            raise InputError(
                "the network has no input cuts: give it frames, not raw images; in an .npz they "
                f"are called frames, of pixels 0…{self.maximum}"
            )
        frames = np.searchsorted(np.asarray(self.cuts), images, side="right").astype(np.uint8)
        return self.frames(frames)

    def frames(self, values: npt.ArrayLike) -> npt.NDArray[np.uint8]:
        """The values as an array (n, *shape) of uint8, or InputError naming what is wrong.

        Flat ones (n, size) are taken in the order of the shape, and dimensions of 1 are of no
        matter; any other shape, such as channels last, is refused.
        """
        given = self._fitting(values)
        if given.dtype.kind not in "iub":
            raise InputError(f"pixels must be integers, not {given.dtype}")
        low, high = int(given.min()), int(given.max())
        if low < 0 or high > self.maximum:
            raise InputError(
                f"a pixel must be 0…{self.maximum} ({self.bits} bits), not "
                f"{low if low < 0 else high}; raw images go through quantise() first"
            )
        return given.astype(np.uint8).reshape(given.shape[0], *self.shape)

    def _fitting(self, values: npt.ArrayLike) -> npt.NDArray[Any]:
        """Images as an array, of the shape that frames() takes."""
        given = array(values, "images")
        if given.ndim < 1 or given.shape[0] == 0:
            raise InputError("the image set must hold at least one image, not none")
        own, other = (tuple(n for n in s if n != 1) for s in (self.shape, given.shape[1:]))
        if math.prod(other) != self.size or (own != other and min(len(own), len(other)) > 1):
            if given.shape in (self.shape, own, (self.size,)):
                raise InputError(
                    f"images must have shape (n, {', '.join(map(str, self.shape))}), not "
                    f"{given.shape}, which is one image: images[None] makes it a set"
                )
            raise InputError(
                f"an image must have shape {self.shape} ({self.size} pixels), "
                f"not {tuple(given.shape[1:])}"
            )
        return given


def _whole(number: object) -> bool:
    return isinstance(number, int) and not isinstance(number, bool)
