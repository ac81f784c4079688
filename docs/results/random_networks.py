"""Random networks of the kinds that people train, and options of cores for them."""

from __future__ import annotations

from typing import Any

import numpy as np

from s2nn_hw.ir import INPUT, Conv2d, Dense, FrameFormat, Layer, Network, Pool

#: How large networks are, beside those of an ECP5-85F.
SIZES = {"ecp5": 1.0, "ice40": 0.2, "gowin": 0.3}
LANES = {"ecp5": (1, 2, 4, 4, 8), "ice40": (1, 1, 2), "gowin": (1, 2, 2, 4)}
CLOCKS = {"ecp5": (50.0, 90.0, 125.0), "ice40": (12.0, 24.0, 36.0), "gowin": (27.0, 54.0, 81.0)}


def weights(
    rng: np.random.Generator, shape: tuple[int, ...], bits: int, zeros: float
) -> np.ndarray:
    """Weights as trained ones are: small ones are many, and a share of them is zero."""
    if bits == 1:
        return rng.choice(np.array([-1, 1], np.int8), shape)
    limit = 2 ** (bits - 1) - 1
    drawn = np.clip(np.rint(rng.normal(0, max(limit / 2.2, 0.9), shape)), -limit, limit)
    return np.where(rng.random(shape) < zeros, 0, drawn).astype(np.int8)


def fires(
    rng: np.random.Generator, name: str, projections: list[Any], maxima: dict[str, int]
) -> Layer:
    """A layer whose neurons fire for some of the inputs."""
    ranges = [p.potential_range(maxima[p.source]) for p in projections]
    low, high = (np.sum([r[k] for r in ranges], axis=0) for k in (0, 1))
    thresholds = np.rint(low + (high - low) * rng.uniform(0.45, 0.65, len(low))).astype(np.int64)
    return Layer(name=name, projections=tuple(projections), thresholds=thresholds)


def sample(family: str, index: int) -> tuple[Network, dict[str, Any], float]:
    """A network for a family, the options of its core and its clock in MHz."""
    rng = np.random.default_rng([index, sum(family.encode())])

    def size(low: int, high: int) -> int:
        most = max(low, high * SIZES[family])
        return round(np.exp(rng.uniform(np.log(low), np.log(most))))

    def pick(*choices: Any) -> Any:
        return choices[rng.integers(len(choices))]

    bits = pick(1, 2, 3, 4, 4, 4, 6, 8)
    zeros = pick(0.0, 0.2, 0.5)
    classes = pick(2, 5, 10, 10, 10, 16)
    nodes: list[Layer | Pool] = []
    maxima: dict[str, int] = {}
    engines, memories = [], []
    if rng.random() < 0.5:
        side = pick(8, 10, 16, 20, 28)
        input_ = FrameFormat(shape=(1, side, side), bits=pick(1, 1, 1, 2, 4))
        maxima[INPUT], source, width = input_.maximum, INPUT, side * side
        for k in range(pick(1, 1, 2)):
            n = size(16, 256)
            dense = Dense(
                source=source, weights=weights(rng, (n, width), bits, zeros), weight_bits=bits
            )
            nodes.append(fires(rng, f"h{k}", [dense], maxima))
            maxima[f"h{k}"], source, width = 1, f"h{k}", n
    else:
        side = pick(8, 12, 14, 20, 28)
        channels = pick(1, 1, 2, 3)
        input_ = FrameFormat(shape=(channels, side, side), bits=pick(1, 1, 2, 4, 6))
        maxima[INPUT], source, shape = input_.maximum, INPUT, (channels, side, side)
        for k in range(pick(1, 2, 2, 3)):
            n = size(6, 64)
            kernel = pick(3, 3, 3, 5, 1) if k else pick(3, 3, 5)
            stride = pick(1, 1, 1, 2)
            conv = Conv2d(
                source=source,
                weights=weights(rng, (n, shape[0], kernel, kernel), bits, zeros),
                weight_bits=bits,
                padding=kernel // 2,
                stride=(stride, stride),
            )
            layer = fires(rng, f"c{k}", [conv], maxima)
            nodes.append(layer)
            shape = conv.output_shape(shape, layer.name)
            maxima[layer.name], source = 1, layer.name
            if rng.random() < 0.25:
                left = Conv2d(
                    source=source,
                    weights=weights(rng, (n, n, 3, 3), bits, zeros),
                    weight_bits=bits,
                    padding=1,
                )
                identity = np.zeros((n, n, 1, 1), np.int8)
                identity[range(n), range(n)] = 1
                short = Conv2d(source=source, weights=identity * 3, weight_bits=8)
                nodes.append(fires(rng, f"r{k}", [left, short], maxima))
                maxima[f"r{k}"], source = 1, f"r{k}"
            if min(shape[1:]) >= 4 and rng.random() < 0.6:
                pool = Pool(
                    name=f"p{k}",
                    source=source,
                    kind=pick("or", "sum"),
                    kernel=(2, 2),
                    stride=(2, 2),
                )
                nodes.append(pool)
                shape = pool.output_shape(shape, maxima[source])
                maxima[f"p{k}"], source = pool.maximum(maxima[source]), f"p{k}"
        width = int(np.prod(shape))
        if rng.random() < 0.3:
            n = size(16, 96)
            dense = Dense(
                source=source, weights=weights(rng, (n, width), bits, zeros), weight_bits=bits
            )
            nodes.append(fires(rng, "d", [dense], maxima))
            maxima["d"], source, width = 1, "d", n
    nodes.append(
        Layer(
            name="readout",
            projections=(
                Dense(
                    source=source, weights=weights(rng, (classes, width), bits, 0), weight_bits=bits
                ),
            ),
        )
    )
    network = Network(input=input_, layers=tuple(nodes))
    lanes = {name: pick(*choices) for name, choices in LANES.items()}[family]
    for layer in network.weighted:
        first, convolved = layer is network.weighted[0], layer.is_map
        engines.append(
            "parallel" if convolved and rng.random() < (0.4 if first else 0.08) else "event"
        )
        may = len(layer.projections) == 1 and engines[-1] == "event"
        memories.append("ram" if family == "ice40" and may and rng.random() < 0.4 else "rom")
    options: dict[str, Any] = {"lanes": lanes, "engine": engines, "memory": memories}
    if rng.random() < 0.3:
        options["windows"] = 1
    freq = {name: pick(*choices) for name, choices in CLOCKS.items()}[family]
    return network, options, freq
