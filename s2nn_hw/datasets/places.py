"""Where data sets are looked for, and how they are read.  Nothing is fetched here."""

from __future__ import annotations

import importlib.util
import os
from pathlib import Path

import numpy as np

from s2nn_hw import cache
from s2nn_hw.ir import InputError

from . import cifar
from .dataset import Dataset
from .idx import plain, read_idx

#: The four files of the MNIST family, without the .gz that each may have.
IDX_FILES = (
    "train-images-idx3-ubyte",
    "train-labels-idx1-ubyte",
    "t10k-images-idx3-ubyte",
    "t10k-labels-idx1-ubyte",
)
DIGITS_FILE = "digits.csv.gz"

#: Images of digits kept for the test: the last ones, by other writers than the first.
DIGITS_TEST = 360

#: Name → files in the cache folder.
NAMES: dict[str, tuple[str, ...]] = {
    "mnist": IDX_FILES,
    "fashion-mnist": IDX_FILES,
    "digits": (DIGITS_FILE,),
    "cifar10": (cifar.ARCHIVE,),
}

#: Where Debian's package dataset-fashion-mnist puts its files.
_DEBIAN_FASHION = Path("/usr/share/datasets/fashion-mnist")


def load(name: str, data: str | os.PathLike[str] | None = None) -> Dataset:
    """The data set, from the folder ``data`` or else from where it is usually found.

    Usual places: the cache folder (see cache_folder()); for fashion-mnist also that of Debian's
    package, for digits an installed scikit-learn, which is not imported.

    Raises InputError, naming the command that gets the data where there are none.
    """
    folder = find(name, data)
    if folder is not None:
        dataset = _read(name, folder)
        dataset.check()
        return dataset
    if data is not None:
        raise InputError(f"{data}: {_missing(name, Path(data))}")
    raise InputError(f"{name} is not on this machine: get it with 's2nn-hw data get {name}'")


def find(name: str, data: str | os.PathLike[str] | None = None) -> Path | None:
    """The folder from which load() would take the data set; None where there is none."""
    check_name(name)
    places = [Path(data)] if data is not None else [cache_folder(name), *_elsewhere(name)]
    for place in places:
        if _complete(name, place):
            return place
    return None


def cache_folder(name: str) -> Path:
    """The folder of a data set in the user's cache."""
    return cache.folder() / "data" / name


def check_name(name: str) -> None:
    """Raise InputError unless the data set is known."""
    if name not in NAMES:
        raise InputError(f"the data set must be one of {', '.join(NAMES)}, not {name!r}")


def _elsewhere(name: str) -> list[Path]:
    if name == "fashion-mnist":
        return [_DEBIAN_FASHION]
    if name == "digits":
        spec = importlib.util.find_spec("sklearn")
        folders = spec.submodule_search_locations if spec else None
        return [Path(folder) / "datasets" / "data" for folder in folders or ()]
    return []


def _complete(name: str, folder: Path) -> bool:
    if name == "cifar10":
        return cifar.present(folder) is not None
    return all(_present(folder, file) for file in NAMES[name])


def _missing(name: str, folder: Path) -> str:
    """Why the folder will not do, as the rest of a sentence."""
    if not folder.exists():
        return "no such folder"
    if name == "cifar10":
        return cifar.missing(folder)
    file = next(f for f in NAMES[name] if _present(folder, f) is None)
    packed = "" if file.endswith(".gz") else f" (or {file}.gz)"
    return f"must hold {file}{packed} of {name}"


def _read(name: str, folder: Path) -> Dataset:
    """The data set from a folder in which it is complete."""
    if name == "cifar10":
        place = cifar.present(folder)
        assert place is not None
        return cifar.read(place)
    files = [path for file in NAMES[name] if (path := _present(folder, file))]
    return _digits(files[0]) if name == "digits" else _idx(name, files)


def _present(folder: Path, file: str) -> Path | None:
    for path in (folder / file, folder / f"{file}.gz"):
        if path.is_file():
            return path
    return None


def _idx(name: str, files: list[Path]) -> Dataset:
    train_images, train_labels, test_images, test_labels = (read_idx(file) for file in files)
    for file, images in ((files[0], train_images), (files[2], test_images)):
        if images.ndim != 3:
            raise InputError(f"{file}: images must have shape (n, H, W), not {images.shape}")
    return Dataset(
        name=name,
        maximum=255,
        train_images=train_images[:, None],
        train_labels=train_labels,
        test_images=test_images[:, None],
        test_labels=test_labels,
    )


def _digits(file: Path) -> Dataset:
    """UCI digits as scikit-learn packs them: 64 pixels of 0…16 and the label, a line an image."""
    try:
        text = plain(file.read_bytes(), str(file)).decode("ascii")
        rows = np.array([line.split(",") for line in text.split()], dtype=float)
    except (OSError, ValueError) as error:
        raise InputError(f"{file}: cannot be read as digits: {error}") from error
    if rows.ndim != 2 or rows.shape[1] != 65 or len(rows) <= DIGITS_TEST:
        raise InputError(f"{file}: digits must be lines of 65 numbers, not shape {rows.shape}")
    if rows.min() < 0 or rows[:, :64].max() > 16 or rows[:, 64].max() > 9:
        raise InputError(f"{file}: pixels must be 0…16 and labels 0…9")
    images = rows[:, :64].astype(np.uint8).reshape(-1, 1, 8, 8)
    labels = rows[:, 64].astype(np.uint8)
    return Dataset(
        name="digits",
        maximum=16,
        train_images=images[:-DIGITS_TEST],
        train_labels=labels[:-DIGITS_TEST],
        test_images=images[-DIGITS_TEST:],
        test_labels=labels[-DIGITS_TEST:],
    )
