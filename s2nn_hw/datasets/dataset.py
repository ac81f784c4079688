"""A data set in memory."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from s2nn_hw.ir import InputError


@dataclass(frozen=True, kw_only=True, eq=False)
class Dataset:
    """Raw images and their labels, split for training and for test.

    Parameters
    ----------
    name: of the set.
    title: what figures from it are said to be of, where it is not the name.
    maximum: the greatest raw pixel there can be.
    train_images, test_images: uint8 (n, C, H, W).
    train_labels, test_labels: uint8 (n,).
    """

    name: str
    maximum: int
    train_images: npt.NDArray[np.uint8]
    train_labels: npt.NDArray[np.uint8]
    test_images: npt.NDArray[np.uint8]
    test_labels: npt.NDArray[np.uint8]
    title: str = ""

    def check(self) -> None:
        """Raise InputError unless the arrays belong together."""
        for part, images, labels in (
            ("training", self.train_images, self.train_labels),
            ("test", self.test_images, self.test_labels),
        ):
            if images.ndim != 4 or len(images) == 0:
                raise InputError(
                    f"{self.name}: {part} images must have shape (n, C, H, W), not {images.shape}"
                )
            if labels.shape != (len(images),):
                raise InputError(
                    f"{self.name}: {part} labels must be {len(images)}, one an image, "
                    f"not {labels.shape}"
                )
        if self.train_images.shape[1:] != self.test_images.shape[1:]:
            raise InputError(
                f"{self.name}: test images must have shape {self.shape} as those of training, "
                f"not {self.test_images.shape[1:]}"
            )

    @property
    def shape(self) -> tuple[int, ...]:
        """C×H×W of an image."""
        return tuple(int(n) for n in self.train_images.shape[1:])

    @property
    def classes(self) -> int:
        """Number of classes: one above the greatest label."""
        return int(max(self.train_labels.max(), self.test_labels.max())) + 1

    def digest(self) -> str:
        """SHA-256 over shapes and contents of the four arrays."""
        total = hashlib.sha256()
        for array in (self.train_images, self.train_labels, self.test_images, self.test_labels):
            total.update(f"{array.shape}\n".encode())
            total.update(np.ascontiguousarray(array).tobytes())
        return total.hexdigest()
