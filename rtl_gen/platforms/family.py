"""What an FPGA family is to synthesis, and what there is of it on a device."""

from collections.abc import Mapping
from dataclasses import dataclass
from math import inf

from rtl_gen.fabric import Fabric, TableCell
from s2nn_hw.ir import InputError

#: What is counted of a device, in the order in which it is shown.  ``lut``: sites of look-up
#: tables, those that carries and memories in look-up tables take among them.
RESOURCES = ("lut", "ff", "carry", "bram", "spram", "dsp")

#: What yosys' own last step does but ``hierarchy -check``: that refuses an output that nothing is
#: connected to, as abc9 leaves a sum's bit that it takes from another sum.
UNCHECKED = ("check -noinit", "blackbox =A:whitebox")


@dataclass(frozen=True, kw_only=True)
class Device:
    """One FPGA.

    Parameters
    ----------
    name: as its maker writes it; other: shorter names that people use.
    capacity: resource → how many there are; one that is not named is not there.
    mhz: that place and route aim at unless told.
    nextpnr: arguments that name it; ``{package}`` and ``{speed}`` stand for the part's.
    packages, speeds: that can be asked for, the usual one first; none where there is no choice.
    """

    name: str
    other: tuple[str, ...] = ()
    capacity: Mapping[str, int]
    mhz: float = 100
    nextpnr: tuple[str, ...] = ()
    packages: tuple[str, ...] = ()
    speeds: tuple[str, ...] = ()

    def match(self, text: str) -> "Part | None":
        """The part of ``NAME``, ``NAME-SPEED``, ``NAME-PACKAGE`` or ``NAME-SPEED-PACKAGE``.

        None if it is another device's; InputError if this one has no such package or speed.
        """
        for name in (self.name, *self.other):
            head, tail = text[: len(name)], text[len(name) :]
            if head.lower() != name.lower() or (tail and not tail.startswith("-")):
                continue
            package = self.packages[0] if self.packages else None
            speed = self.speeds[0] if self.speeds else None
            for word in tail.split("-")[1:]:
                named = next((p for p in self.packages if p.lower() == word.lower()), None)
                if named is not None:
                    package = named
                elif word in self.speeds:
                    speed = word
                else:
                    choices = ", ".join((*self.speeds, *self.packages)) or "no choice"
                    raise InputError(f"{self.name} comes as {choices}, not as {word!r}")
            return Part(device=self, package=package, speed=speed)
        return None


@dataclass(frozen=True, kw_only=True)
class Part:
    """A device in a package, of a speed grade."""

    device: Device
    package: str | None
    speed: str | None

    @property
    def name(self) -> str:
        """As match() reads it."""
        words = (self.device.name, self.speed, self.package)
        return "-".join(word for word in words if word is not None)

    @property
    def family(self) -> "Family":
        """The device's, by its name: of a copy with less of something it is the same."""
        from . import FAMILIES

        name = self.device.name
        return next(f for f in FAMILIES if any(device.name == name for device in f.devices))

    @property
    def nextpnr(self) -> tuple[str, ...]:
        """Arguments of nextpnr that name the part."""
        names = {"package": self.package, "speed": self.speed}
        return tuple(argument.format(**names) for argument in self.device.nextpnr)


