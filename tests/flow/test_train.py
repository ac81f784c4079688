"""Training from data to folder, on a small set that the test makes."""

import dataclasses
import json
import sys

import numpy as np
import pytest
import torch

from s2nn_hw import golden, load
from s2nn_hw.datasets import Dataset
from s2nn_hw.flow.train import train
from s2nn_hw.ir import InputError
from s2nn_hw.lowering import lower
from s2nn_hw.nn import SURROGATES


def strokes(seed=0, train=300, test=100):
    """Four classes: a bright bar at one of four places of a noisy 6×6 image."""
    rng = np.random.default_rng(seed)

    def part(n):
        labels = rng.integers(0, 4, n, dtype=np.uint8)
        images = rng.integers(0, 110, (n, 1, 6, 6), dtype=np.uint8)
        for image, label in zip(images, labels, strict=True):
            image[0, :, label + 1] = rng.integers(100, 256, 6)
        return images, labels

    (a, b), (c, d) = part(train), part(test)
    return Dataset(
        name="strokes", maximum=255, train_images=a, train_labels=b, test_images=c, test_labels=d
    )


QUICK = {"epochs": 6, "batch": 32, "augment": 0.0, "hidden": (16,)}


@pytest.mark.parametrize(
    ("weight_bits", "input_bits", "hidden"),
    [(1, 1, (24,)), (2, 1, (16,)), (3, 2, (16, 9)), (4, 4, (16,)), (8, 8, (16,)), (4, 1, ())],
)
def test_training_learns_lowers_and_agrees(tmp_path, weight_bits, input_bits, hidden):
    data = strokes()
    result = train(
        data,
        tmp_path / "out",
        **QUICK | {"hidden": hidden, "epochs": 12},
        weight_bits=weight_bits,
        input_bits=input_bits,
        seed=1,
    )
    assert result.accuracy > 0.85
    network = load(tmp_path / "out" / "model.s2nn")
    assert network.digest() == result.digest
    assert network.input.bits == input_bits
    assert network.input.shape == (1, 6, 6)
    assert [layer.neurons for layer in network.layers] == [*hidden, 4]
    assert all(p.weight_bits == weight_bits for y in network.layers for p in y.projections)
    trace = golden.run(network, network.input.quantise(data.test_images))
    assert (trace.classes == data.test_labels).mean() == result.accuracy


def test_the_folder_holds_model_images_log_and_command(tmp_path):
    data = strokes()
    out = tmp_path / "a" / "out"
    seen = []
    result = train(data, out, **QUICK, progress=lambda *step: seen.append(step))
    assert {p.name for p in out.iterdir() if not p.name.startswith(".")} == set(result.files)
    assert seen[:2] == [("train", 1, 6), ("train", 2, 6)]
    with np.load(out / "images.npz", allow_pickle=False) as packed:
        assert (packed["images"] == data.test_images).all()
        assert (packed["labels"] == data.test_labels).all()
    log = json.loads((out / "train.json").read_text())
    assert [entry["epoch"] for entry in log["epochs"]] == [1, 2, 3, 4, 5, 6]
    assert log["accuracy"] == result.accuracy
    assert log["data_digest"] == data.digest()
    assert log["options"]["hidden"] == [16]
    network = load(out / "model.s2nn")
    assert network.provenance == {key: log[key] for key in log if key != "epochs"}
    assert network.calibration.shape == (300, 1, 6, 6)
    train_frames = network.input.quantise(data.train_images)
    assert (network.calibration == train_frames).all()
    script = (out / "train.sh").read_text()
    assert log["command"] in script
    assert str(tmp_path) not in script + (out / "train.json").read_text()


def test_the_same_seed_gives_the_same_bytes(tmp_path):
    options = QUICK | {"augment": 1.0, "dropout": 0.1}
    torch.manual_seed(5)  # of no matter
    for name, seed in (("a", 3), ("b", 3), ("c", 4)):
        train(strokes(), tmp_path / name, **options, seed=seed)
    files = {name: {p.name: p.read_bytes() for p in (tmp_path / name).iterdir()} for name in "abc"}
    assert files["a"] == files["b"]
    assert files["a"]["model.s2nn"] != files["c"]["model.s2nn"]


def test_the_test_set_does_not_decide_the_network(tmp_path):
    one, other = strokes(), strokes(seed=9)
    mixed = dataclasses.replace(one, test_images=other.test_images, test_labels=other.test_labels)
    assert (
        train(one, tmp_path / "a", **QUICK).digest == train(mixed, tmp_path / "b", **QUICK).digest
    )


