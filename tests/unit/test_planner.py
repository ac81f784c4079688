"""Plans: every input in one row of one bank, and lanes that cannot be are refused."""

from __future__ import annotations

import dataclasses
import itertools

import numpy as np
import pytest

import s2nn_hw
from rtl_gen.banks import dense_banks
from rtl_gen.buffers import MAX_SLOTS
from rtl_gen.fabric import Fabric
from rtl_gen.feeds import ConvPlan, DensePlan
from rtl_gen.planner import plan
from rtl_gen.ports import MAX_RESULT_BEAT
from rtl_gen.width import signed_width
from s2nn_hw.ir import Conv2d, Dense, FrameFormat, InputError, Layer, Network, Pool


def network(*sizes, input_bits=1, weight_bits=3, seed=1):
    rng = np.random.default_rng(seed)
    limit = 2 ** (weight_bits - 1) - 1
    weights = [rng.integers(-limit, limit + 1, (n, m)) for m, n in itertools.pairwise(sizes)]
    return s2nn_hw.from_arrays(
        weights, [*(np.zeros(n, int) for n in sizes[1:-1]), None], input_bits, weight_bits
    )


@pytest.mark.parametrize(
    ("lanes", "value"), [(0, 0), (-1, -1), ([0, 1], 0), ([1, 6], 6), ([12, 0], 0)]
)
def test_lanes_that_cannot_be(lanes, value):
    net = network(12, 5, 3)
    with pytest.raises(InputError, match=rf"lanes must be 1.*, not {value}"):
        plan(net, lanes=lanes)


def test_the_layer_is_named():
    net = network(12, 5, 3)
    with pytest.raises(
        InputError, match=r"layer 'hidden1': lanes must be 1…12 \(one for each of its 12 inputs"
    ):
        plan(net, lanes=[13, 1])
    with pytest.raises(InputError, match="layer 'readout': lanes must be 1…5"):
        plan(net, lanes=[12, 6])
    with pytest.raises(
        InputError, match=r"layer 'hidden1': .*, not 13; layer 'readout': .*, not 6"
    ):
        plan(net, lanes=[13, 6])


@pytest.mark.parametrize(("reads", "ports"), [(2, [2, 2, 1]), (1, [1] * 5)])
def test_a_bank_is_read_as_often_as_its_memory_can_be(reads, ports):
    chosen = plan(network(50, 5, 3), lanes=5, fabric=Fabric(reads=reads))
    assert [bank.ports for bank in chosen.layers[0].feeds[0].banks] == ports
    assert chosen.layers[0].lanes == 5


@pytest.mark.parametrize(
    ("rows", "reads", "whole"),
    [(784, 1, 768), (256, 1, None), (273, 1, None), (272, 1, 256), (9, 1, 0), (1040, 2, 1024)],
)
def test_few_rows_beyond_whole_blocks_are_not_for_block_ram(rows, reads, whole):
    assert Fabric(blocks=(256, 1024)).whole(rows, reads) == whole
    assert Fabric().whole(rows, reads) is None


@pytest.mark.parametrize(
    ("rows", "reads", "whole"),
    [(63, 1, None), (64, 1, 64), (255, 2, None), (256, 2, 256), (300, 1, 300), (272, 1, 256)],
)
def test_tools_are_told_what_block_ram_is_for(rows, reads, whole):
    assert Fabric(blocks=(256, 1024), told=True).whole(rows, reads) == whole


def test_a_queue_is_short_where_no_frame_waits():
    """Before a readout whose mean work is at most half of the slowest layer's."""
    dear = Fabric(lut_ram=False)

    def queue(net, fabric=dear):
        return plan(net, lanes=1, samples=net.samples, fabric=fabric).layers[-1].feeds[0].queue

    net = network(60, 90, 4)
    frames = np.zeros((2, 60), np.uint8)
    frames[:, :20] = 1
    net = dataclasses.replace(net, calibration=frames)

    def firing(spikes):
        activity = np.zeros((2, 90), np.uint8)
        activity[:, :spikes] = 1
        return dataclasses.replace(net, activity={"hidden1": activity})

    assert [queue(firing(spikes)) for spikes in (0, 10, 11, 90)] == [2, 2, 8, 8]
    assert queue(firing(0), Fabric()) == 8
    assert queue(net) == 8


