"""Pools: layers without synapses."""

from __future__ import annotations

from dataclasses import dataclass

from .errors import InputError
from .numeric import tidy_pair
from .window import Pair, Window

KINDS = ("or", "sum")

#: Pixels of the largest window: of a map of 32×32 as a whole.
MAX_PIXELS = 1024


@dataclass(frozen=True, kw_only=True)
class Pool:
    """Joins the pixels of a window, channel by channel.

    Semantics: ``or`` gives 1 iff any pixel of the window is 1, which is max-pooling of spikes.
    ``sum`` gives the sum of the window's pixels, a multi-bit value: average-pooling without its
    division, which the next layer's threshold takes in.

    Parameters
    ----------
    name: as a Layer's.
    source: name of the layer (or ``input``) that is pooled.
    kind: ``or`` or ``sum``.
    kernel, stride, padding: see Window; the kernel of a pool has MAX_PIXELS at the most.
    """

    name: str
    source: str
    kind: str
    kernel: Pair
    stride: Pair
    padding: Pair = (0, 0)

    def __post_init__(self) -> None:
        for name in ("kernel", "stride", "padding"):
            object.__setattr__(self, name, tidy_pair(getattr(self, name)))

    @property
    def window(self) -> Window:
        """Kernel, stride and padding."""
        return Window(kernel=self.kernel, stride=self.stride, padding=self.padding)

    def maximum(self, x_max: int) -> int:
        """The greatest value, given the source's."""
        return x_max if self.kind == "or" else x_max * self.window.taps

    def check(self) -> None:
        """Raise InputError naming the layer and the value that is wrong."""
        check_pool(self.kind, self.window, f"layer {self.name!r}")

    def output_shape(self, source: tuple[int, ...], x_max: int) -> tuple[int, ...]:
        """(channels, height, width); InputError where the source cannot be pooled."""
        where = f"layer {self.name!r}"
        if len(source) != 3:
            raise InputError(
                f"{where}: a pool must have a source C×H×W, but {self.source!r} has shape {source}"
            )
        if self.kind == "or" and x_max != 1:
            raise InputError(
                f"{where}: max-pooling must be of spikes, but {self.source!r} has values "
                f"up to {x_max}"
            )
        return (source[0], *self.window.output((source[1], source[2]), where))


def check_pool(kind: str, window: Window, where: str) -> None:
    """Raise InputError, beginning with ``where``, unless there is such a pool."""
    if kind not in KINDS:
        raise InputError(f"{where}: the kind must be one of {', '.join(KINDS)}, not {kind!r}")
    window.check(where, largest=None)
    if window.taps > MAX_PIXELS:
        raise InputError(
            f"{where}: the kernel of a pool must have at most {MAX_PIXELS:,} pixels, "
            f"not {window.taps:,}"
        )
