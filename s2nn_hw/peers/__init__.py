"""Other generators, which are given our networks so that their circuits can be set beside ours.

Each is installed, by its own name and version, into an environment of its own in the cache folder,
and asked through its own public functions; nothing of it is part of this package.
"""

from .catalogue import PEERS, Peer, Setting
from .chain import Chain, chain
from .circuit import Circuit, Field
from .environment import Environment, environment

__all__ = [
    "PEERS",
    "Chain",
    "Circuit",
    "Environment",
    "Field",
    "Peer",
    "Setting",
    "chain",
    "environment",
]
