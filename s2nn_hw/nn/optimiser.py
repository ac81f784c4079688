"""Steps of training: Muon or Adam for the weights, Adam for all else."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import nn

from s2nn_hw.ir import InputError

from .muon import Muon

#: What weights may follow.
OPTIMISERS = ("muon", "adam")


class Optimiser:
    """Of the weights and of all else, with one learning rate.

    Muon makes of a layer's gradient the nearest matrix whose singular values are all one, so that
    every direction of its weights moves alike.  Convolutions of spikes need it: surrogate
    gradients are dominated by a few directions.  Adam gives each weight steps of its own size
    (see docs/decisions/0039-muon.md for where each does better).
    Scales, gains and offsets always follow Adam.

    Parameters
    ----------
    network: of its parameters, those of two dimensions and more are weights, neurons first.
    kind: of the weights, one of OPTIMISERS.
    rate: the learning rate by the number of steps done.
    weight_decay: decoupled, of weights alone.
    """

    def __init__(
        self,
        network: nn.Module,
        *,
        kind: str = "muon",
        rate: Callable[[int], float],
        weight_decay: float = 0.0,
    ) -> None:
        check_optimiser(kind)
        learned = [p for p in network.parameters() if p.requires_grad]
        weights = [p for p in learned if p.dim() > 1]
        others = [p for p in learned if p.dim() <= 1]
        groups = [{"params": others, "weight_decay": 0.0}]
        self._weights: list[nn.Parameter] = []
        self._optimisers: list[torch.optim.Optimizer] = []
        if kind == "muon":
            self._weights = weights
            self._matrices = [_share_as_matrix(p) for p in weights]
            self._optimisers.append(Muon(self._matrices, weight_decay=weight_decay))
        else:
            self._matrices = []
            groups.append({"params": weights, "weight_decay": weight_decay})
        if any(group["params"] for group in groups):
            self._optimisers.append(torch.optim.AdamW(groups))
        self._rate = rate
        self._steps = 0

    def step(self) -> None:
        """One step along the gradients, which are cleared."""
        for weight, matrix in zip(self._weights, self._matrices, strict=True):
            if weight.grad is not None:
                matrix.grad = weight.grad.movedim(1, -1).reshape(matrix.shape)
                weight.grad = None
        for optimiser in self._optimisers:
            for group in optimiser.param_groups:
                group["lr"] = self._rate(self._steps)
            optimiser.step()
            optimiser.zero_grad()
        self._steps += 1


def check_optimiser(kind: str) -> None:
    """Raise InputError unless there is such a one."""
    if kind not in OPTIMISERS:
        raise InputError(f"the optimiser must be one of {', '.join(OPTIMISERS)}, not {kind!r}")


@torch.no_grad()
def _share_as_matrix(weight: nn.Parameter) -> nn.Parameter:
    """A matrix (neurons, inputs) in whose memory the weight lies from now on, channels last."""
    last = weight.movedim(1, -1)
    matrix = nn.Parameter(last.reshape(len(weight), -1).clone())
    weight.data = matrix.data.view(last.shape).movedim(-1, 1)
    return matrix
