"""From a torch module to the integer network."""

from .lower import lower

__all__ = ["lower"]
