"""The IDX format of the MNIST family: plain or gzipped arrays of unsigned bytes."""

from __future__ import annotations

import gzip
import math
import zlib
from pathlib import Path

import numpy as np
import numpy.typing as npt

from s2nn_hw.ir import InputError

#: Two zero bytes, the code of unsigned bytes, and then the number of dimensions.
_MAGIC = b"\x00\x00\x08"


def read_idx(path: Path) -> npt.NDArray[np.uint8]:
    """The array in the file; InputError names the file and what is wrong with it."""
    try:
        content = path.read_bytes()
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror}") from error
    return parse_idx(content, str(path))


def parse_idx(content: bytes, name: str) -> npt.NDArray[np.uint8]:
    """The array in the bytes of an IDX file, of which ``name`` is told in errors."""
    content = plain(content, name)
    if len(content) < 4 or content[:3] != _MAGIC:
        raise InputError(f"{name}: not an IDX file of unsigned bytes")
    start = 4 + 4 * content[3]
    shape = tuple(int.from_bytes(content[k : k + 4]) for k in range(4, start, 4))
    if len(content) - start != math.prod(shape):
        raise InputError(f"{name}: truncated or overlong: {len(content)} bytes for shape {shape}")
    return np.frombuffer(content, np.uint8, offset=start).reshape(shape)


def plain(content: bytes, name: str) -> bytes:
    """The bytes, decompressed if they are gzipped."""
    if content[:2] != b"\x1f\x8b":
        return content
    try:
        return gzip.decompress(content)
    except (OSError, EOFError, zlib.error) as error:
        raise InputError(f"{name}: not a whole gzip file: {error}") from error
