"""The integer network: what training ends in, and what golden model and generator both read."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import math
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from graphlib import CycleError, TopologicalSorter
from typing import Any

import numpy as np
import numpy.typing as npt

from .coding import drawn
from .conv2d import Conv2d
from .errors import InputError
from .frame import FrameFormat
from .layer import Bounds, Layer
from .numeric import tidy
from .pool import Pool
from .projection import INPUT, Projection

#: How frames become step frames.
CODINGS = ("direct", "rate")
#: More steps than any network has use for.
_MAX_STEPS = 1024

#: Layer names become Verilog identifiers.
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,62}\Z")

#: Potentials must be exact in float64, in which the golden model sums.
_EXACT = 2**53

#: Widest value of a sum-pool.
_MAX_BITS = 16

Shape = tuple[int, ...]

#: What a network is made of.
Node = Layer | Pool


def sources(node: Node) -> tuple[str, ...]:
    """Names of what a layer or pool reads."""
    return (node.source,) if isinstance(node, Pool) else node.sources


@dataclass(frozen=True, kw_only=True, eq=False)
class Network:
    """A spiking network with integer weights and thresholds, of a single step or of several.

    Semantics: a graph whose layers and pools are evaluated in order, each once a step; each reads
    the input or earlier ones, by name.  The last one is the readout, whose potentials of all steps
    are added up to the scores; the class is the index of their first maximum.  What is kept from
    step to step is the membranes of a frame's neurons, see Layer.

    Parameters
    ----------
    input: the frame's format.
    layers: hidden layers, pools and, last, the readout; each but the last is read by another.
    steps: of each frame, from 1 on.
    coding: ``direct``, every step is given the frame as it is; ``rate``, a pixel p is a spike at a
        step with the probability p / maximum, drawn anew for each, see coded().
    seed: of what is drawn.
    calibration: frames (n, *shape) of the training set, for choices that follow the data
        (lane assignment, buffer sizes); never for results.  None where there are none.
    activity: what each hidden layer and pool gives for the first of them, (n * steps, *shape), as
        many of each; empty where it is not known.  See golden.observed().
    provenance: what made the network: command, seed, accuracy, data digest; free JSON.
    """

    input: FrameFormat
    layers: tuple[Node, ...]
    steps: int = 1
    coding: str = "direct"
    seed: int = 0
    calibration: npt.NDArray[np.uint8] | None = None
    activity: dict[str, npt.NDArray[np.unsignedinteger[Any]]] = field(default_factory=dict)
    provenance: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for name in ("steps", "seed"):
            object.__setattr__(self, name, tidy(getattr(self, name)))

    @property
    def step_input(self) -> FrameFormat:
        """What the layers are fed at a step: frames as they are, or spikes."""
        return self.input if self.coding == "direct" else FrameFormat(shape=self.input.shape)

    def coded(self, frames: npt.NDArray[np.uint8], first: int = 0) -> npt.NDArray[np.uint8]:
        """Step frames (n, steps, *shape) of frames (n, *shape), of which ``first`` come before."""
        if self.coding == "direct":
            return np.repeat(frames[:, None], self.steps, axis=1)
        return drawn(frames, self.input.maximum, self.steps, self.seed, first)

    def sent(self, frames: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
        """What a core is given: frames, or where they are coded step frames (n, steps, *shape)."""
        return frames if self.coding == "direct" else self.coded(frames)

    @property
    def readout(self) -> Layer:
        """The last layer."""
        last = self.layers[-1]
        assert isinstance(last, Layer)
        return last

    @property
    def classes(self) -> int:
        """Number of scores."""
        return self.readout.neurons

    @property
    def weighted(self) -> tuple[Layer, ...]:
        """The layers that have synapses, in order."""
        return tuple(node for node in self.layers if isinstance(node, Layer))

    @property
    def samples(self) -> dict[str, npt.NDArray[Any]]:
        """Values (n * steps, *shape) of the sources, as far as known, for calibration frames."""
        if self.calibration is None:
            return {}
        fed = self.coded(self.calibration)
        return {INPUT: fed.reshape(-1, *self.input.shape), **self.activity}

    def node(self, name: str) -> Node:
        """The layer or pool of that name."""
        return next(node for node in self.layers if node.name == name)

    def readers(self, source: str) -> tuple[str, ...]:
        """Names of what reads a source, once a projection."""
        return tuple(node.name for node in self.layers for s in sources(node) if s == source)

    def shape(self, source: str) -> Shape:
        """Shape of a source: the input frame's, or what a layer or pool gives."""
        if source == INPUT:
            return self.input.shape
        node = self.node(source)
        if isinstance(node, Pool):
            return node.output_shape(self.shape(node.source), self.maximum(node.source))
        first = node.projections[0]
        return first.output_shape(self.shape(first.source), node.name)

    def width(self, source: str) -> int:
        """Elements of a source."""
        return math.prod(self.shape(source))

    def maximum(self, source: str) -> int:
        """The greatest value of an element of a source: one for spikes."""
        if source == INPUT:
            return self.step_input.maximum
        node = self.node(source)
        return node.maximum(self.maximum(node.source)) if isinstance(node, Pool) else 1

    def bits(self, source: str) -> int:
        """Bits of an element of a source."""
        return self.maximum(source).bit_length()

    def potential_range(self, layer: Layer) -> Bounds:
        """Least and greatest sum of a step of each neuron, from the actual weights."""
        ranges = [p.potential_range(self.maximum(p.source)) for p in layer.projections]
        low = np.stack([r[0] for r in ranges]).sum(axis=0)
        high = np.stack([r[1] for r in ranges]).sum(axis=0)
        return low, high

    def membrane_range(self, layer: Layer) -> Bounds:
        """Least and greatest membrane of each neuron of a hidden layer, whatever comes."""
        return layer.membrane_range(self.potential_range(layer), self.steps)

    def score_range(self) -> Bounds:
        """Least and greatest score of each class, and of what is added up until then."""
        layer = self.readout
        low, high = (bound + layer.bias_or_zero for bound in self.potential_range(layer))
        return np.minimum(low, low * self.steps), np.maximum(high, high * self.steps)

    def check(self) -> None:
        """Raise InputError naming the layer and value that is wrong; else the network is valid."""
        if not isinstance(self.input, FrameFormat):
            kind = type(self.input).__name__
            raise InputError(f"a network's input must be a FrameFormat, not {kind}")
        self.input.check()
        self._check_steps()
        if not self.layers:
            raise InputError("a network must have at least one layer, not none")
        known: dict[str, Shape] = {INPUT: self.input.shape}
        for k, node in enumerate(self.layers):
            if not isinstance(node, Node):
                raise InputError(f"layer {k}: must be a Layer or Pool, not {type(node).__name__}")
        names: list[str] = [INPUT]
        for node in self.layers:
            where = f"layer {node.name!r}"
            if not isinstance(node.name, str) or not _NAME.match(node.name):
                raise InputError(
                    f"{where}: a name must be a letter and then letters, digits or _, at most 63"
                )
            if node.name in names:
                raise InputError(f"{where}: the name is taken; names must be unique")
            alike = next((name for name in names if name.lower() == node.name.lower()), None)
            if alike is not None:
                raise InputError(
                    f"{where}: differs from {alike!r} in case alone; files are named after layers"
                )
            if isinstance(node, Layer):
                _check_projections(node.projections, where)
            names.append(node.name)
        for node in self.layers:
            where = f"layer {node.name!r}"
            for source in sources(node):
                if not isinstance(source, str):
                    raise InputError(f"{where}: source must be a name, not {source!r}")
                if source in known:
                    continue
                if source not in names:
                    raise InputError(
                        f"{where}: source must be {INPUT!r} or an earlier layer, not {source!r}"
                    )
                _refuse_cycle(self.layers)
                raise InputError(
                    f"{where}: its source {source!r} must come earlier; layers are in the "
                    f"order of evaluation"
                )
            known[node.name] = self._check_node(node, known)
        self._check_ends()
        if self.calibration is not None:
            self.input.frames(self.calibration)
        self._check_activity()
        try:
            json.dumps(self.provenance)
        except (TypeError, ValueError) as error:
            raise InputError(f"the provenance must be JSON: {error}") from error

    def _check_steps(self) -> None:
        for name, low, high in (("steps", 1, _MAX_STEPS), ("seed", 0, 2**64 - 1)):
            value = getattr(self, name)
            if not isinstance(value, int) or isinstance(value, bool) or not low <= value <= high:
                raise InputError(f"the network's {name} must be {low}…{high}, not {value!r}")
        if self.coding not in CODINGS:
            raise InputError(f"the coding must be {' or '.join(CODINGS)}, not {self.coding!r}")

    def _check_activity(self) -> None:
        """As many frames of every source but the input, and no value that it cannot have."""
        if not isinstance(self.activity, dict):
            raise InputError(f"the activity must be a dict of arrays, not {self.activity!r}")
        if not self.activity:
            return
        known = [node.name for node in self.layers[:-1]]
        if sorted(self.activity) != sorted(known):
            raise InputError(
                f"the activity must be that of {', '.join(known)}, not of "
                f"{', '.join(map(str, self.activity))}"
            )
        for name, values in self.activity.items():
            if not isinstance(values, np.ndarray) or not values.ndim:
                raise InputError(
                    f"layer {name!r}: its activity must be an array of frames, "
                    f"not a {type(values).__name__}"
                )
        given = 0 if self.calibration is None else len(self.calibration)
        frames, rest = divmod(len(self.activity[known[0]]), self.steps)
        if rest or not 1 <= frames <= given:
            raise InputError(
                f"the activity must be that of 1…{given} frames"
                + (f" of {self.steps} steps" if self.steps > 1 else "")
                + f", not of {len(self.activity[known[0]])}"
            )
        for name in known:
            values, shape = self.activity[name], (frames * self.steps, *self.shape(name))
            if values.dtype.kind != "u" or values.shape != shape:
                raise InputError(
                    f"layer {name!r}: its activity must be unsigned integers of shape {shape}, "
                    f"not {values.dtype} of shape {values.shape}"
                )
            if int(values.max()) > self.maximum(name):
                raise InputError(
                    f"layer {name!r}: its activity must be 0…{self.maximum(name)}, "
                    f"not {int(values.max())}"
                )

    def _check_node(self, node: Node, known: dict[str, Shape]) -> Shape:
        """The node's output shape, after all that can be wrong with it alone."""
        where = f"layer {node.name!r}"
        if isinstance(node, Pool):
            node.check()
            shape = node.output_shape(known[node.source], self.maximum(node.source))
            bits = node.maximum(self.maximum(node.source)).bit_length()
            if bits > _MAX_BITS:
                raise InputError(f"{where}: sums must fit {_MAX_BITS} bits, not {bits}")
            return shape
        shapes = []
        for projection in node.projections:
            projection.check(node.name)
            shapes.append(projection.output_shape(known[projection.source], node.name))
        for shape in shapes:
            if shape != shapes[0]:
                raise InputError(
                    f"{where}: every projection must give the shape {shapes[0]}, not {shape}"
                )
        self._check_neurons(node, shapes[0])
        return shapes[0]

    def _check_ends(self) -> None:
        """The readout is dense, and nothing else is left unread."""
        last = self.layers[-1]
        if isinstance(last, Pool) or last.is_map:
            raise InputError(f"layer {last.name!r}: the last layer must be dense, the readout")
        for name in (INPUT, *(node.name for node in self.layers[:-1])):
            if not self.readers(name):
                what = "the input" if name == INPUT else f"layer {name!r}"
                raise InputError(f"{what}: nothing reads it; every branch must reach the readout")

    def _check_neurons(self, layer: Layer, shape: Shape) -> None:
        """What its neurons do, and that their numbers stay exact."""
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
        layer.check(shape)
        if self.steps > 1 and layer.thresholds is not None:
            greatest = max(layer.thresholds.ravel().tolist(), key=abs)
            if abs(greatest) >= _EXACT:
                raise InputError(f"{where}: a threshold must be below 2^53, not {greatest}")
        bounds = self.score_range() if last else self.membrane_range(layer)
        if max(-int(bounds[0].min()), int(bounds[1].max())) >= _EXACT:
            raise InputError(f"{where}: potentials must stay below 2^53 to be exact")

    def digest(self) -> str:
        """SHA-256 of all that decides a result or a datapath; provenance does not count."""
        text = hashlib.sha256()

        def add(kind: str, *values: object) -> None:
            text.update(json.dumps([kind, *values]).encode() + b"\n")

        add("input", self.input.shape, self.input.bits, self.input.cuts)
        # What there was before keeps the digest that it had then.
        if (self.steps, self.coding) != (1, "direct"):
            add("steps", self.steps, self.coding, self.seed)
        for layer in self.layers:
            if isinstance(layer, Pool):
                add("pool", *dataclasses.astuple(layer))
                continue
            add("layer", layer.name)
            for p in layer.projections:
                add(type(p).__name__, p.source, p.weights.shape, p.weight_bits)
                if isinstance(p, Conv2d):
                    add("window", p.stride, p.padding, p.groups)
                text.update(p.weights.astype("<i8").tobytes())
            if layer.thresholds is not None:
                add("thresholds")
                text.update(layer.thresholds.astype("<i8").tobytes())
            if layer.bias is not None:
                add("bias")
                text.update(layer.bias.astype("<i8").tobytes())
            if layer.initial is not None:
                add("initial")
                text.update(layer.initial.astype("<i8").tobytes())
            if (layer.reset, layer.leak) != ("soft", 0):
                add("membrane", layer.reset, layer.leak)
        if self.calibration is not None:
            add("calibration", self.calibration.shape)
            text.update(self.calibration.tobytes())
        for name, values in sorted(self.activity.items()):
            add("activity", name, values.shape)
            text.update(values.astype("<u2").tobytes())
        return text.hexdigest()


def _refuse_cycle(nodes: Sequence[Node]) -> None:
    """Raise InputError naming the nodes of a cycle, if there is one."""
    graph = {node.name: sources(node) for node in nodes}
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        names = error.args[1]
        raise InputError(
            f"layer {names[0]!r}: is part of a cycle, {' → '.join(names)}; a network has none"
        ) from None


def _check_projections(projections: object, where: str) -> None:
    """Raise InputError, beginning with ``where``, unless they are a tuple of at least one."""
    if not isinstance(projections, tuple):
        kind = type(projections).__name__
        raise InputError(f"{where}: projections must be a tuple of Dense and Conv2d, not {kind}")
    if not projections:
        raise InputError(f"{where}: must have at least one projection, not none")
    for p in projections:
        if not isinstance(p, Projection):
            raise InputError(
                f"{where}: a projection must be a Dense or Conv2d, not {type(p).__name__}"
            )
