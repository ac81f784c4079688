"""CIFAR-10 in its three forms, made small here; pickles are never read."""

import hashlib
import io
import os
import pickle
import tarfile

import numpy as np
import pytest

from s2nn_hw import datasets
from s2nn_hw.cli import main
from s2nn_hw.datasets import cifar
from s2nn_hw.ir import InputError


@pytest.fixture(autouse=True)
def empty_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


def batches(count=3):
    """Name → content of the six files, and what they hold."""
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (6, count, 3, 32, 32), dtype=np.uint8)
    labels = rng.integers(0, 10, (6, count), dtype=np.uint8)
    files = {}
    for name, xs, ys in zip(cifar.BATCHES, images, labels, strict=True):
        files[name] = b"".join(bytes([y]) + x.tobytes() for x, y in zip(xs, ys, strict=True))
    return files, images, labels


def archive(files):
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w:gz") as out:
        for name, content in files.items():
            member = tarfile.TarInfo(f"{cifar.FOLDER}/{name}")
            member.size = len(content)
            out.addfile(member, io.BytesIO(content))
    return stream.getvalue()


@pytest.mark.parametrize("form", ["archive", "folder", "files"])
def test_the_official_binary_version(tmp_path, monkeypatch, form):
    files, images, labels = batches()
    if form == "archive":
        content = archive(files)
        (tmp_path / cifar.ARCHIVE).write_bytes(content)
        monkeypatch.setattr(cifar, "ARCHIVE_MD5", hashlib.md5(content).hexdigest())
    else:
        folder = tmp_path / cifar.FOLDER if form == "folder" else tmp_path
        folder.mkdir(exist_ok=True)
        for name, content in files.items():
            (folder / name).write_bytes(content)
    data = datasets.load("cifar10", tmp_path)
    assert (data.name, data.title, data.maximum, data.shape) == (
        "cifar10", "CIFAR-10", 255, (3, 32, 32)
    )  # fmt: skip
    assert (data.train_images == images[:5].reshape(15, 3, 32, 32)).all()
    assert (data.train_labels == labels[:5].ravel()).all()
    assert (data.test_images == images[5]).all()
    assert (data.test_labels == labels[5]).all()


def test_an_archive_with_another_checksum_is_refused(tmp_path):
    (tmp_path / cifar.ARCHIVE).write_bytes(archive(batches()[0]))
    with pytest.raises(InputError, match=r"cifar-10-binary.tar.gz: MD5 must be c32a1d4a.*, not"):
        datasets.load("cifar10", tmp_path)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda c: c[:-1], r"test_batch.bin: must be records of 3073 bytes, not 9218 bytes"),
        (lambda c: b"", "test_batch.bin: must be records of 3073 bytes, not 0 bytes"),
        (lambda c: b"\x0a" + c[1:], "test_batch.bin: labels must be 0…9, not 10"),
    ],
)
def test_damaged_files_are_refused(tmp_path, change, message):
    for name, content in batches()[0].items():
        (tmp_path / name).write_bytes(change(content) if name == "test_batch.bin" else content)
    with pytest.raises(InputError, match=message):
        datasets.load("cifar10", tmp_path)


class Bomb:
    def __reduce__(self):
        return (os.mkdir, ("exploded",))


@pytest.mark.parametrize("name", ["cifar-10-python.tar.gz", "cifar-10-batches-py/data_batch_1"])
def test_the_python_version_is_never_unpickled(tmp_path, monkeypatch, capsys, name):
    monkeypatch.chdir(tmp_path)
    (tmp_path / name).parent.mkdir(exist_ok=True)
    (tmp_path / name).write_bytes(pickle.dumps(Bomb()))
    assert main(["train", "cifar10", "--data", ".", "-o", "out"]) == 2
    told = capsys.readouterr().err
    assert "holds pickles, which are not read; get cifar-10-binary.tar.gz instead" in told
    assert not (tmp_path / "exploded").exists()


def jpegs(count=4, size=(32, 32), kind="JPEG"):
    image = pytest.importorskip("PIL.Image", reason="Pillow is not installed: s2nn-hw[jpeg]")
    arrays, colours = {}, {}
    for part in ("train", "test"):
        rng = np.random.default_rng(len(part))
        colours[part] = rng.integers(0, 256, (count, 3), dtype=np.uint8)
        parts = []
        for colour in colours[part]:
            stream = io.BytesIO()
            image.new("RGB", size, tuple(int(c) for c in colour)).save(stream, kind, quality=100)
            parts.append(stream.getvalue())
        arrays[f"{part}_jpeg"] = np.frombuffer(b"".join(parts), np.uint8)
        arrays[f"{part}_offset"] = np.cumsum([0, *map(len, parts)])
        arrays[f"{part}_label"] = rng.integers(0, 10, count)
    return arrays, colours


def test_the_jpeg_copy_is_called_so(tmp_path):
    arrays, colours = jpegs()
    np.savez(tmp_path / cifar.JPEG, **arrays)
    data = datasets.load("cifar10", tmp_path)
    assert data.title == "CIFAR-10 (JPEG copy)"
    assert data.train_images.shape == (4, 3, 32, 32)
    flat = data.test_images.astype(int) - colours["test"].astype(int)[:, :, None, None]
    assert np.abs(flat).max() <= 3
    assert (data.train_labels == arrays["train_label"]).all()


def test_damaged_copies_are_refused(tmp_path):
    arrays, _ = jpegs()
    file = tmp_path / cifar.JPEG
    cases = (
        (arrays | {"train_label": np.full(4, 11)}, "labels must be 0…9, not 11"),
        ({"train_jpeg": arrays["train_jpeg"]}, "not a whole CIFAR-10 of JPEGs"),
        (arrays | {"test_offset": np.array([0, 5, 9])}, "image 0 is not a JPEG"),
        (arrays | {"test_label": np.arange(3)}, "test labels must be 4, one an image"),
        (jpegs(size=(30, 32))[0], r"image 0 must be 32×32 pixels, not \(32, 30\)"),
        (jpegs(kind="PNG")[0], "image 0 is not a JPEG"),
    )
    for wrong, message in cases:
        np.savez(file, **wrong)
        with pytest.raises(InputError, match=message):
            datasets.load("cifar10", tmp_path)
    file.write_bytes(b"PK\x03\x04")
    with pytest.raises(InputError, match="not a whole CIFAR-10 of JPEGs"):
        datasets.load("cifar10", tmp_path)


def test_without_pillow_the_message_says_what_to_install(tmp_path, monkeypatch):
    np.savez(tmp_path / cifar.JPEG, **jpegs()[0])
    monkeypatch.setitem(__import__("sys").modules, "PIL", None)
    with pytest.raises(InputError, match=r"with Pillow, which is not installed: pip install"):
        datasets.load("cifar10", tmp_path)


def test_where_there_is_nothing_the_message_says_how_to_get_it(tmp_path):
    with pytest.raises(InputError, match="get it with 's2nn-hw data get cifar10'"):
        datasets.load("cifar10")
    with pytest.raises(InputError, match=r"must hold cifar-10-binary.tar.gz, cifar-10-batches-bin"):
        datasets.load("cifar10", tmp_path)
