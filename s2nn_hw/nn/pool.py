"""Pools: nodes without synapses."""

from __future__ import annotations

import dataclasses

import torch
from torch import nn
from torch.nn import functional

from s2nn_hw import ir
from s2nn_hw.ir import InputError, Window
from s2nn_hw.ir.pool import KINDS
from s2nn_hw.ir.window import Pair

from .conv2d import pair


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
            kernel=pair(kernel),
            stride=pair(kernel if stride is None else stride),
            padding=pair(padding),
        )
        if kind not in KINDS:
            raise InputError(f"a pool must be one of {', '.join(KINDS)}, not {kind!r}")
        self.window.check("a pool", largest=None)

    def node(self, name: str, source: str) -> ir.Pool:
        """The same in the integer network."""
        return ir.Pool(name=name, source=source, kind=self.kind, **dataclasses.asdict(self.window))

    def maximum(self, x_max: int) -> int:
        """The greatest value, given the source's."""
        return self.node("pool", "input").maximum(x_max)

    def output_shape(self, source: tuple[int, ...], layer: str) -> tuple[int, ...]:
        """(channels, height, width) from that of the source; InputError where it does not fit."""
        return (source[0], *self.window.output(source[1:], f"layer {layer!r}"))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        kernel, stride, (high, wide) = self.window.kernel, self.window.stride, self.window.padding
        if high or wide:  # torch's pools take half a kernel at most
            x = functional.pad(x, (wide, wide, high, high))
        if self.kind == "or":
            return functional.max_pool2d(x, kernel, stride)
        return functional.avg_pool2d(x, kernel, stride, divisor_override=1)

    def extra_repr(self) -> str:
        return f"{self.kind}, {self.window}"
