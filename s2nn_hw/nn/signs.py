"""What values of -1 and +1 are in the integer network, which knows spikes alone."""

from __future__ import annotations

from collections.abc import Mapping

import torch

from s2nn_hw.ir import Network

from .layer import Readout, SpikingLayer
from .skeleton import Trained, sources_of


def magnitudes(layers: Mapping[str, Trained], skeleton: Network) -> dict[str, torch.Tensor]:
    """The greatest magnitude of every element of the signed nodes, by name.

    Semantics: where a node's magnitude is m, its value x is -m…m in steps of two, and in the
    integer network k = (x + m) / 2.  Signs have m = 1; pools, what they make of their source's; a
    readout whose weights are all ±1 and whose sources are all signed, the sum of theirs, and its
    score k is a number of agreements.  Nodes that are not named here are the same in both.

    Each is float64, (1, *shape), whole numbers.
    """
    found: dict[str, torch.Tensor] = {}
    for name, sources in sources_of(layers).items():
        layer = layers[name]
        if isinstance(layer, SpikingLayer):
            if layer.neuron.signed:
                found[name] = torch.ones(1, *skeleton.shape(name), dtype=torch.float64)
        elif all(source in found for source in sources):
            given = [found[source] for source in sources]
            if not isinstance(layer, Readout):
                found[name] = layer(*given)
            elif all(p.weight_bits == 1 for p in layer.projections):
                pairs = zip(layer.projections, given, strict=True)
                found[name] = torch.stack(
                    [p.project(m, torch.ones_like(p.weight, dtype=m.dtype)) for p, m in pairs]
                ).sum(dim=0)
    return found
