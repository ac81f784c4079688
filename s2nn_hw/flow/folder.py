"""Output folders that appear whole or not at all."""

from __future__ import annotations

import ctypes
import errno
import fcntl
import hashlib
import os
import shutil
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from s2nn_hw.ir import InputError

#: Lists, one a line, what we wrote into a folder, with its digest: only a folder that holds nothing
#: else is ours.
MARKER = ".s2nn-hw"

_AT_FDCWD = -100
_RENAME_EXCHANGE = 2


@contextmanager
def output_folder(out: str | os.PathLike[str]) -> Iterator[Path]:
    """A new empty folder that becomes ``out`` when the block ends well.

    Semantics: the block writes into a hidden sibling of ``out``.  At its end the two change places
    in one step of the file system and the old folder is removed, so that ``out`` is at any moment
    the old result or the new one.  When the block raises, or is interrupted, the sibling is
    removed and ``out`` is untouched.  What a killed process left is removed by the next one.

    ``out`` may be absent, empty, or a folder made by this function in which nobody added or changed
    a file; any other is refused, so no work of a user is ever lost.  Whatever should outlive the
    replacement (a simulator's build) belongs elsewhere.

    Raises InputError naming the folder that cannot or must not be written; in the block, an
    OSError on a file of the sibling becomes one, naming the file under its later name.
    """
    try:
        target = Path(out).resolve()
        refuse_foreign(target)
        made = _make_parents(target.parent)
    except InputError:
        raise
    except (OSError, ValueError) as error:
        raise InputError(f"{out}: cannot be written: {_reason(error)}") from error
    lock = -1
    sibling = target.with_name(f".{target.name}.{os.getpid()}.new")
    try:
        try:
            _recover(target)
            sibling.mkdir()
            # Held while we live: tells the next process a folder at work from a leftover.
            lock = os.open(sibling, os.O_RDONLY)
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise InputError(f"{out}: cannot be written: {_reason(error)}") from error
        try:
            yield sibling
            _mark(sibling, {name: _digest(sibling / name) for name in _files(sibling)})
            refuse_foreign(target)
            _replace(sibling, target)
        except OSError as error:
            file = str(error.filename or "")
            if file.startswith(str(sibling)):
                name = str(target) + file[len(str(sibling)) :]
            elif error.errno in (errno.ENOSPC, errno.EDQUOT):  # a write names no file
                name = str(target)
            else:
                raise
            raise InputError(f"{name}: cannot be written: {_reason(error)}") from error
    except BaseException:
        shutil.rmtree(sibling, ignore_errors=True)
        for folder in made:
            if not any(folder.iterdir()):
                folder.rmdir()
        raise
    finally:
        if lock >= 0:
            os.close(lock)
    # After an exchange the old folder sits under the sibling's name.
    shutil.rmtree(sibling, ignore_errors=True)


def refuse_foreign(target: Path) -> None:
    """Raise InputError if the folder holds what we did not write."""
    if not target.exists():
        return
    if not target.is_dir():
        raise InputError(f"{target}: must be a folder to write into, not a file")
    if target == Path.cwd():
        raise InputError(f"{target}: must not be the current folder, which cannot be replaced")
    ours = _marked(target)
    for name in _files(target):
        if name == MARKER:
            continue
        if name not in ours:
            how = "not written by s2nn-hw"
        elif ours[name] != _digest(target / name):
            how = "changed since s2nn-hw wrote it"
        else:
            continue
        raise InputError(
            f"{target}: holds {name}, {how}, which would be lost; move it or name another folder"
        )


def write_file(path: Path, text: str | Iterable[str], ours: Path | None = None) -> None:
    """Write a file, a text or lines, whole or not at all; in a folder of ours it becomes its file.

    ``ours`` is a folder that becomes one if it is not yet.  Raises InputError naming the file.
    """
    try:
        _make_parents(path.parent)
        temporary = path.with_name(f".{path.name}.{os.getpid()}.new")
        try:
            with temporary.open("w") as file:
                file.writelines([text] if isinstance(text, str) else text)
            temporary.replace(path)
        finally:
            temporary.unlink(missing_ok=True)
        for folder in path.resolve().parents:
            marker = folder / MARKER
            if marker.is_file() or (ours is not None and folder == ours.resolve()):
                name = str(path.resolve().relative_to(folder))
                _mark(folder, {**_marked(folder), name: _digest(path)})
                break
    except (OSError, ValueError) as error:
        raise InputError(f"{path}: cannot be written: {_reason(error)}") from error


