"""Memories in pieces: every bit of every row, in the fewest block RAMs, a cycle later."""

import numpy as np
import pytest
from amaranth.hdl import Module, Signal
from amaranth.lib import wiring
from amaranth.sim import Simulator

from rtl_gen.costs.storage import Store, block_rams
from rtl_gen.fabric import LUT_ROWS
from rtl_gen.lib.deep import DeepRom, columns, is_deep
from rtl_gen.platforms import part

FAMILY = part("LFE5U-85F-6").family
FABRIC = FAMILY.fabric()


@pytest.mark.parametrize("reads", [1, 2])
@pytest.mark.parametrize("bits", [3, 18, 36, 40, 200])
@pytest.mark.parametrize("depth", [512, 785, 1100, 1500, 2049, 3137])
def test_columns_are_all_bits_in_the_fewest_block_rams(depth, bits, reads):
    found = columns(depth, bits, reads, FABRIC)
    assert [c.low for c in found] == list(np.cumsum([0, *(c.bits for c in found)])[:-1])
    assert sum(c.bits for c in found) == bits
    shapes = FAMILY.bram_shapes[: -(reads - 1) or None]
    for column in found:
        assert (column.words, column.wide) in shapes
        ranges = column.ranges(depth)
        assert [first for first, _ in ranges] == list(range(0, depth, column.words))
        assert sum(number for _, number in ranges) == depth
    least = block_rams(Store(depth=depth, width=bits, reads=reads, clocked=True), FAMILY)
    blocks = sum(column.blocks(depth) for column in found)
    rest = any(0 < depth % words <= LUT_ROWS for words, _ in shapes)
    assert blocks <= least if rest else blocks == least


def test_of_ways_that_take_as_many_blocks_the_one_without_a_choice():
    assert {c.words for c in columns(785, 1024, 1, FABRIC)} == {1024}
    assert not is_deep(785, 1024, 1, FABRIC)
    assert is_deep(1100, 40, 1, FABRIC)


def test_what_a_choice_can_be_made_of_in_a_cycle():
    for depth in (5000, 20_000, 100_000):
        most = max(len(c.ranges(depth)) for c in columns(depth, 40, 1, FABRIC))
        assert most <= max(8, -(-depth // 16384))


def test_no_memory_is_deep_where_block_rams_have_no_output_registers():
    assert not is_deep(5000, 40, 1, part("iCE40UP5K").family.fabric())


class Read(wiring.Component):
    """A memory alone."""

    def __init__(self, memory: DeepRom):
        self.memory = memory
        super().__init__({})

    def elaborate(self, platform):
        m = Module()
        for n, piece in enumerate(self.memory.pieces):
            m.submodules[f"piece{n}"] = piece
        self.memory.build(m)
        m.d.sync += Signal().eq(0)  # a clock, whatever it drives
        return m


@pytest.mark.parametrize("ports", [1, 2])
@pytest.mark.parametrize(("depth", "bits"), [(1100, 40), (1300, 21), (520, 37), (700, 5)])
def test_every_row_comes_after_its_latency(depth, bits, ports):
    rng = np.random.default_rng(depth)
    rows = [int.from_bytes(rng.bytes(8), "little") & ((1 << bits) - 1) for _ in range(depth)]
    memory = DeepRom(
        name="m",
        rows=rows,
        bits=bits,
        ports=ports,
        columns=columns(depth, bits, ports, FABRIC),
        fabric=FABRIC,
    )
    asked = np.concatenate([rng.permutation(depth)[:300], [0, 511, 512, depth - 1]]).tolist()

    async def bench(ctx):
        for cycle in range(len(asked) + DeepRom.latency):
            if cycle < len(asked):
                for p in range(ports):
                    ctx.set(memory.addr[p], asked[cycle - p])
            if cycle >= DeepRom.latency + ports - 1:
                for p in range(ports):
                    assert ctx.get(memory.data[p]) == rows[asked[cycle - DeepRom.latency - p]]
            await ctx.tick()

    simulator = Simulator(Read(memory))
    simulator.add_clock(1e-6)
    simulator.add_testbench(bench)
    simulator.run()