@pytest.mark.parametrize(
    ("words", "planes", "queue"),
    [(3, 1, 4), (3, 2, 8), (9, 1, 16), (9, 3, 16), (16, 2, 16), (17, 1, 32), (17, 2, 64)],
)
def test_a_queue_of_planes_has_two_frames_unless_one_fills_distributed_ram(words, planes, queue):
    feed = dense_banks(
        source="pool",
        inputs=words * 8,
        planes=planes,
        positions=8,
        lanes=1,
        reads=1,
        order=None,
        repeats=False,
        fixed=True,
        values=None,
    )
    assert feed.words == words
    assert feed.queue == queue


def test_a_row_that_is_loaded_has_several_words():
    """Of 64 bits in all, so 32 for each of two memories: 10 weights of 3 bits a word."""
    chosen = plan(network(50, 25, 7), lanes=4, memory="ram")
    assert [(n.lanes, n.word, n.fold) for n in chosen.layers] == [(1, 10, 3), (1, 7, 1)]
    # 50 rows of 4 words, of which three are used, and 25 of one, both in whole packets.
    assert (chosen.load.offset_bits, chosen.load.address_bits) == (8, 9)
    assert chosen.load.tdata_bits == 32
    assert plan(network(50, 25, 7), memory=["ram", "rom"]).layers[0].word == 21


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"memory": "dram"}, "memory must be one of rom, ram, not 'dram'"),
        ({"memory": ["ram"]}, "memory must be one name, or 2, one for each layer"),
        ({"memory": 3}, "memory must be one of rom, ram, not 3"),
        (
            {"memory": ["ram", "rom"], "lanes": [2, 1]},
            "layer 'hidden1': lanes must be 1 where weights are loaded, not 2",
        ),
    ],
)
def test_memories_that_cannot_be(options, message):
    with pytest.raises(InputError, match=message):
        plan(network(12, 5, 3), **options)


def test_layers_whose_weights_cannot_be_loaded():
    with pytest.raises(InputError, match=r"layer 'conv': its weights .* on the parallel engine"):
        plan(convolutional(), engine="parallel", memory=["ram", "rom"])


@pytest.mark.parametrize("lanes", [True, 2.0, "2", None])
def test_lanes_of_another_type(lanes):
    with pytest.raises(InputError, match="lanes must be 1…12"):
        plan(network(12, 5, 3), lanes=[lanes, 1])


@pytest.mark.parametrize("lanes", [[], [1], [1, 2, 3]])
def test_one_number_a_layer(lanes):
    each = r"2, one for each layer that has synapses \(hidden1, readout\)"
    with pytest.raises(InputError, match=f"lanes must be one number, or {each}, not {len(lanes)}"):
        plan(network(12, 5, 3), lanes=lanes)
    engines = ["event"] * len(lanes)
    with pytest.raises(InputError, match=f"engine must be one name, or {each}, not {len(lanes)}"):
        plan(network(12, 5, 3), engine=engines)


@pytest.mark.parametrize("engine", [3, None, "steam", ["event", 3]])
def test_an_engine_that_there_is_not(engine):
    with pytest.raises(InputError, match="engine must be one of event, parallel, unrolled, not "):
        plan(network(12, 5, 3), engine=engine)


def test_one_number_for_all_is_cut_to_what_a_layer_can_use():
    chosen = plan(network(12, 5, 3), lanes=8)
    assert [layer.lanes for layer in chosen.layers] == [8, 5]
    assert [layer.lanes for layer in plan(network(3, 9, 2)).layers] == [3, 4]
    for beyond in (13, 10**12):
        assert plan(network(12, 5, 3), lanes=beyond) == plan(network(12, 5, 3), lanes=[12, 5])


CASES = list(
    itertools.product(
        [(1, 1), (7, 3), (40, 9, 3), (100, 33, 17, 10), (784, 128, 10)], [1, 2, 3, 4, 5, 8], [1, 3]
    )
)


