"""Symmetric integer weights with one scale a neuron or a layer, learned or calibrated.

The learned scale follows LSQ (Esser et al., arXiv 1902.08153), its one-bit case the
straight-through sign of BinaryConnect.
"""

from __future__ import annotations

from typing import Any

import torch

from s2nn_hw.ir import InputError
from s2nn_hw.ir.weights import MAX_WEIGHT_BITS

#: Scales begin above this, so that dividing by one is safe in float32.
SMALLEST_SCALE = 2.0**-40


def check_bits(bits: int) -> None:
    """Raise InputError unless bits is 1…8."""
    if isinstance(bits, bool) or not isinstance(bits, int) or not 1 <= bits <= MAX_WEIGHT_BITS:
        raise InputError(f"weight bits must be 1…{MAX_WEIGHT_BITS}, not {bits!r}")


def limit(bits: int) -> int:
    """The greatest magnitude: 1 for one bit ({-1, +1}) and two ({-1, 0, +1}), else 2^(b-1) - 1."""
    return max(1, (1 << bits - 1) - 1)


def integers(weight: torch.Tensor, scale: torch.Tensor, bits: int) -> torch.Tensor:
    """Whole numbers k in the range of ``bits`` for which k·scale is nearest to the weight.

    One bit is the sign, and the sign of 0 is +1.  ``scale`` has shape (neurons,) or (1,), over the
    first dimension of the weight.
    """
    if bits == 1:
        return torch.where(weight >= 0, 1.0, -1.0).to(weight.dtype)
    top = limit(bits)
    return (weight / _over(scale, weight)).round().clamp(-top, top)


def fake_quantise(weight: torch.Tensor, scale: torch.Tensor, bits: int) -> torch.Tensor:
    """``integers(weight) · scale`` with gradients to the weight and to the scale."""
    return _FakeQuantise.apply(weight, scale, bits)


def calibrate(weight: torch.Tensor, bits: int, *, per_neuron: bool) -> torch.Tensor:
    """The scales of least squared error, searched on a grid: (neurons,) or (1,).

    One bit: the mean magnitude, which is the optimum.
    """
    rows = weight.detach().reshape(len(weight), -1)
    rows = rows if per_neuron else rows.reshape(1, -1)
    if bits == 1:
        return rows.abs().mean(dim=1).clamp_min(SMALLEST_SCALE)
    top = limit(bits)
    largest = (rows.abs().amax(dim=1) / top).clamp_min(SMALLEST_SCALE)
    best = largest.clone()
    error = torch.full_like(best, torch.inf)
    for fraction in torch.linspace(0.2, 1.0, 41).tolist():
        scale = largest * fraction
        off = (integers(rows, scale, bits) * scale[:, None] - rows).square().sum(dim=1)
        best = torch.where(off < error, scale, best)
        error = torch.minimum(off, error)
    return best.clamp_min(SMALLEST_SCALE)


@torch.no_grad()
def greatest(weight: torch.Tensor, count: int) -> torch.Tensor:
    """Which weights of each neuron are its ``count`` of the greatest magnitude."""
    rows = weight.abs().reshape(len(weight), -1)
    kept = rows.topk(min(count, rows.shape[1]), dim=1, sorted=False).indices
    return torch.zeros_like(rows, dtype=torch.bool).scatter_(1, kept, True).reshape(weight.shape)


@torch.no_grad()
def limit_weights(weight: torch.Tensor, scale: torch.Tensor, bits: int) -> None:
    """Bring the weights, in place, into the range that the scale can express."""
    if bits > 1:
        top = limit(bits) * _over(scale, weight)
        weight.copy_(torch.minimum(torch.maximum(weight, -top), top))


def _over(scale: torch.Tensor, weight: torch.Tensor) -> torch.Tensor:
    """The scale shaped to broadcast over the weight's first dimension."""
    return scale.reshape(-1, *[1] * (weight.dim() - 1))


class _FakeQuantise(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, weight: torch.Tensor, scale: torch.Tensor, bits: int) -> torch.Tensor:
        k = integers(weight, scale, bits)
        ctx.save_for_backward(weight, scale, k)
        ctx.bits = bits
        return k * _over(scale, weight)

    @staticmethod
    def backward(ctx: Any, gradient: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, None]:
        weight, scale, k = ctx.saved_tensors
        if ctx.bits == 1:
            inside = weight.abs() <= 1
            slope = k
        else:
            ratio = weight / _over(scale, weight)
            inside = ratio.abs() <= limit(ctx.bits)
            slope = torch.where(inside, k - ratio, k)
        to_scale = gradient * slope
        if len(scale) == 1:
            to_scale = to_scale.sum().reshape(1)
        else:
            to_scale = to_scale.reshape(len(scale), -1).sum(dim=1)
        # LSQ, section 2.2: balances the step of the scale against the steps of its weights.
        balance = (weight.numel() / len(scale) * limit(ctx.bits)) ** -0.5
        return gradient * inside, to_scale * balance, None
