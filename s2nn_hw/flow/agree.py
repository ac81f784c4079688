"""Proof that a torch module and the integer network made of it compute the same."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch

from s2nn_hw import golden
from s2nn_hw.ir import Network
from s2nn_hw.nn import SpikingNetwork

#: Frames that are evaluated at once: maps of more do not stay in the caches.
BATCH = 200


@dataclass(frozen=True, kw_only=True, eq=False)
class Agreement:
    """What was seen while module and golden model were compared.

    classes: int64 (n,), of each frame; spikes: mean share of neurons that fire at a step, by hidden
        layer.
    """

    classes: npt.NDArray[np.int64]
    spikes: dict[str, float]


def agree(
    module: SpikingNetwork,
    network: Network,
    frames: npt.NDArray[np.uint8],
    progress: Callable[[int], None] | None = None,
    *,
    batch: int = BATCH,
) -> Agreement:
    """Proof that the module computes what the golden model makes of the network.

    Every value of every layer and pool and every score is compared; RuntimeError names the first
    node that differs.
    """
    module.eval()
    device = next(module.parameters()).device
    classes, fired = [], dict.fromkeys((y.name for y in network.weighted[:-1]), 0)
    for start in range(0, len(frames), batch):
        part = frames[start : start + batch]
        trace = golden.run(network, part, first=start)
        seen: dict[str, torch.Tensor] = {}
        with torch.no_grad():
            module(torch.from_numpy(part).to(device), seen, first=start)
        known = {**trace.spikes, **trace.pools, network.readout.name: trace.scores}
        if list(seen) != [node.name for node in network.layers]:
            raise RuntimeError(f"torch has the nodes {', '.join(seen)}, not those of the network")
        for name, values in seen.items():
            wrong = values.cpu().numpy() != known[name]
            if wrong.any():
                n, *place = (int(k) for k in np.argwhere(wrong)[0])
                n //= len(wrong) // len(part)
                raise RuntimeError(
                    f"layer {name!r}: torch and golden model differ in {int(wrong.sum())} values, "
                    f"first at frame {start + n}, neuron {', '.join(map(str, place))}"
                )
        classes.append(trace.classes)
        for name, spikes in trace.spikes.items():
            fired[name] += int(spikes.sum())
        if progress is not None:
            progress(start + len(part))
    sizes = {name: len(frames) * network.steps * network.width(name) for name in fired}
    return Agreement(
        classes=np.concatenate(classes),
        spikes={name: count / sizes[name] for name, count in fired.items()},
    )
