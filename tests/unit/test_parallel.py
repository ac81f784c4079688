"""The parallel engine: every input of a plane weighed once, whatever the steps and groups."""

from __future__ import annotations

import numpy as np
import pytest

import s2nn_hw
from rtl_gen import timing
from rtl_gen.network import Core
from rtl_gen.planner import plan
from s2nn_hw.ir import Conv2d, Dense, FrameFormat, Layer, Network


@pytest.mark.parametrize("lanes", [3, 16], ids=["steps", "at-once"])
@pytest.mark.parametrize("planes", [1, 3])
@pytest.mark.parametrize("groups", [1, 2, 4])
@pytest.mark.parametrize("weight_bits", [1, 2, 4])
def test_scores_and_cycles_of_random_windows(drive, weight_bits, groups, planes, lanes):
    seed = 100 * weight_bits + 10 * groups + planes
    rng = np.random.default_rng(seed)
    limit = max(1, 2 ** (weight_bits - 1) - 1)
    choices = np.array([-1, 1]) if weight_bits == 1 else np.arange(-limit, limit + 1)
    projection = Conv2d(
        source="input",
        weights=rng.choice(choices, (4, 4 // groups, 2, 2)).astype(np.int8),
        weight_bits=weight_bits,
        groups=groups,
    )
    head = rng.integers(-3, 4, (3, 4 * 9)).astype(np.int8)
    network = Network(
        input=FrameFormat(shape=(4, 4, 4), bits=planes),
        layers=(
            Layer(name="conv", projections=(projection,), thresholds=rng.integers(-2, 6, 4)),
            Layer(
                name="readout",
                projections=(Dense(source="conv", weights=head, weight_bits=3),),
                thresholds=None,
            ),
        ),
    )
    network.check()
    chosen = plan(network, lanes=[lanes, 2], engine=["parallel", "event"])
    frames = rng.integers(0, 2**planes, (3, 4, 4, 4)).astype(np.uint8)
    source = timing.steady(len(frames), chosen)
    run = drive(Core(network, chosen), frames, source)
    _, scores = chosen.output.unpack([data for _, _, data in run.delivered])
    trace = s2nn_hw.golden.run(network, frames)
    np.testing.assert_array_equal(scores, trace.scores, err_msg=f"seed {seed}")
    values = {"input": frames, **trace.spikes, **trace.pools}
    predicted = timing.schedule(chosen, values, source)
    assert [cycle for cycle, _, _ in run.delivered] == predicted.delivered.reshape(-1).tolist()
