"""Random small deformations of raw images, for training only."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch.nn import functional

#: Points of the coarse grid, each way, on which a warp is drawn before it is smoothed.
_COARSE = 5


@dataclass(frozen=True, kw_only=True)
class Augmentation:
    """How far an image may be moved; every amount is drawn evenly from −limit…limit, per image.

    Flip and crop come first and cost little; the four others are one resampling.

    Parameters
    ----------
    shift: pixels, each way, fractions included.
    rotate: degrees.
    zoom: share of the size, 0.1 for 0.9…1.1, each way by itself.
    warp: pixels by which points of a coarse grid are displaced, the points between them smoothly.
    flip: whether half the images are mirrored, left to right.
    crop: whole pixels, each way, by which an image is moved; its mirror image comes in.
    """

    shift: float = 0.0
    rotate: float = 0.0
    zoom: float = 0.0
    warp: float = 0.0
    flip: bool = False
    crop: int = 0

    @classmethod
    def of_strength(
        cls, strength: float, width: int, *, flip: bool = False, crop: int = 0
    ) -> Augmentation:
        """The four of resampling at once; strength 1 suits handwriting, 0 is none.

        At 1, for images 28 pixels wide: shift and warp by a pixel, rotation by 8°, zoom by 10 %.
        """
        pixels = strength * width / 28
        return cls(
            shift=pixels,
            rotate=8 * strength,
            zoom=0.1 * strength,
            warp=pixels,
            flip=flip,
            crop=crop,
        )

    @property
    def resamples(self) -> bool:
        """Whether anything is moved by other than whole pixels."""
        return any((self.shift, self.rotate, self.zoom, self.warp))

    def apply(self, images: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
        """Deformed images of raw values from images uint8 (n, C, H, W).

        float32 where they are resampled, with 0 outside; else uint8.
        """
        images = self._moved(images, generator)
        if not self.resamples:
            return images
        images = images.float()
        n, _, height, width = images.shape

        def draw(*shape: int) -> torch.Tensor:
            values = torch.rand(*shape, generator=generator, dtype=torch.float32)
            return (values * 2 - 1).to(images.device)

        pixel = torch.tensor([2 / width, 2 / height], device=images.device)
        angle = draw(n) * math.radians(self.rotate)
        size = 1 + draw(n, 2) * self.zoom
        move = draw(n, 2) * self.shift * pixel
        cos, sin = angle.cos(), angle.sin()
        matrix = torch.stack(
            [
                torch.stack([cos * size[:, 0], -sin * size[:, 1], move[:, 0]], dim=1),
                torch.stack([sin * size[:, 0], cos * size[:, 1], move[:, 1]], dim=1),
            ],
            dim=1,
        )
        grid = functional.affine_grid(matrix, list(images.shape), align_corners=False)
        if self.warp:
            coarse = draw(n, 2, _COARSE, _COARSE) * self.warp
            field = functional.interpolate(
                coarse, (height, width), mode="bicubic", align_corners=True
            )
            grid = grid + field.permute(0, 2, 3, 1) * pixel
        return functional.grid_sample(images, grid, align_corners=False)

    def _moved(self, images: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
        """Flipped and cropped."""
        n, _, height, width = images.shape
        if not (self.flip or self.crop):
            return images

        def draw(limit: int) -> torch.Tensor:
            return torch.randint(0, limit, (n, 1), generator=generator).to(images.device)

        def along(size: int) -> torch.Tensor:
            """Where each pixel comes from, mirrored at both edges."""
            there = draw(2 * self.crop + 1) - self.crop + torch.arange(size, device=images.device)
            return size - 1 - (size - 1 - there.abs()).abs()

        y, x = along(height), along(width)
        if self.flip:
            x = torch.where(draw(2) == 1, x.flip(1), x)
        each = torch.arange(n, device=images.device)[:, None, None]
        return images.permute(0, 2, 3, 1)[each, y[:, :, None], x[:, None, :]].permute(0, 3, 1, 2)
