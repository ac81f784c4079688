"""One network, one file: safetensors with the versioned structure as JSON in its metadata."""

from __future__ import annotations

import dataclasses
import json
import math
import os
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save as to_bytes

from .conv2d import Conv2d
from .dense import Dense
from .errors import InputError, well_formed
from .frame import FrameFormat
from .layer import Layer
from .network import Network, Node
from .pool import Pool
from .projection import Projection

FORMAT = "s2nn"
#: Version 1 knew dense layers alone, up to version 2 there was no activity, and up to version 3 no
#: steps nor biases; otherwise they are the same.
VERSION = 4
READABLE = (1, 2, 3, 4)
#: Numbers of a layer's neurons.
_NUMBERS = ("thresholds", "bias", "initial")

_KINDS: dict[str, type[Dense] | type[Conv2d]] = {"dense": Dense, "conv2d": Conv2d}


def save(network: Network, path: str | os.PathLike[str]) -> None:
    """Write the network; the file is replaced whole or not at all."""
    network.check()
    target = Path(path)
    tensors: dict[str, npt.NDArray[Any]] = {}
    layers: list[dict[str, Any]] = []
    for node in network.layers:
        if isinstance(node, Pool):
            layers.append({"pool": dataclasses.asdict(node)})
            continue
        projections = []
        for k, p in enumerate(node.projections):
            tensors[f"{node.name}.{k}.weights"] = np.ascontiguousarray(p.weights)
            projections.append({"kind": _kind(p), **_fields(p)})
        for what in _NUMBERS:
            if getattr(node, what) is not None:
                tensors[f"{node.name}.{what}"] = np.ascontiguousarray(getattr(node, what))
        membrane = {"reset": node.reset, "leak": node.leak}
        layers.append({"name": node.name, "projections": projections, **membrane})
    structure: dict[str, Any] = {
        "version": VERSION,
        "input": {
            "shape": list(network.input.shape),
            "bits": network.input.bits,
            "cuts": list(network.input.cuts),
        },
        "layers": layers,
        "steps": network.steps,
        "coding": network.coding,
        "seed": network.seed,
        "provenance": network.provenance,
        "digest": network.digest(),
    }
    if network.calibration is not None:
        structure["calibration"] = len(network.calibration)
        tensors["calibration"] = pack(network.calibration, network.input.bits)
    if network.activity:
        structure["activity"] = len(next(iter(network.activity.values())))
        for name, values in network.activity.items():
            tensors[f"{name}.activity"] = pack(values, network.bits(name))
    blob = to_bytes(tensors, metadata={FORMAT: json.dumps(structure, sort_keys=True)})
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=target.parent, delete=False) as file:
            temporary = Path(file.name)
            try:
                file.write(blob)
                file.flush()
                temporary.chmod(0o644)
                temporary.replace(target)
            finally:
                temporary.unlink(missing_ok=True)
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
                raise InputError(f"not an s2nn model (no {FORMAT!r} metadata)")
            structure = json.loads(metadata[FORMAT])
            tensors = {name: _tensor(file, name) for name in file.keys()}  # noqa: SIM118
    except InputError as error:
        raise InputError(f"{source}: {error}") from error
    except (SafetensorError, json.JSONDecodeError) as error:
        raise InputError(f"{source}: not a whole s2nn model file, or none at all") from error
    except RecursionError as error:
        raise InputError(f"{source}: malformed model: its metadata is nested too deep") from error
    except OSError as error:
        raise InputError(f"{source}: cannot be read: {error.strerror}") from error
    try:
        network = _assemble(structure, tensors)
        with well_formed("malformed model: a layer"):
            network.check()
    except InputError as error:
        raise InputError(f"{source}: {error}") from error
    if network.digest() != structure.get("digest"):
        raise InputError(f"{source}: the digest does not match: the file was changed or damaged")
    return network


def _tensor(file: Any, name: str) -> npt.NDArray[Any]:
    try:
        found: npt.NDArray[Any] = file.get_tensor(name)
    except (TypeError, AttributeError) as error:  # bfloat16 and others that numpy does not know
        raise InputError(f"malformed model: tensor {name!r} must be of integers") from error
    return found


