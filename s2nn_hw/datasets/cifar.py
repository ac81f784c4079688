"""CIFAR-10: the official binary version, or a copy whose images are JPEGs.

The official Python version holds pickles, which can run code when they are read: it never is.
"""

from __future__ import annotations

import hashlib
import io
import itertools
import tarfile
import zipfile
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from s2nn_hw.ir import InputError

from .dataset import Dataset

ARCHIVE = "cifar-10-binary.tar.gz"
#: As the authors' page gives it.
ARCHIVE_MD5 = "c32a1d4ab5d03f1284b67883e8d87530"
FOLDER = "cifar-10-batches-bin"
BATCHES = (*(f"data_batch_{k}.bin" for k in range(1, 6)), "test_batch.bin")
#: Arrays {train,test}_{jpeg,offset,label}; image i is jpeg[offset[i]:offset[i + 1]].
JPEG = "cifar10-jpeg.npz"

_PYTHON = ("cifar-10-python.tar.gz", "cifar-10-batches-py")
_SHAPE = (3, 32, 32)
_RECORD = 1 + 3 * 32 * 32
_CLASSES = 10
_BAD_NPZ = (ValueError, KeyError, EOFError, zipfile.BadZipFile, zlib.error)


def present(folder: Path) -> Path | None:
    """What there is of the data set in a folder: the archive, its files, or the JPEG copy."""
    for files in (folder / FOLDER, folder):
        if all((files / name).is_file() for name in BATCHES):
            return files
    for name in (ARCHIVE, JPEG):
        if (folder / name).is_file():
            return folder / name
    return None


def missing(folder: Path) -> str:
    """Why a folder in which nothing is present will not do, as the rest of a sentence."""
    for name in _PYTHON:
        if (folder / name).exists():
            return f"{name} holds pickles, which are not read; get {ARCHIVE} instead"
    return f"must hold {ARCHIVE}, {FOLDER} or {JPEG} of cifar10"


def read(place: Path) -> Dataset:
    """The data set in what present() found; InputError names the file and what is wrong."""
    if place.name == JPEG:
        return _jpeg(place)
    contents = _archived(place) if place.name == ARCHIVE else _filed(place)
    parts = [_batch(content, f"{place}: {name}") for name, content in contents.items()]
    images, labels = zip(*parts, strict=True)
    return Dataset(
        name="cifar10",
        title="CIFAR-10",
        maximum=255,
        train_images=np.concatenate(images[:-1]),
        train_labels=np.concatenate(labels[:-1]),
        test_images=images[-1],
        test_labels=labels[-1],
    )


def _filed(folder: Path) -> dict[str, bytes]:
    try:
        return {name: (folder / name).read_bytes() for name in BATCHES}
    except OSError as error:
        raise InputError(f"{folder}: cannot be read: {error.strerror}") from error


def _archived(path: Path) -> dict[str, bytes]:
    try:
        content = path.read_bytes()
        found = hashlib.md5(content, usedforsecurity=False).hexdigest()
        if found != ARCHIVE_MD5:
            raise InputError(f"{path}: MD5 must be {ARCHIVE_MD5}, not {found}")
        contents = {}
        with tarfile.open(fileobj=io.BytesIO(content)) as archive:
            for name in BATCHES:
                stream = archive.extractfile(f"{FOLDER}/{name}")
                assert stream is not None
                contents[name] = stream.read()
    except (OSError, KeyError, tarfile.TarError) as error:
        raise InputError(f"{path}: cannot be read: {error}") from error
    return contents


def _batch(content: bytes, where: str) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.uint8]]:
    """Records of a label and the planes of red, green and blue."""
    if not content or len(content) % _RECORD:
        raise InputError(f"{where}: must be records of {_RECORD} bytes, not {len(content)} bytes")
    records = np.frombuffer(content, np.uint8).reshape(-1, _RECORD)
    return records[:, 1:].reshape(-1, *_SHAPE), _labels(records[:, 0], where)


def _labels(labels: npt.NDArray[Any], where: str) -> npt.NDArray[np.uint8]:
    if labels.min() < 0 or labels.max() >= _CLASSES:
        raise InputError(f"{where}: labels must be 0…9, not {labels.max()}")
    return labels.astype(np.uint8)


def _jpeg(path: Path) -> Dataset:
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as arrays:
            parts = {
                part: (arrays[f"{part}_jpeg"], arrays[f"{part}_offset"], arrays[f"{part}_label"])
                for part in ("train", "test")
            }
    except _BAD_NPZ as error:
        raise InputError(f"{path}: not a whole CIFAR-10 of JPEGs: {error}") from error
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror}") from error
    (train, train_offset, train_label), (test, test_offset, test_label) = parts.values()
    return Dataset(
        name="cifar10",
        title="CIFAR-10 (JPEG copy)",
        maximum=255,
        train_images=_decoded(train, train_offset, path),
        train_labels=_labels(train_label, str(path)),
        test_images=_decoded(test, test_offset, path),
        test_labels=_labels(test_label, str(path)),
    )


def _decoded(
    jpeg: npt.NDArray[np.uint8], offset: npt.NDArray[Any], path: Path
) -> npt.NDArray[np.uint8]:
    try:
        from PIL import Image, UnidentifiedImageError
    except ImportError as error:
        raise InputError(
            f"{path}: JPEGs are read with Pillow, which is not installed: "
            f"pip install 's2nn-hw[jpeg]'"
        ) from error
    images = np.empty((len(offset) - 1, *_SHAPE), np.uint8)
    for k, (start, end) in enumerate(itertools.pairwise(offset)):
        try:
            with Image.open(io.BytesIO(jpeg[start:end].tobytes()), formats=["JPEG"]) as image:
                pixels = np.asarray(image.convert("RGB"))
        except (UnidentifiedImageError, OSError) as error:
            raise InputError(f"{path}: image {k} is not a JPEG: {error}") from error
        if pixels.shape != (*_SHAPE[1:], 3):
            raise InputError(f"{path}: image {k} must be 32×32 pixels, not {pixels.shape[:2]}")
        images[k] = pixels.transpose(2, 0, 1)
    return images
