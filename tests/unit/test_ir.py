"""The integer network: what is accepted, and how what is not is told."""

from __future__ import annotations

import itertools
import json
import pickle
import tempfile
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from safetensors.numpy import save_file
from safetensors.torch import save_file as torch_file

import s2nn_hw
from s2nn_hw.ir import Dense, FrameFormat, InputError, Layer, Network, from_arrays, integers
from s2nn_hw.ir.store import pack, unpack


def random_network(seed: int, sizes: tuple[int, ...], bits: int = 1, top: int = 7) -> Network:
    rng = np.random.default_rng(seed)
    weights = [rng.integers(-top, top, (n, m), endpoint=True) for m, n in itertools.pairwise(sizes)]
    thresholds: list[Any] = [rng.integers(-9, 9, n) for n in sizes[1:-1]]
    return from_arrays(weights, [*thresholds, None], input_bits=bits)


def dense(weights: Any, source: str = "input", bits: int = 4) -> Dense:
    return Dense(source=source, weights=np.array(weights, np.int8), weight_bits=bits)


def network(*layers: Layer, shape: tuple[int, ...] = (2,), **kwargs: Any) -> Network:
    return Network(input=FrameFormat(shape=shape, **kwargs), layers=layers)


READOUT = Layer(name="readout", projections=(dense([[1, -1]]),), thresholds=None)


@pytest.mark.parametrize(
    "sizes",
    [(1, 1), (3, 1), (1, 5, 2), (7,) * 11, (784, 5, 10)],
    ids=str,
)
@pytest.mark.parametrize("bits", [1, 3, 8])
def test_a_file_holds_all_of_a_network(tmp_path: Path, sizes: tuple[int, ...], bits: int) -> None:
    before = random_network(1, sizes, bits)
    s2nn_hw.save(before, tmp_path / "model.s2nn")
    after = s2nn_hw.load(tmp_path / "model.s2nn")
    assert after.digest() == before.digest()
    assert after.input == before.input
    for a, b in zip(after.layers, before.layers, strict=True):
        assert a.name == b.name
        np.testing.assert_array_equal(a.projections[0].weights, b.projections[0].weights)
        if b.thresholds is None:
            assert a.thresholds is None
        else:
            np.testing.assert_array_equal(a.thresholds, b.thresholds)


def test_a_file_holds_calibration_cuts_and_provenance(tmp_path: Path) -> None:
    frames = np.arange(3 * 2 * 5, dtype=np.uint8).reshape(3, 2, 5) % 4
    before = Network(
        input=FrameFormat(shape=(2, 5), bits=2, cuts=(10, 20, 200)),
        layers=(Layer(name="out", projections=(dense([[1] * 10]),), thresholds=None),),
        calibration=frames,
        provenance={"seed": 7, "accuracy": 0.5},
    )
    s2nn_hw.save(before, tmp_path / "m")
    after = s2nn_hw.load(tmp_path / "m")
    np.testing.assert_array_equal(after.calibration, frames)
    assert after.input.cuts == (10, 20, 200)
    assert after.provenance == {"seed": 7, "accuracy": 0.5}


def test_the_digest_is_of_what_decides_a_result() -> None:
    base = from_arrays([[[1, 2]], [[1]]], [[0], None])
    same = from_arrays([[[1, 2]], [[1]]], [[0], None])
    assert base.digest() == same.digest()
    others = [
        from_arrays([[[1, 3]], [[1]]], [[0], None]),
        from_arrays([[[1, 2]], [[1]]], [[1], None]),
        from_arrays([[[1, 2]], [[1]]], [[0], None], input_bits=2),
        from_arrays([[[1, 2]], [[1]]], [[0], None], weight_bits=5),
    ]
    assert len({base.digest(), *(other.digest() for other in others)}) == 5


