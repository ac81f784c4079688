"""What torch's convolutions and pools say, in our terms; what we have no term for is refused."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from torch import nn

from s2nn_hw.ir import InputError
from s2nn_hw.ir.numeric import tidy_pair
from s2nn_hw.ir.window import Pair


@dataclass(frozen=True, kw_only=True)
class Pooled:
    """``fields`` of an ir.Pool, and the ``divisor`` by which torch's values are smaller."""

    fields: dict[str, Any]
    divisor: Fraction


def conv_options(step: nn.Conv2d, where: str) -> dict[str, Any]:
    """Stride, padding and groups of an ir.Conv2d."""
    if tidy_pair(step.dilation) != (1, 1):
        raise InputError(f"{where}: dilation must be 1, not {step.dilation}")
    if step.padding_mode != "zeros":
        raise InputError(f"{where}: padding_mode must be 'zeros', not {step.padding_mode!r}")
    padding = step.padding
    if padding == "valid":
        padding = 0
    elif padding == "same":
        if any(k % 2 == 0 for k in tidy_pair(step.kernel_size)):
            raise InputError(
                f"{where}: padding 'same' must go with an odd kernel, not {step.kernel_size}"
            )
        padding = tuple(k // 2 for k in tidy_pair(step.kernel_size))
    return {"stride": tidy_pair(step.stride), "padding": tidy_pair(padding), "groups": step.groups}


def pooled(
    step: nn.MaxPool2d | nn.AvgPool2d | nn.AdaptiveAvgPool2d, size: Pair, where: str
) -> Pooled:
    """A pool of a map of that height and width."""
    if isinstance(step, nn.AdaptiveAvgPool2d):
        if tidy_pair(step.output_size) != (1, 1):
            raise InputError(f"{where}: output_size must be 1, not {step.output_size}")
        fields = {"kind": "sum", "kernel": size, "stride": size}
        return Pooled(fields=fields, divisor=Fraction(size[0] * size[1]))
    kernel = tidy_pair(step.kernel_size)
    if step.ceil_mode:
        raise InputError(f"{where}: ceil_mode must be off")
    fields = {
        "kernel": kernel,
        "stride": tidy_pair(step.stride),
        "padding": tidy_pair(step.padding),
    }
    if isinstance(step, nn.MaxPool2d):
        if tidy_pair(step.dilation) != (1, 1):
            raise InputError(f"{where}: dilation must be 1, not {step.dilation}")
        if step.return_indices:
            raise InputError(f"{where}: return_indices must be off")
        return Pooled(fields={"kind": "or", **fields}, divisor=Fraction(1))
    if any(tidy_pair(step.padding)) and not step.count_include_pad:
        raise InputError(f"{where}: count_include_pad must be on where there is padding")
    divisor = step.divisor_override or kernel[0] * kernel[1]
    if divisor < 0:
        raise InputError(f"{where}: divisor_override must be positive, not {divisor}")
    return Pooled(fields={"kind": "sum", **fields}, divisor=Fraction(divisor))