def _assemble(structure: dict[str, Any], tensors: dict[str, npt.NDArray[Any]]) -> Network:
    with well_formed("malformed model: the structure"):
        version, frame, entries = (structure[key] for key in ("version", "input", "layers"))
        provenance, _ = structure["provenance"], structure["digest"]
        if version not in READABLE:
            known = ", ".join(map(str, READABLE))
            raise InputError(f"model version must be one of {known}, not {version!r}")
        entries = list(enumerate(entries))
    with well_formed("malformed model: the input"):
        format_ = FrameFormat(
            shape=tuple(frame["shape"]), bits=frame["bits"], cuts=tuple(frame["cuts"])
        )
        format_.check()
    layers: list[Node] = []
    for k, entry in entries:
        with well_formed(f"malformed model: layer {k}"):
            layers.append(_node(entry, tensors))
    calibration = None
    if "calibration" in structure:
        with well_formed("malformed model: the calibration"):
            calibration = unpack(
                tensors["calibration"], format_.bits, (structure["calibration"], *format_.shape)
            )
    network = Network(
        input=format_,
        layers=tuple(layers),
        steps=structure.get("steps", 1),
        coding=structure.get("coding", "direct"),
        seed=structure.get("seed", 0),
        calibration=calibration,
        provenance=provenance,
    )
    if "activity" not in structure:
        return network
    with well_formed("malformed model: the activity"):
        frames = structure["activity"]
        network.check()
        activity = {
            node.name: unpack(
                tensors[f"{node.name}.activity"],
                network.bits(node.name),
                (frames, *network.shape(node.name)),
            )
            for node in network.layers[:-1]
        }
    return dataclasses.replace(network, activity=activity)


def _node(entry: dict[str, Any], tensors: dict[str, npt.NDArray[Any]]) -> Node:
    if "pool" in entry:
        return Pool(**_tuples(entry["pool"]))
    name = entry["name"]
    projections: list[Projection] = []
    for k, p in enumerate(entry["projections"]):
        if p["kind"] not in _KINDS:
            raise InputError(f"layer {name!r}: unknown projection {p['kind']!r}")
        kind = _KINDS[p["kind"]]
        given = {key: value for key, value in p.items() if key != "kind"}
        unknown = given.keys() - {field.name for field in dataclasses.fields(kind)}
        if unknown:
            raise InputError(f"layer {name!r}: a {p['kind']} has no {min(unknown)!r}")
        projections.append(kind(weights=tensors[f"{name}.{k}.weights"], **_tuples(given)))
    return Layer(
        name=name,
        projections=tuple(projections),
        thresholds=tensors.get(f"{name}.thresholds"),
        bias=tensors.get(f"{name}.bias"),
        initial=tensors.get(f"{name}.initial"),
        reset=entry.get("reset", "soft"),
        leak=entry.get("leak", 0),
    )


def _kind(projection: Projection) -> str:
    return next(name for name, kind in _KINDS.items() if type(projection) is kind)


def _fields(projection: Projection) -> dict[str, Any]:
    """All fields but the weights, which are a tensor, and what can only be one thing."""
    left = ("weights", "dilation")
    names = [field.name for field in dataclasses.fields(projection) if field.name not in left]
    return {name: getattr(projection, name) for name in names}


def _tuples(fields: dict[str, Any]) -> dict[str, Any]:
    """JSON has lists for tuples."""
    return {k: tuple(v) if isinstance(v, list) else v for k, v in fields.items()}


def pack(frames: npt.NDArray[Any], bits: int) -> npt.NDArray[np.uint8]:
    """Values as packed bit planes, most significant first: (n, bits, ceil(size / 8)) bytes."""
    flat = frames.reshape(len(frames), 1, -1)
    planes = flat >> np.arange(bits - 1, -1, -1, dtype=flat.dtype)[None, :, None] & 1
    return np.packbits(planes, axis=2)


def unpack(
    packed: npt.NDArray[np.uint8], bits: int, shape: tuple[int, ...]
) -> npt.NDArray[np.unsignedinteger[Any]]:
    """The values that pack() took, of one byte each or two."""
    planes = np.unpackbits(packed, axis=2, count=math.prod(shape[1:]))
    weights = 1 << np.arange(bits - 1, -1, -1, dtype=np.uint16)
    flat = (planes * weights[None, :, None]).sum(axis=1, dtype=np.uint16)
    values: npt.NDArray[Any] = flat.reshape(shape)
    return values.astype(np.uint8) if bits <= 8 else values
