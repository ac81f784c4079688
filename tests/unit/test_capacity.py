"""Room for windows and joins: as much as their order asks for, and never less."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

import s2nn_hw
from rtl_gen import timing
from rtl_gen.capacity import check_progress, least_depths
from rtl_gen.feeds import ConvPlan, WindowPlan
from rtl_gen.network import Core
from rtl_gen.plan import CorePlan
from rtl_gen.planner import AHEAD, plan
from s2nn_hw.flow.emit import build
from s2nn_hw.ir import Conv2d, Dense, FrameFormat, Layer, Network, Window

TOO_SMALL = "the buffers of a join are too small"


def random_windows(rng) -> WindowPlan:
    """Any that fit."""
    while True:
        size = tuple(int(n) for n in rng.integers(1, 12, 2))
        kernel = tuple(int(n) for n in rng.integers(1, 8, 2))
        padding = tuple(int(rng.integers(0, k)) for k in kernel)
        if all(n + 2 * p >= k for n, p, k in zip(size, padding, kernel, strict=True)):
            break
    stride = tuple(int(n) for n in rng.integers(1, 5, 2))
    return WindowPlan(
        source="input",
        size=size,
        channels=1,
        planes=1,
        window=Window(kernel=kernel, stride=stride, padding=padding),
        rows=1,
        queue=8,
    )


@pytest.mark.parametrize("seed", range(60))
def test_what_a_window_needs_and_frees(seed):
    made = random_windows(np.random.default_rng(seed))
    case = f"seed {seed}: {made}"
    taps = made.window.pixels(made.size)
    needs, frees = np.array(made.needs), np.array(made.frees)
    assert len(needs) == len(frees) == len(taps) == made.windows
    # The last pixel of each window, and of the last one the frame's.
    assert (needs[:-1] == taps[:-1].max(axis=1)).all(), case
    assert needs[-1] == made.words - 1, case
    # Nothing that it or a later window sees is freed: of the frame, and of the next one.
    first = np.where(taps >= 0, taps, made.words).min(axis=1)
    later = np.minimum.accumulate(first[::-1])[::-1]
    assert (frees <= later).all(), case
    # It never falls, and the next frame begins where it ended, or further on.
    assert (np.diff(frees) >= 0).all(), case
    assert frees[0] + made.words >= frees[-1], case
    # Where no row of padding is above or below the window, not a pixel more is kept.
    height, width = made.size
    y = np.repeat(np.arange(made.output[0]), made.output[1]) * made.window.stride[0]
    top = y - made.window.padding[0]
    inner = (top >= 0) & (top < height - made.window.padding[0])
    assert (frees[inner] == first[inner])[first[inner] < made.words].all(), case
    assert (frees[~inner & (top < 0)] >= -made.window.padding[0] * width).all(), case
    assert made.least_depth == max(needs - frees) + 1 >= 1, case


@pytest.mark.parametrize("seed", range(20))
def test_the_least_depth_is_enough_and_a_pixel_less_is_not(seed):
    """Pixels come in as long as what is needed is not overwritten; windows go as they are whole."""
    made = random_windows(np.random.default_rng([1, seed]))

    def plays(depth: int) -> bool:
        """Three frames run to their end."""
        pixels, windows = 0, 0
        while windows < 3 * made.windows:
            frame, window = divmod(windows, made.windows)
            if pixels > frame * made.words + made.needs[window]:
                windows += 1
            elif pixels < frame * made.words + made.frees[window] + depth:
                pixels += 1
            else:
                return False
        return True

    assert plays(made.least_depth), seed
    assert not plays(made.least_depth - 1), seed


def joined(convolutions: int, size=(6, 16), *, kernel=3, channels=2) -> Network:
    """A chain of convolutions of the input, joined by the input itself."""
    rng = np.random.default_rng(convolutions)

    def conv(source: str, neurons: int, inputs: int, kernel: int) -> Conv2d:
        shape = (neurons, inputs, kernel, kernel)
        weights = rng.integers(-3, 4, shape).astype(np.int8)
        half = kernel // 2
        return Conv2d(source=source, weights=weights, weight_bits=3, padding=(half, half))

    layers, source = [], "input"
    for k in range(convolutions):
        projection = conv(source, channels, channels, kernel)
        thresholds = rng.integers(-1, 3, channels)
        layers.append(Layer(name=f"conv{k}", projections=(projection,), thresholds=thresholds))
        source = f"conv{k}"
    branches = (conv(source, channels, channels, kernel), conv("input", channels, channels, 1))
    thresholds = rng.integers(-1, 3, channels)
    layers.append(Layer(name="join", projections=branches, thresholds=thresholds))
    weights = rng.integers(-3, 4, (2, channels * size[0] * size[1])).astype(np.int8)
    head = Dense(source="join", weights=weights, weight_bits=3)
    layers.append(Layer(name="readout", projections=(head,)))
    net = Network(input=FrameFormat(shape=(channels, *size)), layers=tuple(layers))
    net.check()
    return net


def test_copies_of_a_line_buffer_count_once_in_the_least() -> None:
    """Whatever the lanes, what the windows' order makes a layer hold is the same."""
    least = []
    for lanes in (1, 2, 4):
        core = build(joined(2), engine="event", lanes=lanes, top="core", counters=False)
        buffers = [layer.buffers for layer in core.manifest.layers]
        least.append([sum(buffer.least_bits for buffer in part) for part in buffers])
    assert least[0] == least[1] == least[2]
    assert len(buffers[0]) > 1


