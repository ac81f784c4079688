"""From a core to the design of a board, and from that, placed, to a bitstream."""

from __future__ import annotations

import gzip
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from s2nn_hw.ir import ToolError
from s2nn_hw.toolchain import packer, process
from s2nn_hw.toolchain.packer import PACKERS, Packer
from s2nn_hw.toolchain.results import Results, key
from s2nn_hw.toolchain.tools import Tool

from .emit import Core
from .mapping import SQUEEZED, Design, Placed

if TYPE_CHECKING:
    from rtl_gen.boards import BoardFiles
    from rtl_gen.platforms import Part

#: Some hundred kilobytes each.
_BITSTREAMS = Results("bitstreams", keep=64)


def packer_of(part: Part) -> Packer:
    """What makes a bitstream for a part; every board's has one."""
    return PACKERS[part.family.name]


def design_of(core: Core, files: BoardFiles, part: Part) -> Design:
    """A core behind the shell of a board."""
    alone = Design.of_core(core, part)
    kind = packer_of(part)
    return Design(
        part=part,
        files={**alone.files, files.rtlil_name: files.rtlil},
        reads=(f"read_rtlil {files.rtlil_name}", *alone.reads),
        top=files.top,
        memories=alone.memories,
        constraints=((files.constraints_name, files.constraints),),
        options=kind.place(files.constraints_name),
        pins=True,
        clock=files.clock,
        routed=kind.routed,
    )


@dataclass(frozen=True, kw_only=True)
class Packed:
    """A bitstream: its file in the cache, with the log beside it.

    seconds: it took; 0 if it was there.
    """

    file: Path
    cached: bool
    seconds: float

    @property
    def log(self) -> Path:
        """What the program said."""
        return self.file.with_name(packer.LOG)


def pack(files: BoardFiles, part: Part, placed: Placed, tool: Tool) -> Packed:
    """The bitstream of the best seed.  Raises ToolError where the program failed."""
    kind, seed = packer_of(part), placed.best
    assert seed is not None, "place() gives one, or raises"
    file = f"{files.board}{kind.suffix}"
    arguments = kind.arguments(files.pack, file)
    name = key([tool.version, placed.names[seed], *arguments])
    found = _BITSTREAMS.find(name)
    if found is not None:
        return Packed(file=found / file, cached=True, seconds=0.0)
    making = _BITSTREAMS.begin()
    try:
        routed = placed.homes[seed] / f"{kind.routed}{SQUEEZED}"
        (making / kind.routed).write_bytes(gzip.decompress(routed.read_bytes()))
        command = (*tool.command, *arguments)
        job = process.Job(name=tool.name, command=command, folder=making, log=packer.LOG)
        (ended,) = process.run([job])
        if ended.status != 0:
            raise job.failure(ended.status)
        if not (making / file).is_file() or not (making / file).stat().st_size:
            raise ToolError(f"{tool.name} ended well, but wrote no bitstream")
        (making / kind.routed).unlink()
        made = _BITSTREAMS.put(making, name)
    finally:
        _BITSTREAMS.drop(making)
    return Packed(file=made / file, cached=False, seconds=round(ended.seconds, 3))
