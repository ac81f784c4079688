"""Modules of look-up tables, as the Verilog has them."""

from __future__ import annotations

import re

from .text import TextError, same

#: What it is to simulation, and, it may be, what to synthesis.
_MODULE = re.compile(
    r"\bmodule (\w+) #\(\s*parameter \[(\d+):0\] VALUES = 0\s*\) \(\s*"
    r"input \[(\d+):0\] i,\s*output (\[1:0\] )?o\s*\);\s*"
    r"(?:`ifdef SYNTHESIS\s*([^\n]*?)\s*`else\s*assign o = ([^;]*);\s*`endif"
    r"|assign o = ([^;]*);)\s*endmodule\b"
)
_ONE, _TWO = "VALUES[i]", "{VALUES[{1'b1, i}], VALUES[{1'b0, i}]}"

#: Cells of FPGAs that are look-up tables: type, parameter, inputs, outputs.  Bit m of the parameter
#: is the output where input k is bit k of m; of two outputs the first has the lower half of it, and
#: the second the upper one while the last input is 1.
_PRIMITIVES = (
    ("LUT4", "INIT", "A B C D", "Z"),
    ("LUT4", "INIT", "I0 I1 I2 I3", "F"),
    ("SB_LUT4", "LUT_INIT", "I0 I1 I2 I3", "O"),
    ("LUT6", "INIT", "I0 I1 I2 I3 I4 I5", "O"),
    ("LUT6_2", "INIT", "I0 I1 I2 I3 I4 I5", "O5 O6"),
)


def tables(text: str) -> dict[str, tuple[int, int]]:
    """Inputs and outputs of every module that is a look-up table, or two, and nothing else.

    text: the Verilog, plain.  Raises TextError if there is one of these twice, or anything by which
    a module could be something else; see text.same().
    """
    found: dict[str, tuple[int, int]] = {}
    for match in _MODULE.finditer(text):
        name, inputs, outputs = match[1], int(match[3]) + 1, 2 if match[4] else 1
        simulated = match[6] or match[7]
        if int(match[2]) + 1 != outputs << inputs or simulated != (_TWO if match[4] else _ONE):
            raise TextError(f"module {name!r} is no look-up table")
        if match[5] is not None and match[5] not in _instances(inputs, outputs):
            raise TextError(f"module {name!r} is another thing to synthesis than to simulation")
        if name in found:
            raise TextError(f"module {name!r} is there twice")
        found[name] = inputs, outputs
    rest = _MODULE.sub(" ", text)
    again = set(re.findall(r"\bmodule\s+\\?(\w+)", rest)) & found.keys()
    if again:
        raise TextError(f"module {min(again)!r} is there twice")
    same(rest)
    return found


def _instances(inputs: int, outputs: int) -> set[str]:
    """The primitives that are such tables, as Verilog."""
    made = set()
    for kind, parameter, pins, results in _PRIMITIVES:
        names, ends = pins.split(), results.split()
        room = len(names) - (outputs - 1)
        if len(ends) != outputs or inputs > room or (outputs > 1 and inputs < room):
            continue
        wires = [f"i[{k}]" if k < inputs else "1'b0" for k in range(room)]
        wires += ["1'b1"] * (outputs - 1)
        wires += ["o"] if outputs == 1 else [f"o[{k}]" for k in range(outputs)]
        joined = ", ".join(
            f".{port}({wire})" for port, wire in zip([*names, *ends], wires, strict=True)
        )
        values = f"{{{1 << len(names)}'b0}} | VALUES" if outputs == 1 else "VALUES"
        made.add(f"{kind} #(.{parameter}({values})) lut ({joined});")
    return made
