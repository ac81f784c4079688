"""Look-up tables in Verilog."""

from dataclasses import dataclass

from rtl_gen.fabric import TableCell


@dataclass(frozen=True, kw_only=True)
class Cell:
    """The module that all cells of so many inputs and outputs are instances of.

    Synthesis is not to take a circuit of tables apart, as it would make logic again that neurons
    share.  So, where it is known what the circuit is for, it meets the FPGA's own cells.

    Parameters
    ----------
    inputs: bits of ``i``.
    tables: as many outputs: one, or two.
    primitive: None where it is not known what it is for.
    """

    inputs: int
    tables: int = 1
    primitive: TableCell | None = None

    @property
    def name(self) -> str:
        """Of the module, without that of the core."""
        return f"{'pair' if self.tables > 1 else 'table'}{self.inputs}"

    def verilog(self, module: str) -> str:
        """The module: ``o`` is bit ``i`` of ``VALUES``, or of each half of it."""
        size = self.tables << self.inputs
        if self.tables == 1:
            output, body = "output o", "  assign o = VALUES[i];\n"
        else:
            output = "output [1:0] o"
            body = "  assign o = {VALUES[{1'b1, i}], VALUES[{1'b0, i}]};\n"
        if self.primitive is not None:
            pins = [f"i[{k}]" for k in range(self.inputs)]
            if self.tables == 1:
                # Inputs that are not there are 0.
                values = f"{{{1 << len(self.primitive.inputs)}'b0}} | VALUES"
                made = self.primitive.verilog(pins, values, ["o"])
            else:
                made = self.primitive.verilog([*pins, "1'b1"], "VALUES", ["o[0]", "o[1]"])
            body = f"`ifdef SYNTHESIS\n  {made}\n`else\n{body}`endif\n"
        return (
            # What is in it is seen outside.
            "/* verilator tracing_off */\n"
            f"module {module} #(\n  parameter [{size - 1}:0] VALUES = 0\n) (\n"
            f"  input [{self.inputs - 1}:0] i,\n  {output}\n);\n{body}endmodule\n"
            "/* verilator tracing_on */\n"
        )
