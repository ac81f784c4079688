"""The integer network in PyTorch, batched; it reads the network and nothing of the generator."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch.nn import functional

from s2nn_hw.ir import INPUT, Conv2d, Layer, Network, Pool, Projection, Window

#: Products and sums of integers are exact below these bounds, in whatever order they are added.
#: The network's check() ensures the second.
_EXACT_FLOAT32, _EXACT = 2**24, 2**53


@dataclass(frozen=True, kw_only=True, eq=False)
class Trace:
    """All that the network computes for n frames; integer arrays, frames first.

    spikes: per hidden layer, uint8 (n * steps, *shape), a frame's steps one after the other: shape
        is (neurons,), or (C, H, W) of a map.
    pools: per pool, uint16 (n * steps, C, H, W).
    scores: int64 (n, classes).
    classes: int64 (n,), the first maximum of the scores.
    """

    spikes: dict[str, npt.NDArray[np.uint8]]
    pools: dict[str, npt.NDArray[np.uint16]]
    scores: npt.NDArray[np.int64]
    classes: npt.NDArray[np.int64]


def run(
    network: Network,
    images: npt.ArrayLike,
    *,
    first: int = 0,
    batch: int = 256,
    device: str = "cpu",
    progress: Callable[[int], None] | None = None,
) -> Trace:
    """Evaluate frames (n, *shape) of integers in the input's range.

    ``first`` is the number of the first of them, by which rates are drawn; ``progress`` is called
    with the number of frames done.  Raises InputError on a wrong shape, an empty set or a pixel out
    of range.
    """
    network.check()
    frames = network.coded(network.input.frames(images), first)
    pools = {node.name for node in network.layers if isinstance(node, Pool)}
    parts: dict[str, list[npt.NDArray[np.generic]]] = {node.name: [] for node in network.layers}
    for start in range(0, len(frames), batch):
        part = torch.from_numpy(frames[start : start + batch]).to(device)
        for name, values in _batch(network, part).items():
            kept = values.cpu().numpy()
            parts[name].append(kept.astype(np.uint16) if name in pools else kept)
        if progress is not None:
            progress(min(start + batch, len(frames)))
    whole = {name: np.concatenate(arrays) for name, arrays in parts.items()}
    scores = whole[network.readout.name].astype(np.int64)
    return Trace(
        spikes={
            node.name: whole[node.name].astype(np.uint8)
            for node in network.layers[:-1]
            if node.name not in pools
        },
        pools={name: whole[name].astype(np.uint16) for name in whole if name in pools},
        scores=scores,
        classes=scores.argmax(axis=1).astype(np.int64),
    )


def _batch(network: Network, frames: torch.Tensor) -> dict[str, torch.Tensor]:
    """What every node gives for step frames (n, steps, *shape): spikes, values, and the scores."""
    membranes: dict[str, torch.Tensor] = {}
    given: dict[str, list[torch.Tensor]] = {node.name: [] for node in network.layers}
    for step in range(network.steps):
        # What each source gives at this step, in its shape.
        values = {INPUT: frames[:, step]}
        for node in network.layers:
            if isinstance(node, Pool):
                out = _pooled(node, values[node.source])
            else:
                out = _potential(network, node, values)
                if node.thresholds is not None:
                    before = _kept(node, membranes.get(node.name), out)
                    membranes[node.name] = v = out if before is None else before + out
                    out = (v >= _numbers(node.thresholds, v)).to(torch.uint8)
            values[node.name] = out
            given[node.name].append(out)
    found = {name: torch.stack(steps, dim=1).flatten(0, 1) for name, steps in given.items()}
    return found | {network.readout.name: torch.stack(given[network.readout.name]).sum(dim=0)}


def _kept(layer: Layer, v: torch.Tensor | None, u: torch.Tensor) -> torch.Tensor | None:
    """What is left for this step of the membrane of the last, of the initial one if v is None.

    None for nothing at all; ``u`` is of the same shape.
    """
    if v is None:
        v = None if layer.initial is None else _numbers(layer.initial, u)
    elif layer.reset != "none":
        assert layer.thresholds is not None
        theta = _numbers(layer.thresholds, u)
        v = torch.where(v >= theta, v - theta if layer.reset == "soft" else 0, v)
    return v - (v >> layer.leak) if v is not None and layer.leak else v


def _numbers(values: npt.NDArray[np.int64], like: torch.Tensor) -> torch.Tensor:
    """Numbers of each neuron, or of each of every pixel, where potentials are ``like`` this."""
    given = torch.from_numpy(values.astype(np.int64)).to(like.device)
    return given if given.dim() > 1 else given.reshape(-1, *[1] * (like.dim() - 2))


def _potential(network: Network, layer: Layer, values: dict[str, torch.Tensor]) -> torch.Tensor:
    """What a step adds to the layer's potentials, int64, in its shape."""
    total: torch.Tensor | None = None
    for projection in layer.projections:
        x = values[projection.source]
        weights = projection.weights.astype(np.int64).reshape(len(projection.weights), -1)
        bound = int(np.abs(weights).sum(axis=1).max()) * network.maximum(projection.source)
        assert bound < _EXACT
        # On other devices float32 may silently be something shorter.
        exact = bound < _EXACT_FLOAT32 and x.device.type == "cpu"
        dtype = torch.float32 if exact else torch.float64
        u = _projected(projection, x.to(dtype)).long()
        total = u if total is None else total + u
    assert total is not None
    if layer.bias is None:
        return total
    return total + torch.from_numpy(layer.bias).to(total.device).reshape(
        -1, *[1] * (total.dim() - 2)
    )


def _projected(projection: Projection, x: torch.Tensor) -> torch.Tensor:
    """The projection's sums as matrix products, whose every partial sum is a whole number."""
    weights = torch.from_numpy(projection.weights).to(x.device, x.dtype)
    if not isinstance(projection, Conv2d):
        return x.flatten(1) @ weights.T
    n, groups = len(x), projection.groups
    columns = _columns(x, projection.window).reshape(n, groups, weights[0].numel(), -1)
    rows = weights.reshape(groups, len(weights) // groups, -1)
    shape = projection.output_shape(tuple(x.shape[1:]), projection.source)
    return (rows @ columns).reshape(n, *shape)


def _pooled(pool: Pool, x: torch.Tensor) -> torch.Tensor:
    """The pool's values, int64."""
    shape = pool.output_shape(tuple(x.shape[1:]), 1)
    columns = _columns(x.float(), pool.window).reshape(*x.shape[:2], pool.window.taps, -1)
    joined = columns.amax(dim=2) if pool.kind == "or" else columns.double().sum(dim=2)
    return joined.long().reshape(len(x), *shape)


def _columns(x: torch.Tensor, window: Window) -> torch.Tensor:
    """Every window's pixels, (n, C * taps, windows)."""
    (high, wide), (down, along), (above, beside) = window.kernel, window.stride, window.padding
    padded = functional.pad(x, (beside, beside, above, above))
    # A view, copied tap by tap: on CPUs twice to ten times as fast as torch's unfold of a batch.
    windows = padded.unfold(2, high, down).unfold(3, wide, along)
    return windows.permute(0, 1, 4, 5, 2, 3).reshape(len(x), x.shape[1] * window.taps, -1)
