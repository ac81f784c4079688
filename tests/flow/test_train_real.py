"""Real data, where it is on this machine, and the examples that ship."""

import os
from pathlib import Path

import numpy as np
import pytest

from s2nn_hw import datasets, golden, load
from s2nn_hw.flow.train import train

EXAMPLES = sorted((Path(__file__).parents[2] / "examples").glob("*/model.s2nn"))


def need(name):
    """Skips, by name, where the data set is absent; where CI is set, .ci/run has fetched digits."""
    if datasets.find(name) is None:
        told = pytest.fail if os.environ.get("CI") and name == "digits" else pytest.skip
        told(f"{name} is not on this machine: s2nn-hw data get {name}")


@pytest.mark.parametrize("weight_bits", [1, 2, 3, 4, 8])
@pytest.mark.parametrize("input_bits", [1, 4])
def test_digits_torch_equals_golden_on_the_whole_test_set(tmp_path, weight_bits, input_bits):
    """train() compares every layer on every test image, and raises where they differ."""
    need("digits")
    result = train(
        "digits",
        tmp_path / "out",
        hidden=(64, 32),
        weight_bits=weight_bits,
        input_bits=input_bits,
        epochs=20,
        batch=64,
        augment=0.0,
    )
    assert result.accuracy > 0.75


def test_mnist_torch_equals_golden_on_the_whole_test_set(tmp_path):
    need("mnist")
    result = train("mnist", tmp_path / "out", hidden=(32,), epochs=1, augment=0.0)
    assert result.accuracy > 0.88


#: Images packed beside each, and the least share of them that it gets right.
SHIPPED = {
    "cifar10-vgg": (66, 0.7),
    "fashion-conv": (200, 0.85),
    "mnist-conv": (200, 0.98),
    "mnist-mlp-128": (200, 0.97),
    "mnist-mlp-128-1bit": (200, 0.95),
    "mnist-mlp-256-256": (200, 0.97),
    "resnet": (200, 0.95),
}


@pytest.mark.parametrize("model", EXAMPLES, ids=lambda path: path.parent.name)
def test_an_example_is_as_good_as_it_says(model):
    network = load(model)
    count, least = SHIPPED[model.parent.name]
    with np.load(model.parent / "images.npz", allow_pickle=False) as packed:
        images, labels = packed["images"], packed["labels"]
    assert len(images) == count
    classes = golden.run(network, network.input.quantise(images)).classes
    assert (classes == labels).mean() > least
    assert len(network.calibration) == 512
    assert model.stat().st_size <= 5 * 10**6
    assert (model.parent / "images.npz").stat().st_size <= 3 * 10**5
    name = network.provenance["dataset"]
    need(name)
    data = datasets.load(name)
    if data.digest() != network.provenance["data_digest"]:
        pytest.skip(f"{name} on this machine is not the copy that the example was trained on")
    right = 0
    for start in range(0, len(data.test_images), 500):
        part = slice(start, start + 500)
        classes = golden.run(network, network.input.quantise(data.test_images[part])).classes
        right += int((classes == data.test_labels[part]).sum())
    assert right / len(data.test_images) == network.provenance["accuracy"]


def test_there_are_examples():
    assert [path.parent.name for path in EXAMPLES] == sorted(SHIPPED)
