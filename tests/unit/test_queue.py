"""A bank's queue: empty words vanish, and the frame's end rides on the last word with spikes."""

from __future__ import annotations

import numpy as np
import pytest
from amaranth.sim import Simulator

from rtl_gen.lib.queue import WordQueue

POSITIONS = 6


def entry(bits, base=0, last=False, drop=False):
    return {"bits": bits, "base": base, "last": last, "drop": drop}


def run(entries, *, depth=4, push=lambda cycle: True, ready=lambda cycle: True, wanted=None):
    """What comes out, each with its cycle, and the cycles in which something went in."""
    queue = WordQueue(positions=POSITIONS, rows=64, depth=depth)
    out, taken = [], []
    wanted = sum(e["last"] for e in entries) if wanted is None else wanted

    async def bench(ctx):
        held = None
        for cycle in range(1000):
            offered = len(taken) < len(entries) and push(cycle) and ctx.get(queue.room)
            ctx.set(queue.push, offered)
            shown = entries[len(taken)] if offered else entry(0x3F, 9, True, True)
            ctx.set(queue.i, shown)
            ctx.set(queue.spikes, shown["bits"] != 0)
            ctx.set(queue.o.ready, ready(cycle))
            if offered:
                taken.append(cycle)
            valid = ctx.get(queue.o.valid)
            seen = {name: ctx.get(queue.o.payload[name]) for name in entry(0)}
            if held is not None:
                assert valid
                assert seen == held, "changed while it waited"
            held = seen if valid and not ready(cycle) else None
            if valid and ready(cycle):
                out.append((cycle, seen))
            await ctx.tick()
            if len(taken) == len(entries) and sum(e["last"] for _, e in out) == wanted:
                return

    simulator = Simulator(queue)
    simulator.add_clock(1e-6)
    simulator.add_testbench(bench)
    simulator.run()
    return out, taken


def expected(entries):
    """What the docstring says comes out."""
    result, frame = [], []
    for e in entries:
        frame.append(e)
        if e["last"]:
            full = [f for f in frame if f["bits"]] or [entry(0, e["base"])]
            result += [{**f, "last": False} for f in full[:-1]]
            result.append({**full[-1], "last": True, "drop": e["drop"]})
            frame = []
    return result


def shown(entries):
    """Without what carries no meaning: where nothing is, and drop before the end."""
    return [
        (e["bits"], e["base"] if e["bits"] else None, int(e["last"]), e["last"] and int(e["drop"]))
        for e in entries
    ]


def frames(rng, count):
    entries = []
    for _ in range(count):
        words = int(rng.integers(1, 6))
        density = rng.choice([0.0, 0.3, 1.0])
        for w in range(words):
            bits = int(rng.integers(1, 2**POSITIONS)) if rng.random() < density else 0
            last = w == words - 1
            entries.append(entry(bits, w * POSITIONS, last, last and bool(rng.integers(2))))
    return entries


@pytest.mark.parametrize("seed", range(6))
def test_random_frames(seed):
    rng = np.random.default_rng(seed)
    entries = frames(rng, 40)
    push, ready = rng.random(1000) < 0.8, rng.random(1000) < rng.choice([0.3, 0.7, 1.0])
    out, _ = run(entries, push=lambda c: bool(push[c]), ready=lambda c: bool(ready[c]))
    assert shown(e for _, e in out) == shown(expected(entries)), seed


def test_empty_words_cost_nothing():
    entries = [entry(0, 0), entry(5, 6), entry(0, 12), entry(0, 18), entry(3, 24), entry(0, 30)]
    entries += [entry(0, 36, True)]
    out, taken = run(entries)
    assert taken == list(range(7))
    assert shown(e for _, e in out) == [(5, 6, 0, 0), (3, 24, 1, 0)]


@pytest.mark.parametrize("words", [1, 4])
@pytest.mark.parametrize("drop", [False, True])
def test_an_empty_frame_leaves_one_entry(words, drop):
    frame = [entry(0, POSITIONS * k, k == words - 1, drop and k == words - 1) for k in range(words)]
    out, _ = run([*frame, *frame])
    assert shown(e for _, e in out) == [(0, None, 1, int(drop))] * 2


def test_latency_of_a_frames_end():
    """Written one cycle after the end, read read_latency later."""
    out, taken = run([entry(1, 0, True)])
    assert out[0][0] - taken[0] == 1 + WordQueue.read_latency


def test_a_full_queue_takes_nothing_and_loses_nothing():
    entries = [entry(1 + k % 7, 0, k % 3 == 2) for k in range(30)]
    out, taken = run(entries, depth=4, ready=lambda cycle: cycle >= 60)
    early = [cycle for cycle in taken if cycle < 60]
    # Memory, its output register, and the word held back.
    assert 4 <= len(early) <= 4 + 3
    assert shown(e for _, e in out) == shown(expected(entries))
