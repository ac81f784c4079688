"""The choice of engine, lanes, windows and memory of each layer, for a device.

``Survey`` shows what each layer may be and what that costs; ``select`` takes one of each, so that
all fit and none is faster than it need be; the ``Explorer`` does so from the fastest plan to the
smallest.
"""

from .explorer import Explorer, Point, front, identity
from .selection import InfeasibleError, share

__all__ = ["Explorer", "InfeasibleError", "Point", "front", "identity", "share"]
