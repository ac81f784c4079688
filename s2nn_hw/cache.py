"""Our folder in the user's cache: prepared tools, simulator builds, data sets."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

from s2nn_hw.ir import InputError


def folder() -> Path:
    """``$XDG_CACHE_HOME/s2nn-hw``, else ``~/.cache/s2nn-hw``.

    A relative path in the variable is ignored, as the XDG Base Directory Specification wants it.
    """
    base = Path(os.environ.get("XDG_CACHE_HOME", ""))
    return (base if base.is_absolute() else Path.home() / ".cache") / "s2nn-hw"


def writable() -> Path:
    """The folder, made if need be; InputError if it cannot be written to."""
    try:
        folder().mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder()):
            pass
    except OSError as error:
        raise InputError(
            f"{folder()}: the cache folder cannot be written: {error.strerror}; name another with "
            "XDG_CACHE_HOME"
        ) from error
    return folder()
