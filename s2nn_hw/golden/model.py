"""The integer network in PyTorch, batched; it reads the network and nothing of the generator."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch

from s2nn_hw.ir import INPUT, Dense, Network, Projection

#: Products and sums are exact in float64 below this bound, which the network's check() ensures.
_EXACT = 2**53


@dataclass(frozen=True, kw_only=True, eq=False)
class Trace:
    """All that the network computes for a set of frames; integer arrays, frames first.

    spikes: per hidden layer, uint8 (n, neurons).
    scores: int64 (n, classes).
    classes: int64 (n,), the first maximum of the scores.
    """

    spikes: dict[str, npt.NDArray[np.uint8]]
    scores: npt.NDArray[np.int64]
    classes: npt.NDArray[np.int64]


def run(
    network: Network,
    images: npt.ArrayLike,
    *,
    batch: int = 1024,
    device: str = "cpu",
    progress: Callable[[int], None] | None = None,
) -> Trace:
    """Evaluate frames (n, *shape) of integers in the input's range.

    ``progress`` is called with the number of frames done.  Raises InputError on a wrong shape, an
    empty set or a pixel out of range.
    """
    network.check()
    frames = network.input.frames(images)
    spikes: dict[str, list[npt.NDArray[np.uint8]]] = {
        layer.name: [] for layer in network.layers if not layer.is_readout
    }
    scores: list[npt.NDArray[np.int64]] = []
    for start in range(0, len(frames), batch):
        part = torch.from_numpy(frames[start : start + batch]).to(device)
        values = {INPUT: part.reshape(len(part), -1).double()}
        for layer in network.layers:
            u = torch.zeros(len(part), layer.neurons, dtype=torch.float64, device=device)
            for projection in layer.projections:
                u = u + _potential(projection, values[projection.source])
            assert u.abs().max() < _EXACT
            if layer.thresholds is None:
                scores.append(u.cpu().numpy().astype(np.int64))
                continue
            theta = torch.from_numpy(layer.thresholds.astype(np.int64)).to(device)
            fired = u.long() >= theta
            values[layer.name] = fired.double()
            spikes[layer.name].append(fired.cpu().numpy().astype(np.uint8))
        if progress is not None:
            progress(min(start + batch, len(frames)))
    all_scores = np.concatenate(scores)
    return Trace(
        spikes={name: np.concatenate(parts) for name, parts in spikes.items()},
        scores=all_scores,
        classes=all_scores.argmax(axis=1).astype(np.int64),
    )


def _potential(projection: Projection, x: torch.Tensor) -> torch.Tensor:
    """The projection's contribution (n, neurons) to the potential."""
    assert isinstance(projection, Dense)
    weights = torch.from_numpy(projection.weights.astype(np.float64)).to(x.device)
    return x @ weights.T
