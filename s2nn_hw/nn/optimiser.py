"""Steps of training: Muon for the weights, Adam for all else."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import nn

#: Of Muon; 0.95, its usual one, looks too far back for trainings of a few epochs.
_MOMENTUM = 0.9


class Optimiser:
    """Two optimisers that share one learning rate.

    Muon makes of a layer's gradient the nearest matrix whose singular values are all one, so that
    every direction of its weights moves alike.  Spikes need it: surrogate gradients are dominated
    by a few directions (see docs/decisions/0039-muon.md).  Scales, gains and offsets are Adam's.

    Parameters
    ----------
    network: of its parameters, those of two dimensions and more are weights, neurons first.
    rate: the learning rate by the number of steps done.
    weight_decay: decoupled, of weights alone.
    """

    def __init__(
        self, network: nn.Module, *, rate: Callable[[int], float], weight_decay: float
    ) -> None:
        learned = [p for p in network.parameters() if p.requires_grad]
        self._weights = [p for p in learned if p.dim() > 1]
        self._others = [p for p in learned if p.dim() <= 1]
        self._matrices = [_share_as_matrix(p) for p in self._weights]
        self._muon = torch.optim.Muon(self._matrices, momentum=_MOMENTUM, weight_decay=weight_decay)
        self._adam = torch.optim.Adam(self._others) if self._others else None
        self._rate = rate
        self._steps = 0

    def step(self) -> None:
        """One step along the gradients, which are cleared."""
        for weight, matrix in zip(self._weights, self._matrices, strict=True):
            if weight.grad is not None:
                matrix.grad = weight.grad.movedim(1, -1).reshape(matrix.shape)
                weight.grad = None
        for optimiser in filter(None, (self._muon, self._adam)):
            for group in optimiser.param_groups:
                group["lr"] = self._rate(self._steps)
            optimiser.step()
            optimiser.zero_grad()
        self._steps += 1


@torch.no_grad()
def _share_as_matrix(weight: nn.Parameter) -> nn.Parameter:
    """A matrix (neurons, inputs) in whose memory the weight lies from now on, channels last."""
    last = weight.movedim(1, -1)
    matrix = nn.Parameter(last.reshape(len(weight), -1).clone())
    weight.data = matrix.data.view(last.shape).movedim(-1, 1)
    return matrix
