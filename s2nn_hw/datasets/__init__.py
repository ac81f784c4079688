"""Data sets: found on this machine, or got where the user asks for it."""

from .dataset import Dataset
from .places import NAMES, find, load
from .source import get

__all__ = ["NAMES", "Dataset", "find", "get", "load"]
