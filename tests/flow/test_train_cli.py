"""The verbs train and data, from the command line's side."""

import json

import numpy as np
import pytest

from s2nn_hw.cli import main


def idx(array):
    head = bytes([0, 0, 8, array.ndim]) + np.array(array.shape, ">u4").tobytes()
    return head + array.astype(np.uint8).tobytes()


@pytest.fixture
def data(tmp_path):
    """Forty images each of two classes, in the files of the MNIST family."""
    rng = np.random.default_rng(0)
    folder = tmp_path / "data"
    folder.mkdir()
    for part in ("train", "t10k"):
        labels = rng.integers(0, 2, 40)
        images = rng.integers(0, 100, (40, 5, 4)) + 150 * labels[:, None, None]
        (folder / f"{part}-images-idx3-ubyte").write_bytes(idx(images))
        (folder / f"{part}-labels-idx1-ubyte").write_bytes(idx(labels))
    return folder


@pytest.fixture(autouse=True)
def empty_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


def test_train_writes_the_folder_and_prints_one_object(tmp_path, data, capsys):
    out = tmp_path / "out"
    words = ["train", "mnist", "--hidden", "6", "5", "--weight-bits", "3", "--input-bits", "2"]
    words += ["--epochs", "8", "--seed", "2", "--augment", "0", "--batch", "10"]
    assert main([*words, "--data", str(data), "-o", str(out), "--json"]) == 0
    printed = json.loads(capsys.readouterr().out)
    assert printed["accuracy"] == 1.0
    assert sorted(printed["files"]) == ["images.npz", "model.s2nn", "train.json", "train.sh"]
    options = json.loads((out / "train.json").read_text())["options"]
    assert (options["hidden"], options["weight_bits"], options["input_bits"]) == ([6, 5], 3, 2)

    # The script's command, read back, is the same training.
    script = (out / "train.sh").read_text().splitlines()[-1]
    again = script.removeprefix("exec s2nn-hw ").split(" -o ")[0].split()
    assert main([*again, "--data", str(data), "-o", str(tmp_path / "again")]) == 0
    assert "accuracy 100.00%" in capsys.readouterr().out
    assert (tmp_path / "again" / "model.s2nn").read_bytes() == (out / "model.s2nn").read_bytes()


def test_train_without_hidden_layers(tmp_path, data, capsys):
    words = ["train", "mnist", "--hidden", "--epochs", "3", "--data", str(data)]
    assert main([*words, "-o", str(tmp_path / "out"), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["spikes"] == {}


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["mnist"], "mnist is not on this machine: get it with 's2nn-hw data get mnist'"),
        (["cifar"], "must be one of mnist, fashion-mnist, digits, cifar10, not 'cifar'"),
        (["mnist", "--data", "DATA", "--weight-bits", "0"], "weight bits must be 1…8, not 0"),
        (
            ["mnist", "--data", "DATA", "--hidden", "0"],
            "neurons of a dense projection must be 1 or more, not 0",
        ),
        (["mnist", "--data", "."], "must hold train-images-idx3-ubyte"),
    ],
)
def test_wrong_input_is_one_sentence_and_status_2(tmp_path, data, capsys, words, message):
    words = [str(data) if word == "DATA" else word for word in words]
    assert main(["train", *words, "-o", str(tmp_path / "out")]) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert message in captured.err
    assert captured.err.count("\n") == 1
    assert not (tmp_path / "out").exists()


def test_data_list_says_what_is_here(data, tmp_path, capsys):
    cache = tmp_path / "cache" / "s2nn-hw" / "data"
    cache.mkdir(parents=True)
    data.rename(cache / "mnist")
    assert main(["data", "list", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["mnist"] == str(cache / "mnist")
    assert main(["data", "list"]) == 0
    assert f"mnist: {cache / 'mnist'}\n" in capsys.readouterr().out


def test_data_get_refuses_what_is_damaged_and_unknown(data, tmp_path, capsys):
    cache = tmp_path / "cache" / "s2nn-hw" / "data"
    cache.mkdir(parents=True)
    data.rename(cache / "mnist")
    assert main(["data", "get", "mnist"]) == 2
    assert "train-images-idx3-ubyte: SHA-256 must be" in capsys.readouterr().err
    assert main(["data", "get", "imagenet"]) == 2
    assert "not 'imagenet'" in capsys.readouterr().err
