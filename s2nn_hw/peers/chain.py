"""The network as other generators take it: dense layers, one behind the other."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from s2nn_hw.ir import INPUT, Dense, InputError, Layer, Network


@dataclass(frozen=True, kw_only=True, eq=False)
class Chain:
    """Dense layers in a chain.

    Semantics: s_0 is the frame, flat; s_k = [W_k s_(k-1) >= t_k]; the scores are W_n s_(n-1).

    Parameters
    ----------
    input_bits: of each value of the frame, which is not negative.
    weights: int64 (neurons, inputs) of each layer, the readout last.
    thresholds: int64 (neurons,) of each but the readout.
    """

    input_bits: int
    weights: tuple[npt.NDArray[np.int64], ...]
    thresholds: tuple[npt.NDArray[np.int64], ...]

    def write(self, path: Path) -> None:
        """As an .npz: ``input_bits``, ``weights_k`` and ``thresholds_k``, from 0 on."""
        arrays = {"input_bits": np.array(self.input_bits)}
        arrays |= {f"weights_{k}": w for k, w in enumerate(self.weights)}
        arrays |= {f"thresholds_{k}": t for k, t in enumerate(self.thresholds)}
        np.savez(path, **arrays)  # type: ignore[arg-type]


def chain(network: Network) -> Chain:
    """The network as a chain; InputError naming the node with which it is none."""
    weights, thresholds = [], []
    before = INPUT
    for node in network.layers:
        if not isinstance(node, Layer):
            raise InputError(f"{node.name!r} is a pool, where peers take dense layers alone")
        if len(node.projections) > 1:
            raise InputError(f"layer {node.name!r} joins several sources, where peers take one")
        (projection,) = node.projections
        if not isinstance(projection, Dense):
            raise InputError(
                f"layer {node.name!r} is a convolution, where peers take dense layers alone"
            )
        if projection.source != before:
            raise InputError(
                f"layer {node.name!r} reads {projection.source!r}, where peers take a chain"
            )
        weights.append(projection.weights.astype(np.int64))
        if node.thresholds is not None:
            thresholds.append(node.thresholds)
        before = node.name
    return Chain(
        input_bits=network.input.bits, weights=tuple(weights), thresholds=tuple(thresholds)
    )
