"""Maps in training: convolutions, pools, shortcuts, architectures, twins."""

import itertools

import numpy as np
import pytest
import torch
from torch import nn

from s2nn_hw import golden, ir
from s2nn_hw.ir import FrameFormat, InputError
from s2nn_hw.nn import Conv2d, Convnet, Dense, Mlp, Pool, Readout, SpikingLayer, Twin
from s2nn_hw.nn.architecture import Conv, Pooling, Residual, Width, parse
from s2nn_hw.nn.fit import Schedule, fit


def by_hand(x, k, stride, padding, groups):
    """A convolution as its definition reads."""
    n, _, height, width = x.shape
    neurons, each, kh, kw = k.shape
    h = (height + 2 * padding - kh) // stride + 1
    w = (width + 2 * padding - kw) // stride + 1
    out = np.zeros((n, neurons, h, w), int)
    for b, j, y, z in itertools.product(range(n), range(neurons), range(h), range(w)):
        first = j // (neurons // groups) * each
        for c, dy, dx in itertools.product(range(each), range(kh), range(kw)):
            iy, ix = y * stride + dy - padding, z * stride + dx - padding
            if 0 <= iy < height and 0 <= ix < width:
                out[b, j, y, z] += k[j, c, dy, dx] * x[b, first + c, iy, ix]
    return out


@pytest.mark.parametrize(
    ("channels", "neurons", "kernel", "stride", "padding", "groups"),
    [(2, 3, 3, 1, 1, 1), (4, 4, 2, 2, 0, 2), (3, 3, (3, 2), 1, 1, 3), (2, 4, 1, 3, 0, 1)],
)
def test_the_potential_is_the_sum_by_hand(channels, neurons, kernel, stride, padding, groups):
    torch.manual_seed(0)
    conv = Conv2d(
        channels, neurons, kernel, stride=stride, padding=padding, groups=groups, weight_bits=8
    )
    x = np.random.default_rng(0).integers(0, 256, (2, channels, 5, 4))
    scale = torch.full((neurons,), 1e-3)
    u = conv.potential(torch.from_numpy(x).float(), scale)
    k = conv.integers(scale).numpy().astype(int)
    assert u.dtype == torch.float64
    assert np.abs(k).max() == 127
    assert (u.numpy() == by_hand(x, k, stride, padding, groups)).all()


@pytest.mark.parametrize("kind", ["or", "sum"])
@pytest.mark.parametrize(("kernel", "stride", "padding"), [(2, None, 0), (3, 1, 2), ((1, 4), 2, 0)])
def test_pools_are_those_of_the_integer_network(kind, kernel, stride, padding):
    pool = Pool(kind, kernel, stride=stride, padding=padding)
    frames = np.random.default_rng(0).integers(0, 2, (6, 2, 5, 6), dtype=np.uint8)
    node = pool.node("pool", "input")
    size = int(np.prod(node.output_shape((2, 5, 6), 1)))
    network = ir.Network(
        input=FrameFormat(shape=(2, 5, 6)),
        layers=(
            node,
            ir.Layer(
                name="readout",
                projections=(
                    ir.Dense(source="pool", weights=np.ones((1, size), np.int8), weight_bits=1),
                ),
            ),
        ),
    )
    expected = golden.run(network, frames).pools["pool"]
    assert (pool(torch.from_numpy(frames).float()).numpy() == expected).all()


def test_all_projections_share_the_scale_of_the_first():
    torch.manual_seed(0)
    main, shortcut = Conv2d(4, 4, 3, padding=1), Conv2d(4, 4, 1, source="input")
    nn.init.constant_(shortcut.weight, 5.0)
    identity = Conv2d.identity(4, source="input")
    layer = SpikingLayer([main, shortcut, identity])
    alone = SpikingLayer([main])
    assert (layer.scale == alone.scale).all()
    # Nothing starts where the scale cannot follow it.
    assert (shortcut.integers(layer.scale.detach()) == 7).all()
    torch.testing.assert_close(
        shortcut.weight, (7 * layer.scale)[:, None, None, None].expand(4, 4, 1, 1)
    )
    assert identity.weight_bits == 8
    assert (identity.weight == 0.5).all()
    x = torch.randint(0, 2, (3, 4, 5, 5)).float()
    u = identity.potential(x, layer.scale)
    assert (u == x * identity.integers(layer.scale.detach()).reshape(4, 1, 1)).all()


