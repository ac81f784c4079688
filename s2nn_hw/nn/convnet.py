"""A network from its architecture in the field's notation."""

from __future__ import annotations

import copy
import math
from collections.abc import Callable

from s2nn_hw.ir import INPUT, FrameFormat, InputError

from .architecture import Conv, Pooling, Residual, Step, Width, parse
from .conv2d import Conv2d
from .dense import Dense
from .layer import AnyNeuron, SpikingLayer
from .network import SpikingNetwork, ending
from .neuron import Neuron
from .pool import Pool
from .projection import Projection
from .skeleton import Trained, skeleton


class Convnet(SpikingNetwork):
    """The network of an architecture such as ``32C3-P2-64C3-P2-10``; see architecture.py.

    Of numbers alone, as in ``784-256-10``, the first is that of the inputs, as the field writes it.
    Its nodes are conv1, …, pool1, …, hidden1, …, res1a, res1b, …, and those of ending().

    Parameters
    ----------
    input: format of the frames, C×H×W.
    architecture: its last number is that of the scores.
    weight_bits: 1…8; of identities always conv2d.IDENTITY_BITS.
    first_weight_bits, last_weight_bits: of the first layer and of the last with weights, where
        others.
    neuron: of every layer a copy; Neuron() by default.
    count: whether spikes are counted instead of potentials read out, see ending().
    learned_scale, coding, seed, dropout: see SpikingLayer and SpikingNetwork.
    """

    def __init__(
        self,
        input: FrameFormat,
        architecture: str,
        *,
        weight_bits: int = 4,
        first_weight_bits: int | None = None,
        last_weight_bits: int | None = None,
        neuron: AnyNeuron | None = None,
        count: bool = False,
        learned_scale: bool = True,
        coding: str = "direct",
        seed: int = 0,
        dropout: float = 0.0,
    ) -> None:
        if len(input.shape) != 3:
            raise InputError(f"a convolutional network must have input C×H×W, not {input.shape}")

        neuron = Neuron() if neuron is None else neuron

        def fire(*projections: Projection) -> SpikingLayer:
            return SpikingLayer(projections, copy.copy(neuron), learned_scale=learned_scale)

        growing = _Growing(input, coding)
        *steps, (_, readout) = parse(architecture)
        assert isinstance(readout, Width)
        if steps and all(isinstance(step, Width) for _, step in steps):
            (inputs, first), *steps = steps
            if first != Width(neurons=input.size):
                raise InputError(
                    f"the architecture must begin with the {input.size} inputs where it is of "
                    f"dense layers alone, not {inputs}"
                )
        pending = first_weight_bits
        for part, step in steps:
            bits = weight_bits if pending is None else pending
            if not isinstance(step, Pooling):
                pending = None
            try:
                growing.add_step(step, bits, weight_bits, fire)
            except InputError as error:
                raise InputError(f"{part!r} in the architecture: {error}") from None
        bits = weight_bits if last_weight_bits is None else last_weight_bits
        layers = growing.layers | ending(
            growing.dense(readout, bits),
            neuron,
            count=count,
            maximum=growing.maximum,
            learned_scale=learned_scale,
        )
        super().__init__(input, layers, coding=coding, seed=seed, dropout=dropout)


class _Growing:
    """The nodes made so far, and the shape and greatest value of what the last one gives."""

    def __init__(self, input: FrameFormat, coding: str) -> None:
        self._input = input
        self._coding = coding
        self.layers: dict[str, Trained] = {}
        self.shape = tuple(input.shape)
        self.maximum = skeleton(input, {}, coding=coding).maximum(INPUT)
        self._last = "input"
        self._counts: dict[str, int] = {}

    def add(self, kind: str, layer: SpikingLayer | Pool, part: str = "") -> None:
        """Name the node after its kind and number, and follow its shape."""
        if part in ("", "a"):
            self._counts[kind] = self._counts.get(kind, 0) + 1
        name = f"{kind}{self._counts[kind]}{part}"
        self.layers[name] = layer
        grown = skeleton(self._input, self.layers, coding=self._coding)
        self.shape, self.maximum = grown.shape(name), grown.maximum(name)
        self._last = name

    def add_step(
        self, step: Step, first_bits: int, bits: int, fire: Callable[..., SpikingLayer]
    ) -> None:
        """Add a step's nodes; ``first_bits`` are those of its first weights."""
        if isinstance(step, Pooling):
            self.pool(step)
        elif isinstance(step, Conv):
            self.add("conv", fire(self.conv(step, first_bits)))
        elif isinstance(step, Residual):
            a, b, shortcut = self.block(step, first_bits, bits)
            self.add("res", fire(a), part="a")
            self.add("res", fire(b, shortcut), part="b")
        else:
            self.add("hidden", fire(self.dense(step, first_bits)))

    def pool(self, step: Pooling) -> None:
        """Add a pool."""
        self._need_map(step)
        kernel = self.shape[1:] if step.kernel is None else step.kernel
        self.add("pool", Pool(step.kind, kernel, stride=step.stride))

    def conv(self, step: Conv, bits: int) -> Conv2d:
        """The convolution of a step, which is yet to be added as a layer."""
        self._need_map(step)
        channels = self.shape[0]
        made = Conv2d(
            channels,
            channels if step.neurons is None else step.neurons,
            step.kernel,
            stride=step.stride,
            padding=step.padding,
            groups=channels if step.neurons is None else step.groups,
            weight_bits=bits,
        )
        made.window.check("a convolution")
        return made

    def block(self, step: Residual, first_bits: int, bits: int) -> tuple[Conv2d, Conv2d, Conv2d]:
        """Both convolutions of a residual block, and its shortcut."""
        self._need_map(step)
        channels, n, stride = self.shape[0], step.neurons, step.stride
        shortcut = (
            Conv2d.identity(channels, source=self._last)
            if (channels, stride) == (n, 1)
            else Conv2d(channels, n, 1, stride=stride, weight_bits=bits, source=self._last)
        )
        return (
            Conv2d(channels, n, 3, stride=stride, padding=1, weight_bits=first_bits),
            Conv2d(n, n, 3, padding=1, weight_bits=bits),
            shortcut,
        )

    def dense(self, step: Width, bits: int) -> Dense:
        """The dense projection of a step, which is yet to be added as a layer."""
        return Dense(math.prod(self.shape), step.neurons, weight_bits=bits)

    def _need_map(self, step: Conv | Pooling | Residual) -> None:
        if len(self.shape) != 3:
            raise InputError(
                f"a {type(step).__name__.lower()} must come before the first dense layer"
            )
