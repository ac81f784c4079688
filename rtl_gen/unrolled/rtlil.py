"""Modules of thousands of cells, as yosys reads them."""

from collections.abc import Mapping, Sequence


class Rtlil:
    """RTLIL of a module, cell by cell.

    Values are texts: what port() and wire() return, a bit of it as ``wire [3]``, constants as
    ``1'0``, and what joined() makes of several.
    """

    def __init__(self, name: str):
        self._lines = [f"module \\{name}"]
        self._ports = 0
        self._nameless = 0

    def port(self, direction: str, name: str, width: int, *, register: bool = False) -> str:
        """A new ``input`` or ``output``; see wire()."""
        self._ports += 1
        return self.wire(f"{direction} {self._ports} \\{name}", width, register=register)

    def wire(self, name: str, width: int, *, register: bool = False) -> str:
        """A new one; register: it is one's output, and 0 at first."""
        if register:
            self._lines.append(f"  attribute \\init {width}'{0:0{width}b}")
        self._lines.append(f"  wire width {width} {name}")
        return name.rpartition(" ")[2]

    def cell(
        self,
        kind: str,
        name: str,
        parameters: Mapping[str, tuple[int, int]],
        pins: Mapping[str, str],
    ) -> None:
        """A new cell; parameters: number and width of each."""
        self._lines.append(f"  cell {kind} {name}")
        for key, (number, width) in parameters.items():
            self._lines.append(f"    parameter \\{key} {width}'{number:0{width}b}")
        self._lines += [f"    connect \\{pin} {value}" for pin, value in pins.items()]
        self._lines.append("  end")

    def register(self, clock: str, enable: str, given: str, out: str, width: int) -> None:
        """``out`` becomes ``given`` at the clock's rising edge, while enabled."""
        ones = {name: (1, 1) for name in ("CLK_POLARITY", "EN_POLARITY")}
        pins = {"CLK": clock, "EN": enable, "D": given, "Q": out}
        self.cell("$dffe", self._own(), {"WIDTH": (width, 32), **ones}, pins)

    def inverted(self, bit: str) -> str:
        """Its complement."""
        name = self.wire(self._own(), 1)
        widths = {f"{pin}_WIDTH": (1, 32) for pin in "AY"}
        self.cell("$not", self._own(), {"A_SIGNED": (0, 1), **widths}, {"A": bit, "Y": name})
        return name

    def module(self) -> str:
        """All of it."""
        return "\n".join([*self._lines, "end", ""])

    def _own(self) -> str:
        """A name that is nobody's in particular."""
        self._nameless += 1
        return f"${self._nameless}"


def joined(values: Sequence[str]) -> str:
    """One value of several, the first lowest."""
    return values[0] if len(values) == 1 else f"{{ {' '.join(reversed(values))} }}"
