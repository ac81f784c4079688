"""Layers: projections, a common scale, and what becomes of the potential."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import nn

from s2nn_hw import ir
from s2nn_hw.ir import InputError

from . import quantise
from .conv2d import Conv2d
from .dense import Dense
from .integrate import IntegrateFire
from .neuron import Neuron, Sign
from .normalisation import Normalisation
from .pool import Pool
from .projection import Projection

#: What a layer may be made of.
AnyNeuron = Neuron | Sign | IntegrateFire

#: Of a neuron that fires at every step, where spikes are counted.
LOGITS = 8.0


class _Layer(nn.Module):
    """Projections whose integer sums share one scale, calibrated on the first of them.

    fires: whether spikes come out, not potentials.
    """

    fires: bool

    def __init__(
        self, projections: Sequence[Projection], *, per_neuron: bool, learned_scale: bool
    ) -> None:
        super().__init__()
        check_projections(projections, "a layer")
        self.projections = nn.ModuleList(projections)
        first, *others = projections
        if any(p.neurons != first.neurons for p in others):
            raise InputError("the projections of a layer must reach the same number of neurons")
        if any(isinstance(p, Conv2d) != self.is_map for p in others):
            raise InputError("the projections of a layer must all be dense, or all convolutions")
        scale = quantise.calibrate(first.weight, first.weight_bits, per_neuron=per_neuron)
        for p in others:
            quantise.limit_weights(p.weight, scale, p.weight_bits)
        self.log2_scale = nn.Parameter(scale.log2(), requires_grad=learned_scale)

    @property
    def scale(self) -> torch.Tensor:
        """What an integer is worth: (neurons,) or (1,), positive, to be assigned as a whole.

        Its logarithm is what is trained (Jain et al., arXiv 1903.08066): a step changes the scale
        by a share of itself, however small it is, and never its sign.
        """
        return self.log2_scale.exp2()

    @scale.setter
    def scale(self, value: torch.Tensor) -> None:
        with torch.no_grad():
            self.log2_scale.copy_(value.log2())

    @property
    def neurons(self) -> int:
        """Neurons; of a map, channels."""
        return self.projections[0].neurons

    @property
    def is_map(self) -> bool:
        """Whether the output is a map C×H×W."""
        return isinstance(self.projections[0], Conv2d)

    @property
    def sources(self) -> tuple[str | None, ...]:
        """What the projections read, None for the node before."""
        return tuple(p.source for p in self.projections)

    def node(self, name: str, *sources: str) -> ir.Layer:
        """The same in the integer network; all weights 1, and all thresholds 0 if it fires."""
        check_projections(self.projections, f"layer {name!r}")
        pairs = zip(self.projections, sources, strict=True)
        return ir.Layer(
            name=name,
            projections=tuple(
                p.synapses(source, np.broadcast_to(np.int8(1), p.weight.shape))
                for p, source in pairs
            ),
            thresholds=np.zeros(self.neurons, np.int64) if self.fires else None,
        )

    def _sum(self, sources: Sequence[torch.Tensor]) -> torch.Tensor:
        scale = self.scale
        parts = [p(x, scale) for p, x in zip(self.projections, sources, strict=True)]
        return torch.stack(parts).sum(dim=0) if len(parts) > 1 else parts[0]

    def potential(self, *sources: torch.Tensor) -> torch.Tensor:
        """The integer potential, float64 and exact: (frames, neurons), or (frames, C, H, W)."""
        scale = self.scale
        parts = [p.potential(x, scale) for p, x in zip(self.projections, sources, strict=True)]
        return torch.stack(parts).sum(dim=0) if len(parts) > 1 else parts[0]


class SpikingLayer(_Layer):
    """Quantised projections, batch normalisation, and neurons that fire.

    Semantics: the potential u is normalised to y = γ·(scale·u − μ)/√(v + ε) + β, and what the
    neuron makes of that comes out (see Neuron, Sign, IntegrateFire).  In training mode this is
    computed in float32 with the statistics of the batch, and differentiated.  In evaluation mode it
    is exact, for the numbers as stored (see docs/decisions/0010-exact-evaluation.md).

    Parameters
    ----------
    projections: at least one, all reaching the same neurons.
    neuron: Neuron, Sign or IntegrateFire.
    normalise: whether batch normalisation comes before the neuron.
    learned_scale: whether the scales are trained, or stay as calibrated on the first weights.
    """

    fires = True

    def __init__(
        self,
        projections: Sequence[Projection],
        neuron: AnyNeuron | None = None,
        *,
        normalise: bool = True,
        learned_scale: bool = True,
    ) -> None:
        super().__init__(projections, per_neuron=True, learned_scale=learned_scale)
        kind = nn.BatchNorm2d if self.is_map else nn.BatchNorm1d
        self.norm = kind(self.neurons) if normalise else None
        self.neuron = Neuron() if neuron is None else neuron
        if self.norm is not None:
            # Else most neurons are silent at the start: the threshold lies a deviation above
            # the mean.
            nn.init.constant_(self.norm.bias, self.neuron.start)

    def forward(self, *sources: torch.Tensor, pool: Pool | None = None) -> torch.Tensor:
        """What the neurons give; with ``pool``, in training what an or-pool makes of it.

        Of neurons of a single step, and a pool without padding: a window fires iff the greatest of
        its potentials does.  Pooled before they fire, it is that pixel which learns; of spikes that
        are all alike, it would be the window's first.
        """
        if not self.training:
            return self.fire(self.potential(*sources))
        z = self._sum(sources)
        y = z if self.norm is None else self.norm(z)
        return self.neuron(y if pool is None else pool(y), lambda: self.normalisation(z))

    @torch.no_grad()
    def fire(self, u: torch.Tensor) -> torch.Tensor:
        """What the neurons give (float32) of integer potentials, as potential() gives them."""
        return self.neuron.fire(u, self.normalisation())

    @torch.no_grad()
    def normalisation(self, batch: torch.Tensor | None = None) -> Normalisation:
        """The numbers as stored, or with the statistics of a batch of scaled sums."""
        scale = self.scale.double()
        one, zero = torch.ones_like(scale), torch.zeros_like(scale)
        if self.norm is None:
            return Normalisation(
                scale=scale, gain=one, offset=zero, mean=zero, variance=one, eps=0.0
            )
        norm = self.norm
        variance, mean = norm.running_var, norm.running_mean
        if batch is not None:
            frames_and_pixels = (0, *range(2, batch.dim()))
            variance, mean = torch.var_mean(batch.float(), frames_and_pixels, correction=0)
        return Normalisation(
            scale=scale,
            gain=norm.weight.double(),
            offset=norm.bias.double(),
            mean=mean.double(),
            variance=variance.double(),
            eps=norm.eps,
        )


class Readout(_Layer):
    """The last layer: its potentials are the scores.

    Semantics: in training mode, logits = gain·scale·u with one positive scale for the whole layer,
    so that their order is that of the integers; in evaluation mode u itself, float64 and exact.
    No bias is trained.

    Parameters
    ----------
    projections: at least one, all reaching the same neurons.
    gain: positive; brings the logits into the range where a loss is useful.
    learned_scale: see SpikingLayer.
    """

    fires = False

    def __init__(
        self,
        projections: Sequence[Projection],
        *,
        gain: float = 1.0,
        learned_scale: bool = True,
    ) -> None:
        super().__init__(projections, per_neuron=False, learned_scale=learned_scale)
        self.gain = gain

    @classmethod
    def count(cls, classes: int, steps: int) -> Readout:
        """Scores that are the numbers of spikes of the layer before, which has a neuron a class."""
        gain = LOGITS / steps
        return cls([Dense.identity(classes)], gain=gain, learned_scale=False)

    def forward(self, *sources: torch.Tensor) -> torch.Tensor:
        return self._sum(sources) * self.gain if self.training else self.potential(*sources)


def check_projections(projections: Sequence[nn.Module], where: str) -> None:
    """Raise InputError, beginning with ``where``, unless there are some, and all of our kinds."""
    if len(projections) == 0:
        raise InputError(f"{where}: must have at least one projection, not none")
    for p in projections:
        if not isinstance(p, Projection):
            raise InputError(f"{where}: unsupported projection {type(p).__name__}")
