"""The reference: what the hardware must compute, bit for bit."""

from .model import Trace, run

__all__ = ["Trace", "run"]
