"""Where the tools are: in Python packages, or on PATH."""

from __future__ import annotations

import hashlib
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from s2nn_hw import yosys as yosys_package
from s2nn_hw.ir import InputError, ToolError
from s2nn_hw.yosys import version as package_version

from .packer import Packer

SOURCES = ("packages", "path")

#: The programs of the WebAssembly packages, whether or not their scripts are on PATH.
_YOWASP = "import sys, {module} as m; sys.exit(m.run_{function}(sys.argv[1:]))"

#: ... and others, which find their arguments where a script would.
_SCRIPT = "import sys; from {module} import {function} as f; sys.exit(f())"

_EXTRA = "pip install 's2nn-hw[synth]'"


@dataclass(frozen=True, kw_only=True)
class Tool:
    """A tool that is here.

    Parameters
    ----------
    name: of the program: ``yosys``, ``nextpnr-ecp5``.
    command: arguments are added to it; yosys takes a script's name.
    version: with the name of what was installed: two of one version are the same tool.
    packaged: whether it is a WebAssembly package, whose first run compiles it.
    """

    name: str
    command: tuple[str, ...]
    version: str
    packaged: bool = False


def yosys(source: str = "packages") -> Tool:
    """yosys: native where its package is, else in WebAssembly; or the one on PATH."""
    if _checked(source) == "path":
        program = _program("yosys")
        return Tool(name="yosys", command=(program, "-s"), version=_asked(program, "-V"))
    name = yosys_package.package()
    return Tool(
        name="yosys",
        command=yosys_package.command(name),
        version=f"{name} {yosys_package.version(name)}",
        packaged=name != "pyosys",
    )


def nextpnr(name: str, source: str = "packages") -> Tool:
    """The place and route program of that name."""
    if _checked(source) == "path":
        # Himbächel is one program for several families where it is not a package.
        names = (name, re.sub(r"(himbaechel)-.*", r"\1", name))
        program = next((p for p in map(shutil.which, names) if p), None) or _program(name)
        return Tool(name=name, command=(program,), version=_asked(program, "--version"))
    found = _yowasp(f"yowasp-{name}", name)
    if found is None:
        raise InputError(f"{name}: the package 'yowasp-{name}' is not installed; {_EXTRA}")
    return found


def packer(kind: Packer, source: str = "packages") -> Tool:
    """The program that makes a family's bitstreams."""
    name = kind.program
    if _checked(source) == "path":
        program = _program(name)
        # Not all of them tell a version.
        digest = hashlib.sha256(Path(program).read_bytes()).hexdigest()[:12]
        return Tool(name=name, command=(program,), version=f"{program}: sha256 {digest}")
    version = package_version(kind.package)
    if version is None:
        raise InputError(f"{name}: the package {kind.package!r} is not installed; {_EXTRA}")
    module, function = kind.function
    command = (sys.executable, "-P", "-c", _SCRIPT.format(module=module, function=function))
    return Tool(name=name, command=command, version=f"{kind.package} {version}")


def _checked(source: str) -> str:
    if source not in SOURCES:
        raise InputError(f"tools must be one of {', '.join(SOURCES)}, not {source!r}")
    return source


def _yowasp(package: str, name: str) -> Tool | None:
    version = package_version(package)
    if version is None:
        return None
    code = _YOWASP.format(module=package.replace("-", "_"), function=name.replace("-", "_"))
    command = (sys.executable, "-P", "-c", code)
    return Tool(name=name, command=command, version=f"{package} {version}", packaged=True)


def _program(name: str) -> str:
    program = shutil.which(name)
    if program is None:
        raise InputError(f"{name}: must be on PATH, or leave out --tools path")
    return program


def _asked(program: str, option: str) -> str:
    """What a program says of its version, its path with it."""
    try:
        done = subprocess.run(
            [program, option], capture_output=True, text=True, check=False, timeout=60
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise ToolError(f"{program} does not tell its version: {error}") from error
    lines = (done.stdout + done.stderr).strip().splitlines()
    if done.returncode != 0 or not lines:
        raise ToolError(f"{program} does not tell its version: status {done.returncode}")
    return f"{program}: {lines[-1].strip()}"
