"""The integer network: what training ends in, and what golden model and generator both read."""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from .errors import InputError
from .frame import FrameFormat
from .projection import INPUT, Projection

#: Layer names become Verilog identifiers.
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,62}\Z")

#: Potentials must be exact in float64, in which the golden model sums.
_EXACT = 2**53


@dataclass(frozen=True, kw_only=True, eq=False)
class Layer:
    """Neurons that accumulate one or more projections, and fire or are read out.

    Semantics: u_j is the sum of the projections; spike s_j = 1 iff u_j >= thresholds[j].
    Without thresholds the layer does not fire: its potentials are the scores.

    Parameters
    ----------
    name: a Verilog identifier, unique in the network.
    projections: at least one.
    thresholds: integers of shape (neurons,), or None for the readout.
    """

    name: str
    projections: tuple[Projection, ...]
    thresholds: npt.NDArray[np.int64] | None = None

    @property
    def neurons(self) -> int:
        """Neurons, and so width of the layer's output."""
        return self.projections[0].neurons

    @property
    def is_readout(self) -> bool:
        """Whether the potentials are the network's scores."""
        return self.thresholds is None


@dataclass(frozen=True, kw_only=True, eq=False)
class Network:
    """A single-step spiking network with integer weights and thresholds.

    Semantics: the layers are evaluated in order, each once a frame; the last one is the
    readout, and the class is the index of the first maximum of its scores.

    Parameters
    ----------
    input: the frame's format.
    layers: hidden layers and, last, the readout.
    calibration: frames (n, *shape) of the training set, for choices that follow the data
        (lane assignment, buffer sizes); never for results.  None where there are none.
    provenance: what made the network: command, seed, accuracy, data digest; free JSON.
    """

    input: FrameFormat
    layers: tuple[Layer, ...]
    calibration: npt.NDArray[np.uint8] | None = None
    provenance: dict[str, Any] = field(default_factory=dict)

    @property
    def classes(self) -> int:
        """Number of scores."""
        return self.layers[-1].neurons

    def width(self, source: str) -> int:
        """Elements of a source: the input frame or a layer's spikes."""
        if source == INPUT:
            return self.input.size
        return next(layer.neurons for layer in self.layers if layer.name == source)

    def bits(self, source: str) -> int:
        """Bits of an element of a source: the pixel's for the input, one for spikes."""
        return self.input.bits if source == INPUT else 1

    def potential_range(self, layer: Layer) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
        """Least and greatest potential of each neuron, from the actual weights."""
        ranges = [p.potential_range(2 ** self.bits(p.source) - 1) for p in layer.projections]
        low = np.stack([r[0] for r in ranges]).sum(axis=0)
        high = np.stack([r[1] for r in ranges]).sum(axis=0)
        return low, high

    def check(self) -> None:
        """Raise InputError naming the layer and value that is wrong; else the network is valid."""
        self.input.check()
        if not self.layers:
            raise InputError("a network must have at least one layer, not none")
        known: dict[str, int] = {INPUT: self.input.size}
        for layer in self.layers:
            where = f"layer {layer.name!r}"
            if not isinstance(layer.name, str) or not _NAME.match(layer.name):
                raise InputError(
                    f"{where}: a name must be a letter and then letters, digits or _, at most 63"
                )
            if layer.name in known:
                raise InputError(f"{where}: the name is taken; names must be unique")
            if not layer.projections:
                raise InputError(f"{where}: must have at least one projection, not none")
            for projection in layer.projections:
                projection.check(layer.name)
                if projection.source not in known:
                    raise InputError(
                        f"{where}: source must be {INPUT!r} or an earlier layer, "
                        f"not {projection.source!r}"
                    )
                if projection.inputs != known[projection.source]:
                    raise InputError(
                        f"{where}: weights must have {known[projection.source]} inputs as "
                        f"{projection.source!r} has, not {projection.inputs}"
                    )
                if projection.neurons != layer.neurons:
                    raise InputError(
                        f"{where}: every projection must reach {layer.neurons} neurons, "
                        f"not {projection.neurons}"
                    )
            self._check_thresholds(layer)
            known[layer.name] = layer.neurons
        if self.calibration is not None:
            self.input.frames(self.calibration)

    def _check_thresholds(self, layer: Layer) -> None:
        where = f"layer {layer.name!r}"
        last = layer is self.layers[-1]
        if last != layer.is_readout:
            raise InputError(
                f"{where}: "
                + (
                    "the last layer is read out and must have no thresholds"
                    if last
                    else "a hidden layer must have thresholds"
                )
            )
        low, high = self.potential_range(layer)
        if max(-int(low.min()), int(high.max())) >= _EXACT:
            raise InputError(f"{where}: potentials must stay below 2^53 to be exact")
        if layer.thresholds is None:
            return
        if layer.thresholds.dtype.kind not in "iu" or layer.thresholds.shape != (layer.neurons,):
            raise InputError(
                f"{where}: thresholds must be {layer.neurons} integers, not "
                f"{layer.thresholds.dtype} of shape {layer.thresholds.shape}"
            )

    def digest(self) -> str:
        """SHA-256 of all that decides a result or a datapath; provenance does not count."""
        text = hashlib.sha256()

        def add(kind: str, *values: object) -> None:
            text.update(json.dumps([kind, *values]).encode() + b"\n")

        add("input", self.input.shape, self.input.bits, self.input.cuts)
        for layer in self.layers:
            add("layer", layer.name)
            for p in layer.projections:
                add(type(p).__name__, p.source, p.weights.shape, p.weight_bits)
                text.update(p.weights.astype("<i8").tobytes())
            if layer.thresholds is not None:
                add("thresholds")
                text.update(layer.thresholds.astype("<i8").tobytes())
        if self.calibration is not None:
            add("calibration", self.calibration.shape)
            text.update(self.calibration.tobytes())
        return text.hexdigest()