def writable_file(path: Path) -> None:
    """Raise InputError if write_file() could not write this file; nothing is left behind."""
    wrong = ""
    try:
        parent = next(folder for folder in path.resolve().parents if folder.exists())
        # Tried, for of root access() says that all is allowed.
        with tempfile.TemporaryFile(dir=parent):
            wrong = "it is a folder" if path.is_dir() else ""
    except (OSError, ValueError) as error:
        wrong = _reason(error)
    if wrong:
        raise InputError(f"{path}: cannot be written: {wrong}")


def _files(folder: Path) -> Iterator[str]:
    """Files and empty folders below the folder, relative, in order; lazily, for it may be huge."""
    for path in sorted(folder.iterdir()):
        if path.is_dir() and not path.is_symlink() and any(path.iterdir()):
            yield from (f"{path.name}/{name}" for name in _files(path))
        else:
            yield path.name


def _mark(folder: Path, digests: Mapping[str, str]) -> None:
    """Note what we wrote: of each file its digest and, behind a space, its name."""
    lines = (f"{digest} {name}\n" for name, digest in sorted(digests.items()))
    (folder / MARKER).write_text("".join(lines))


def _marked(folder: Path) -> dict[str, str]:
    """What we wrote, name → digest; nothing where there is no note of it."""
    try:
        lines = (folder / MARKER).read_text().splitlines()
    except FileNotFoundError:
        return {}
    return {name: digest for digest, _, name in (line.partition(" ") for line in lines)}


def _digest(path: Path) -> str:
    """Of a file's bytes; empty of a folder, and of what only looks like a file."""
    if not path.is_file():
        return ""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _make_parents(folder: Path) -> list[Path]:
    """Make the missing folders down to this one; those made, innermost first."""
    missing = []
    while not folder.exists():
        missing.append(folder)
        folder = folder.parent
    for path in reversed(missing):
        path.mkdir(exist_ok=True)
    return missing


def _replace(sibling: Path, target: Path) -> None:
    """Put the sibling in the target's place, in one step where the file system has one."""
    try:
        sibling.rename(target)  # one step if the target is absent or empty
        return
    except OSError as error:
        if error.errno not in (errno.ENOTEMPTY, errno.EEXIST):
            raise
    libc = ctypes.CDLL(None, use_errno=True)
    if hasattr(libc, "renameat2"):
        names = os.fsencode(sibling), os.fsencode(target)
        if libc.renameat2(_AT_FDCWD, names[0], _AT_FDCWD, names[1], _RENAME_EXCHANGE) == 0:
            return
        code = ctypes.get_errno()
        if code not in (errno.EINVAL, errno.ENOSYS):
            raise OSError(code, os.strerror(code), str(target))
    # Two steps; _recover() undoes the first where the second never came.
    old = target.with_name(f".{target.name}.old")
    target.rename(old)
    sibling.rename(target)
    old.rename(sibling)


def _recover(target: Path) -> None:
    """Undo what a killed process left beside the target."""
    old = target.with_name(f".{target.name}.old")
    if old.is_dir():
        if target.exists():
            shutil.rmtree(old, ignore_errors=True)
        else:
            old.rename(target)
    for path in target.parent.iterdir():
        head, tail = f".{target.name}.", ".new"
        if not (path.name.startswith(head) and path.name.endswith(tail) and path.is_dir()):
            continue
        if not path.name[len(head) : -len(tail)].isdigit():
            continue
        handle = os.open(path, os.O_RDONLY)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            shutil.rmtree(path, ignore_errors=True)
        except BlockingIOError:
            pass  # its process lives
        finally:
            os.close(handle)


def _reason(error: Exception) -> str:
    return (error.strerror if isinstance(error, OSError) else None) or str(error)
