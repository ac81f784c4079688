"""The neuron that fires in a single step."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn

from .surrogates import S2NN, Surrogate


class _Spike(torch.autograd.Function):
    """Heaviside forward, the surrogate backward."""

    @staticmethod
    def forward(ctx: Any, x: torch.Tensor, surrogate: Surrogate, strict: bool) -> torch.Tensor:
        ctx.save_for_backward(x)
        ctx.surrogate = surrogate
        # Written as numbers at once: booleans first take three times as long.
        return (torch.gt if strict else torch.ge)(x, 0, out=torch.empty_like(x))

    @staticmethod
    def backward(ctx: Any, gradient: torch.Tensor) -> tuple[torch.Tensor, None, None]:
        (x,) = ctx.saved_tensors
        return gradient * ctx.surrogate.derivative(x), None, None


class Neuron(nn.Module):
    """Fires once, or not at all.

    Semantics: spike = 1 iff y >= threshold (strict: y > threshold), where y is the normalised
    potential.  There is no state and no time.

    Parameters
    ----------
    threshold: V_th, common to the layer; normalisation makes it a matter of scale.
    surrogate: the derivative used in training.
    strict: whether equality does not fire, as in some trainers.
    """

    def __init__(
        self,
        threshold: float = 1.0,
        *,
        surrogate: Surrogate | None = None,
        strict: bool = False,
    ) -> None:
        super().__init__()
        self.threshold = float(threshold)
        self.surrogate = S2NN() if surrogate is None else surrogate
        self.strict = strict

    def forward(self, y: torch.Tensor) -> torch.Tensor:
        return _Spike.apply(y - self.threshold, self.surrogate, self.strict)

    def extra_repr(self) -> str:
        return f"threshold={self.threshold}, {self.surrogate}, strict={self.strict}"
