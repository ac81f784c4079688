"""A bitstream onto a board."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from s2nn_hw import schema
from s2nn_hw.ir import InputError, ToolError

TOOL = "openFPGALoader"
#: What bitstreams are called.
SUFFIXES = (".bit", ".bin", ".fs")
_LINES = 5


@dataclass(frozen=True, kw_only=True)
class FlashResult:
    """What flash() did.

    permanent: whether it is still there after the power was off.
    """

    board: str
    bitstream: str
    permanent: bool

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return asdict(self)


def flash(
    source: str | os.PathLike[str], *, board: str | None = None, permanent: bool = False
) -> FlashResult:
    """Put a bitstream onto a board that is connected, through openFPGALoader.

    Parameters
    ----------
    source: a bitstream, or a folder with one.
    board: its name in rtl_gen.boards; the one that the folder was made for by default.
    permanent: into the flash memory, not the FPGA alone.

    Raises InputError on a wrong file or board, or without openFPGALoader; ToolError with its last
    lines if it fails.
    """
    from rtl_gen import boards

    bitstream, made_for = _bitstream(Path(source))
    name = board or made_for
    if name is None:
        raise InputError(f"{source}: does not say its board: name it with --board")
    found = boards.board(name)
    if made_for is not None and made_for != name:
        raise InputError(f"{source}: is for the board {made_for}, not for {name}")
    tool = shutil.which(TOOL)
    if tool is None:
        raise InputError(
            f"{TOOL} must be installed and on PATH to program a board, for example with "
            "'apt install openfpgaloader'"
        )
    arguments = ["-b", found.loader, *(["-f"] if permanent else []), str(bitstream)]
    try:
        done = subprocess.run(
            [tool, *arguments],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            check=False,
        )
    except OSError as error:
        raise ToolError(f"{tool}: cannot be run: {error.strerror}") from error
    if done.returncode != 0:
        # Bars of progress are lines that return.
        said = [line.strip() for line in done.stdout.replace("\r", "\n").splitlines()]
        last = " | ".join([line for line in said if line][-_LINES:]) or "it said nothing"
        raise ToolError(f"{TOOL} ended with status {done.returncode}: {last}")
    return FlashResult(board=name, bitstream=str(bitstream), permanent=permanent)


def _bitstream(source: Path) -> tuple[Path, str | None]:
    """The file, and the board it was made for as far as its folder says so."""
    if source.is_dir():
        found = [path for path in sorted(source.iterdir()) if path.suffix in SUFFIXES]
        if len(found) != 1:
            several = ", ".join(path.name for path in found) or "none"
            raise InputError(
                f"{source}: must hold one bitstream ({', '.join(SUFFIXES)}): {several}"
            )
        (source,) = found
    elif not source.is_file():
        raise InputError(f"{source}: no such bitstream")
    elif source.suffix not in SUFFIXES:
        raise InputError(f"{source}: a bitstream must be a {', '.join(SUFFIXES)} file")
    board = built(source.parent).get("board")
    return source, board if isinstance(board, str) else None


def built(folder: Path) -> dict[str, Any]:
    """What synth tells of the design in a folder; nothing without a file of synth's.

    Raises InputError if it is of another version.
    """
    path = folder / schema.SYNTH.file
    try:
        data = json.loads(path.read_text())
    except (OSError, ValueError, RecursionError):
        return {}
    # Other tools call their netlists so, too, and these have no board.
    if not isinstance(data, dict) or "board" not in data:
        return {}
    schema.SYNTH.check(data, path)
    return data
