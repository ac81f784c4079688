"""Energy of the arithmetic alone, as the literature on spiking networks estimates it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from s2nn_hw.ir import INPUT, Conv2d, Network, Pool, Projection

#: pJ in 45 nm, of 32-bit floating point: an addition; a multiplication, 3.7, and an addition.
#: Horowitz, "Computing's energy problem", ISSCC 2014.
ACCUMULATE_PJ = 0.9
MULTIPLY_ACCUMULATE_PJ = 4.6

_Counts = npt.NDArray[np.int64]


@dataclass(frozen=True, kw_only=True, eq=False)
class Operations:
    """What a layer's synapses do in each frame, (frames,).

    Semantics: a spike is an accumulate at every synapse that it reaches, and so is each of the n
    spikes that a sum-pool's value n stands for.  A pixel of several bits is a multiply-accumulate
    at every synapse that it reaches, be it zero or not.  Synapses of weight zero count, those into
    the padding do not.  Neurons and pools count for nothing.
    """

    accumulates: _Counts
    multiply_accumulates: _Counts


def arithmetic_pj(accumulates: float, multiply_accumulates: float) -> float:
    """The estimate: it knows nothing of memories, of the datapath, or of what stands still."""
    return accumulates * ACCUMULATE_PJ + multiply_accumulates * MULTIPLY_ACCUMULATE_PJ


def operations(
    network: Network, values: Mapping[str, npt.NDArray[Any]], frames: int
) -> dict[str, Operations]:
    """Of each layer that has synapses, over all steps of a frame.

    values: of the input and of every other source, (frames * steps, *shape).
    """
    found = {}
    for layer in network.weighted:
        added, multiplied = np.zeros((2, frames), dtype=np.int64)
        for projection in layer.projections:
            source = projection.source
            reached = _reached(projection, network.shape(source))
            given = values[source]
            if _spikes(network, source):
                each = given.sum(axis=1, dtype=np.int64) if given.ndim == 4 else given
                of_rows = (each * reached).reshape(len(given), -1).sum(axis=1, dtype=np.int64)
                added += of_rows.reshape(frames, -1).sum(axis=1)
            else:
                multiplied += _synapses(projection, network.shape(source)) * len(given) // frames
        found[layer.name] = Operations(accumulates=added, multiply_accumulates=multiplied)
    return found


def multiply_accumulates(network: Network) -> int:
    """Of a frame, where every value is a real number, as in the network's full-precision twin."""
    return sum(
        _synapses(projection, network.shape(projection.source))
        for layer in network.weighted
        for projection in layer.projections
    )


def _spikes(network: Network, source: str) -> bool:
    """Whether the values are spikes, or sums of spikes."""
    if source == INPUT:
        return network.maximum(INPUT) == 1
    node = network.node(source)
    return _spikes(network, node.source) if isinstance(node, Pool) else True


def _synapses(projection: Projection, shape: tuple[int, ...]) -> int:
    """That the elements of a source reach, altogether."""
    reached = np.broadcast_to(_reached(projection, shape), shape)
    return int(reached.sum(dtype=np.int64))


def _reached(projection: Projection, shape: tuple[int, ...]) -> _Counts:
    """Synapses that an element of the source reaches: (H, W) of a convolved map, else ()."""
    if not isinstance(projection, Conv2d):
        return np.array(projection.neurons)
    # A pixel reaches the neurons of its group once in every window that it is part of.
    height, width = shape[1:]
    taps = projection.window.pixels((height, width))
    windows = np.bincount(taps[taps >= 0], minlength=height * width)
    return windows.reshape(height, width) * (projection.neurons // projection.groups)
