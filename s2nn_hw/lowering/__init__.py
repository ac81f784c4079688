"""From a torch module to the integer network."""

from .fold import fold
from .lower import lower

__all__ = ["fold", "lower"]
