"""The input port: frames of another length are marked, told, and end where they must."""

from __future__ import annotations

import numpy as np
import pytest
from amaranth.sim import Simulator

from rtl_gen.lib.guard import FrameGuard
from s2nn_hw.manifest import InputPort

#: Ten pixels of two bits, four a beat: two are left for the third beat.
PORT = InputPort(tdata_bits=8, pixel_bits=2, pixels_per_beat=4, pixels=10)


def run(beats, *, port=PORT, valid=lambda cycle: True, ready=lambda cycle: True, clear=()):
    """Beats (data, last) in; beats (pixels, last, drop) out, and frame_error cycle by cycle."""
    guard = FrameGuard(port)
    out, errors = [], []

    async def bench(ctx):
        at = 0
        for cycle in range(500):
            offered = at < len(beats) and valid(cycle)
            ctx.set(guard.tvalid, offered)
            # Between beats the source shows anything.
            ctx.set(guard.tdata, beats[at][0] if offered else 0xFF)
            ctx.set(guard.tlast, beats[at][1] if offered else 1)
            ctx.set(guard.o.ready, ready(cycle))
            ctx.set(guard.error_clear, cycle in clear)
            if ctx.get(guard.o.valid) and ready(cycle):
                p = guard.o.p
                last = ctx.get(p.last)
                # Before the end it says nothing.
                out.append((ctx.get(p.pixels), last, ctx.get(p.drop) if last else 0))
            at += offered and ctx.get(guard.tready)
            errors.append(ctx.get(guard.error))
            await ctx.tick()
            if at == len(beats) and cycle > 20:
                break
        assert at == len(beats), "the port hangs"

    simulator = Simulator(guard)
    simulator.add_clock(1e-6)
    simulator.add_testbench(bench)
    simulator.run()
    return out, errors


WHOLE = [(0x12, 0), (0x34, 0), (0x05, 1)]


def test_whole_frames_go_through():
    out, errors = run(WHOLE * 2)
    assert out == [(0x12, 0, 0), (0x34, 0, 0), (0x05, 1, 0)] * 2
    assert set(errors) == {0}


def test_bits_beyond_the_last_pixel_read_as_zero():
    out, _ = run([(0xFF, 0), (0xFF, 0), (0xFF, 1)])
    assert [pixels for pixels, _, _ in out] == [0xFF, 0xFF, 0x0F]


@pytest.mark.parametrize("length", [1, 2])
def test_a_frame_with_an_early_tlast_is_filled_up(length):
    cut = [(0x77, k == length - 1) for k in range(length)]
    out, errors = run([*cut, *WHOLE])
    assert [pixels for pixels, _, _ in out[:3]] == [0x77] * length + [0] * (3 - length)
    assert [(last, drop) for _, last, drop in out[:3]] == [(0, 0), (0, 0), (1, 1)]
    assert out[3:] == [(0x12, 0, 0), (0x34, 0, 0), (0x05, 1, 0)]
    assert errors[-1] == 1


def test_nothing_is_taken_while_a_frame_is_filled_up():
    """The beats of zeros come even if the source has nothing, and those after wait for them."""
    cut = [(0x77, 1)]
    out, _ = run([*cut, *WHOLE], valid=lambda cycle: cycle == 0 or cycle >= 8)
    assert out[:3] == [(0x77, 0, 0), (0, 0, 0), (0, 1, 1)]
    late, _ = run([*cut, *WHOLE], ready=lambda cycle: cycle == 0 or cycle >= 8)
    assert late == out


@pytest.mark.parametrize("extra", [1, 2, 3, 7])
def test_a_late_tlast_is_waited_for(extra):
    """The frame ends in time, marked; what follows up to TLAST is swallowed."""
    long = [(0x77, 0)] * (3 + extra - 1) + [(0x77, 1)]
    out, errors = run([*long, *WHOLE])
    assert [(last, drop) for _, last, drop in out] == [
        (0, 0),
        (0, 0),
        (1, 1),
        *[(0, 0)] * 2,
        (1, 0),
    ]
    assert [pixels for pixels, _, _ in out[3:]] == [0x12, 0x34, 0x05]
    assert errors[-1] == 2


def test_what_is_swallowed_does_not_wait_for_the_reader():
    """All of it goes while the reader, after the frame's three beats, is busy for long."""
    out, _ = run([*[(0, 0)] * 9, (0, 1)], ready=lambda cycle: cycle < 3)
    assert len(out) == 3


def test_errors_stay_until_they_are_cleared():
    beats = [(0, 1), *[(0, 0)] * 3, (0, 1), *WHOLE]
    _, errors = run(beats, clear=(12,))
    # The early TLAST is in cycle 0; two beats are filled up; the late one is missed in cycle 5.
    assert errors[:14] == [0, *[1] * 5, *[3] * 7, 0]
    # An error in the cycle of its clearing stays.
    _, errors = run(beats, clear=(5,))
    assert errors[:8] == [0, *[1] * 5, 2, 2]


def test_a_frame_of_one_beat_is_never_early():
    port = InputPort(tdata_bits=8, pixel_bits=1, pixels_per_beat=5, pixels=5)
    out, errors = run([(0xFF, 1), (0x0F, 0), (0xFF, 0), (0xFF, 1), (0x03, 1)], port=port)
    assert out == [(0x1F, 1, 0), (0x0F, 1, 1), (0x03, 1, 0)]
    assert errors[-1] == 2


@pytest.mark.parametrize("seed", range(4))
def test_random_lengths_under_random_stalls(seed):
    rng = np.random.default_rng(seed)
    lengths = rng.choice([1, 2, 3, 3, 3, 4, 6, 7], 25)
    beats = [(int(rng.integers(256)), int(k == n - 1)) for n in lengths for k in range(n)]
    valid, ready = rng.random(500) < 0.6, rng.random(500) < 0.6
    out, errors = run(beats, valid=lambda c: bool(valid[c]), ready=lambda c: bool(ready[c]))
    expected, at = [], 0
    for n in lengths:
        frame = [data for data, _ in beats[at : at + min(n, 3)]]
        at += n
        for k, data in enumerate([*frame, 0, 0][:3]):
            last = k == 2
            expected.append((data & 0x0F if last else data, int(last), int(last and n != 3)))
    assert out == expected, seed
    assert errors[-1] == (1 if (lengths < 3).any() else 0) | (2 if (lengths > 3).any() else 0)