def test_gradients_reach_every_parameter():
    net = Convnet(FrameFormat(shape=(2, 8, 8), bits=2), "4C3-P2-R4-R6s2-A2-G-9-3")
    net(torch.randint(0, 4, (5, 2, 8, 8))).square().sum().backward()
    for name, parameter in net.named_parameters():
        assert parameter.grad is not None, name
        assert parameter.grad.abs().sum() > 0, name


def test_fit_takes_the_statistics_of_maps_anew():
    net = Convnet(FrameFormat(shape=(1, 6, 6), bits=1, cuts=(128,)), "4C3-P2-2")
    images = torch.randint(0, 256, (40, 1, 6, 6), dtype=torch.uint8)
    labels = (images[:, 0, 0, 0] > 127).long()
    fit(net, images, labels, Schedule(epochs=1, batch=8), generator=torch.Generator())
    layer = net.layers["conv1"]
    z = layer.projections[0](net.encode(images).float(), layer.scale)
    torch.testing.assert_close(layer.norm.running_mean, z.mean(dim=(0, 2, 3)))
    assert not net.training


def test_encoding_is_that_of_the_frames():
    net = Convnet(FrameFormat(shape=(1, 2, 2), bits=2, cuts=(3, 90, 255)), "2C1-2")
    raw = np.array([0, 2, 3, 89, 90, 254, 255, 128], np.uint8).reshape(2, 1, 2, 2)
    expected = net.input.quantise(raw)
    for given in (torch.from_numpy(raw), torch.from_numpy(raw).float()):
        assert (net.encode(given).numpy() == expected).all()


def test_a_twin_is_the_graph_with_relu_and_means():
    torch.manual_seed(0)
    net = Convnet(FrameFormat(shape=(2, 8, 8), bits=2), "4C3g2-P2-R4-R6s2-A2-9-3", dropout=0.0)
    twin = Twin(net, 255).eval()
    raw = torch.randint(0, 256, (5, 2, 8, 8), dtype=torch.uint8)
    assert [p.shape for p in twin.parameters() if p.dim() > 1] == [
        p.shape for p in net.parameters() if p.dim() > 1
    ]
    twin.train()(twin.encode(raw)).sum().backward()
    twin.eval()
    layers = twin.layers
    x = raw / 255
    conv = torch.relu(layers["conv1"].norm(layers["conv1"].projections[0](x)))
    pooled = nn.functional.max_pool2d(conv, 2)
    a, b = layers["res1a"], layers["res1b"]
    inner = torch.relu(a.norm(a.projections[0](pooled)))
    joined = torch.relu(b.norm(b.projections[0](inner) + b.projections[1](pooled)))
    a, b = layers["res2a"], layers["res2b"]
    inner = torch.relu(a.norm(a.projections[0](joined)))
    last = torch.relu(b.norm(b.projections[0](inner) + b.projections[1](joined)))
    mean = nn.functional.avg_pool2d(last, 2).flatten(1)
    hidden = torch.relu(layers["hidden1"].norm(layers["hidden1"].projections[0](mean)))
    expected = layers["readout"].projections[0](hidden)
    torch.testing.assert_close(twin(twin.encode(raw)), expected)