@pytest.mark.parametrize("surrogate", SURROGATES)
def test_every_surrogate_trains(tmp_path, surrogate):
    result = train(strokes(), tmp_path / "out", **QUICK | {"epochs": 10}, surrogate=surrogate)
    assert result.accuracy > 0.8


def test_every_option_of_the_training_matters(tmp_path):
    options = [
        {},
        {"optimiser": "adam"},
        {"precision": "bfloat16"},
        {"learning_rate": 0.02},
        {"batch": 64},
        {"weight_decay": 0.5},
        {"label_smoothing": 0.2},
        {"spike_penalty": 0.5},
        {"dropout": 0.3},
        {"augment": 0.5},
        {"crop": 1},
        {"flip": True},
        {"alpha": 2.0},
        {"beta": 2.0},
    ]
    digests = [
        train(strokes(), tmp_path / str(k), **QUICK | option).digest
        for k, option in enumerate(options)
    ]
    assert len(set(digests)) == len(digests)


def test_a_spike_penalty_makes_fewer_spikes(tmp_path):
    options = QUICK | {"epochs": 20}
    free = train(strokes(), tmp_path / "free", **options)
    frugal = train(strokes(), tmp_path / "frugal", **options, spike_penalty=2.0)
    assert frugal.accuracy > 0.8
    assert sum(frugal.spikes.values()) < 0.8 * sum(free.spikes.values())


def test_an_interrupted_training_leaves_the_old_result(tmp_path):
    out = tmp_path / "out"
    train(strokes(), out, **QUICK)
    before = {p.name: p.read_bytes() for p in out.iterdir()}

    def interrupt(epoch):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train(strokes(), out, **QUICK, seed=1, on_epoch=interrupt)
    assert {p.name: p.read_bytes() for p in out.iterdir()} == before
    assert [p.name for p in tmp_path.iterdir()] == ["out"]


def test_a_network_that_disagrees_is_not_written(tmp_path, monkeypatch):
    def wrong(module, **options):
        network = lower(module, **options)
        first, *rest = network.layers
        shifted = dataclasses.replace(first, thresholds=first.thresholds + 1)
        return dataclasses.replace(network, layers=(shifted, *rest))

    monkeypatch.setattr(sys.modules[train.__module__], "lower", wrong)
    with pytest.raises(RuntimeError, match="layer 'hidden1': torch and golden model differ"):
        train(strokes(), tmp_path / "out", **QUICK)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"epochs": 0}, "epochs must be a whole number from 1 on, not 0"),
        ({"batch": 1}, "batch must be a whole number from 2 on, not 1"),
        ({"optimiser": "sgd"}, "optimiser must be one of muon, adam, not 'sgd'"),
        ({"learning_rate": float("nan")}, "learning rate must be .*, not nan"),
        ({"weight_bits": 9}, "weight bits must be 1…8, not 9"),
        ({"input_bits": 0}, "input bits must be 1…8, not 0"),
        ({"hidden": (0,)}, "neurons of a dense projection must be 1 or more, not 0"),
        ({"surrogate": "relu"}, "surrogate must be one of"),
        ({"alpha": -1.0}, "alpha of the surrogate must be positive"),
        ({"seed": -1}, "seed must be a whole number from 0 on, not -1"),
        ({"dropout": 1.0}, "dropout must be from 0 to below 1, not 1.0"),
        ({"precision": "half"}, "precision must be one of float32, bfloat16, not 'half'"),
        ({"label_smoothing": 2.0}, "label smoothing must be"),
        ({"spike_penalty": -0.1}, "spike penalty must be 0.0…1000.0, not -0.1"),
        ({"spike_penalty": 0.1, "twin": True}, "a full-precision twin has none"),
        ({"augment": float("inf")}, "augment must be 0…10, not inf"),
        ({"device": "abacus"}, "device must be one that torch has here, not 'abacus'"),
    ],
)
def test_wrong_options_are_refused_before_anything_is_written(tmp_path, options, message):
    with pytest.raises(InputError, match=message):
        train(strokes(), tmp_path / "out", **QUICK | options)
    assert not (tmp_path / "out").exists()


def test_a_folder_that_cannot_be_written_is_refused(tmp_path):
    (tmp_path / "file").write_text("mine")
    with pytest.raises(InputError, match="file"):
        train(strokes(), tmp_path / "file", **QUICK)
    with pytest.raises(InputError, match="file"):
        train(strokes(), tmp_path / "file" / "below", **QUICK)
    assert (tmp_path / "file").read_text() == "mine"
