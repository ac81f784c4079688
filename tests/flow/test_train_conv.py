"""Training of convolutional networks from data to folder, and of their twins."""

import dataclasses
import json

import numpy as np
import pytest

from s2nn_hw import golden, load
from s2nn_hw.cli import main
from s2nn_hw.datasets import Dataset
from s2nn_hw.flow.train import train
from s2nn_hw.ir import Conv2d, InputError, Pool


def patches(seed=0, train=300, test=60):
    """Three classes: noise with a bright bar that stands, lies, or is not there, anywhere."""
    rng = np.random.default_rng(seed)

    def part(n):
        labels = rng.integers(0, 3, n, dtype=np.uint8)
        images = rng.integers(0, 120, (n, 1, 8, 8), dtype=np.uint8)
        for image, label in zip(images, labels, strict=True):
            y, x = rng.integers(0, 5, 2)
            if label:
                shape = (4, 1) if label == 1 else (1, 4)
                image[0, y : y + shape[0], x : x + shape[1]] = rng.integers(190, 256, shape)
        return images, labels

    (a, b), (c, d) = part(train), part(test)
    return Dataset(
        name="patches", maximum=255, train_images=a, train_labels=b, test_images=c, test_labels=d
    )


QUICK = {"arch": "6C3-P2-6C3-A2-3", "epochs": 14, "batch": 30, "augment": 0.0}


@pytest.mark.parametrize(
    ("arch", "kinds"),
    [
        ("6C3-P2-6C3-A2-3", ["conv1", "pool1", "conv2", "pool2", "readout"]),
        ("6C3-R6-R8s2-G-3", ["conv1", "res1a", "res1b", "res2a", "res2b", "pool1", "readout"]),
    ],
)
def test_it_learns_lowers_and_agrees(tmp_path, arch, kinds):
    data = patches()
    result = train(
        data, tmp_path / "out", **QUICK | {"arch": arch}, weight_bits=3, first_weight_bits=5,
        last_weight_bits=6, input_bits=2, crop=1, flip=True,
    )  # fmt: skip
    assert result.accuracy > 0.75
    network = load(tmp_path / "out" / "model.s2nn")
    assert [node.name for node in network.layers] == kinds
    assert network.weighted[0].projections[0].weight_bits == 5
    assert network.weighted[1].projections[0].weight_bits == 3
    assert network.readout.projections[0].weight_bits == 6
    assert isinstance(network.weighted[0].projections[0], Conv2d)
    assert any(isinstance(node, Pool) for node in network.layers)
    assert set(result.spikes) == {y.name for y in network.weighted[:-1]}
    trace = golden.run(network, network.input.quantise(data.test_images))
    assert (trace.classes == data.test_labels).mean() == result.accuracy
    for name, share in result.spikes.items():
        assert share == pytest.approx(trace.spikes[name].mean())


def test_the_same_seed_gives_the_same_bytes(tmp_path):
    for name in "ab":
        train(patches(), tmp_path / name, **QUICK | {"epochs": 2}, crop=1, flip=True, seed=3)
    files = {name: {p.name: p.read_bytes() for p in (tmp_path / name).iterdir()} for name in "ab"}
    assert files["a"] == files["b"]


def test_a_twin_leaves_its_log_and_command_alone(tmp_path):
    result = train(patches(), tmp_path / "out", **QUICK, twin=True)
    assert result.accuracy > 0.8
    assert (result.digest, result.spikes, result.input_activity) == (None, {}, None)
    assert {p.name for p in (tmp_path / "out").iterdir() if not p.name.startswith(".")} == {
        "train.json", "train.sh"
    }  # fmt: skip
    log = json.loads((tmp_path / "out" / "train.json").read_text())
    assert log["accuracy"] == result.accuracy
    assert log["options"]["twin"]
    assert len(log["epochs"]) == 14
    assert "--twin" in (tmp_path / "out" / "train.sh").read_text()


def test_large_images_are_packed_sparingly_and_the_title_is_kept(tmp_path):
    data = patches(train=40, test=40)
    wide = {
        name: np.repeat(np.repeat(getattr(data, name), 10, axis=2), 10, axis=3)
        for name in ("train_images", "test_images")
    }
    data = dataclasses.replace(data, **wide, title="Patches (large)")
    train(data, tmp_path / "out", arch="2C3s3-P9-3", epochs=1, batch=20, augment=0.0)
    with np.load(tmp_path / "out" / "images.npz") as packed:
        assert len(packed["images"]) == 200 * 1024 // 6400
    assert load(tmp_path / "out" / "model.s2nn").provenance["data_title"] == "Patches (large)"


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"arch": "6C3-P2-4"}, "architecture must end in 3, the classes of patches, not 4"),
        ({"arch": "6C3-P2"}, "must end in the number of classes"),
        ({"arch": "6C3-3", "hidden": (4,)}, "hidden layers or an architecture, not both"),
        (
            {"arch": "6C9-3"},
            "'6C9' in the architecture: a convolution: the kernel must be two integers of 1…7",
        ),
        ({"arch": "6C3-A2-P2-3"}, "'pool2': max-pooling must be of spikes, but 'pool1' has values"),
        ({"crop": 4}, "crop must be below half of an image, not 4"),
        ({"crop": -1}, "crop must be a whole number from 0 on, not -1"),
        ({"first_weight_bits": 9}, "weight bits must be 1…8, not 9"),
        ({"last_weight_bits": 0}, "weight bits must be 1…8, not 0"),
    ],
)
def test_wrong_options_are_refused_before_anything_is_written(tmp_path, options, message):
    with pytest.raises(InputError, match=message):
        train(patches(), tmp_path / "out", **QUICK | options)
    assert not (tmp_path / "out").exists()


def test_from_the_command_line_and_again_from_the_script(tmp_path, capsys):
    def idx(array):
        head = bytes([0, 0, 8, array.ndim]) + np.array(array.shape, ">u4").tobytes()
        return head + array.tobytes()

    data = patches()
    for part, images, labels in (
        ("train", data.train_images, data.train_labels),
        ("t10k", data.test_images, data.test_labels),
    ):
        (tmp_path / f"{part}-images-idx3-ubyte").write_bytes(idx(images[:, 0]))
        (tmp_path / f"{part}-labels-idx1-ubyte").write_bytes(idx(labels))
    words = ["train", "mnist", "--arch", "4C3-P2-3", "--weight-bits", "2", "--last-weight-bits"]
    words += ["4", "--epochs", "2", "--augment", "0", "--batch", "30", "--flip", "--crop", "1"]
    place = ["--data", str(tmp_path)]
    assert main([*words, *place, "-o", str(tmp_path / "out"), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["spikes"].keys() == {"conv1"}
    script = (tmp_path / "out" / "train.sh").read_text().splitlines()[-1]
    again = script.removeprefix("exec s2nn-hw ").split(" -o ")[0].split()
    assert main([*again, *place, "-o", str(tmp_path / "again")]) == 0
    assert "integer network" in capsys.readouterr().out
    one, two = (tmp_path / name / "model.s2nn" for name in ("out", "again"))
    assert one.read_bytes() == two.read_bytes()
    assert main([*again, *place, "--twin", "-o", str(tmp_path / "twin")]) == 0
    assert "full-precision twin" in capsys.readouterr().out
