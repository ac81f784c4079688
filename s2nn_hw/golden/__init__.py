"""The reference: what the hardware must compute, bit for bit."""

from .activity import observed
from .model import Trace, run

__all__ = ["Trace", "observed", "run"]
