"""Data sets: found on this machine, or got where the user asks for it."""

from .dataset import Dataset
from .get import get
from .load import NAMES, find, load

__all__ = ["NAMES", "Dataset", "find", "get", "load"]
