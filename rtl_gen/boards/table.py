"""The boards that there are."""

import importlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from types import ModuleType

from s2nn_hw.ir import InputError

from . import ecp5, gowin, ice40
from .pll import TOLERANCE, Setting
from .shell import STORE_BYTES


@dataclass(frozen=True, kw_only=True)
class Board:
    """A board of amaranth-boards, and what it does not know.

    Parameters
    ----------
    name: as users write it.
    platform: module and class in amaranth_boards.
    family: module with its PLL.
    device, package, speed: as nextpnr has them; None where there is no choice.
    clock: of its oscillator, Hz.
    lights: which LED shows what.
    uart_pins: all of the resource's, only rx and tx of which are used.
    store_bytes: of block RAM for frames.
    pll_has_pad: the oscillator's pin is the PLL's own.
    reset_seconds: for which reset must last at the least.
    pack: arguments for the program that makes the bitstream.
    loader: the board's name for openFPGALoader.
    """

    name: str
    platform: tuple[str, str]
    family: ModuleType
    device: str
    package: str | None = None
    speed: str | None = None
    clock: int
    lights: Mapping[str, int] = field(
        default_factory=lambda: {"heartbeat": 0, "busy": 1, "error": 2}
    )
    uart_pins: tuple[str, ...] = ("rx", "tx")
    store_bytes: int = STORE_BYTES
    pll_has_pad: bool = False
    reset_seconds: Fraction = Fraction(0)
    pack: tuple[str, ...] = ()
    loader: str

    @property
    def part(self) -> str:
        """As rtl_gen.platforms.part() reads it."""
        words = (self.device, self.speed, self.package)
        return "-".join(word for word in words if word is not None)

    def setting(self, frequency: float) -> Setting | None:
        """Of the PLL; None if the oscillator has that frequency, InputError if neither has."""
        wanted, source = Fraction(frequency), Fraction(self.clock)
        if abs(wanted - source) <= source * TOLERANCE:
            return None
        found: Setting = self.family.setting(source, wanted)
        return found

    def make_platform(self):
        """A platform of amaranth-boards, which serves once."""
        module, name = self.platform
        return getattr(importlib.import_module(f"amaranth_boards.{module}"), name)()


def _ulx3s(size: int) -> Board:
    return Board(
        name=f"ulx3s-{size}f",
        platform=("ulx3s", f"ULX3S_{size}F_Platform"),
        family=ecp5,
        device=f"LFE5U-{size}F",
        package="CABGA381",
        speed="6",
        clock=25_000_000,
        uart_pins=("rx", "tx", "rts", "dtr"),
        pack=("--compress",),
        loader="ulx3s",
    )


BOARDS = {
    board.name: board
    for board in (
        *(_ulx3s(size) for size in (12, 25, 45, 85)),
        Board(
            name="icebreaker",
            platform=("icebreaker", "ICEBreakerPlatform"),
            family=ice40,
            device="iCE40UP5K",
            package="sg48",
            clock=12_000_000,
            # There are two: a red one and a green one.
            lights={"error": 0, "heartbeat": 1},
            # One of thirty, which weights need.
            store_bytes=512,
            pll_has_pad=True,
            reset_seconds=ice40.RESET_SECONDS,
            loader="ice40_generic",
        ),
        Board(
            name="tangnano9k",
            platform=("tang_nano_9k", "TangNano9kPlatform"),
            family=gowin,
            device="GW1NR-9",
            clock=27_000_000,
            # The pins of LEDs serve configuration unless told.
            pack=("-d", "GW1N-9C", "--sspi_as_gpio", "--mspi_as_gpio"),
            loader="tangnano9k",
        ),
    )
}


def board(name: str) -> Board:
    """The board of this name; InputError lists those there are."""
    if name not in BOARDS:
        raise InputError(f"board must be one of {', '.join(BOARDS)}, not {name!r}")
    return BOARDS[name]
