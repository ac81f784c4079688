"""Flips and crops: whole pixels, mirrored at the edge."""

import numpy as np
import torch

from s2nn_hw.datasets.augment import Augmentation


def test_flip_and_crop_are_what_numpy_makes_of_them():
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (40, 3, 6, 7), dtype=np.uint8)
    moved = Augmentation(flip=True, crop=2).apply(
        torch.from_numpy(images), torch.Generator().manual_seed(3)
    )
    assert moved.dtype == torch.uint8
    seen = set()
    for image, got in zip(images, moved.numpy(), strict=True):
        padded = np.pad(image, ((0, 0), (2, 2), (2, 2)), mode="reflect")
        found = [
            (y, x, flip)
            for y in range(5)
            for x in range(5)
            for flip in (False, True)
            if (got == padded[:, y : y + 6, x : x + 7][:, :, :: -1 if flip else 1]).all()
        ]
        assert len(found) == 1
        seen.add(found[0])
    assert len({y for y, _, _ in seen}) == len({x for _, x, _ in seen}) == 5
    assert {flip for _, _, flip in seen} == {False, True}


def test_the_same_generator_gives_the_same_and_none_gives_the_image():
    images = torch.randint(0, 256, (5, 1, 8, 8), dtype=torch.uint8)
    one, two = (
        Augmentation(flip=True, crop=1).apply(images, torch.Generator().manual_seed(1))
        for _ in range(2)
    )
    assert (one == two).all()
    assert (Augmentation().apply(images, torch.Generator()) == images).all()
    assert Augmentation(crop=1, shift=1.0).apply(images, torch.Generator()).dtype == torch.float32
