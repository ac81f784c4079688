"""Neurons: what they add up, and when they fire."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from .conv2d import Conv2d
from .errors import InputError
from .numeric import of_integers, tidy, tidy_array
from .projection import Projection

#: What becomes of the membrane of a neuron that fires.
RESETS = ("soft", "hard", "none")
#: Of potentials of 53 bits nothing leaks with more.
_MAX_LEAK = 52

#: A value of each neuron, and the least and the greatest.
Number = npt.NDArray[np.int64]
Bounds = tuple[Number, Number]


@dataclass(frozen=True, kw_only=True, eq=False)
class Layer:
    """Neurons that accumulate one or more projections, and fire or are read out.

    Semantics: u_j is the sum of the projections, and v_j is ``initial[j]`` when a frame begins.  At
    every step v_j loses ``v_j >> leak`` (if there is a leak), then u_j + bias[j] is added to it;
    spike s_j = 1 iff v_j >= thresholds[j], and of one that fires v_j loses thresholds[j] (``soft``
    reset), is 0 (``hard``) or stays.  With a single step that is u_j + bias[j] + initial[j] (less
    what leaks of it) against the threshold.
    Without thresholds the layer does not fire: u_j + bias[j], added up over the steps, are the
    scores.  Of a layer of convolutions j is the channel, whose numbers hold for every pixel; a
    second projection is how a residual connection is made.

    Parameters
    ----------
    name: a Verilog identifier, unique in the network.
    projections: at least one, all of the same output shape.
    thresholds: integers of shape (neurons,), as an array or a list, or None for the readout; of a
        map they may be of its shape (neurons, height, width), one for each pixel.
    bias, initial: integers of shape (neurons,), or None for zeros; a readout has no initial.
    reset: one of RESETS.
    leak: 0 for none, else 1…52.
    """

    name: str
    projections: tuple[Projection, ...]
    thresholds: npt.NDArray[np.int64] | None = None
    bias: npt.NDArray[np.int64] | None = None
    initial: npt.NDArray[np.int64] | None = None
    reset: str = "soft"
    leak: int = 0

    def __post_init__(self) -> None:
        for name in ("thresholds", "bias", "initial"):
            if getattr(self, name) is not None:
                object.__setattr__(self, name, tidy_array(getattr(self, name), np.int64))
        object.__setattr__(self, "leak", tidy(self.leak))
        if isinstance(self.projections, list):
            object.__setattr__(self, "projections", tuple(self.projections))

    @property
    def neurons(self) -> int:
        """Neurons, of a pixel where the layer is a map."""
        return self.projections[0].neurons

    @property
    def is_readout(self) -> bool:
        """Whether the potentials are the network's scores."""
        return self.thresholds is None

    @property
    def is_map(self) -> bool:
        """Whether the output is a map C×H×W."""
        return isinstance(self.projections[0], Conv2d)

    @property
    def by_pixel(self) -> bool:
        """Whether thresholds depend on the pixel."""
        return self.thresholds is not None and self.thresholds.ndim > 1

    @property
    def sources(self) -> tuple[str, ...]:
        """Names of what the projections read."""
        return tuple(p.source for p in self.projections)

    @property
    def bias_or_zero(self) -> Number:
        """The bias of every neuron."""
        return np.zeros(self.neurons, np.int64) if self.bias is None else self.bias

    @property
    def initial_or_zero(self) -> Number:
        """The membrane of every neuron when a frame begins."""
        return np.zeros(self.neurons, np.int64) if self.initial is None else self.initial

    def membrane_range(self, potentials: Bounds, steps: int) -> Bounds:
        """Least and greatest membrane of each neuron within so many steps, whatever comes.

        potentials: least and greatest sum of a step.
        """
        assert self.thresholds is not None
        by_neuron = self.thresholds.reshape(self.neurons, -1)
        least, greatest = by_neuron.min(axis=1), by_neuron.max(axis=1)
        low = high = self.initial_or_zero
        seen = [low]
        for step in range(steps):
            if step and self.reset != "none":
                low, high = self._after_reset(low, high, least, greatest)
                seen += [low, high]
            if self.leak:
                low, high = low - (low >> self.leak), high - (high >> self.leak)
            low = low + potentials[0] + self.bias_or_zero
            high = high + potentials[1] + self.bias_or_zero
            seen += [low, high]
        return np.min(seen, axis=0), np.max(seen, axis=0)

    def _after_reset(self, low: Number, high: Number, least: Number, greatest: Number) -> Bounds:
        """Of membranes low…high, whose thresholds are least…greatest."""
        silent = low, np.minimum(high, greatest - 1)
        zero = np.zeros_like(low)
        fired = (
            (np.maximum(low - greatest, 0), high - least) if self.reset == "soft" else (zero, zero)
        )
        may_fire, may_not = high >= least, low < greatest
        cases = [~may_fire, ~may_not]
        return (
            np.select(cases, [low, fired[0]], np.minimum(silent[0], fired[0])),
            np.select(cases, [high, fired[1]], np.maximum(silent[1], fired[1])),
        )

    def check(self, shape: tuple[int, ...]) -> None:
        """Raise InputError naming the layer and the value that is wrong; ``shape``: its output."""
        where = f"layer {self.name!r}"
        shapes: list[tuple[int, ...]] = [(self.neurons,)]
        for what in ("bias", "initial"):
            _check_numbers(getattr(self, what), shapes, f"{where}: {what}")
        if self.is_map:
            shapes.append(shape)
        _check_numbers(self.thresholds, shapes, f"{where}: thresholds")
        if self.is_readout and self.initial is not None:
            raise InputError(f"{where}: a readout must have no initial, its bias does the same")
        if self.reset not in RESETS:
            raise InputError(f"{where}: reset must be {', '.join(RESETS)}, not {self.reset!r}")
        leak = self.leak
        if not isinstance(leak, int) or isinstance(leak, bool) or not 0 <= leak <= _MAX_LEAK:
            raise InputError(f"{where}: leak must be 0…{_MAX_LEAK}, not {leak!r}")


def _check_numbers(values: object, shapes: list[tuple[int, ...]], what: str) -> None:
    """Raise InputError, beginning with ``what``, unless None or int64 of one of the shapes."""
    if values is None:
        return
    (neurons,) = shapes[0]
    if not isinstance(values, np.ndarray):
        raise InputError(f"{what} must be {neurons} integers")
    if not of_integers(values) or values.shape not in shapes:
        raise InputError(
            f"{what} must be {neurons} integers, not {values.dtype} of shape {values.shape}"
        )
    if values.dtype != np.int64:
        greatest = max(values.ravel().tolist(), key=abs)
        raise InputError(f"{what} must fit 64 bits each, not {greatest}")
