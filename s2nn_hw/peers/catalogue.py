"""The generators that are measured, and the settings with which they are."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, kw_only=True)
class Setting:
    """A way to have a circuit made.

    name: for people; options: of the peer's script.
    """

    name: str
    options: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Peer:
    """A generator of others.

    Parameters
    ----------
    name: as its package is called.
    script: in ``generators``, which its environment's Python runs.
    requirements: what is installed there, versions fixed.
    programs: that must be on PATH.
    borrows: whether it sees the packages of our own environment, too: for torch, which takes
        gigabytes.
    settings: each is measured.
    """

    name: str
    script: str
    requirements: tuple[str, ...]
    programs: tuple[str, ...] = ()
    borrows: bool = False
    settings: tuple[Setting, ...]


PEERS = {
    peer.name: peer
    for peer in (
        Peer(
            name="alkaid",
            script="tracing_peer.py",
            requirements=("alkaid==0.8.2",),
            settings=(
                Setting(name="combinational"),
                Setting(
                    name="combinational, 4-input tables",
                    options={"solver": {"binary_lut_width": 4}},
                ),
                Setting(name="combinational, no tables", options={"solver": {"binary_lut": False}}),
                Setting(name="pipelined", options={"latency": 3}),
            ),
        ),
        Peer(
            name="da4ml",
            script="tracing_peer.py",
            requirements=("da4ml==0.6.0",),
            settings=(
                Setting(name="combinational"),
                Setting(name="pipelined", options={"latency": 3}),
            ),
        ),
        Peer(
            name="spikerplus",
            script="spikerplus_peer.py",
            requirements=("spikerplus==2.0.3", "snntorch==1.0.0", "tabulate==0.9.0"),
            programs=("ghdl",),
            borrows=True,
            settings=(Setting(name="one frame at a time"),),
        ),
        Peer(
            name="dwn2rtl",
            script="dwn2rtl_peer.py",
            requirements=("dwn2rtl==0.3.0",),
            borrows=True,
            settings=(Setting(name="tables of six"),),
        ),
    )
}
