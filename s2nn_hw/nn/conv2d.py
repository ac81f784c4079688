"""Convolutions with quantised weights."""

from __future__ import annotations

from typing import Any

import numpy.typing as npt
import torch
from torch import nn
from torch.nn import functional

from s2nn_hw import ir
from s2nn_hw.ir import InputError, Window, integer
from s2nn_hw.ir.numeric import tidy_pair
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
    dilation: 1; the network refuses another, by the layer's name.
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
        dilation: int | Pair = 1,
        weight_bits: int = 4,
        source: str | None = None,
    ) -> None:
        window = Window(
            kernel=tidy_pair(kernel), stride=tidy_pair(stride), padding=tidy_pair(padding)
        )
        # How large a kernel may be is told with the layer's name, by the network's check.
        window.check("a convolution", largest=None)
        channels = integer(channels, "channels of a convolution", least=1)
        neurons = integer(neurons, "neurons of a convolution", least=1)
        groups = integer(groups, "groups of a convolution", least=1)
        if channels % groups or neurons % groups:
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
        self.dilation: Pair = tidy_pair(dilation)
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

    def synapses(self, source: str, weights: npt.NDArray[Any]) -> ir.Conv2d:
        return ir.Conv2d(
            source=source,
            weights=weights,
            weight_bits=self.weight_bits,
            stride=self.window.stride,
            padding=self.window.padding,
            groups=self.groups,
            dilation=self.dilation,
        )

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
