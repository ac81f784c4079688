"""FPGA hardware generation for single-step spiking neural networks.

Light to import: torch, amaranth and cocotb are loaded by the part that needs them.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from .ir import InputError, Network, from_arrays, load, save

if TYPE_CHECKING:
    from . import flow, golden, ir
    from .lowering import lower

__version__ = "0.1.0"
__all__ = [
    "InputError",
    "Network",
    "flow",
    "from_arrays",
    "golden",
    "ir",
    "load",
    "lower",
    "save",
]


def __getattr__(name: str) -> Any:
    if name == "lower":
        return importlib.import_module(".lowering", __name__).lower
    if name in ("flow", "golden", "ir", "lowering", "nn"):
        return importlib.import_module(f".{name}", __name__)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
