"""What a core will take: memories as yosys maps them, quantities as they are built."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest

import s2nn_hw
from rtl_gen.costs import OTHER, costs, inventory
from rtl_gen.costs.inventory import of_node
from rtl_gen.costs.parts import bit_columns, rom
from rtl_gen.costs.storage import Store, stored
from rtl_gen.emit import layers
from rtl_gen.platforms import family
from s2nn_hw.flow.emit import planned
from s2nn_hw.ir import INPUT, Conv2d, Dense, FrameFormat, InputError, Layer, Network, Pool


def network(bits: int = 4, input_bits: int = 1) -> Network:
    rng = np.random.default_rng(3)
    most = 2 ** (bits - 1) - 1
    conv = Conv2d(
        source=INPUT,
        weights=rng.integers(-most, most + 1, (6, 2, 3, 3)),
        weight_bits=bits,
        padding=1,
    )
    return Network(
        input=FrameFormat(shape=(2, 8, 8), bits=input_bits),
        layers=(
            Layer(name="conv", projections=(conv,), thresholds=rng.integers(0, 9, 6)),
            Pool(name="pool", source="conv", kind="or", kernel=(2, 2), stride=(2, 2)),
            Layer(
                name="readout",
                projections=(
                    Dense(
                        source="pool",
                        weights=rng.integers(-most, most + 1, (5, 96)),
                        weight_bits=bits,
                    ),
                ),
            ),
        ),
    )


@pytest.mark.parametrize(
    ("name", "store", "found"),
    [
        # What yosys made of these, seen in netlists.
        ("ecp5", Store(depth=64, width=22, clocked=True), {"cells": 24}),
        ("gowin", Store(depth=64, width=27, clocked=True), {"bram": 1}),
        ("ecp5", Store(depth=36, width=62, clocked=True), {"cells": 48}),
        ("ecp5", Store(depth=256, width=23, clocked=True), {"bram": 1}),
        # The last bits of a word have a shape of their own.
        ("ecp5", Store(depth=2157, width=40, reads=2, clocked=True, constant=True), {"bram": 7}),
        ("ecp5", Store(depth=2305, width=512, clocked=True, constant=True), {"bram": 72}),
        # Two reads halve the width of a port.
        ("ecp5", Store(depth=393, width=512, reads=2, clocked=True, constant=True), {"bram": 29}),
        ("ecp5", Store(depth=64, width=40, clocked=True, constant=True), {"constants": 2560}),
        ("ice40", Store(depth=16, width=15, clocked=True), {"bram": 1}),
        ("ice40", Store(depth=4, width=21, clocked=True), {"bits": 84}),
        ("ice40", Store(depth=1568, width=64, clocked=True, huge=True), {"spram": 4}),
    ],
)
def test_memories_go_where_yosys_puts_them(name, store, found) -> None:
    assert stored(store, family(name)) == Counter(found)


def test_columns_that_are_alike_are_kept_once() -> None:
    # An identity of 8 bits, 3 in each neuron's own row: two bits are alike, six are never set.
    table = 3 * np.eye(20, dtype=np.int64)
    assert rom(bit_columns(table, 8), 1, None, family("ecp5"))["logic read"] == 20
    assert rom(np.zeros((20, 32), np.bool_), 1, None, family("ecp5"))["logic read"] == 0


@pytest.mark.parametrize("lanes", [1, 2, 4])
@pytest.mark.parametrize("input_bits", [1, 2, 5])
def test_accumulators_are_counted_as_they_are_built(lanes: int, input_bits: int) -> None:
    """The bits of the plan's quantities are those of the gateware, which the manifest tells."""
    made = network(input_bits=input_bits)
    plan = planned(made, lanes=lanes, family="ecp5")
    built = {entry.name: entry for entry in layers(made, plan)}
    for name in ("conv", "readout"):
        found = of_node(made, plan, name, family("ecp5")).fixed
        assert found["potential"] == built[name].accumulator_bits
        assert found["first sum"] + found["sum"] == built[name].adder_bits


def test_a_slower_clock_has_fewer_registers_and_the_same_sums() -> None:
    made = network()
    plan = planned(made, lanes=2, family="ecp5")
    fast, slow = (
        of_node(made, plan, "readout", family("ecp5")).at(family("ecp5").fabric(mhz))
        for mhz in (None, 60)
    )
    assert slow["held sum"] < fast["held sum"]
    assert slow["sum"] == fast["sum"]
    assert slow["potential"] == fast["potential"]


@pytest.mark.parametrize("name", ["ecp5", "ice40", "gowin"])
def test_every_quantity_has_a_cost(name: str) -> None:
    """One that was forgotten when costs were fitted is an error."""
    known = costs(family(name))
    for options in (
        {"lanes": 2},
        {"lanes": 1, "engine": ["parallel", "event"]},
        {"engine": "unrolled"},
        {"lanes": 1, "memory": ["rom", "ram"]},
    ):
        for input_bits in (1, 3):
            made = network(input_bits=input_bits)
            found = inventory(made, planned(made, **options, family=name), family(name))
            assert set(found) == {"conv", "pool", "readout", OTHER}
            assert all(known.of(quantities)["lut"] > 0 for quantities in found.values())


def test_a_family_without_costs_is_told() -> None:
    with pytest.raises(InputError, match="no costs of Xilinx 7"):
        costs(family("xilinx7"))


def test_a_trained_network_is_predicted_as_it_was_synthesised() -> None:
    """784-128-10 at four lanes, as docs/results/ecp5.md has it: 8,623, 4,676 and 58."""
    made = s2nn_hw.load("examples/mnist-mlp-128/model.s2nn")
    plan = planned(made, lanes=4, family="ecp5", freq=105)
    used: Counter[str] = Counter()
    for quantities in inventory(made, plan, family("ecp5")).values():
        used.update(costs(family("ecp5")).of(quantities))
    assert used["lut"] == pytest.approx(8623, rel=0.15)
    assert used["ff"] == pytest.approx(4676, rel=0.15)
    assert used["bram"] == 58
