"""One network, one file: safetensors with the versioned structure as JSON in its metadata."""

from __future__ import annotations

import json
import os
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save as to_bytes

from .errors import InputError
from .frame import FrameFormat
from .network import Layer, Network
from .projection import Dense

FORMAT = "s2nn"
VERSION = 1


def save(network: Network, path: str | os.PathLike[str]) -> None:
    """Write the network; the file is replaced whole or not at all."""
    network.check()
    target = Path(path)
    tensors: dict[str, npt.NDArray[Any]] = {}
    layers = []
    for layer in network.layers:
        projections = []
        for k, p in enumerate(layer.projections):
            tensors[f"{layer.name}.{k}.weights"] = np.ascontiguousarray(p.weights)
            projections.append({"kind": "dense", "source": p.source, "weight_bits": p.weight_bits})
        if layer.thresholds is not None:
            tensors[f"{layer.name}.thresholds"] = np.ascontiguousarray(layer.thresholds)
        layers.append({"name": layer.name, "projections": projections})
    structure: dict[str, Any] = {
        "version": VERSION,
        "input": {
            "shape": list(network.input.shape),
            "bits": network.input.bits,
            "cuts": list(network.input.cuts),
        },
        "layers": layers,
        "provenance": network.provenance,
        "digest": network.digest(),
    }
    if network.calibration is not None:
        structure["calibration"] = len(network.calibration)
        tensors["calibration"] = pack(network.calibration, network.input.bits)
    blob = to_bytes(tensors, metadata={FORMAT: json.dumps(structure, sort_keys=True)})
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=target.parent, delete=False) as file:
            temporary = Path(file.name)
            file.write(blob)
        temporary.chmod(0o644)
        temporary.replace(target)
    except OSError as error:
        raise InputError(f"{target}: cannot be written: {error.strerror}") from error


def load(path: str | os.PathLike[str]) -> Network:
    """Read and check a network; InputError names the file and what is wrong with it."""
    source = Path(path)
    if not source.is_file():
        raise InputError(f"{source}: no such model file")
    try:
        with safe_open(source, framework="numpy") as file:
            metadata = file.metadata() or {}
            if FORMAT not in metadata:
                raise InputError(f"{source}: not an s2nn model (no {FORMAT!r} metadata)")
            structure = json.loads(metadata[FORMAT])
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    except (SafetensorError, json.JSONDecodeError) as error:
        raise InputError(f"{source}: not a whole s2nn model file: {error}") from error
    except OSError as error:
        raise InputError(f"{source}: cannot be read: {error.strerror}") from error
    try:
        network = _assemble(structure, tensors)
        network.check()
        digest = structure["digest"]
    except InputError as error:
        raise InputError(f"{source}: {error}") from error
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise InputError(f"{source}: malformed model: {error!r}") from error
    if network.digest() != digest:
        raise InputError(f"{source}: the digest does not match: the file was changed or damaged")
    return network


def _assemble(structure: dict[str, Any], tensors: dict[str, npt.NDArray[Any]]) -> Network:
    if structure["version"] != VERSION:
        raise InputError(f"model version must be {VERSION}, not {structure['version']!r}")
    frame = structure["input"]
    format_ = FrameFormat(
        shape=tuple(frame["shape"]), bits=frame["bits"], cuts=tuple(frame["cuts"])
    )
    format_.check()
    layers = []
    for entry in structure["layers"]:
        name = entry["name"]
        projections = []
        for k, p in enumerate(entry["projections"]):
            if p["kind"] != "dense":
                raise InputError(f"layer {name!r}: unknown projection {p['kind']!r}")
            weights = tensors[f"{name}.{k}.weights"]
            projections.append(
                Dense(source=p["source"], weights=weights, weight_bits=p["weight_bits"])
            )
        thresholds = tensors.get(f"{name}.thresholds")
        layers.append(Layer(name=name, projections=tuple(projections), thresholds=thresholds))
    calibration = None
    if "calibration" in structure:
        calibration = unpack(tensors["calibration"], format_, structure["calibration"])
    return Network(
        input=format_,
        layers=tuple(layers),
        calibration=calibration,
        provenance=structure["provenance"],
    )


def pack(frames: npt.NDArray[np.uint8], bits: int) -> npt.NDArray[np.uint8]:
    """Frames as packed bit planes, most significant first: (n, bits, ceil(size / 8)) bytes."""
    flat = frames.reshape(len(frames), 1, -1)
    planes = flat >> np.arange(bits - 1, -1, -1, dtype=np.uint8)[None, :, None] & 1
    return np.packbits(planes, axis=2)


def unpack(
    packed: npt.NDArray[np.uint8], format_: FrameFormat, count: int
) -> npt.NDArray[np.uint8]:
    """The frames that pack() took."""
    planes = np.unpackbits(packed, axis=2, count=format_.size)
    weights = 1 << np.arange(format_.bits - 1, -1, -1, dtype=np.uint8)
    flat: npt.NDArray[np.uint8] = (planes * weights[None, :, None]).sum(axis=1, dtype=np.uint8)
    return flat.reshape(count, *format_.shape)
