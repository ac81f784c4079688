"""Neurons that integrate over several steps."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn

from s2nn_hw import ir
from s2nn_hw.ir import InputError
from s2nn_hw.ir.layer import RESETS

from .neuron import Spike
from .normalisation import Normalisation, over
from .surrogates import S2NN, Surrogate


@dataclass(frozen=True, kw_only=True, eq=False)
class Membrane:
    """A layer's neurons in whole numbers, as ir.Layer has them; each float64 (neurons,).

    sign: ±1, of the potential u; of a step's current, sign·u + bias.
    threshold: at least 1; initial: the membrane before the first step.
    """

    sign: torch.Tensor
    bias: torch.Tensor
    threshold: torch.Tensor
    initial: torch.Tensor


class IntegrateFire(nn.Module):
    """Adds up a current over ``steps`` steps, and fires whenever the membrane reaches a threshold.

    Semantics: ir.Layer's, in units of what one integer changes y by (Normalisation.unit):
    threshold = max(1, round(V_th / unit)), bias = round(offset / unit ∓ mean / scale), negated
    weights where the gain is negative.  Training computes the very same whole numbers, with the
    statistics of the batch; gradients pass roundings straight through, resets not at all, and
    spikes by the surrogate of (v − threshold)·unit (see docs/decisions/0066-steps-in-training.md).

    Parameters
    ----------
    threshold: V_th, positive, common to the layer.
    steps: of a frame, from 1 on.
    reset: one of ir.layer.RESETS.
    leak: 0 for none, else the shift by which the membrane leaks at every step.
    initial: the membrane before the first step, as a share of the threshold.
    surrogate: the derivative used in training.
    """

    signed = False

    def __init__(
        self,
        threshold: float = 1.0,
        *,
        steps: int = 4,
        reset: str = "soft",
        leak: int = 0,
        initial: float = 0.0,
        surrogate: Surrogate | None = None,
    ) -> None:
        super().__init__()
        if not (math.isfinite(threshold) and threshold > 0):
            raise InputError(f"a neuron's threshold must be positive, not {threshold!r}")
        if reset not in RESETS:
            raise InputError(f"the reset must be one of {', '.join(RESETS)}, not {reset!r}")
        if not -1 <= initial <= 1:  # refuses NaN as well
            raise InputError(f"the initial potential must be -1…1 thresholds, not {initial!r}")
        self.threshold = float(threshold)
        self.steps = ir.integer(steps, "steps", least=1)
        self.reset = reset
        self.leak = ir.integer(leak, "the leak", least=0)
        self.initial = float(initial)
        self.surrogate = S2NN() if surrogate is None else surrogate

    @property
    def start(self) -> float:
        """Where the mean of y may begin."""
        return self.threshold / self.steps

    def integers(self, normalisation: Normalisation) -> Membrane:
        """The numbers that decide, rounded."""
        n, unit = normalisation, normalisation.unit
        sign = torch.where(n.gain < 0, -1.0, 1.0).to(unit)
        threshold = (self.threshold / unit).round().clamp_min(1)
        return Membrane(
            sign=sign,
            bias=(n.offset / unit - sign * n.mean / n.scale).round(),
            threshold=threshold,
            initial=(self.initial * threshold).round(),
        )

    def forward(self, y: torch.Tensor, batch: Callable[[], Normalisation]) -> torch.Tensor:
        """Spikes in training, with gradients: all frames of the first step, then of the next, ….

        y: normalised potentials in that order; batch: of these frames.
        """
        normalisation = batch()
        y = y.float()
        unit = over(normalisation.unit, y).to(y)
        membrane = self.integers(normalisation)
        theta = over(membrane.threshold, y).to(y)
        currents = _Whole.apply(y / unit, torch.round)
        return self._run(
            currents,
            theta,
            over(membrane.initial, y).to(y),
            lambda v: Spike.apply((v - theta) * unit, self.surrogate, False, 0),
        )

    def fire(self, u: torch.Tensor, normalisation: Normalisation) -> torch.Tensor:
        """Spikes of integer potentials in that order, exactly, float32."""
        membrane = self.integers(normalisation)
        sign, bias, theta, initial = (
            over(values, u)
            for values in (membrane.sign, membrane.bias, membrane.threshold, membrane.initial)
        )
        return self._run(sign * u + bias, theta, initial, lambda v: (v >= theta).to(v)).float()

    def _run(
        self,
        currents: torch.Tensor,
        theta: torch.Tensor,
        v: torch.Tensor,
        spike: Callable[[torch.Tensor], torch.Tensor],
    ) -> torch.Tensor:
        """Spikes of whole-number currents, from the membrane v on."""
        found = []
        for current in currents.chunk(self.steps):
            if self.leak:
                v = v - _Whole.apply(v * 2.0**-self.leak, torch.floor)
            v = v + current
            spikes = spike(v)
            found.append(spikes)
            if self.reset == "soft":
                v = v - theta * spikes.detach()
            elif self.reset == "hard":
                v = v * (1 - spikes.detach())
        return torch.cat(found)

    def extra_repr(self) -> str:
        return (
            f"threshold={self.threshold}, steps={self.steps}, reset={self.reset}, "
            f"leak={self.leak}, initial={self.initial}, {self.surrogate}"
        )


class _Whole(torch.autograd.Function):
    """A whole number forward, straight through backward."""

    @staticmethod
    def forward(
        ctx: Any, x: torch.Tensor, whole: Callable[[torch.Tensor], torch.Tensor]
    ) -> torch.Tensor:
        return whole(x)

    @staticmethod
    def backward(ctx: Any, gradient: torch.Tensor) -> tuple[torch.Tensor, None]:
        return gradient, None
