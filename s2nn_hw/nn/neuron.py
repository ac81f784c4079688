"""Neurons that decide in a single step."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import nn

from . import exact
from .normalisation import Normalisation
from .surrogates import S2NN, Boxcar, Surrogate


class Spike(torch.autograd.Function):
    """1 where x reaches 0 and ``low`` elsewhere forward, the surrogate backward."""

    @staticmethod
    def forward(
        ctx: Any, x: torch.Tensor, surrogate: Surrogate, strict: bool, low: int
    ) -> torch.Tensor:
        ctx.save_for_backward(x)
        ctx.surrogate = surrogate
        # Written as numbers at once: booleans first take three times as long.
        spikes = (torch.gt if strict else torch.ge)(x, 0, out=torch.empty_like(x))
        return spikes.mul_(1 - low).add_(low) if low else spikes

    @staticmethod
    def backward(ctx: Any, gradient: torch.Tensor) -> tuple[torch.Tensor, None, None, None]:
        (x,) = ctx.saved_tensors
        return gradient * ctx.surrogate.derivative(x), None, None, None


class _Comparison(nn.Module):
    """One comparison of the normalised potential y with a threshold common to the layer.

    Semantics: fires iff y >= threshold (strict: y > threshold), over the reals.  A neuron that
    does gives 1, one that does not ``low``.  There is no state and no time.
    """

    steps = 1
    low: int

    def __init__(self, threshold: float, surrogate: Surrogate, strict: bool) -> None:
        super().__init__()
        self.threshold = float(threshold)
        self.surrogate = surrogate
        self.strict = strict

    @property
    def signed(self) -> bool:
        """Whether the values are -1 and +1, not spikes."""
        return self.low < 0

    @property
    def start(self) -> float:
        """Where the mean of y may begin: half of the neurons fire then."""
        return self.threshold

    def forward(
        self, y: torch.Tensor, batch: Callable[[], Normalisation] | None = None
    ) -> torch.Tensor:
        """What the neurons give in training, with gradients; y is enough to know."""
        return Spike.apply(y - self.threshold, self.surrogate, self.strict, self.low)

    def fire(self, u: torch.Tensor, normalisation: Normalisation) -> torch.Tensor:
        """What they give of integer potentials, exactly, float32."""
        found = exact.spikes(u, normalisation, threshold=self.threshold, strict=self.strict)
        return found.float().mul_(1 - self.low).add_(self.low)

    def extra_repr(self) -> str:
        return f"threshold={self.threshold}, {self.surrogate}, strict={self.strict}"


class Neuron(_Comparison):
    """Fires once, or not at all: spike = 1 iff y >= threshold.

    Parameters
    ----------
    threshold: V_th, common to the layer; normalisation makes it a matter of scale.
    surrogate: the derivative used in training.
    strict: whether equality does not fire, as in some trainers.
    """

    low = 0

    def __init__(
        self,
        threshold: float = 1.0,
        *,
        surrogate: Surrogate | None = None,
        strict: bool = False,
    ) -> None:
        super().__init__(threshold, S2NN() if surrogate is None else surrogate, strict)


class Sign(_Comparison):
    """The activation of binary networks: +1 iff y >= 0, also of 0, and else -1.

    Parameters
    ----------
    surrogate: the derivative of the sign used in training; straight-through within ±1 by default.
    """

    low = -1

    def __init__(self, *, surrogate: Surrogate | None = None) -> None:
        super().__init__(0.0, Boxcar() if surrogate is None else surrogate, strict=False)
