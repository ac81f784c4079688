"""Results of tools in the cache folder, found again by what decides them."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import tempfile
import time
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from s2nn_hw import cache

#: In each, the digests of its files.
DIGESTS = "digests.json"

#: An unfinished result this old was left by a killed process.
_STALE_SECONDS = 24 * 3600


def key(parts: Iterable[str]) -> str:
    """A name for what these decide together."""
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:24]


def _digests(folder: Path) -> dict[str, str]:
    """Name → digest of every file of a result but their list."""
    found = {}
    for path in sorted(folder.iterdir()):
        if path.name != DIGESTS:
            with path.open("rb") as file:
                found[path.name] = hashlib.file_digest(file, "sha256").hexdigest()
    return found


def _whole(folder: Path) -> bool:
    """Whether a result is as it was put."""
    try:
        return bool(json.loads((folder / DIGESTS).read_text()) == _digests(folder))
    except (OSError, ValueError):
        return False


class Results:
    """Folders of one kind: each appears whole or not at all, and the oldest make way.

    Parameters
    ----------
    kind: name of the folder below the cache's.
    keep: how many are kept, of those that were used last.
    """

    def __init__(self, kind: str, *, keep: int):
        self.kind = kind
        self.keep = keep

    @property
    def _home(self) -> Path:
        return cache.folder() / self.kind

    def find(self, name: str) -> Path | None:
        """The folder of that key, None if there is none."""
        found = self._home / name
        if not os.path.isdir(found):  # also where nobody may look
            return None
        if not _whole(found):  # a disk that was full, a machine that went down
            with suppress(OSError):
                shutil.rmtree(found)
            return None
        with suppress(OSError):  # a cache that is only read
            os.utime(found)
        return found

    def begin(self) -> Path:
        """A new folder to make a result in; put() or drop() it."""
        cache.writable()
        self._home.mkdir(parents=True, exist_ok=True)
        return Path(tempfile.mkdtemp(dir=self._home, prefix="making."))

    def put(self, folder: Path, name: str) -> Path:
        """Make a folder of begin() the result of that key."""
        shutil.rmtree(folder / "tmp", ignore_errors=True)
        (folder / DIGESTS).write_text(json.dumps(_digests(folder)))
        target = self._home / name
        try:
            folder.rename(target)
        except OSError:  # another process was first
            if not target.is_dir():
                raise
            shutil.rmtree(folder, ignore_errors=True)
        self._prune()
        return target

    def drop(self, folder: Path) -> None:
        """Remove a folder of begin(), if it is still there."""
        shutil.rmtree(folder, ignore_errors=True)

    def _prune(self) -> None:
        whole = []
        for path in self._home.iterdir():
            with suppress(OSError):
                age = path.stat().st_mtime
                if not path.name.startswith("making."):
                    whole.append((age, path))
                elif time.time() - age > _STALE_SECONDS:
                    shutil.rmtree(path, ignore_errors=True)
        for _, path in sorted(whole, reverse=True)[self.keep :]:
            shutil.rmtree(path, ignore_errors=True)
