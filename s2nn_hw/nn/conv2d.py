"""Convolutions with quantised weights."""

from __future__ import annotations

import torch
from torch import nn
from torch.nn import functional

from s2nn_hw.ir import InputError, Window
from s2nn_hw.ir.window import Pair

from .projection import Projection

#: Weight bits of an identity: there is one weight a channel, and it has to stand up to the sum
#: of a whole window in the units of that window's weights.
IDENTITY_BITS = 8


class Conv2d(Projection):
    """The convolution, ``ir.Conv2d`` in training; see Projection.

    Parameters
    ----------
    channels, neurons: of the source and of the output.
    kernel, stride, padding: see ir.Window; one number holds for both ways.
    groups: divides channels and neurons.
    weight_bits: 1…8.
    source: see Projection.
    """

    def __init__(
        self,
        channels: int,
        neurons: int,
        kernel: int | Pair,
        *,
        stride: int | Pair = 1,
        padding: int | Pair = 0,
        groups: int = 1,
        weight_bits: int = 4,
        source: str | None = None,
    ) -> None:
        window = Window(kernel=pair(kernel), stride=pair(stride), padding=pair(padding))
        window.check("a convolution")
        if neurons < 1:
            raise InputError(f"neurons of a convolution must be at least 1, not {neurons}")
        if groups < 1 or channels % groups or neurons % groups:
            raise InputError(
                f"groups must divide the {channels} channels and {neurons} neurons of a "
                f"convolution, not {groups}"
            )
        super().__init__(
            (neurons, channels // groups, *window.kernel),
            weight_bits=weight_bits,
            source=source,
        )
        self.window = window
        self.groups = groups

    @classmethod
    def identity(cls, channels: int, *, stride: int = 1, source: str | None = None) -> Conv2d:
        """The shortcut of a residual connection: each channel to itself, weighted."""
        made = cls(
            channels,
            channels,
            1,
            stride=stride,
            groups=channels,
            weight_bits=IDENTITY_BITS,
            source=source,
        )
        # About the deviation that the sum of a layer's other projection begins with.
        nn.init.constant_(made.weight, 0.5)
        return made

    def output_shape(self, source: tuple[int, ...], layer: str) -> tuple[int, ...]:
        """(neurons, height, width) from that of the source; InputError where it does not fit."""
        return (self.neurons, *self.window.output(source[1:], f"layer {layer!r}"))

    def project(self, x: torch.Tensor, weight: torch.Tensor) -> torch.Tensor:
        window = self.window
        return functional.conv2d(
            x, weight, stride=window.stride, padding=window.padding, groups=self.groups
        )

    def extra_repr(self) -> str:
        window = self.window
        neurons, channels = self.weight.shape[:2]
        return (
            f"{channels * self.groups}, {neurons}, {window.kernel}, stride={window.stride}, "
            f"padding={window.padding}, groups={self.groups}, weight_bits={self.weight_bits}"
        )


def pair(value: int | Pair) -> Pair:
    """One number for both ways, or two as they are."""
    return (value, value) if isinstance(value, int) else value
