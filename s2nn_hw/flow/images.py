"""Frames to verify with: from a data set, a file, beside the model, or random."""

from __future__ import annotations

import os
import zipfile
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from s2nn_hw.ir import InputError, Network, integer, integers

#: The file of images that a trained model brings along.
PACKED = "images.npz"
#: How many random frames there are if nobody says.
RANDOM_FRAMES = 256
#: Pixels of random frames, at the most: a gigabyte.
_RANDOM_PIXELS = 2**30

#: What np.load raises on files that are cut short, of another kind, or hold pickles.
_UNREADABLE = (
    ValueError,
    TypeError,
    KeyError,
    EOFError,
    NotImplementedError,
    MemoryError,
    zipfile.BadZipFile,
    zlib.error,
)


@dataclass(frozen=True, kw_only=True, eq=False)
class ImageSet:
    """Frames of a network's input, and what is right about them.

    frames: uint8 (n, *shape) within the input's range.
    labels: int64 (n,), or None where nobody knows.
    source: where they are from, for people.
    """

    frames: npt.NDArray[np.uint8]
    labels: npt.NDArray[np.int64] | None
    source: str

    def first(self, count: int | None) -> ImageSet:
        """The first ``count``, all for None; InputError if there are not so many."""
        if count is None:
            return self
        if count > len(self.frames):
            raise InputError(
                f"frames must be at most the {len(self.frames)} of {self.source}, not {count}"
            )
        labels = None if self.labels is None else self.labels[:count]
        return ImageSet(frames=self.frames[:count], labels=labels, source=self.source)


def images(
    network: Network,
    source: str | os.PathLike[str] | None = None,
    *,
    model: Path | None = None,
    frames: int | None = None,
    seed: int = 0,
    data: str | os.PathLike[str] | None = None,
) -> ImageSet:
    """The images to verify the network with.

    Parameters
    ----------
    source: a data set's name (its test images are quantised as the network asks), or a file: an
        .npy of frames, or an .npz with ``frames`` (in the input's range) or ``images`` (raw, to be
        quantised) and perhaps ``labels``.  None: ``images.npz`` beside the model, else random.
    model: the model's file.
    frames: take so many from the start; for random ones their number, 256 by default.
    seed: of the random ones.
    data: folder of the data set.

    Raises InputError naming the file and the value that is wrong.
    """
    frames = None if frames is None else integer(frames, "frames", least=1)
    seed = integer(seed, "seed", least=0)
    if source is None and model is not None and (model.parent / PACKED).is_file():
        source = model.parent / PACKED
    if source is None:
        return random_frames(network, RANDOM_FRAMES if frames is None else frames, seed)
    from s2nn_hw import datasets

    if source in datasets.NAMES:
        dataset = datasets.load(str(source), data)
        found = _image_set(
            network, f"{source} test set", None, dataset.test_images, dataset.test_labels
        )
    else:
        found = read_images(network, Path(source))
    return found.first(frames)


def random_frames(network: Network, count: int, seed: int) -> ImageSet:
    """Frames of every value, each as likely; the same for the same seed."""
    most = max(1, _RANDOM_PIXELS // network.input.size)
    if count > most:
        raise InputError(f"frames must be at most {most:,} where they are random, not {count:,}")
    shape = (count, *network.input.shape)
    frames = np.random.default_rng(seed).integers(
        0, network.input.maximum, size=shape, dtype=np.uint8, endpoint=True
    )
    return ImageSet(frames=frames, labels=None, source=f"random pixels, seed {seed}")


def read_images(network: Network, path: Path) -> ImageSet:
    """The images in a file; see images().  Never unpickles."""
    arrays = _arrays(path)
    if not {"frames", "images"} & set(arrays):
        names = ", ".join(sorted(arrays)) or "nothing"
        raise InputError(f"{path}: must hold an array 'frames' or 'images', not {names}")
    return _image_set(
        network, str(path), arrays.get("frames"), arrays.get("images"), arrays.get("labels")
    )


def _arrays(path: Path) -> dict[str, npt.NDArray[Any]]:
    if not path.is_file():
        raise InputError(f"{path}: no such image file, nor a data set's name")
    try:
        with path.open("rb") as file:  # np.load would leave a broken one open
            loaded = np.load(file, allow_pickle=False)
            if isinstance(loaded, np.ndarray):
                return {"frames": loaded}
            with loaded:
                return {name: loaded[name] for name in loaded.files}
    except _UNREADABLE as error:
        raise InputError(f"{path}: not a whole .npy or .npz file of plain arrays") from error
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror or error}") from error


def _image_set(
    network: Network,
    source: str,
    frames: npt.NDArray[Any] | None,
    raw: npt.NDArray[Any] | None,
    labels: npt.NDArray[Any] | None,
) -> ImageSet:
    try:
        if frames is not None:
            taken = network.input.frames(frames)
        else:
            assert raw is not None
            if raw.dtype.kind not in "iub":
                raise InputError(f"raw pixels must be integers, not {raw.dtype}")
            if raw.size and raw.min() < 0:
                raise InputError(f"a raw pixel must be 0 or more, not {raw.min()}")
            taken = network.input.quantise(raw)
        known = None if labels is None else known_labels(labels, len(taken), network.classes)
    except InputError as error:
        raise InputError(f"{source}: {error}") from error
    return ImageSet(frames=taken, labels=known, source=source)


def known_labels(labels: npt.ArrayLike, count: int, classes: int) -> npt.NDArray[np.int64]:
    """The labels, one an image of ``count``; InputError where one is none of the classes."""
    known = integers(labels, "labels")
    if known.shape != (count,):
        raise InputError(f"labels must be {count}, one an image, not of shape {known.shape}")
    wrong = (known < 0) | (known >= classes)
    if wrong.any():
        first = int(np.flatnonzero(wrong)[0])
        raise InputError(f"a label must be 0…{classes - 1}, not {known[first]} (image {first})")
    return known