def with_rows(chosen: CorePlan, rows: int, layer: str = "join", k: int = 1) -> CorePlan:
    """One of a layer's buffers, the input's at the join, with so many rows."""
    node = chosen.node(layer)
    feeds = list(node.feeds)
    assert isinstance(feeds[k], ConvPlan)
    feeds[k] = replace(feeds[k], windows=replace(feeds[k].windows, rows=rows))
    changed = replace(node, feeds=tuple(feeds))
    layers = tuple(changed if other is node else other for other in chosen.layers)
    return replace(chosen, layers=layers)


@pytest.mark.parametrize("kernel", [3, 5])
@pytest.mark.parametrize("width", [4, 9, 16])
@pytest.mark.parametrize("convolutions", [1, 2, 3])
def test_a_join_with_a_row_less_is_refused(convolutions, width, kernel):
    """Each convolution makes the other branch wait for half a kernel of rows and columns."""
    net = joined(convolutions, (9, width), kernel=kernel)
    chosen = plan(net, lanes=2)
    ahead = (convolutions + 1) * (kernel // 2)
    # At the right edge no columns are waited for, so that narrow maps need fewer.
    held = ahead * width + min(ahead, width - 1) + 1
    rows = chosen.node("join").feeds[1].windows.rows
    least = -(-held // width)
    assert check_progress(with_rows(chosen, least))
    with pytest.raises(AssertionError, match=TOO_SMALL):
        check_progress(with_rows(chosen, least - 1))
    # The planner's has some pixels on top, in whole rows.
    assert least <= rows <= -(-(held + AHEAD + 2) // width) + 1


def column(seed: int) -> Network:
    """Random joins of maps one pixel wide, whose buffers are of any number of pixels."""
    rng = np.random.default_rng([2, seed])
    height = int(rng.integers(12, 24))

    def conv(source: str, most: int) -> Conv2d:
        k = int(rng.integers(0, most + 1))
        return Conv2d(source=source, weights=[[[[1]] * (2 * k + 1)]], weight_bits=2, padding=(k, 0))

    layers: list[Layer] = []
    sources = ["input"]
    for n in range(int(rng.integers(2, 6))):
        others = rng.choice(sources, int(rng.integers(0, 3)))
        projections = (conv(sources[-1], 3), *(conv(str(other), 2) for other in others))
        layers.append(Layer(name=f"map{n}", projections=projections, thresholds=[1]))
        sources.append(f"map{n}")
    head = Dense(source=sources[-1], weights=[[1] * height], weight_bits=2)
    layers.append(Layer(name="readout", projections=(head,)))
    net = Network(input=FrameFormat(shape=(1, height, 1)), layers=tuple(layers))
    net.check()
    return net


@pytest.mark.parametrize("seed", range(20))
def test_the_least_depth_of_a_join_is_enough_and_a_pixel_less_is_not(seed):
    chosen = plan(column(seed), lanes=1)
    for node in chosen.layers[:-1]:
        for k, feed in enumerate(node.feeds):
            least = least_depths(chosen)[node.layer][feed.windows]
            assert least >= feed.windows.least_depth
            assert check_progress(with_rows(chosen, least, node.layer, k)), (seed, node.layer, k)
            with pytest.raises(AssertionError, match=TOO_SMALL):
                check_progress(with_rows(chosen, least - 1, node.layer, k))


def test_a_join_of_the_planner_runs_and_one_without_room_stands_still(drive):
    net = joined(1, (4, 64))
    chosen = plan(net, lanes=2)
    frames = (np.random.default_rng(1).random((2, 2, 4, 64)) < 0.5).astype(np.uint8)
    source = timing.steady(2, chosen)
    run = drive(Core(net, chosen), frames, source)
    _, scores = chosen.output.unpack([data for _, _, data in run.delivered])
    np.testing.assert_array_equal(scores, s2nn_hw.golden.run(net, frames).scores)
    # Not even what its queues and encoders hold makes up for the rows that lack.
    small = with_rows(chosen, 1)
    with pytest.raises(AssertionError, match=TOO_SMALL):
        check_progress(small)
    run = drive(Core(net, small), frames, source, limit=2400)
    assert run.delivered == []
    assert len(run.accepted) < 2 * chosen.input.beats
