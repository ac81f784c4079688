"""What the layers make of one frame, as ``example.json`` has it, and pictures of it."""

from __future__ import annotations

import base64
import binascii
import io
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from s2nn_hw.ir import InputError

#: Values beside each other in the raster of a layer that is no map; maps, in the picture of one.
_ROW = 64
_TILES = 16
#: Red, green and blue of 0 and of the maximum: apart on a light and on a dark page.
_LOW, _HIGH = (226, 230, 236), (16, 62, 132)


@dataclass(frozen=True, kw_only=True)
class Picture:
    """Values as a picture, maps side by side.

    Parameters
    ----------
    png: as a data URI.
    width, height: of it, pixels; a value is one.
    values: how many; active: of them above zero.
    """

    png: str
    width: int
    height: int
    values: int
    active: int


def check(data: Mapping[str, Any], names: Sequence[str], classes: int, where: str) -> None:
    """Raise InputError unless it is of these layers and classes, and all values can be decoded.

    names: of the core's layers and pools but the readout, whose scores stand for it.
    """
    found = [layer["name"] for layer in data["layers"]]
    if found != list(names):
        raise InputError(
            f"{where}: its layers must be those of the core but the readout, "
            f"{', '.join(names) or 'none'}, not {', '.join(found) or 'none'}"
        )
    if len(data["scores"]) != classes:
        raise InputError(
            f"{where}: its scores must be {classes}, one a class, not {len(data['scores'])}"
        )
    for entry in ({"name": "input", **data["input"]}, *data["layers"]):
        _values(entry, where)


def picture(entry: Mapping[str, Any], where: str) -> Picture:
    """Of the ``input`` or of one of the ``layers``."""
    values = _values(entry, where)
    tiles = _tiles(values)
    shades = np.clip(tiles / max(1, entry["maximum"]), 0, 1)[..., None]
    colours = np.where(shades < 0, 0, np.array(_LOW) + shades * (np.subtract(_HIGH, _LOW)))
    opaque = np.where(tiles < 0, 0, 255)[..., None]
    pixels = np.concatenate([colours, opaque], axis=2).round().astype(np.uint8)
    return Picture(
        png=_png(pixels),
        width=tiles.shape[1],
        height=tiles.shape[0],
        values=values.size,
        active=int((values > 0).sum()),
    )


def _values(entry: Mapping[str, Any], where: str) -> npt.NDArray[np.uint16]:
    """Of the entry's shape, steps beside channels."""
    name, shape, maximum = entry["name"], tuple(entry["shape"]), entry["maximum"]
    if len(shape) not in (1, 3):
        raise InputError(f"{where}: {name!r}: its shape must be [N] or [C, H, W], not {shape}")
    try:
        raw = np.frombuffer(base64.b64decode(entry["values"], validate=True), np.uint8)
    except binascii.Error as error:
        raise InputError(f"{where}: {name!r}: its values must be in base64: {error}") from error
    # The input is a byte a value, whatever its maximum, and has its steps one after the other.
    packed = maximum == 1 and "kind" in entry
    size = entry.get("steps", 1) * math.prod(shape)
    wanted = -(-size // 8) if packed else size * (2 if maximum > 255 else 1)
    if raw.size != wanted:
        raise InputError(f"{where}: {name!r}: its values must be {wanted} bytes, not {raw.size}")
    values = (
        np.unpackbits(raw, count=size) if packed else raw.view("<u2" if maximum > 255 else "u1")
    )
    return values.reshape(-1, *shape[1:]).astype(np.uint16)


def _tiles(values: npt.NDArray[np.uint16]) -> npt.NDArray[np.int32]:
    """Maps side by side, -1 between them and where there is none.

    Of no map rows of _ROW values, but of as many as a square image has its rows.
    """
    if values.ndim == 1:
        side = math.isqrt(values.size)
        across = side if side * side == values.size else min(_ROW, values.size)
        rows = -(-values.size // across)
        row = np.full(rows * across, -1, np.int32)
        row[: values.size] = values
        return row.reshape(rows, across)
    channels, height, width = values.shape
    across = min(channels, _TILES)
    down = -(-channels // across)
    found = np.full((down * (height + 1) - 1, across * (width + 1) - 1), -1, np.int32)
    for k, channel in enumerate(values):
        y, x = k // across * (height + 1), k % across * (width + 1)
        found[y : y + height, x : x + width] = channel
    return found


def _png(pixels: npt.NDArray[np.uint8]) -> str:
    import matplotlib.image

    file = io.BytesIO()
    unsigned: Any = {"Software": None}
    matplotlib.image.imsave(file, pixels, format="png", metadata=unsigned)
    return "data:image/png;base64," + base64.b64encode(file.getvalue()).decode()