@dataclass(frozen=True, kw_only=True)
class OutputRegister:
    """A port of a block RAM that has a register at its output, which yosys does not use.

    Parameters
    ----------
    ram: type of the cell.
    width, widths: parameter that tells how wide the port is, and for which values it is this one.
    clock, data: port of its clock, and what the names of its outputs begin with.
    register: parameters with which the register is there.
    enables: ports that must be 1 for it to take what comes.
    resets: ports that must be 0 for it to do so.
    flip_flop: type of cell that may become it,
    plain: ... with such parameters: no enable, and 0 at first,
    off: ... and such ports constant 0.
    """

    ram: str
    width: str
    widths: tuple[int, ...]
    clock: str
    data: str
    register: tuple[tuple[str, str], ...]
    enables: tuple[str, ...]
    resets: tuple[str, ...]
    flip_flop: str
    plain: tuple[tuple[str, str], ...]
    off: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Family:
    """FPGAs that yosys maps to alike.

    Parameters
    ----------
    name: short, of a file and of options.
    title: for people.
    synthesis: command of yosys that maps to its cells without pads; the top is added to it.
    before: commands of yosys that go before it.
    after: commands that go behind it, where it stops short of its own last step.
    cells: type of cell → what it takes of each resource, nothing where it takes what is not
        counted.  A type that is not listed is an error: nothing goes uncounted.
    bram_bits, spram_bits: that one ``bram`` or ``spram`` holds.
    bram_shapes: (words, bits a word) that one ``bram`` may have, the widest last.
    bram_price, cell_price: of a block RAM, and of a memory of 16 words of 4 bits in look-up tables,
        in bits of a memory in flip-flops, by which synthesis chooses between them.
    block_words: of a memory that is written, from which on it is block RAM if it is read into a
        register, and else flip-flops; None: as is cheapest.
    rom_rows: rows of one ``bram`` at its widest, read once in a cycle, and, if it can be, twice.
    spram_contents: whether they can have any when the device starts.
    output_registers: of block RAMs, that synthesis leaves unused.
    load_bits: of the words that memories which are loaded give in a cycle, together.
    told: see Fabric.
    lut_bits: that a look-up table holds.
    pair: where a logic cell has a look-up table and the flip-flop that it drives: type of the one,
        what types of the other begin with, and the input of the other.
    fill: share of its logic cells beyond which place and route is not tried; see 0048.
    routable: share of its look-up tables and flip-flops up to which plans are made; see 0062.
    lut_ram: whether look-up tables can be memories that are written.
    mask_stage: whether a core's clock is worth a register stage that masks rows of weights.
    additions: MHz up to which a cycle has time for two additions, for three, …
    tables: MHz up to which it has for two look-up tables, for three, …
    table_cell, pair_cell: see Fabric.
    nextpnr: program that places and routes it, None where there is none.
    unbound: commands of yosys that leave a netlist without pins but its clock; see below.
    constraints: (name, text) of files that the program wants with it.
    options: arguments of the program for such a netlist.

    A core alone has more ports than most packages have pins.  Its netlist is placed with the
    clock, on a global net, as the only port: inputs are driven by nothing, outputs drive nothing,
    and no path from or to them counts.
    """

    name: str
    title: str
    synthesis: str
    before: tuple[str, ...] = ()
    after: tuple[str, ...] = ()
    cells: Mapping[str, Mapping[str, int]]
    bram_bits: int
    bram_shapes: tuple[tuple[int, int], ...]
    bram_price: int = 128
    cell_price: int = 4
    block_words: int | None = None
    rom_rows: tuple[int, ...]
    spram_bits: int = 0
    spram_contents: bool = False
    output_registers: tuple[OutputRegister, ...] = ()
    load_bits: int = 64
    told: bool = False
    lut_bits: int = 16
    pair: tuple[str, str, str] | None = None
    fill: float = 1
    routable: float = 0.93
    lut_ram: bool = True
    mask_stage: bool = True
    additions: tuple[float, ...] = ()
    tables: tuple[float, ...] = (inf,)
    table_cell: TableCell | None = None
    pair_cell: TableCell | None = None
    devices: tuple[Device, ...]
    nextpnr: str | None = None
    unbound: tuple[str, ...] = ("delete -port w:* w:clk %d",)
    constraints: tuple[tuple[str, str], ...] = ()
    options: tuple[str, ...] = ()

    def fabric(self, mhz: float | None = None) -> Fabric:
        """What the plan of a core depends on that is to reach so many MHz, or as many as it can."""
        return Fabric(
            reads=len(self.rom_rows),
            blocks=self.rom_rows,
            shapes=self.bram_shapes[::-1] if self.output_registers else (),
            told=self.told,
            lut_ram=self.lut_ram,
            mask_stage=self.mask_stage,
            additions=1 + sum(mhz is not None and mhz <= most for most in self.additions),
            table=6 if self.lut_bits >= 64 else 4,
            tables=1 + sum((mhz or inf) <= most for most in self.tables),
            table_cell=self.table_cell,
            pair_cell=self.pair_cell,
            load_bits=self.load_bits,
            huge=bool(self.spram_bits) and not self.spram_contents,
        )


def each(names: str, **units: int) -> dict[str, dict[str, int]]:
    """The types of cells in a text, all of which take the same."""
    return {name: dict(units) for name in names.split()}


def table_cell(kind: str, values: str, inputs: str, outputs: str) -> TableCell:
    """A cell of look-up tables, by words."""
    ports = tuple(inputs.split()), tuple(outputs.split())
    return TableCell(type=kind, values=values, inputs=ports[0], outputs=ports[1])
