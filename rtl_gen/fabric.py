"""What a core depends on of the FPGA that it is for."""

from collections.abc import Sequence
from dataclasses import dataclass

#: Rows that a look-up table of four inputs holds one bit of.
LUT_ROWS = 16

#: Rows of a block RAM at its widest, the fewest of any family.
_BLOCK = 256


@dataclass(frozen=True, kw_only=True)
class TableCell:
    """An FPGA's cell of look-up tables.

    Parameters
    ----------
    type: of the cell.
    values: its parameter.
    inputs, outputs: its pins.  Of two outputs the second is told by the upper half of the values,
        and is another than the first while the last input is 1.
    """

    type: str
    values: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]

    def verilog(self, pins: Sequence[str], values: str, outputs: Sequence[str]) -> str:
        """An instance.  pins: what is at the inputs, those without being 0."""
        given = [*pins, *["1'b0"] * (len(self.inputs) - len(pins))]
        ports = zip((*self.inputs, *self.outputs), (*given, *outputs), strict=True)
        joined = ", ".join(f".{port}({wire})" for port, wire in ports)
        return f"{self.type} #(.{self.values}({values})) lut ({joined});"


@dataclass(frozen=True, kw_only=True)
class Fabric:
    """What a plan depends on of the FPGA that it is for.

    Parameters
    ----------
    reads: of one memory in a cycle, at the most: 1 or 2.
    blocks: rows of a block RAM at its widest, of one that is read once in a cycle, and of one that
        is read twice; none where it is not known what the core is for.
    shapes: (words, bits) of block RAMs whose outputs have a register, the widest first; only of
        one that is read once in a cycle.  None where they have none, or that is not known.
    told: whether tools have to be told what is for block RAM, and would take look-up tables.
    load_bits: of words a cycle that all memories which are loaded have together.
    huge: whether these are large memories without contents.
    lut_ram: whether short queues cost hardly anything, being in look-up tables.
    mask_stage: whether a row is masked in a clock cycle of its own.
    additions: that a clock cycle has time for, one behind the other.
    table: inputs of a look-up table: 4 or 6.
    tables: of them that a cycle has time for, one behind the other.
    table_cell: that one is; None where it is not known what the core is for.
    pair_cell: that two of them are together, of five inputs at the most; None where there is none.
    """

    reads: int = 2
    blocks: tuple[int, ...] = ()
    shapes: tuple[tuple[int, int], ...] = ()
    told: bool = False
    load_bits: int = 64
    huge: bool = False
    lut_ram: bool = True
    mask_stage: bool = True
    additions: int = 1
    table: int = 4
    tables: int = 2
    table_cell: TableCell | None = None
    pair_cell: TableCell | None = None

    @property
    def level_cycles(self) -> int:
        """Cycles of a level of the search for the greatest score, see ArgMax."""
        return 2 if self.tables == 1 else 1

    def sign_stage(self, adding: int) -> bool:
        """See LayerPlan.sign_stage; adding: cycles from rows to their addition."""
        return adding == 0 and self.mask_stage

    def shares(self, reads: int) -> int:
        """Readers that a memory serves, of so many reads a cycle each."""
        return max(1, self.reads // reads)

    def spares(self, rows: int, reads: int) -> bool:
        """Whether a memory of so many rows can have one more without another block RAM."""
        return rows % (self.blocks[reads - 1] if self.blocks else _BLOCK) != 0

    def whole(self, rows: int, reads: int) -> int | None:
        """Rows of a memory that are for block RAM, the others being for look-up tables.

        None where they are not told apart: the last block RAMs are not filled with fewer rows than
        one look-up table a bit holds, and the tool finds out by itself, or not a quarter of one
        would be filled.
        """
        if not self.blocks:
            return None
        block = self.blocks[reads - 1]
        over = rows % block
        if 0 < over <= LUT_ROWS:
            return rows - over
        return rows if self.told and 4 * rows >= block else None
