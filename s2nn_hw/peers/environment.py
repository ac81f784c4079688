"""Environments of other generators, in the cache folder."""

from __future__ import annotations

import json
import shutil
import site
import sys
from dataclasses import dataclass
from importlib import metadata, resources
from pathlib import Path

from s2nn_hw import cache
from s2nn_hw.ir import ToolError
from s2nn_hw.toolchain import process
from s2nn_hw.toolchain.results import key

from .catalogue import Peer, Setting
from .chain import Chain
from .circuit import CIRCUIT, Circuit

#: Seconds that a generator may take.
PATIENCE = 3600
_NET = "net.npz"
_READY = "ready.json"


@dataclass(frozen=True, kw_only=True)
class Environment:
    """A peer that is installed; python: that runs it."""

    peer: Peer
    python: Path

    def generate(self, chain: Chain, setting: Setting, folder: Path) -> Circuit:
        """The peer's circuit of the chain, in a folder that is made.

        Raises ToolError with what the peer said where it made none.
        """
        folder.mkdir(parents=True)
        chain.write(folder / _NET)
        script = resources.files(__package__) / "generators" / self.peer.script
        (folder / self.peer.script).write_text(script.read_text())
        command = (
            str(self.python),
            "-W",
            "ignore",
            self.peer.script,
            _NET,
            json.dumps(dict(setting.options)),
        )
        job = process.Job(name=self.peer.name, command=command, folder=folder, log="generate.log")
        (ended,) = process.run([job])
        if ended.status != 0 or not (folder / CIRCUIT).is_file():
            raise ToolError(f"{self.peer.name} made no circuit: {_last(folder / job.log)}")
        return Circuit.read(folder)


def environment(peer: Peer) -> Environment:
    """The peer's environment, installed if it is not there yet.

    Raises ToolError naming the program that is absent, or with what pip said.
    """
    for program in peer.programs:
        if shutil.which(program) is None:
            raise ToolError(f"the program {program!r} is not on PATH")
    ours = f"{sys.version} {sys.prefix} {metadata.version('torch')}" if peer.borrows else ""
    name = f"{peer.name}-{key([sys.version, ours, *peer.requirements])}"
    home = cache.folder() / "peers" / name
    python = home / "bin" / "python"
    if not (home / _READY).is_file():
        cache.writable()
        shutil.rmtree(home, ignore_errors=True)
        home.parent.mkdir(exist_ok=True)
        try:
            _install(peer, home, python)
        except BaseException:
            shutil.rmtree(home, ignore_errors=True)
            raise
    return Environment(peer=peer, python=python)


def _install(peer: Peer, home: Path, python: Path) -> None:
    home.mkdir()
    _run(peer, home, (sys.executable, "-m", "venv", "--clear", str(home)))
    if peer.borrows:
        (packages,) = home.glob("lib/python*/site-packages")
        (packages / "borrowed.pth").write_text("\n".join(site.getsitepackages()) + "\n")
    pip = (str(python), "-m", "pip", "--disable-pip-version-check", "install", "--quiet")
    _run(peer, home, (*pip, *peer.requirements))
    (home / _READY).write_text(json.dumps(peer.requirements))


def _run(peer: Peer, home: Path, command: tuple[str, ...]) -> None:
    work = home.with_name(f"{home.name}.work")
    shutil.rmtree(work, ignore_errors=True)
    work.mkdir()
    try:
        job = process.Job(name=peer.name, command=command, folder=work, log="install.log")
        (ended,) = process.run([job])
        if ended.status != 0:
            raise ToolError(f"{peer.name} could not be installed: {_last(work / job.log)}")
    finally:
        shutil.rmtree(work, ignore_errors=True)


def _last(log: Path) -> str:
    """The last line that a program said."""
    lines = log.read_text(errors="replace").split("\n") if log.is_file() else []
    said = [line.strip() for line in lines if line.strip() and not line.startswith("WARNING")]
    return said[-1] if said else "it said nothing"
