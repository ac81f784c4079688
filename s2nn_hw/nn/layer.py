"""Layers: projections, a common scale, and what becomes of the potential."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

import torch
from torch import nn

from s2nn_hw.ir import InputError

from . import exact, quantise
from .dense import Dense
from .neuron import Neuron

#: What a layer may be built of.  Each offers weight, neurons, weight_bits, source, forward(),
#: integers() and potential() as Dense does.
Projection = Dense


class _Layer(nn.Module):
    """Projections whose integer sums share one scale."""

    def __init__(
        self, projections: Sequence[Projection], *, per_neuron: bool, learned_scale: bool
    ) -> None:
        super().__init__()
        self.projections = nn.ModuleList(projections)
        first = projections[0]
        if any(p.neurons != first.neurons for p in projections):
            raise InputError("the projections of a layer must reach the same number of neurons")
        scale = torch.stack(
            [
                quantise.calibrate(p.weight, p.weight_bits, per_neuron=per_neuron)
                for p in projections
            ]
        ).mean(dim=0)
        self.scale = nn.Parameter(scale, requires_grad=learned_scale)

    @property
    def neurons(self) -> int:
        """Neurons, and so width of the layer's output."""
        return self.projections[0].neurons

    def keep_scale_positive(self) -> None:
        """Push a scale that a step of training made useless back above zero."""
        with torch.no_grad():
            self.scale.clamp_(min=quantise.SMALLEST_SCALE)

    def _sum(self, sources: Sequence[torch.Tensor]) -> torch.Tensor:
        parts = [p(x, self.scale) for p, x in zip(self.projections, sources, strict=True)]
        return torch.stack(parts).sum(dim=0) if len(parts) > 1 else parts[0]

    def potential(self, *sources: torch.Tensor) -> torch.Tensor:
        """The integer potential, float64 and exact: (frames, neurons)."""
        parts = [p.potential(x, self.scale) for p, x in zip(self.projections, sources, strict=True)]
        return torch.stack(parts).sum(dim=0) if len(parts) > 1 else parts[0]


class SpikingLayer(_Layer):
    """Quantised projections, batch normalisation, and neurons that fire.

    Semantics: with z = scale·u, a neuron fires iff γ·(z − μ)/√(v + ε) + β >= V_th over the reals,
    for the numbers as stored.  In training mode this is computed in float32 with the statistics of
    the batch, and differentiated.  In evaluation mode it is exact: the potential is an integer,
    the condition is evaluated in float64, and wherever its rounding error could matter it is
    decided in rational arithmetic (see docs/decisions/0010-exact-evaluation.md).

    Parameters
    ----------
    projections: at least one, all reaching the same neurons.
    neuron: threshold, surrogate and comparison.
    normalise: whether batch normalisation comes before the neuron.
    learned_scale: whether the scales are trained, or stay as calibrated on the first weights.
    """

    def __init__(
        self,
        projections: Sequence[Projection],
        neuron: Neuron | None = None,
        *,
        normalise: bool = True,
        learned_scale: bool = True,
    ) -> None:
        super().__init__(projections, per_neuron=True, learned_scale=learned_scale)
        self.norm = nn.BatchNorm1d(self.neurons) if normalise else None
        self.neuron = Neuron() if neuron is None else neuron
        if self.norm is not None:
            # Else most neurons are silent at the start: the threshold lies a deviation above
            # the mean.
            nn.init.constant_(self.norm.bias, self.neuron.threshold)

    def forward(self, *sources: torch.Tensor) -> torch.Tensor:
        if not self.training:
            return self.fire(self.potential(*sources))
        z = self._sum(sources)
        return self.neuron(z if self.norm is None else self.norm(z))

    @torch.no_grad()
    def fire(self, u: torch.Tensor) -> torch.Tensor:
        """Spikes (0 or 1, float32) of integer potentials (frames, neurons), decided exactly."""
        scale = self.scale.double()
        if self.norm is None:
            gain, offset, mean, variance = (
                torch.tensor(k, dtype=torch.float64, device=u.device) for k in (1.0, 0.0, 0.0, 1.0)
            )
        else:
            gain, offset = self.norm.weight.double(), self.norm.bias.double()
            mean = self.norm.running_mean.double()
            variance = self.norm.running_var.double() + self.norm.eps
        threshold = self.neuron.threshold
        root = variance.sqrt()
        left = gain * (scale * u - mean)
        right = (threshold - offset) * root
        spikes = left > right if self.neuron.strict else left >= right
        # A dozen roundings of 2^-53 relative to these magnitudes are far below the bound.
        magnitude = (
            gain.abs() * (scale * u.abs() + mean.abs()) + (abs(threshold) + offset.abs()) * root
        )
        doubtful = (left - right).abs() <= magnitude * 2.0**-44
        decided: dict[tuple[int, int], bool] = {}
        for n, j in doubtful.nonzero().tolist():
            case = (j, int(u[n, j]))
            if case not in decided:
                decided[case] = exact.fires(case[1], **self.condition(j))
            spikes[n, j] = decided[case]
        return spikes.float()

    def condition(self, j: int) -> dict[str, Fraction | bool]:
        """The numbers of neuron j's firing condition, as exact.fires() takes them."""
        scale = self.scale.detach()
        values = {
            "scale": Fraction(float(scale[j])),
            "threshold": Fraction(self.neuron.threshold),
            "strict": self.neuron.strict,
        }
        if self.norm is None:
            one, zero = Fraction(1), Fraction(0)
            return {**values, "gain": one, "offset": zero, "mean": zero, "variance": one}
        norm = self.norm
        return {
            **values,
            "gain": Fraction(float(norm.weight[j])),
            "offset": Fraction(float(norm.bias[j])),
            "mean": Fraction(float(norm.running_mean[j])),
            "variance": Fraction(float(norm.running_var[j])) + Fraction(norm.eps),
        }


class Readout(_Layer):
    """The last layer: its potentials are the scores.

    Semantics: in training mode, logits = gain·scale·u with one positive scale for the whole layer,
    so that their order is that of the integers; in evaluation mode u itself, float64 and exact.
    There is no bias: the integer network has none.

    Parameters
    ----------
    projections: at least one, all reaching the same neurons.
    gain: positive; brings the logits into the range where a loss is useful.
    learned_scale: see SpikingLayer.
    """

    def __init__(
        self,
        projections: Sequence[Projection],
        *,
        gain: float = 1.0,
        learned_scale: bool = True,
    ) -> None:
        super().__init__(projections, per_neuron=False, learned_scale=learned_scale)
        self.gain = gain

    def forward(self, *sources: torch.Tensor) -> torch.Tensor:
        return self._sum(sources) * self.gain if self.training else self.potential(*sources)
