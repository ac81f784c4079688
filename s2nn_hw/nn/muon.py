"""Muon, which moves all directions of a matrix alike (Jordan et al., 2024)."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import torch
from torch import nn

#: 0.95, the usual one, looks too far back for trainings of a few epochs.
_MOMENTUM = 0.9

#: Steps of Newton and Schulz, and the coefficients of x, x³ and x⁵ in each, which bring singular
#: values from some hundredths on to within 0.3 of one.
_STEPS = 5
_COEFFICIENTS = (3.4445, -4.775, 2.0315)
_SMALLEST_NORM = 1e-7


class Muon(torch.optim.Optimizer):
    """Steps along the nearest matrix to the gradient's mean whose singular values are all one.

    It computes in the matrices' own type.  ``torch.optim.Muon`` does in bfloat16, which takes a
    CPU without instructions for it four times as long as float32, and most of a training.

    Parameters
    ----------
    matrices: of two dimensions, neurons first.
    lr: the size of a step, to be set in ``param_groups``; of tall matrices it is larger by the root
        of their rows over their columns.
    weight_decay: decoupled.
    """

    def __init__(
        self, matrices: Iterable[nn.Parameter], *, lr: float = 1e-3, weight_decay: float = 0.0
    ) -> None:
        super().__init__(matrices, {"lr": lr, "weight_decay": weight_decay})

    @torch.no_grad()
    def step(self, closure: Any = None) -> None:
        """One step of each matrix that has a gradient; there is no closure."""
        for group in self.param_groups:
            rate, decay = group["lr"], group["weight_decay"]
            for matrix in group["params"]:
                if matrix.grad is None:
                    continue
                state = self.state[matrix]
                if not state:
                    state["mean"] = torch.zeros_like(matrix)
                mean = state["mean"].lerp_(matrix.grad, 1 - _MOMENTUM)
                # Nesterov's: the mean as it would be after the same gradient again.
                ahead = matrix.grad.lerp(mean, _MOMENTUM)
                rows, columns = matrix.shape
                matrix.mul_(1 - rate * decay)
                matrix.sub_(orthogonal(ahead), alpha=rate * max(1.0, rows / columns) ** 0.5)


def orthogonal(matrix: torch.Tensor) -> torch.Tensor:
    """With the same singular vectors, and singular values near one."""
    a, b, c = _COEFFICIENTS
    tall = matrix.shape[0] > matrix.shape[1]
    x = matrix.T if tall else matrix
    x = x / x.norm().clamp_min(_SMALLEST_NORM)  # no singular value exceeds one
    for _ in range(_STEPS):
        gram = x @ x.T
        x = torch.addmm(x, torch.addmm(gram, gram, gram, beta=b, alpha=c), x, beta=a)
    return x.T if tall else x
