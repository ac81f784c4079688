"""Pools: nodes without synapses."""

from __future__ import annotations

import dataclasses

import torch
from torch import nn
from torch.nn import functional

from s2nn_hw import ir
from s2nn_hw.ir import Window
from s2nn_hw.ir.numeric import tidy_pair
from s2nn_hw.ir.pool import check_pool
from s2nn_hw.ir.window import Pair


class Pool(nn.Module):
    """``ir.Pool`` in training: the greatest (``or``) or the sum of a window's pixels.

    Parameters
    ----------
    kind: ``or`` or ``sum``.
    kernel, stride, padding: see ir.Window; one number holds for both ways.  The stride is the
        kernel where not given.
    source: name of the node that is pooled; None for the one before.
    """

    def __init__(
        self,
        kind: str,
        kernel: int | Pair,
        *,
        stride: int | Pair | None = None,
        padding: int | Pair = 0,
        source: str | None = None,
    ) -> None:
        super().__init__()
        self.kind = kind
        self.source = source
        self.window = Window(
            kernel=tidy_pair(kernel),
            stride=tidy_pair(kernel if stride is None else stride),
            padding=tidy_pair(padding),
        )
        check_pool(kind, self.window, "a pool")

    @property
    def sources(self) -> tuple[str | None]:
        """What is pooled, None for the node before."""
        return (self.source,)

    def node(self, name: str, source: str) -> ir.Pool:
        """The same in the integer network."""
        return ir.Pool(name=name, source=source, kind=self.kind, **dataclasses.asdict(self.window))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        kernel, stride, (high, wide) = self.window.kernel, self.window.stride, self.window.padding
        if high or wide:  # torch's pools take half a kernel at most
            least = -torch.inf if self.kind == "or" else 0.0  # below a sign, too
            x = functional.pad(x, (wide, wide, high, high), value=least)
        if self.kind == "or":
            return functional.max_pool2d(x, kernel, stride)
        return functional.avg_pool2d(x, kernel, stride, divisor_override=1)

    def extra_repr(self) -> str:
        return f"{self.kind}, {self.window}"
