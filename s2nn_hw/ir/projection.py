"""Synapses into a layer."""

from __future__ import annotations

from .conv2d import Conv2d
from .dense import Dense

#: The name under which projections refer to the network's input frame.
INPUT = "input"

#: Every kind of projection.  A new one brings its golden, gateware and test of the same name.
Projection = Dense | Conv2d
