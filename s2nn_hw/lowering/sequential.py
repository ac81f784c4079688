"""Lowering of a plain torch Sequential.

Accepted is a chain of hidden layers, each Conv2d or Linear, then BatchNorm2d or BatchNorm1d (or
none), then our Neuron; between them MaxPool2d, AvgPool2d and AdaptiveAvgPool2d(1); one Flatten
before the first Linear; and a last Linear without bias.  Dropout and Identity do nothing in
evaluation mode and may stand anywhere.  The weights must be whole numbers, ±127 at most: what scale
a trainer put on them belongs into the normalisation, and only the trainer knows it exactly.  The
bias of a hidden layer and the division of an average-pool are folded into thresholds; an
average-pool right before the last Linear makes the scores so many times torch's as it divides by.

Torch evaluates such a chain in floating point: where a potential meets its threshold to within a
rounding error, torch may decide otherwise than the integer network, which follows the real numbers.
"""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np
from torch import nn

from s2nn_hw import ir
from s2nn_hw.ir import INPUT, FrameFormat, InputError, Layer, Node, Pool, Projection, integers
from s2nn_hw.ir.weights import weight_bits_for
from s2nn_hw.nn import Neuron

from .modules import Pooled, conv_options, pooled
from .sums import Sums
from .threshold import firing_layer, normalisation, numbers

_NOTHING = (nn.Dropout, nn.Dropout2d, nn.Identity)
_POOLS = (nn.MaxPool2d, nn.AvgPool2d, nn.AdaptiveAvgPool2d)
_NORMS = {nn.Conv2d: nn.BatchNorm2d, nn.Linear: nn.BatchNorm1d}
_KNOWN = (nn.Flatten, Neuron, *_POOLS, *_NORMS, *_NORMS.values())


def sequential_layers(module: nn.Sequential, input: FrameFormat) -> list[Node]:
    """Layers conv1, …, pool1, …, hidden1, …, readout of the chain."""
    steps = [(at, step) for at, step in module.named_children() if not isinstance(step, _NOTHING)]
    for at, step in steps:
        if not isinstance(step, _KNOWN):
            raise InputError(f"module {at}: unsupported module {type(step).__name__}")
    chain = _Chain(input)
    while steps:
        at, step = steps.pop(0)
        where = f"module {at}"
        if isinstance(step, nn.Flatten):
            chain.flatten(step, where)
        elif isinstance(step, _POOLS):
            chain.pool(step, where)
        elif isinstance(step, nn.Linear | nn.Conv2d):
            kind = nn.Conv2d if isinstance(step, nn.Conv2d) else nn.Linear
            norm = steps.pop(0)[1] if steps and isinstance(steps[0][1], _NORMS[kind]) else None
            if not steps:
                chain.read_out(step, norm, where)
                return chain.nodes
            after, neuron = steps.pop(0)
            if not isinstance(neuron, Neuron):
                raise InputError(
                    f"module {after}: must be a Neuron (or {_NORMS[kind].__name__} after "
                    f"{kind.__name__}), not {type(neuron).__name__}"
                )
            chain.fire(step, norm, neuron, where)
        else:
            raise InputError(
                f"{where}: must be a Conv2d, Linear or pool here, not {type(step).__name__}"
            )
    raise InputError("a Sequential must end in a Linear, whose outputs are the scores")


