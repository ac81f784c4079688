"""What synthesis is given for a look-up table is what simulation is given, on every family."""

from __future__ import annotations

import random
import re

import pytest

from rtl_gen.platforms import FAMILIES
from rtl_gen.unrolled.cell import Cell
from rtl_gen.unrolled.pairs import ROOM
from s2nn_hw.toolchain import models, process, tools

#: Of families whose netlists are not simulated: models of cells in yosys' folder of libraries.
_MODELS = {
    "gowin": "gowin/cells_sim.v",
    "xilinx7": "xilinx/cells_sim.v",
}

_BOTH = """
module both(input [{inputs}-1:0] i, output bad);
  wire [{tables}-1:0] a, b;
  simulated #(.VALUES({values})) s (.i(i), .o(a));
  synthesised #(.VALUES({values})) t (.i(i), .o(b));
  assign bad = a != b;
endmodule
"""

_SCRIPT = """
read_verilog -nosynthesis simulated.v both.v
read_verilog model.v synthesised.v
hierarchy -top both
proc
flatten
opt_clean
sat -verify -timeout 60 -prove bad 0 both
"""

CELLS = [
    (family.name, Cell(inputs=inputs, tables=1, primitive=family.table_cell))
    for family in FAMILIES
    if family.table_cell is not None
    for inputs in (1, 3, len(family.table_cell.inputs))
] + [
    (family.name, Cell(inputs=ROOM, tables=2, primitive=family.pair_cell))
    for family in FAMILIES
    if family.pair_cell is not None
]


@pytest.mark.parametrize(
    ("family", "cell"), CELLS, ids=[f"{family}-{cell.name}" for family, cell in CELLS]
)
def test_both_readings_are_alike(family: str, cell: Cell, tmp_path) -> None:
    size = cell.tables << cell.inputs
    values = f"{size}'b{random.Random(size).getrandbits(size):0{size}b}"
    for name in ("simulated", "synthesised"):
        (tmp_path / f"{name}.v").write_text(cell.verilog(name))
    both = _BOTH.format(inputs=cell.inputs, tables=cell.tables, values=values)
    (tmp_path / "both.v").write_text(both)
    (tmp_path / "both.ys").write_text(_SCRIPT)
    (tmp_path / "model.v").write_text(_model(family, cell))
    command = (*tools.yosys().command, "both.ys")
    job = process.Job(name="yosys", command=command, folder=tmp_path, log="both.log")
    (ended,) = process.run([job])
    log = (tmp_path / "both.log").read_text()
    assert ended.status == 0, log[-2000:]
    assert "SUCCESS" in log


def _model(family: str, cell: Cell) -> str:
    """What yosys has for the cell, alone, so that it is not kept busy by all others."""
    assert cell.primitive is not None
    if family in models.FAMILIES:
        return models.verilog(family, tools.yosys(), {cell.primitive.type}, "")
    text = (models.share(tools.yosys()) / _MODELS[family]).read_text()
    found = re.search(rf"^module {cell.primitive.type}\b.*?^endmodule$", text, re.M | re.S)
    assert found is not None
    return found[0] + "\n"


def test_cells_of_two_are_among_them() -> None:
    assert any(cell.tables == 2 for _, cell in CELLS)
