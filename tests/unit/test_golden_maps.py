"""The golden model on maps, against loops over pixels in plain Python integers."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from s2nn_hw import golden
from s2nn_hw.ir import INPUT, Conv2d, Dense, FrameFormat, Layer, Network, Pool


def convolved(x, p):
    """Potentials of one frame's map by the definition."""
    channels = p.weights.shape[1]
    size, (sy, sx), (py, px) = x.shape[1:], p.stride, p.padding
    ky, kx = p.weights.shape[2:]
    height = (size[0] + 2 * py - ky) // sy + 1
    width = (size[1] + 2 * px - kx) // sx + 1
    u = np.zeros((len(p.weights), height, width), dtype=object)
    for n, y, z in np.ndindex(u.shape):
        first = n // (len(p.weights) // p.groups) * channels
        for c, a, b in np.ndindex(channels, ky, kx):
            at = y * sy + a - py, z * sx + b - px
            if 0 <= at[0] < size[0] and 0 <= at[1] < size[1]:
                u[n, y, z] += int(p.weights[n, c, a, b]) * int(x[first + c][at])
    return u


@pytest.mark.parametrize("seed", range(6))
def test_random_graphs_by_hand(seed):
    rng = np.random.default_rng(seed)
    bits = int(rng.integers(1, 9))
    shape = (4, int(rng.integers(5, 8)), int(rng.integers(5, 8)))

    def weights(*size):
        return rng.integers(-3, 4, size).astype(np.int8)

    first = Conv2d(
        source=INPUT,
        weights=weights(6, 2, 3, 2),
        weight_bits=3,
        stride=(int(rng.integers(1, 3)), 1),
        padding=(2, 1),
        groups=2,
    )
    size = first.output_shape(shape, "a")
    second = Conv2d(source="a", weights=weights(6, 6, 3, 3), weight_bits=3, padding=(1, 1))
    short = Conv2d(source="a", weights=weights(6, 1, 1, 1), weight_bits=3, groups=6)
    most = Pool(name="m", source="b", kind="or", kernel=(3, 2), stride=(2, 1), padding=(1, 1))
    total = Pool(name="s", source="b", kind="sum", kernel=(2, 3), stride=(1, 2), padding=(0, 2))
    made = Network(
        input=FrameFormat(shape=shape, bits=bits),
        layers=(
            Layer(name="a", projections=(first,), thresholds=rng.integers(-4, 9, 6)),
            Layer(name="b", projections=(second, short), thresholds=rng.integers(-4, 9, 6)),
            most,
            total,
            Layer(
                name="readout",
                projections=tuple(
                    Dense(
                        source=p.name,
                        weights=weights(3, int(np.prod(p.output_shape(size, 1)))),
                        weight_bits=3,
                    )
                    for p in (most, total)
                ),
            ),
        ),
    )
    frames = rng.integers(0, 2**bits, (3, *shape))
    trace = golden.run(made, frames, batch=2)
    for k, frame in enumerate(frames):
        a, b = (made.node(name).thresholds[:, None, None] for name in "ab")
        fired = convolved(frame, first) >= a
        np.testing.assert_array_equal(trace.spikes["a"][k], fired)
        fired = convolved(fired, second) + convolved(fired, short) >= b
        np.testing.assert_array_equal(trace.spikes["b"][k], fired)
        scores = np.zeros(3, dtype=object)
        for p, head in zip((most, total), made.readout.projections, strict=True):
            padded = np.pad(fired.astype(int), [(0, 0), *((n, n) for n in p.padding)])
            found = trace.pools[p.name][k]
            for c, y, x in itertools.product(*map(range, found.shape)):
                window = padded[c, y * p.stride[0] :, x * p.stride[1] :]
                window = window[: p.kernel[0], : p.kernel[1]]
                assert found[c, y, x] == (window.max() if p.kind == "or" else window.sum())
            scores += head.weights.astype(object) @ found.reshape(-1).astype(object)
        assert trace.scores[k].tolist() == scores.tolist()
    assert trace.classes.tolist() == trace.scores.argmax(axis=1).tolist()
