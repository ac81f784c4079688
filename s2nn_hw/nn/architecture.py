"""Architectures as the field writes them: ``32C3-P2-64C3-P2-10``."""

from __future__ import annotations

import re
from dataclasses import dataclass

from s2nn_hw.ir import InputError

GRAMMAR = (
    "32C3 convolution (s2 stride, p0 padding, g4 groups), DW3 depthwise, P2 max-pool, A2 sum-pool, "
    "G global sum-pool, R64 residual block (R64s2 strided), 128 dense"
)


@dataclass(frozen=True, kw_only=True)
class Conv:
    """``32C3``, ``64C3s2``, ``64C3g4``, ``64C3p0``, and ``DW3``, ``DW3s2``.

    neurons: None for a depthwise convolution, which keeps the channels.
    padding: half the kernel where not given, so that the map keeps its size at stride 1.
    """

    neurons: int | None
    kernel: int
    stride: int
    padding: int
    groups: int


@dataclass(frozen=True, kw_only=True)
class Pooling:
    """``P2`` (of spikes, or), ``A2`` (sum), and ``G``, a sum over the whole map (kernel None).

    ``P3s2`` has a stride other than the kernel.
    """

    kind: str
    kernel: int | None
    stride: int | None


@dataclass(frozen=True, kw_only=True)
class Residual:
    """``R64``: 3×3, fire, 3×3, plus what came in, fire.

    What came in is weighted channel by channel, or, where the block is strided or changes the
    number of channels, goes through a convolution of 1×1.
    """

    neurons: int
    stride: int


@dataclass(frozen=True, kw_only=True)
class Width:
    """``128``: a dense layer."""

    neurons: int


Step = Conv | Pooling | Residual | Width

_CONV = re.compile(r"(?:(\d+)C|DW)(\d+)((?:[spg]\d+)*)\Z", re.ASCII)
_POOL = re.compile(r"([PA])(\d+)(?:s(\d+))?\Z", re.ASCII)
_RESIDUAL = re.compile(r"R(\d+)(?:s(\d+))?\Z", re.ASCII)


def parse(text: str) -> tuple[tuple[str, Step], ...]:
    """Every part with its step, of which the last is the readout's width.

    Raises InputError naming the part that is none.
    """
    if not isinstance(text, str):
        raise InputError(f"the architecture must be text as in 32C3-P2-10, not {text!r}")
    steps = tuple((part, _step(part)) for part in text.split("-"))
    if not isinstance(steps[-1][1], Width):
        raise InputError(f"the architecture must end in the number of classes, not {text!r}")
    return steps


def _step(part: str) -> Step:
    if not part:
        raise InputError("the architecture must have no empty part, as in 32C3-P2-10")
    if re.fullmatch(r"0*[1-9]\d*", part, re.ASCII):
        return Width(neurons=int(part))
    if part == "G":
        return Pooling(kind="sum", kernel=None, stride=None)
    if found := _POOL.match(part):
        kind, kernel, stride = found.groups()
        return Pooling(
            kind="or" if kind == "P" else "sum",
            kernel=int(kernel),
            stride=int(stride or kernel),
        )
    if found := _RESIDUAL.match(part):
        return Residual(neurons=int(found[1]), stride=int(found[2] or 1))
    if found := _CONV.match(part):
        neurons, kernel = found[1] and int(found[1]), int(found[2])
        options = re.findall(r"([spg])(\d+)", found[3])
        given = {name: int(value) for name, value in options}
        if len(given) == len(options) and not (neurons is None and "g" in given):
            return Conv(
                neurons=neurons,
                kernel=kernel,
                stride=given.get("s", 1),
                padding=given.get("p", (kernel - 1) // 2),
                groups=given.get("g", 1),
            )
    raise InputError(f"{part!r} in the architecture is none of: {GRAMMAR}")
