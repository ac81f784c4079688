"""The event engine: every row once, planes end together, in the cycles predicted."""

import numpy as np
import pytest
from amaranth.sim import Simulator

from rtl_gen.engines.event import EventEngine
from rtl_gen.lib.encoder import Port
from rtl_gen.lib.rom import Rom
from rtl_gen.timing.encoder import encoder

POSITIONS, WORDS = 8, 8


def random_frames(rng, frames, ports, positions=POSITIONS):
    """Per port, the entries of so many frames of one plane, sparse ones and full ones."""
    result = []
    for _ in range(ports):
        entries = []
        for _ in range(frames):
            rate = rng.choice([0.1, 0.5, 1.0])
            words = [
                sum(1 << k for k in range(positions) if rng.random() < rate) or 1
                for _ in range(rng.integers(1, 7))
            ]
            if rng.random() < 0.2:
                words = [0]
            entries += [
                {
                    "bits": bits,
                    "base": positions * k,
                    **dict.fromkeys(("last", "closes", "final"), k == len(words) - 1),
                    "drop": False,
                }
                for k, bits in enumerate(words)
            ]
        result.append(entries)
    return result


def ports(reads, positions):
    return [Port(positions=positions, rows=positions * WORDS, reads=n) for n in reads]


def run(reads, entries, frames, *, positions=POSITIONS, free=lambda cycle: True):
    """Rows of each frame, and the cycle in which each ended, counted from the first reading."""
    engine = EventEngine(ports(reads, positions), discards=False)
    lanes = sum(reads)
    ended, rows, addresses = [], [[]], []

    async def bench(ctx):
        at = [0] * len(reads)
        for cycle in range(3000):
            for k, own in enumerate(entries):
                ctx.set(getattr(engine, f"i{k}").valid, at[k] < len(own))
                if at[k] < len(own):
                    ctx.set(getattr(engine, f"i{k}").payload, own[at[k]])
            ctx.set(engine.free, free(cycle))
            addresses.append([ctx.get(engine.addr[lane]) for lane in range(lanes)])
            for k in range(len(reads)):
                source = getattr(engine, f"i{k}")
                at[k] += ctx.get(source.valid) and ctx.get(source.ready)
            if ctx.get(engine.reserve):
                assert free(cycle)
                ended.append(cycle)
            await ctx.tick()
            # What was read comes out of the memory, and tells that it does.
            for lane in range(lanes):
                if ctx.get(getattr(engine, f"there{lane}")):
                    rows[-1].append(addresses[cycle + 1 - Rom.latency][lane])
            if ctx.get(engine.ends):
                rows.append([])
            if len(rows) > frames:
                return
        raise AssertionError("the frames do not end")

    simulator = Simulator(engine)
    simulator.add_clock(1e-6)
    simulator.add_testbench(bench)
    simulator.run()
    return [sorted(frame) for frame in rows[:frames]], ended


def expected(entries, frames):
    rows = [[] for _ in range(frames)]
    for own in entries:
        frame = 0
        for e in own:
            bits = e["bits"]
            rows[frame] += [e["base"] + k for k in range(bits.bit_length()) if bits >> k & 1]
            frame += e["last"]
    return [sorted(frame) for frame in rows]


def predicted(reads, entries, frames, positions=POSITIONS):
    """By the timing model, entries being there whenever they are read."""
    models = [encoder(port, share=True) for port in ports(reads, positions)]
    left = [list(own) for own in entries]
    ended = []
    for model in models:
        model.counting.left = [0] * len(model.counting.left)
    for _ in range(frames):
        for model, own in zip(models, left, strict=True):
            while True:
                e = own.pop(0)
                model.take(model.counting.left[0], e["bits"].bit_count(), last=e["last"])
                if e["last"]:
                    break
        ended.append(max(model.ending() for model in models))
        for model in models:
            model.end(ended[-1])
    return ended


@pytest.mark.parametrize("reads", [(1,), (2,), (1, 1), (2, 2, 1), (2, 1, 2, 1)])
@pytest.mark.parametrize("positions", [8, 40, 70])
@pytest.mark.parametrize("seed", range(3))
def test_every_row_once_in_the_cycles_predicted(reads, positions, seed):
    """Whether the spikes of an entry are counted in two cycles, or as they are many in three."""
    rng = np.random.default_rng(seed)
    entries = random_frames(rng, 12, len(reads), positions)
    rows, ended = run(reads, entries, 12, positions=positions)
    assert rows == expected(entries, 12), seed
    assert ended == predicted(reads, entries, 12, positions), seed


@pytest.mark.parametrize("seed", range(3))
def test_frames_end_only_where_there_is_room(seed):
    rng = np.random.default_rng(seed)
    entries = random_frames(rng, 12, 2)
    free = rng.random(3000) < 0.1
    rows, _ = run((2, 1), entries, 12, free=lambda cycle: bool(free[cycle]))
    assert rows == expected(entries, 12), seed


def test_gaps_of_one_encoder_are_hidden_while_another_finishes():
    """Words of one spike come at one a cycle, but those of the next frame were taken early."""

    def entries(words):
        return [
            {
                "bits": bits,
                "base": 8 * k,
                **dict.fromkeys(("last", "closes", "final"), k == len(words) - 1),
                "drop": False,
            }
            for k, bits in enumerate(words)
        ]

    single, full = [1] * 8, [255] * 8
    reads = (2, 2)
    both = [entries([1]) + entries(single), entries(full) + entries([1])]
    _, ended = run(reads, both, 2)
    assert ended == predicted(reads, both, 2)
    # Alone, eight such words take eight cycles.
    assert ended[1] - ended[0] < 8