def test_architectures_are_read_as_the_field_writes_them():
    def conv(neurons, kernel, stride=1, padding=None, groups=1):
        padding = (kernel - 1) // 2 if padding is None else padding
        return Conv(neurons=neurons, kernel=kernel, stride=stride, padding=padding, groups=groups)

    text = "32C3-64C5s2-DW3-4C3g4p0-P2-A3s2-G-R8-R16s2-128-10"
    parts, steps = zip(*parse(text), strict=True)
    assert parts == tuple(text.split("-"))
    assert steps == (
        conv(32, 3), conv(64, 5, 2), conv(None, 3), conv(4, 3, 1, 0, 4),
        Pooling(kind="or", kernel=2, stride=2), Pooling(kind="sum", kernel=3, stride=2),
        Pooling(kind="sum", kernel=None, stride=None), Residual(neurons=8, stride=1),
        Residual(neurons=16, stride=2), Width(neurons=128), Width(neurons=10),
    )  # fmt: skip


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("32C3-P2", "must end in the number of classes, not '32C3-P2'"),
        ("", "the architecture must have no empty part"),
        ("4C3--10", "the architecture must have no empty part"),
        ("４C3-10", "'４C3' in the architecture is none of"),
        ("4C3-１0", "'１0' in the architecture is none of"),
        ("32X3-10", "'32X3' in the architecture is none of"),
        ("0-10", "'0' in the architecture is none of"),
        ("32C3s1s2-10", "'32C3s1s2' in the architecture"),
        ("DW3g2-10", "'DW3g2' in the architecture"),
        ("32c3-10", "'32c3' in the architecture"),
        (
            "3C8-10",
            "'3C8' in the architecture: a convolution: the kernel must be two integers of 1…7, "
            "not (8, 8)",
        ),
        ("3C0-10", "the kernel must be two integers of 1 or more, not (0, 0)"),
        ("0C3-10", "'0C3' in the architecture: neurons of a convolution must be 1 or more, not 0"),
        ("3C3s0-10", "the stride must be two integers of 1…32768, not (0, 0)"),
        ("4C3g3-10", "groups must divide the 1 channels and 4 neurons"),
        ("99999999C3-99999999C3-10", "899,999,991 weights of a layer are more than the"),
        ("P0-10", "'P0' in the architecture: a pool: the kernel must be two integers of 1 or more"),
        (
            "P9-10",
            "'P9' in the architecture: layer 'pool1': the kernel (9, 9) must fit into the padded "
            "map (8, 8)",
        ),
        (
            "A2-P2-10",
            "'P2' in the architecture: layer 'pool2': max-pooling must be of spikes, but 'pool1' "
            "has values up to 4",
        ),
        ("16-4C3-10", "'4C3' in the architecture: a conv must come before the first dense layer"),
        ("16-G-10", "'G' in the architecture: a pooling must come before the first dense layer"),
        ("16-R8-10", "'R8' in the architecture: a residual must come before the first dense layer"),
        ("32-10", "must begin with the 64 inputs where it is of dense layers alone, not 32"),
    ],
)
def test_architectures_that_cannot_be_built_are_refused(text, message):
    with pytest.raises(InputError) as caught:
        Convnet(FrameFormat(shape=(1, 8, 8)), text)
    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("text", "widths"),
    [
        ("64-32-16-10", [(64, 32), (32, 16), (16, 10)]),
        ("64-64-10", [(64, 64), (64, 10)]),
        ("064-10", [(64, 10)]),
        ("10", [(64, 10)]),
        ("2C3p0-5-10", [(1, 2), (72, 5), (5, 10)]),
    ],
)
def test_numbers_alone_begin_with_the_inputs(text, widths):
    net = Convnet(FrameFormat(shape=(1, 8, 8)), text)
    weights = [layer.projections[0].weight for layer in net.layers.values()]
    assert [(w.shape[1], len(w)) for w in weights] == widths


def test_weight_bits_of_the_first_and_the_last_layer():
    net = Convnet(
        FrameFormat(shape=(1, 8, 8)), "4C3-R4-R8s2-3", weight_bits=2, first_weight_bits=8,
        last_weight_bits=5,
    )  # fmt: skip
    bits = {name: [p.weight_bits for p in layer.projections] for name, layer in net.layers.items()}
    assert bits == {
        "conv1": [8], "res1a": [2], "res1b": [2, 8], "res2a": [2], "res2b": [2, 2], "readout": [5]
    }  # fmt: skip


def test_the_first_layer_is_the_first_with_weights():
    bits = {"weight_bits": 2, "first_weight_bits": 8, "last_weight_bits": 3}
    net = Convnet(FrameFormat(shape=(1, 8, 8)), "P2-4C3-4C3-3", **bits)
    found = [y.projections[0].weight_bits for y in net.layers.values() if not isinstance(y, Pool)]
    assert found == [8, 2, 3]
    for hidden, expected in (((), [3]), ((5,), [8, 3]), ((5, 5), [8, 2, 3])):
        mlp = Mlp(FrameFormat(shape=(4,)), hidden, 2, **bits)
        assert [y.projections[0].weight_bits for y in mlp.layers.values()] == expected


def test_malformed_layers_are_refused():
    with pytest.raises(InputError, match="must all be dense, or all convolutions"):
        SpikingLayer([Conv2d(1, 2, 3), Dense(4, 2)])
    with pytest.raises(InputError, match="groups must divide the 3 channels and 4 neurons"):
        Conv2d(3, 4, 3, groups=2)
    with pytest.raises(InputError, match="padding must be less than the kernel"):
        Conv2d(3, 4, 3, padding=3)
    with pytest.raises(InputError, match="a pool: the kind must be one of or, sum, not 'max'"):
        Pool("max", 2)
    with pytest.raises(InputError, match="must have input C×H×W, not"):
        Convnet(FrameFormat(shape=(9,)), "3")
    assert not Readout([Dense(4, 2)]).is_map
