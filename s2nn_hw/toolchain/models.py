"""Verilog models of the cells that yosys maps to, from its own folder of libraries."""

from __future__ import annotations

import importlib.util
import re
from collections.abc import Collection
from pathlib import Path

from s2nn_hw.ir import ToolError
from s2nn_hw.yosys import PACKAGES

from .tools import Tool

#: Family → files with its models.
_FILES = {
    "ecp5": ("ecp5/cells_sim.v", "ecp5/common_sim.vh", "ecp5/ccu2c_sim.vh"),
    "ice40": ("ice40/cells_sim.v",),
}

#: What they are to be read with.  A port's default value, which no netlist of ours needs, is not
#: Verilog for every simulator.
_DEFINES = {"ice40": ("NO_ICE40_DEFAULT_ASSIGNMENTS",)}

#: By their short names.
FAMILIES = tuple(_FILES)

_MODULE = re.compile(r"^module\s+(\w+).*?^endmodule$", re.M | re.S)
_BLACK_BOX = re.compile(r"\(\*[^)]*\bblackbox\b[^)]*\*\)\s*^module.*?^endmodule$", re.M | re.S)
_MACRO = re.compile(r"^`(?:define|undef|ifndef|ifdef|else|endif)\b.*$", re.M)


def share(tool: Tool) -> Path:
    """yosys' folder of libraries."""
    package = tool.version.partition(" ")[0]
    if package in PACKAGES:
        spec = importlib.util.find_spec(package.replace("-", "_"))
        assert spec is not None
        assert spec.origin is not None
        found = Path(spec.origin).parent / "share"
    else:
        found = Path(tool.command[0]).resolve().parent.parent / "share" / "yosys"
    if not found.is_dir():
        raise ToolError(f"{found}: the models of cells that come with yosys are not there")
    return found


def verilog(family: str, tool: Tool, cells: Collection[str], own: str) -> str:
    """The models of these types of cells, and of those that they are made of.

    They are yosys', word for word, but where yosys has a black box alone.

    Parameters
    ----------
    own: Verilog of others, which are taken first.

    Raises ToolError naming a type of which there is none.
    """
    texts = [_read(share(tool) / name) for name in _FILES[family]]
    macros = "".join(f"`define {name}\n" for name in _DEFINES.get(family, ()))
    macros += "".join(_macros(text) for text in texts)
    known: dict[str, str] = {}
    for text in (*(_BLACK_BOX.sub("", text) for text in texts), own):
        known.update({match[1]: match[0] for match in _MODULE.finditer(text)})
    taken: dict[str, str] = {}
    wanted = sorted(cells, reverse=True)
    while wanted:
        name = wanted.pop()
        if name in taken:
            continue
        if name not in known:
            raise ToolError(f"there is no model of cells {name} to simulate them with")
        taken[name] = known[name]
        words = set(re.findall(r"^\s*(\w+)\s+(?:#\(|\w+\s*\()", known[name], re.M))
        wanted += sorted(words & known.keys(), reverse=True)
    return macros + "".join(f"\n{text}\n" for _, text in sorted(taken.items()))


def _macros(text: str) -> str:
    """What stands before the first module and is used in them."""
    head = re.split(r"^(?:module\b|\(\*|`ifdef YOSYS)", text, maxsplit=1, flags=re.M)[0]
    return "".join(f"{line}\n" for line in _MACRO.findall(head))


def _read(path: Path) -> str:
    try:
        return path.read_text()
    except OSError as error:
        raise ToolError(f"{path}: cannot be read: {error.strerror}") from error
