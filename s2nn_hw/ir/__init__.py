"""The integer network, its semantics and its file."""

from .arrays import from_arrays
from .conv2d import Conv2d
from .dense import Dense
from .errors import InputError, ToolError, well_formed
from .frame import FrameFormat
from .layer import Layer
from .network import Network, Node, sources
from .numeric import array, each_integer, integer, integers
from .pool import Pool
from .projection import INPUT, Projection
from .store import load, save
from .window import Window

__all__ = [
    "INPUT",
    "Conv2d",
    "Dense",
    "FrameFormat",
    "InputError",
    "Layer",
    "Network",
    "Node",
    "Pool",
    "Projection",
    "ToolError",
    "Window",
    "array",
    "each_integer",
    "from_arrays",
    "integer",
    "integers",
    "load",
    "save",
    "sources",
    "well_formed",
]