class _Chain:
    """The nodes made so far, and what the last one gives.

    divisor: by which torch's values are smaller than ours, from average-pools.
    """

    def __init__(self, input: FrameFormat) -> None:
        self.nodes: list[Node] = []
        self._source = INPUT
        self._shape = tuple(input.shape)
        self._maximum = input.maximum
        self._divisor = Fraction(1)
        self._flat = len(self._shape) == 1
        self._counts: dict[str, int] = {}

    def flatten(self, step: nn.Flatten, where: str) -> None:
        """Nothing to be done but before a Linear: dense layers read maps flattened."""
        if (step.start_dim, step.end_dim) != (1, -1):
            raise InputError(f"{where}: a Flatten must flatten whole frames")
        if any(isinstance(n, Layer) and not n.is_map for n in self.nodes):
            raise InputError(f"{where}: a Flatten must come before the first Linear")
        self._flat = True

    def pool(self, step: nn.Module, where: str) -> None:
        """Add a pool."""
        name = self._name("pool")
        where = f"layer {name!r} ({where})"
        self._need_map(step, where)
        found: Pooled = pooled(step, self._shape[1:], where)
        pool = Pool(name=name, source=self._source, **found.fields)
        pool.check()
        shape = pool.output_shape(self._shape, self._maximum)
        self._divisor *= found.divisor
        self._add(pool, shape, pool.maximum(self._maximum))

    def fire(
        self,
        step: nn.Linear | nn.Conv2d,
        norm: nn.BatchNorm1d | nn.BatchNorm2d | None,
        neuron: Neuron,
        at: str,
    ) -> None:
        """Add a hidden layer."""
        name = self._name("conv" if isinstance(step, nn.Conv2d) else "hidden")
        where = f"layer {name!r}"
        projection = self._projection(step, where, at)
        projection.check(name)
        neurons = projection.neurons
        if norm is not None and norm.num_features != neurons:
            raise InputError(
                f"{where}: batch normalisation must have {neurons} features, "
                f"not {norm.num_features}"
            )
        if not math.isfinite(neuron.threshold):
            raise InputError(f"{where}: threshold must be finite, not {neuron.threshold}")
        bias = np.zeros(neurons)
        if step.bias is not None:
            bias = numbers(step.bias, f"{where}: bias")
        parts = normalisation(norm, where)
        scale = 1 / self._divisor

        def condition(j: int) -> dict[str, Fraction | bool]:
            numbers_j = parts(j)
            return {
                **numbers_j,
                "mean": numbers_j["mean"] - Fraction(bias[j]),
                "scale": scale,
                "threshold": Fraction(neuron.threshold),
                "strict": neuron.strict,
            }

        shape = projection.output_shape(self._shape, name)
        self._divisor = Fraction(1)
        self._add(
            firing_layer(name, Sums.plain([projection]), [self._maximum], condition), shape, 1
        )

    def read_out(self, step: nn.Linear | nn.Conv2d, norm: nn.Module | None, at: str) -> None:
        """Add the last layer."""
        if isinstance(step, nn.Conv2d):
            raise InputError("a Sequential must end in a Linear, whose outputs are the scores")
        if norm is not None:
            raise InputError(f"{at}: the readout must not be normalised")
        projection = self._projection(step, "layer 'readout'", at)
        if step.bias is not None and numbers(step.bias, "layer 'readout': bias").any():
            raise InputError("layer 'readout': must have no bias, the integer scores have none")
        self.nodes.append(Layer(name="readout", projections=(projection,)))

    def _projection(self, step: nn.Linear | nn.Conv2d, where: str, at: str) -> Projection:
        options = {}
        if isinstance(step, nn.Conv2d):
            self._need_map(step, at)
            options = conv_options(step, where)
        elif not self._flat:
            raise InputError(f"{at}: a Flatten must come before the first Linear")
        weights = integers(numbers(step.weight, f"{where}: weights"), f"{where}: weights")
        top = int(np.abs(weights).max())
        if top > np.iinfo(np.int8).max:
            raise InputError(f"{where}: weights must fit 8 bits (-127…127), not {top} in magnitude")
        kind = ir.Conv2d if isinstance(step, nn.Conv2d) else ir.Dense
        return kind(
            source=self._source,
            weights=np.ascontiguousarray(weights, np.int8),
            weight_bits=weight_bits_for(weights),
            **options,
        )

    def _need_map(self, step: nn.Module, where: str) -> None:
        if self._flat or len(self._shape) != 3:
            raise InputError(
                f"{where}: a {type(step).__name__} must have a source C×H×W, not of shape "
                f"({math.prod(self._shape)},)"
            )

    def _name(self, kind: str) -> str:
        self._counts[kind] = self._counts.get(kind, 0) + 1
        return f"{kind}{self._counts[kind]}"

    def _add(self, node: Node, shape: tuple[int, ...], maximum: int) -> None:
        self.nodes.append(node)
        self._source, self._shape, self._maximum = node.name, shape, maximum
