"""A look-up table in Verilog."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Cell:
    """The module that all tables of so many inputs are instances of.

    Synthesis is not to take a circuit of tables apart, as it would make logic again that neurons
    share.  So, where it is known what the circuit is for, it meets the FPGA's own cells.

    Parameters
    ----------
    inputs: bits of ``i``.
    primitive: type of the FPGA's cell, its parameter, inputs and output; see Fabric.
    """

    inputs: int
    primitive: tuple[str, ...]

    def verilog(self, module: str) -> str:
        """The module: ``o`` is bit ``i`` of ``VALUES``."""
        size = 1 << self.inputs
        body = "  assign o = VALUES[i];\n"
        if self.primitive:
            kind, parameter, inputs, output = self.primitive
            names = inputs.split()
            pins = [f".{pin}(i[{k}])" for k, pin in enumerate(names[: self.inputs])]
            pins += [f".{pin}(1'b0)" for pin in names[self.inputs :]]
            # Inputs that are not there are 0.
            values = f"{{{1 << len(names)}'b0}} | VALUES"
            body = (
                "`ifdef SYNTHESIS\n"
                f"  {kind} #(.{parameter}({values})) lut ({', '.join(pins)}, .{output}(o));\n"
                f"`else\n{body}`endif\n"
            )
        return (
            # What is in it is seen outside.
            "/* verilator tracing_off */\n"
            f"module {module} #(\n  parameter [{size - 1}:0] VALUES = 0\n) (\n"
            f"  input [{self.inputs - 1}:0] i,\n  output o\n);\n{body}endmodule\n"
            "/* verilator tracing_on */\n"
        )