@given(st.integers(1, 8), st.integers(1, 20), st.integers(1, 5), st.integers(0, 2**32 - 1))
def test_packing_loses_nothing(bits: int, size: int, count: int, seed: int) -> None:
    frames = np.random.default_rng(seed).integers(0, 2**bits, (count, size), dtype=np.uint8)
    packed = pack(frames, bits)
    assert packed.shape == (count, bits, -(-size // 8))
    np.testing.assert_array_equal(unpack(packed, bits, (count, size)), frames)


@given(st.lists(st.integers(-127, 127), min_size=1, max_size=9))
def test_the_least_weight_width(weights: list[int]) -> None:
    (projection,) = from_arrays([[weights]], [None]).layers[0].projections
    bits = projection.weight_bits
    if set(weights) <= {-1, 1}:
        assert bits == 1
    else:
        top = max(map(abs, weights))
        assert top <= 2 ** (bits - 1) - 1
        assert bits == 2 or top > 2 ** (bits - 2) - 1


@given(
    st.lists(st.lists(st.integers(-7, 7), min_size=3, max_size=3), min_size=1, max_size=4),
    st.integers(1, 3),
)
def test_the_potential_range_is_the_reachable_one(rows: list[list[int]], bits: int) -> None:
    net = from_arrays([rows], [None], input_bits=bits)
    low, high = net.potential_range(net.layers[0])
    top = 2**bits - 1
    corners = np.array([[(k >> i & 1) * top for i in range(3)] for k in range(8)])
    sums = corners @ np.array(rows).T
    np.testing.assert_array_equal(low, sums.min(axis=0))
    np.testing.assert_array_equal(high, sums.max(axis=0))


def test_a_raw_pixel_becomes_the_cuts_it_reaches() -> None:
    frame = FrameFormat(shape=(5,), bits=2, cuts=(1, 100, 200))
    np.testing.assert_array_equal(frame.quantise([[0, 1, 99, 100, 255]]), [[0, 1, 1, 2, 3]])


@pytest.mark.parametrize("bits", [4, np.int64(4), [4], (np.uint8(4),), np.array([4])])
def test_numpys_integers_are_integers(bits: Any) -> None:
    net = from_arrays([[[1, 2]]], [None], input_bits=np.int64(2), weight_bits=bits)  # type: ignore[arg-type]
    assert net.digest() == from_arrays([[[1, 2]]], [None], input_bits=2, weight_bits=4).digest()


def test_whole_floats_are_integers() -> None:
    np.testing.assert_array_equal(integers([1.0, -2.0], "x"), [1, -2])


LAYER = "layer 'hidden1': "
WRONG: dict[str, tuple[Callable[[], Any], str]] = {
    "no layers": (
        lambda: from_arrays([], []),
        "weights and thresholds must be of the same length, at least 1, not 0 and 0",
    ),
    "lengths": (lambda: from_arrays([[[1]]], []), "same length, at least 1, not 1 and 0"),
    "widths": (
        lambda: from_arrays([[[1]]], [None], weight_bits=[1, 2]),
        "weight_bits must be 1 widths, not 2",
    ),
    "flat": (
        lambda: from_arrays([[1]], [None]),
        r"layer 'readout': weights must have shape \(out, in\), both at least 1, not \(1,\)",
    ),
    "empty": (lambda: from_arrays([np.zeros((0, 3))], [None]), "both at least 1"),
    "nan": (
        lambda: from_arrays([[[np.nan]]], [None]),
        "layer 'readout': weights must be integers, not nan",
    ),
    "infinite": (
        lambda: from_arrays([[[1]], [[1]]], [[np.inf], None]),
        LAYER + "thresholds must be integers, not inf",
    ),
    "fraction": (lambda: from_arrays([[[0.5]]], [None]), "weights must be integers, not 0.5"),
    "complex": (lambda: from_arrays([[[1j]]], [None]), "must be integers, not complex128"),
    "huge float": (lambda: from_arrays([[[1e30]]], [None]), "must be integers, not 1e\\+30"),
    "huge int": (lambda: integers(np.array([2**64 - 1], np.uint64), "x"), "x must fit 64 bits"),
    "huge weight": (
        lambda: from_arrays([[[2**70, -1]]], [None]),
        f"layer 'readout': weights must fit 64 bits, not {2**70} in magnitude",
    ),
    "huge threshold": (
        lambda: from_arrays([[[1]], [[1]]], [[-(2**70)], None]),
        LAYER + f"thresholds must fit 64 bits, not {2**70} in magnitude",
    ),
    "nine bits": (
        lambda: from_arrays([[[-128]]], [None]),
        r"weights must fit 8 bits \(-127…127\), not 128 in magnitude",
    ),
    "beyond the width": (
        lambda: from_arrays([[[1, 3]]], [None], weight_bits=2),
        r"a 2-bit weight must be -1…1, not 3 \(neuron 0, input 1\)",
    ),
    "zero in one bit": (
        lambda: from_arrays([[[1], [0]]], [None], weight_bits=1),
        r"a 1-bit weight must be -1 or \+1, not 0 \(neuron 1, input 0\)",
    ),
    "weight bits": (
        lambda: from_arrays([[[1]]], [None], weight_bits=9),
        "weight bits must be 1…8, not 9",
    ),
    "fractional weight bits": (
        lambda: from_arrays([[[1]]], [None], weight_bits=2.5),  # type: ignore[arg-type]
        "weight_bits must be an integer, not 2.5",
    ),
    "text for weight bits": (
        lambda: from_arrays([[[1]]], [None], weight_bits="4"),  # type: ignore[arg-type]
        "weight_bits must be an integer, not '4'",
    ),
    "a fraction among the weight bits": (
        lambda: from_arrays([[[1]]], [None], weight_bits=[2.5]),  # type: ignore[list-item]
        "weight_bits must be an integer, not 2.5",
    ),
    "a truth value for weight bits": (
        lambda: from_arrays([[[1]]], [None], weight_bits=True),
        "weight_bits must be an integer, not True",
    ),
    "ragged weights": (
        lambda: from_arrays([[[1, 2], [3]]], [None]),  # type: ignore[list-item]
        "layer 'readout': weights must be an array, whose rows are of one length",
    ),
    "ragged images": (
        lambda: FrameFormat(shape=(2,)).frames([[1, 0], [1]]),  # type: ignore[arg-type]
        "images must be an array, whose rows are of one length",
    ),
    "threshold count": (
        lambda: from_arrays([[[1]], [[1]]], [[1, 2], None]),
        LAYER + r"thresholds must be 1 integers, not int64 of shape \(2,\)",
    ),
    "hidden without thresholds": (
        lambda: from_arrays([[[1]], [[1]]], [None, None]),
        LAYER + "a hidden layer must have thresholds",
    ),
    "readout with thresholds": (
        lambda: from_arrays([[[1]]], [[0]]),
        "layer 'readout': the last layer is read out and must have no thresholds",
    ),
    "sizes": (
        lambda: from_arrays([[[1]], [[1, 1]]], [[0], None]),
        "layer 'readout': weights must have 1 inputs as 'hidden1' has, not 2",
    ),
    "input bits": (
        lambda: from_arrays([[[1]]], [None], input_bits=9),
        "input bits must be 1…8, not 9",
    ),
    "fractional input bits": (
        lambda: from_arrays([[[1]]], [None], input_bits=1.5),  # type: ignore[arg-type]
        "input_bits must be an integer, not 1.5",
    ),
    "input shape": (
        lambda: network(READOUT, shape=(0, 2)).check(),
        r"input shape must be positive integers, not \(0, 2\)",
    ),
    "number of cuts": (
        lambda: network(READOUT, bits=2, cuts=(1,)).check(),
        "2-bit input must have 3 cuts, not 1",
    ),
    "order of cuts": (
        lambda: network(READOUT, bits=2, cuts=(1, 3, 3)).check(),
        r"cuts must increase, not \[1, 3, 3\]",
    ),
    "no layer": (lambda: network().check(), "at least one layer, not none"),
    "name": (
        lambda: network(
            Layer(name="a b", projections=READOUT.projections, thresholds=None)
        ).check(),
        "layer 'a b': a name must be a letter",
    ),
    "name of the input": (
        lambda: network(
            Layer(name="input", projections=READOUT.projections, thresholds=None)
        ).check(),
        "layer 'input': the name is taken",
    ),
    "names alike": (
        lambda: network(
            Layer(name="a", projections=(dense([[1, 1]]),), thresholds=np.array([1])),
            Layer(name="A", projections=(dense([[1]], "a"),), thresholds=None),
        ).check(),
        "layer 'A': differs from 'a' in case alone",
    ),
    "source type": (
        lambda: network(
            Layer(name="a", projections=(dense([[1]], ["input"]),), thresholds=None)
        ).check(),
        r"layer 'a': source must be a name, not \['input'\]",
    ),
    "input type": (
        lambda: Network(input=(1, 2), layers=(READOUT,)).check(),  # type: ignore[arg-type]
        "a network's input must be a FrameFormat, not tuple",
    ),
    "no projection": (
        lambda: network(Layer(name="a", projections=(), thresholds=None)).check(),
        "layer 'a': must have at least one projection",
    ),
    "source": (
        lambda: network(
            Layer(name="a", projections=(dense([[1]], "later"),), thresholds=None)
        ).check(),
        "layer 'a': source must be 'input' or an earlier layer, not 'later'",
    ),
    "neurons": (
        lambda: network(
            Layer(
                name="a",
                projections=(dense([[1, 1]]), dense([[1, 1], [1, 1]])),
                thresholds=None,
            )
        ).check(),
        "every projection must give the shape \\(1,\\), not \\(2,\\)",
    ),
    "dense shape": (
        lambda: network(Layer(name="a", projections=(dense([]),), thresholds=None)).check(),
        r"weights must have shape \(neuron, input\)",
    ),
    "float weights": (
        lambda: network(
            Layer(
                name="a",
                projections=(
                    Dense(source="input", weights=np.ones((1, 2)), weight_bits=2),  # type: ignore[arg-type]
                ),
                thresholds=None,
            )
        ).check(),
        "layer 'a': weights must be integers, not float64",
    ),
    "calibration": (
        lambda: Network(
            input=FrameFormat(shape=(2,)),
            layers=(READOUT,),
            calibration=np.array([[0, 2]], np.uint8),
        ).check(),
        "a pixel must be 0…1",
    ),
    "activity of none": (
        lambda: Network(input=FrameFormat(shape=(2,)), layers=(READOUT,), activity=None).check(),  # type: ignore[arg-type]
        "the activity must be a dict of arrays, not None",
    ),
    "provenance": (
        lambda: Network(
            input=FrameFormat(shape=(2,)), layers=(READOUT,), provenance={"by": object()}
        ).check(),
        "the provenance must be JSON",
    ),
    "empty set": (lambda: FrameFormat(shape=(2,)).frames(np.zeros((0, 2), int)), "at least one"),
    "image shape": (
        lambda: FrameFormat(shape=(2,)).frames(np.zeros((1, 3), int)),
        r"an image must have shape \(2,\) \(2 pixels\), not \(3,\)",
    ),
    "image alone": (
        lambda: FrameFormat(shape=(1, 2, 3)).frames(np.zeros((2, 3), int)),
        r"images must have shape \(n, 1, 2, 3\), not \(2, 3\), which is one image",
    ),
    "pixel type": (lambda: FrameFormat(shape=(1,)).frames([[0.0]]), "integers, not float64"),
    "pixel below": (lambda: FrameFormat(shape=(1,)).frames([[-1]]), r"0…1 \(1 bits\), not -1"),
    "pixel above": (lambda: FrameFormat(shape=(1,), bits=3).frames([[8]]), "0…7 .*, not 8"),
    "no cuts": (lambda: FrameFormat(shape=(1,)).quantise([[1]]), "has no input cuts"),
}


@pytest.mark.parametrize("name", WRONG)
def test_what_is_wrong_is_named(name: str) -> None:
    build, message = WRONG[name]
    with pytest.raises(InputError, match=message):
        build()


@pytest.fixture
def model(tmp_path: Path) -> Path:
    path = tmp_path / "model.s2nn"
    s2nn_hw.save(random_network(3, (16, 8, 4)), path)
    return path


def test_every_truncation_is_told(model: Path) -> None:
    whole = model.read_bytes()
    for length in {0, 1, 7, 8, 9, 100, len(whole) // 2, len(whole) - 1}:
        model.write_bytes(whole[:length])
        with pytest.raises(InputError, match=r"model\.s2nn: not a whole s2nn model file"):
            s2nn_hw.load(model)


@given(st.integers(0, 10**6), st.integers(1, 255))
def test_no_changed_byte_gives_another_network(position: int, change: int) -> None:
    """Whatever byte changes, the file is refused in one sentence or means the same."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.s2nn"
        before = random_network(3, (16, 8, 4))
        s2nn_hw.save(before, path)
        data = bytearray(path.read_bytes())
        data[position % len(data)] ^= change
        path.write_bytes(data)
        after = None
        with suppress(InputError):
            after = s2nn_hw.load(path)
        assert after is None or after.digest() == before.digest()


def test_a_changed_weight_is_told(model: Path) -> None:
    data = bytearray(model.read_bytes())
    data[-1] ^= 1
    model.write_bytes(data)
    with pytest.raises(InputError, match="the digest does not match"):
        s2nn_hw.load(model)


def test_other_files_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "m.s2nn"
    with pytest.raises(InputError, match=r"m\.s2nn: no such model file"):
        s2nn_hw.load(path)
    with pytest.raises(InputError, match="no such model file"):
        s2nn_hw.load(tmp_path)
    save_file({"w": np.zeros(3)}, path)
    with pytest.raises(InputError, match="not an s2nn model"):
        s2nn_hw.load(path)
    path.write_text("hello")
    with pytest.raises(InputError, match="not a whole s2nn model file"):
        s2nn_hw.load(path)


class Bomb:
    """Fails the test if anybody unpickles it."""

    def __reduce__(self) -> Any:
        return pytest.fail, ("a pickle was loaded",)


def test_a_pickle_is_never_loaded(tmp_path: Path) -> None:
    path = tmp_path / "m.s2nn"
    path.write_bytes(pickle.dumps(Bomb()))
    with pytest.raises(InputError, match="not a whole s2nn model file"):
        s2nn_hw.load(path)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"version": 99}, "model version must be one of 1, 2, 3, 4, not 99"),
        ({"layers": 3}, "malformed model: the structure holds a value of the wrong kind$"),
        ({"layers": [3]}, "malformed model: layer 0 holds a value of the wrong kind$"),
        ({"layers": [{"name": "a"}]}, "malformed model: layer 0 lacks 'projections'$"),
        ({"input": {}}, "malformed model: the input lacks 'shape'$"),
        ({"input": 3}, "malformed model: the input holds a value of the wrong kind$"),
        ({"input": {"shape": [16], "bits": "x", "cuts": []}}, "input bits must be 1…8, not 'x'$"),
        (
            {"input": {"shape": [16], "bits": 1, "cuts": ["x"]}},
            r"cuts must be integers, not \['x'\]",
        ),
        ({"calibration": 3}, "malformed model: the calibration lacks 'calibration'$"),
        (
            {"layers": [{"name": "a", "projections": [{"kind": "lstm"}]}]},
            "layer 'a': unknown projection 'lstm'",
        ),
        (
            {"layers": [{"name": "a", "projections": [{"kind": "dense", "bias": 1}]}]},
            "layer 'a': a dense has no 'bias'",
        ),
    ],
)
def test_a_malformed_structure_is_told(
    tmp_path: Path, change: dict[str, Any], message: str
) -> None:
    structure = {
        "version": 1,
        "input": {"shape": [16], "bits": 1, "cuts": []},
        "layers": [],
        "provenance": {},
        "digest": "",
    }
    path = tmp_path / "m.s2nn"
    metadata = {"s2nn": json.dumps({**structure, **change})}
    save_file({"w": np.zeros(3, np.int8)}, path, metadata=metadata)
    with pytest.raises(InputError, match=message) as caught:
        s2nn_hw.load(path)
    assert str(path) in str(caught.value)


def test_numbers_of_other_kinds_are_told(tmp_path: Path) -> None:
    path = tmp_path / "m.s2nn"
    torch_file({"w": torch.zeros(3, dtype=torch.bfloat16)}, path, {"s2nn": "{}"})
    with pytest.raises(
        InputError, match=r"m\.s2nn: malformed model: tensor 'w' must be of integers"
    ):
        s2nn_hw.load(path)


def test_deep_nesting_is_told(tmp_path: Path) -> None:
    path = tmp_path / "m.s2nn"
    save_file({"w": np.zeros(3)}, path, metadata={"s2nn": "[" * 10**6})
    with pytest.raises(InputError, match=r"m\.s2nn: malformed model: .* nested too deep"):
        s2nn_hw.load(path)


def test_saving_keeps_the_old_file_or_writes_the_new(tmp_path: Path, model: Path) -> None:
    wrong = network(Layer(name="a", projections=(), thresholds=None))
    before = model.read_bytes()
    with pytest.raises(InputError):
        s2nn_hw.save(wrong, model)
    assert model.read_bytes() == before
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="cannot be written"):
        s2nn_hw.save(random_network(0, (1, 1)), tmp_path / "file" / "m.s2nn")
    with pytest.raises(InputError, match=f"^{tmp_path}: cannot be written: "):
        s2nn_hw.save(random_network(0, (1, 1)), tmp_path)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["file", "model.s2nn"]


def test_images_with_channels_last_are_refused():
    network = FrameFormat(shape=(3, 4, 4), bits=8)
    frames = np.arange(2 * 48, dtype=np.uint8).reshape(2, 3, 4, 4)
    assert (network.frames(frames.reshape(2, 48)) == frames).all()
    with pytest.raises(InputError, match=r"must have shape \(3, 4, 4\) .* not \(4, 4, 3\)"):
        network.frames(frames.transpose(0, 2, 3, 1))
    grey = FrameFormat(shape=(1, 4, 4), bits=8)
    for shape in ((2, 4, 4), (2, 4, 4, 1), (2, 16), (2, 1, 4, 4)):
        assert grey.frames(frames[:, 0].reshape(shape)).shape == (2, 1, 4, 4)
    with pytest.raises(InputError, match=r"not \(2, 8\)"):
        grey.frames(frames[:, 0].reshape(2, 2, 8))