@pytest.mark.parametrize(("sizes", "lanes", "bits"), CASES)
@pytest.mark.parametrize("sampled", [False, True])
def test_every_input_in_one_row_of_one_bank(sizes, lanes, bits, sampled):
    net = network(*sizes, input_bits=bits)
    lanes = min(lanes, sizes[0])
    rng = np.random.default_rng(5)
    samples = None
    if sampled:
        samples = {"input": rng.integers(0, 2**bits, (8, sizes[0]), dtype=np.uint8)}
        for layer in net.layers[:-1]:
            samples[layer.name] = rng.integers(0, 2, (8, layer.neurons), dtype=np.uint8)
    chosen = plan(net, lanes=lanes, samples=samples)
    for layer, node, inputs in zip(net.layers, chosen.layers, sizes[:-1], strict=True):
        (made,) = node.feeds
        assert isinstance(made, DensePlan)
        assert node.layer == layer.name
        assert made.source == layer.projections[0].source
        assert node.engine == "event"
        assert node.pixels == 1
        assert node.lanes == made.lanes == min(lanes, inputs)
        assert sorted(k for bank in made.banks for k in bank.positions) == list(
            range(made.positions)
        )
        assert len(made.order) == made.words * made.positions
        assert sorted(k for k in made.order if k >= 0) == list(range(inputs))
        rows = np.concatenate([made.rows(bank) for bank in made.banks])
        assert sorted(rows[rows >= 0].tolist()) == list(range(inputs))
        assert all(bank.ports in (1, 2) for bank in made.banks)
        assert all(bank.positions for bank in made.banks), "a lane without inputs"
        assert made.queue >= made.words
        assert (1 if node is chosen.layers[-1] else 2) <= node.slots <= MAX_SLOTS
        assert node.planes == made.planes == (bits if layer is net.layers[0] else 1)
    # Pixels come in raster order.
    (first,) = chosen.layers[0].feeds
    assert list(first.order[: sizes[0]]) == list(range(sizes[0]))
    port = chosen.input
    assert first.positions == port.pixels_per_beat * chosen.gather
    assert port.pixels_per_beat * port.pixel_bits <= port.tdata_bits
    assert port.tdata_bits % 8 == 0
    assert first.words == -(-port.beats // chosen.gather)


def convolutional(*, channels=2, neurons=4, size=(9, 7), groups=1, bits=1, pool=None) -> Network:
    """A convolution 3×3, perhaps a pool 2×2, and a readout."""
    rng = np.random.default_rng(3)
    conv = Conv2d(
        source="input",
        weights=rng.integers(-3, 4, (neurons, channels // groups, 3, 3)).astype(np.int8),
        weight_bits=3,
        padding=(1, 1),
        groups=groups,
    )
    nodes = [Layer(name="conv", projections=(conv,), thresholds=np.ones(neurons, np.int64))]
    if pool:
        nodes.append(Pool(name="pool", source="conv", kind=pool, kernel=(2, 2), stride=(2, 2)))
        size = (size[0] // 2, size[1] // 2)
    inputs = neurons * size[0] * size[1]
    head = Dense(
        source=nodes[-1].name,
        weights=rng.integers(-3, 4, (3, inputs)).astype(np.int8),
        weight_bits=3,
    )
    nodes.append(Layer(name="readout", projections=(head,)))
    shape = (channels, 9, 7)
    net = Network(input=FrameFormat(shape=shape, bits=bits), layers=tuple(nodes))
    net.check()
    return net


@pytest.mark.parametrize("sampled", [False, True])
@pytest.mark.parametrize("groups", [1, 2, 4])
@pytest.mark.parametrize("lanes", [1, 2, 3, 4, 7])
def test_every_channel_in_one_bank(lanes, groups, sampled):
    net = convolutional(channels=4, groups=groups, bits=2, pool="sum")
    samples = None
    if sampled:
        rng = np.random.default_rng(4)
        samples = {
            "input": rng.integers(0, 4, (6, 4, 9, 7), dtype=np.uint8),
            "conv": rng.integers(0, 2, (6, 4, 9, 7), dtype=np.uint8),
            "pool": rng.integers(0, 5, (6, 4, 4, 3), dtype=np.uint8),
        }
    chosen = plan(net, lanes=lanes, samples=samples)
    conv, pool, readout = chosen.layers
    (feed,) = conv.feeds
    assert isinstance(feed, ConvPlan)
    assert feed.groups == groups
    assert conv.lanes == lanes
    assert feed.lanes * conv.pixels == lanes
    assert all(bank.ports == 1 for bank in feed.banks)
    assert all(bank.positions for bank in feed.banks), "a lane without channels"
    assert sorted(k for bank in feed.banks for k in bank.positions) == list(range(4 // groups))
    rows = np.concatenate([feed.rows(bank) for bank in feed.banks])
    assert sorted(rows.tolist()) == list(range(4 // groups * 9))
    assert (feed.windows.source, feed.windows.channels, feed.windows.size) == ("input", 4, (9, 7))
    assert feed.planes == 2
    assert feed.windows.depth >= feed.windows.least_depth
    assert 2 <= conv.slots <= MAX_SLOTS
    # A sum of four spikes has three bits.
    assert (pool.kind, pool.planes, pool.windows.planes) == ("sum", 3, 1)
    assert pool.windows.source == "conv"
    (head,) = readout.feeds
    assert isinstance(head, DensePlan)
    assert (head.positions, head.planes, head.words) == (4, 3, 12)
    # Pixel by pixel: channel c of pixel p is input c * pixels + p.
    assert list(head.order) == [c * 12 + p for p in range(12) for c in range(4)]
    # A pixel with all channels a beat.
    assert chosen.gather == 1
    assert (chosen.input.channels, chosen.input.pixels_per_beat, chosen.input.beats) == (4, 4, 63)


@pytest.mark.parametrize(
    ("lanes", "value"), [(0, 0), ([15, 1], 15), ([29, 1], 29), ([4, 253], 253)]
)
def test_lanes_that_a_convolution_cannot_have(lanes, value):
    """Two channels and seven columns of windows: fourteen at most, and no prime beyond seven."""
    net = convolutional()
    with pytest.raises(InputError, match=rf"lanes must be 1.*, not {value}"):
        plan(net, lanes=lanes)


@pytest.mark.parametrize(
    ("windows", "pixels", "banks"),
    [(None, 6, 2), (100, 6, 2), (5, 4, 3), (3, 3, 4), (1, 3, 4), ([3, 1], 3, 4), ([6, 1], 6, 2)],
)
def test_lanes_are_spread_over_windows(windows, pixels, banks):
    """Twelve lanes over four channels: at least three windows."""
    net = convolutional(channels=4)
    conv, readout = plan(net, lanes=[12, 4], windows=windows).layers
    assert (conv.pixels, len(conv.feeds[0].banks)) == (pixels, banks)
    assert readout.pixels == 1


@pytest.mark.parametrize(
    ("windows", "message"),
    [
        (0, "windows must be 1 or more, not 0"),
        ([1, 1, 1], r"windows must be one number, or 2, one for each .* \(conv, readout\), not 3"),
        ([5, 1], "layer 'conv': windows must be 3, 4 or 6 where it has 12 lanes, not 5"),
        ([True, 1], "layer 'conv': windows must be 3, 4 or 6 where it has 12 lanes, not True"),
        ([3, 2], "layer 'readout': windows must be 1 where it has 4 lanes, not 2"),
    ],
)
def test_windows_that_cannot_be(windows, message):
    with pytest.raises(InputError, match=message):
        plan(convolutional(channels=4), lanes=[12, 4], windows=windows)


def test_the_parallel_engine_has_one_window():
    chosen = plan(convolutional(), engine="parallel", windows=4)
    assert [node.pixels for node in chosen.layers] == [1, 1]
    with pytest.raises(InputError, match="'conv': windows must be 1 where it has 18 lanes, not 2"):
        plan(convolutional(), engine=["parallel", "event"], windows=[2, 1])


def test_a_number_of_lanes_that_does_not_divide():
    message = (
        "layer 'conv': lanes must be 1…8, 10, 12 or 14 .1…7 columns of its map times .*, not 11"
    )
    with pytest.raises(InputError, match=message):
        plan(convolutional(), lanes=[11, 1])


def test_one_number_for_all_is_the_most_that_a_layer_gets():
    chosen = plan(convolutional(), lanes=11)
    assert [layer.lanes for layer in chosen.layers] == [10, 4]


def test_a_result_wider_than_a_beat_takes_several():
    output = plan(network(10, 100)).output
    assert output.bits > MAX_RESULT_BEAT
    assert output.tdata_bits == MAX_RESULT_BEAT
    assert output.beats == -(-output.bits // MAX_RESULT_BEAT)


def test_scores_are_as_wide_as_the_weights_need():
    """Ten weights of 13 at most 130: two bytes; nine of 14 at most 126: one."""
    wide = s2nn_hw.from_arrays([np.full((2, 10), 13)], [None])
    slim = s2nn_hw.from_arrays([np.full((2, 9), 14)], [None])
    assert plan(wide).output.score_bits == 16
    assert plan(slim).output.score_bits == 8


@pytest.mark.parametrize(
    ("low", "high", "bits"),
    [
        *((0, 0, 1), (-1, 0, 1), (0, 1, 2), (-1, 1, 2), (-2, 1, 2), (-3, 1, 3), (-128, 127, 8)),
        *((-129, 0, 9), (0, 128, 9)),
    ],
)
def test_signed_width(low, high, bits):
    assert signed_width(low, high) == bits
    assert -(2 ** (bits - 1)) <= low
    assert high < 2 ** (bits - 1)
