"""What a network does on sample frames, stored with it."""

from __future__ import annotations

import dataclasses
import math

import numpy.typing as npt

from s2nn_hw.ir import Network

from .model import run

#: Bits of activity in a model file: half a megabyte.
_BITS = 1 << 22


def observed(network: Network, calibration: npt.ArrayLike) -> Network:
    """The network with calibration frames (n, *shape), and its activity on the first of them.

    So that plans can follow the data without running the network.  Raises InputError on a wrong
    shape, an empty set or a pixel out of range.
    """
    frames = network.input.frames(calibration)
    bits = sum(
        network.bits(node.name) * math.prod(network.shape(node.name))
        for node in network.layers[:-1]
    )
    trace = run(network, frames[: max(1, _BITS // max(1, bits * network.steps))])
    return dataclasses.replace(
        network, calibration=frames, activity={**trace.spikes, **trace.pools}
    )
