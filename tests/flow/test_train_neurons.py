"""Training of binary networks and of neurons that integrate, from data to folder."""

import json
import shlex

import numpy as np
import pytest

from s2nn_hw import golden, load
from s2nn_hw.cli import main
from s2nn_hw.datasets import Dataset
from s2nn_hw.flow.train import train
from s2nn_hw.ir import InputError


def bars(seed=0, train=300, test=100):
    """Three classes: a bright bar at one of three places of a noisy 6×6 image."""
    rng = np.random.default_rng(seed)

    def part(n):
        labels = rng.integers(0, 3, n, dtype=np.uint8)
        images = rng.integers(0, 110, (n, 1, 6, 6), dtype=np.uint8)
        for image, label in zip(images, labels, strict=True):
            image[0, :, 2 * label] = rng.integers(100, 256, 6)
        return images, labels

    (a, b), (c, d) = part(train), part(test)
    return Dataset(
        name="bars", maximum=255, train_images=a, train_labels=b, test_images=c, test_labels=d
    )


QUICK = {"epochs": 12, "batch": 32, "augment": 0.0, "hidden": (24,), "seed": 1}


@pytest.mark.parametrize(
    "options",
    [
        {"neuron": "bnn"},
        {"neuron": "bnn", "arch": "8C3-P2-8C3-A3-3", "input_bits": 2, "last_weight_bits": 4},
        {"neuron": "bnn", "weight_bits": 2, "hidden": (24, 16), "spike_penalty": 0.1},
        {"neuron": "if", "steps": 1},
        {"neuron": "if", "steps": 2, "reset": "hard", "leak": 2, "initial": 0.5},
        {"neuron": "if", "steps": 8, "surrogate": "triangle", "spike_penalty": 0.1},
        {"neuron": "if", "readout": "count", "arch": "8C3-P2-R8-3", "dropout": 0.1},
        {"neuron": "if", "steps": 8, "coding": "rate", "input_bits": 4},
    ],
    ids=lambda options: "-".join(map(str, options.values())),
)
def test_training_learns_lowers_and_agrees(tmp_path, options):
    data = bars()
    if "arch" in options:
        options = options | {"hidden": None}
    result = train(data, tmp_path / "out", **QUICK | options)
    assert result.accuracy > 0.85
    assert all(0.02 < share < 0.98 for share in result.spikes.values())
    network = load(tmp_path / "out" / "model.s2nn")
    assert network.digest() == result.digest
    frames = network.input.quantise(data.test_images)
    trace = golden.run(network, frames)
    assert (trace.classes == data.test_labels).mean() == result.accuracy
    for name, share in result.spikes.items():
        assert trace.spikes[name].mean() == pytest.approx(share)
    recorded = network.provenance["options"]
    for name, value in options.items():
        assert recorded[name] == (list(value) if isinstance(value, tuple) else value)


def test_what_is_fed_of_rates_is_told(tmp_path):
    options = {"neuron": "if", "coding": "rate", "input_bits": 4, "epochs": 1}
    data = bars()
    result = train(data, tmp_path / "out", **QUICK | options)
    network = load(tmp_path / "out" / "model.s2nn")
    assert (network.coding, network.seed, network.steps) == ("rate", 1, 4)
    fed = network.coded(network.input.quantise(data.test_images))
    assert result.input_activity == pytest.approx(fed.mean())


def test_defaults_go_with_the_neuron(tmp_path):
    data = bars()
    found = {}
    for neuron in ("s2nn", "if", "bnn"):
        train(data, tmp_path / neuron, **QUICK | {"neuron": neuron, "epochs": 1})
        found[neuron] = json.loads((tmp_path / neuron / "train.json").read_text())["options"]
    names = ("weight_bits", "surrogate", "steps", "reset", "leak", "initial", "readout", "coding")
    assert {neuron: [options[name] for name in names] for neuron, options in found.items()} == {
        "s2nn": [4, "s2nn", *[None] * 6],
        "if": [4, "s2nn", 4, "soft", 0, 0.0, "potential", "direct"],
        "bnn": [1, "boxcar", *[None] * 6],
    }


def test_the_same_seed_gives_the_same_bytes(tmp_path):
    options = QUICK | {"neuron": "if", "coding": "rate", "input_bits": 4, "epochs": 2}
    for name, seed in (("a", 3), ("b", 3), ("c", 4)):
        train(bars(), tmp_path / name, **options | {"seed": seed})
    models = {name: (tmp_path / name / "model.s2nn").read_bytes() for name in "abc"}
    assert models["a"] == models["b"]
    assert models["a"] != models["c"]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"neuron": "lif"}, "the neuron must be one of s2nn, if, bnn, not 'lif'"),
        (
            {"steps": 4},
            "steps must be left out with neuron 's2nn': it is of neuron 'if', which integrates",
        ),
        (
            {"neuron": "bnn", "coding": "rate"},
            "coding must be left out with neuron 'bnn': it is of neuron 'if', which integrates",
        ),
        ({"neuron": "if", "steps": 0}, "steps must be 1 or more, not 0"),
        ({"neuron": "if", "leak": 60}, "layer 'hidden1': leak must be 0…52, not 60"),
        ({"neuron": "if", "reset": "no"}, "the reset must be one of soft, hard, none, not 'no'"),
        (
            {"neuron": "if", "readout": "first"},
            "the readout must be one of potential, count, not 'first'",
        ),
        (
            {"neuron": "if", "coding": "time", "input_bits": 2},
            "the coding must be direct or rate, not 'time'",
        ),
        (
            {"neuron": "if", "coding": "rate"},
            "rate coding must go with 2…8 input bits, as a pixel of one is a spike",
        ),
        (
            {"neuron": "if", "hidden": ()},
            "neuron 'if' must go with a hidden layer, as a readout does not fire",
        ),
        (
            {"neuron": "if", "twin": True},
            "a full-precision twin has ReLU, and neuron 'if' must be left out",
        ),
        (
            {"neuron": "bnn", "last_weight_bits": 8},
            "layer 'readout': weights of signs of 'hidden1' are doubled here and must have at most "
            "7 bits, not 8",
        ),
        ({"neuron": "bnn", "surrogate": "relu"}, "the surrogate must be one of s2nn, boxcar,"),
    ],
)
def test_wrong_options_are_refused_before_anything_is_written(tmp_path, options, message):
    with pytest.raises(InputError) as caught:
        train(bars(), tmp_path / "out", **QUICK | options)
    assert str(caught.value).startswith(message)
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "out").exists()


def test_the_command_is_the_same_training(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr("s2nn_hw.datasets.load", lambda name, folder: bars())
    words = ["train", "bars", "--hidden", "12", "--epochs", "2", "--batch", "32", "--json"]
    words += ["--neuron", "if", "--steps", "3", "--reset", "hard", "--leak", "1", "--initial", "-1"]
    words += ["--readout", "count", "--coding", "rate", "--input-bits", "3"]
    assert main([*words, "-o", str(tmp_path / "a")]) == 0
    log = json.loads((tmp_path / "a" / "train.json").read_text())
    assert log["options"]["initial"] == -1.0
    again = shlex.split(log["command"])[1:]
    assert main([*again, "-o", str(tmp_path / "b")]) == 0
    models = [(tmp_path / name / "model.s2nn").read_bytes() for name in "ab"]
    assert models[0] == models[1]
    capsys.readouterr()
    assert main(["train", "bars", "--steps", "3", "-o", str(tmp_path / "c")]) == 2
    assert capsys.readouterr().err.count("\n") == 1
