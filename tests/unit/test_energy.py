"""Energy of the arithmetic, against numbers found by hand and by loops over windows."""

from __future__ import annotations

import numpy as np
import pytest

from s2nn_hw import energy, golden
from s2nn_hw.flow.emit import values
from s2nn_hw.ir import INPUT, Conv2d, Dense, FrameFormat, Layer, Network, Pool


def dense(source: str, neurons: int, inputs: int) -> Dense:
    return Dense(source=source, weights=np.ones((neurons, inputs), np.int8), weight_bits=2)


def counts(network: Network, frames: np.ndarray) -> dict[str, tuple[list[int], list[int]]]:
    trace = golden.run(network, frames)
    found = energy.operations(network, values(network, frames, trace), len(frames))
    return {
        name: (done.accumulates.tolist(), done.multiply_accumulates.tolist())
        for name, done in found.items()
    }


def chain(bits: int) -> Network:
    """4 pixels into 3 neurons, of which the first two fire at any pixel, into 2 scores."""
    return Network(
        input=FrameFormat(shape=(4,), bits=bits),
        layers=(
            Layer(
                name="hidden", projections=(dense(INPUT, 3, 4),), thresholds=np.array([1, 1, 99])
            ),
            Layer(name="readout", projections=(dense("hidden", 2, 3),)),
        ),
    )


def test_a_spike_is_an_accumulate_at_every_synapse() -> None:
    frames = np.array([[1, 0, 1, 1], [0, 0, 0, 0]], np.uint8)
    assert counts(chain(1), frames) == {
        "hidden": ([3 * 3, 0], [0, 0]),
        "readout": ([2 * 2, 0], [0, 0]),
    }


def test_a_pixel_of_several_bits_is_a_multiply_accumulate_even_if_it_is_zero() -> None:
    frames = np.array([[3, 0, 1, 2], [0, 0, 0, 0]], np.uint8)
    assert counts(chain(2), frames) == {
        "hidden": ([0, 0], [4 * 3, 4 * 3]),
        "readout": ([2 * 2, 0], [0, 0]),
    }


def test_the_estimate_is_that_of_the_literature() -> None:
    # 1,000 × 0.9 pJ and 100 × 4.6 pJ.
    assert energy.arithmetic_pj(1000, 100) == pytest.approx(900 + 460)
    assert energy.multiply_accumulates(chain(1)) == 4 * 3 + 3 * 2


def maps() -> Network:
    """3×3 convolution of a 4×4 map, sums of 2×2 and of the whole map, scores."""
    rng = np.random.default_rng(3)
    weights = rng.integers(-1, 2, (4, 1, 3, 3)).astype(np.int8)
    deep = rng.integers(-1, 2, (4, 2, 3, 3)).astype(np.int8)
    return Network(
        input=FrameFormat(shape=(2, 4, 4), bits=1),
        layers=(
            Layer(
                name="a",
                projections=(
                    Conv2d(source=INPUT, weights=weights, weight_bits=2, padding=(1, 1), groups=2),
                ),
                thresholds=np.zeros(4, np.int64),
            ),
            Pool(name="two", source="a", kind="sum", kernel=(2, 2), stride=(2, 2)),
            Layer(
                name="b",
                projections=(
                    Conv2d(source="two", weights=deep, weight_bits=2, padding=(1, 1), groups=2),
                ),
                thresholds=np.zeros(4, np.int64),
            ),
            Pool(name="all", source="b", kind="sum", kernel=(2, 2), stride=(2, 2)),
            Layer(name="readout", projections=(dense("all", 5, 4),)),
        ),
    )


def test_maps_are_counted_window_by_window() -> None:
    network = maps()
    frames = (np.random.default_rng(4).random((3, 2, 4, 4)) < 0.4).astype(np.uint8)
    trace = golden.run(network, frames)

    def by_windows(x: np.ndarray, neurons: int) -> int:
        """Of each window the sum of what is in it, times the neurons of a group of two."""
        total = 0
        for y, z in np.ndindex(x.shape[1:]):
            total += int(x[:, max(0, y - 1) : y + 2, max(0, z - 1) : z + 2].sum()) * neurons
        return total

    found = counts(network, frames)
    for k, frame in enumerate(frames):
        assert found["a"][0][k] == by_windows(frame, 2)
        # A sum of n spikes is n of them.
        assert found["b"][0][k] == by_windows(trace.pools["two"][k], 2)
        assert found["readout"][0][k] == int(trace.spikes["b"][k].sum()) * 5
    # 16 windows of 9 taps, less 44 beyond the edge, and 4 of 4; 2 channels a neuron of a group.
    assert energy.multiply_accumulates(network) == 100 * 4 + 16 * 4 * 2 + 4 * 5


def test_all_steps_of_a_frame_count() -> None:
    network = chain(1)
    frames = np.array([[1, 0, 1, 1], [0, 1, 0, 0]], np.uint8)
    once = counts(network, frames)["hidden"][0]
    spikes = np.array([[1, 0, 0], [1, 1, 0], [0, 0, 0], [1, 0, 0]], np.uint8)
    steps = {INPUT: np.repeat(frames, 2, axis=0), "hidden": spikes}
    found = energy.operations(network, steps, 2)
    assert found["hidden"].accumulates.tolist() == [2 * n for n in once]
    assert found["readout"].accumulates.tolist() == [3 * 2, 1 * 2]
    found = energy.operations(chain(2), steps, 2)
    assert found["hidden"].multiply_accumulates.tolist() == [24, 24]
