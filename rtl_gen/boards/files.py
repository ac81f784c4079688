"""A board's files: RTLIL around the core, and constraints."""

from dataclasses import dataclass

from rtl_gen.emit import verilog
from s2nn_hw.ir import InputError
from s2nn_hw.manifest import Manifest
from s2nn_hw.protocol import DEFAULT_BAUD

from .shell import BoardShell, identity
from .table import board as find
from .top import CLOCK, CORE, TOP, BoardTop
from .uart import Pace

#: Module of the shell alone.
SHELL = "board_shell"
_CONSTRAINTS = (".lpf", ".pcf", ".cst")


@dataclass(frozen=True, kw_only=True)
class BoardFiles:
    """What synthesis needs beside the core's Verilog, which defines the module ``core``.

    The files are called ``rtlil_name`` and ``constraints_name``.

    Parameters
    ----------
    top: module to synthesise.
    rtlil: its text, for yosys' ``read_rtlil``; it instantiates the core.
    instance: name of that instance; clock: net of its clock, in the module.
    constraints, constraints_name: of pins and clocks, for nextpnr.
    part: as rtl_gen.platforms.part() reads it.
    frequency: of the core's clock as the PLL makes it, Hz.
    pack: arguments for the program that makes the bitstream.
    """

    top: str
    core: str
    rtlil: str
    rtlil_name: str = f"{TOP}.il"
    instance: str = CORE
    clock: str = CLOCK
    constraints: str
    constraints_name: str
    board: str
    part: str
    frequency: float
    baud: int
    window: int
    pack: tuple[str, ...]


def board_files(
    manifest: Manifest, board: str, *, frequency: float | None = None, baud: int = DEFAULT_BAUD
) -> BoardFiles:
    """The files for a core on a board.

    Parameters
    ----------
    manifest: of the emitted core.
    frequency: of its clock, Hz; the oscillator's by default.
    baud: of the serial line.

    Raises InputError on an unknown board, a frequency that its PLL does not make, a baud rate too
    high for it, or a core that is called as the board's own module.
    """
    found = find(board)
    if manifest.top == TOP:
        raise InputError(f"top must not be {TOP!r}, the name of the board's own module")
    chosen = found.setting(found.clock if frequency is None else frequency)
    reached = float(found.clock if chosen is None else chosen.output)
    said = identity(manifest, found.store_bytes)
    shell = BoardShell(said, manifest.input, manifest.output, Pace(reached, baud), manifest.load)
    plan = found.make_platform().prepare(
        BoardTop(manifest, found, shell), TOP, emit_src=False, debug_verilog=False
    )
    name = next(name for name in plan.files if name.endswith(_CONSTRAINTS))
    return BoardFiles(
        top=TOP,
        core=manifest.top,
        rtlil=_text(plan.files[f"{TOP}.il"]),
        constraints=_text(plan.files[name]),
        constraints_name=name,
        board=found.name,
        part=found.part,
        frequency=reached,
        baud=baud,
        window=said.window,
        pack=found.pack,
    )


def shell_verilog(manifest: Manifest, *, frequency: float, baud: int) -> str:
    """Verilog of the shell alone, module SHELL, for a simulation beside the core."""
    pace = Pace(frequency, baud)
    shell = BoardShell(identity(manifest), manifest.input, manifest.output, pace, manifest.load)
    return verilog(shell, SHELL)


def _text(content: str | bytes) -> str:
    return content if isinstance(content, str) else content.decode()
