"""The integer network, its semantics and its file."""

from .arrays import from_arrays, integers
from .errors import InputError, ToolError
from .frame import FrameFormat
from .network import Layer, Network
from .projection import INPUT, Dense, Projection
from .store import load, save

__all__ = [
    "INPUT",
    "Dense",
    "FrameFormat",
    "InputError",
    "Layer",
    "Network",
    "Projection",
    "ToolError",
    "from_arrays",
    "integers",
    "load",
    "save",
]
