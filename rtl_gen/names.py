"""Names of layers, nets and ports, which Verilog need not escape."""

import re
from collections.abc import Sequence

from .keywords import KEYWORDS

_NAME = re.compile(r"(?<=\s)\\(\S+)")
_PLAIN = re.compile(r"[A-Za-z_][A-Za-z0-9_]*\Z")
_PORT = re.compile(r"^(  wire .*(?:input|output) )\d+ +\\(\S+)$", re.MULTILINE)


def instance(layer: str) -> str:
    """Name of a layer's instance in the core, where nothing else begins so."""
    return f"layer_{layer}"


def plain_nets(text: str) -> str:
    """RTLIL whose names are all plain: ``ready$33`` becomes ``ready_33``, ``final`` ``final_``.

    The same name becomes the same everywhere, so that ports still meet, and no two become one.
    """
    names = set(_NAME.findall(text))
    taken = {name for name in names if _PLAIN.match(name) and name not in KEYWORDS}
    plain = {}
    for name in sorted(names - taken):
        made = re.sub(r"[^A-Za-z0-9]+", "_", name).strip("_")
        if not made[:1].isalpha():
            made = f"n_{made}"
        while made in taken or made in KEYWORDS:
            made += "_"
        taken.add(made)
        plain[name] = made
    return _NAME.sub(lambda match: "\\" + plain.get(match[1], match[1]), text)


def ordered_ports(text: str, module: str, ports: Sequence[str]) -> str:
    """RTLIL in which the module's ports are declared in this order."""
    place = {name: k + 1 for k, name in enumerate(ports)}

    def moved(match: re.Match[str]) -> str:
        return f"{match[1]}{place[match[2]]} \\{match[2]}"

    start = text.index(f"\nmodule \\{module}\n")
    end = text.index("\nend\n", start)
    return text[:start] + _PORT.sub(moved, text[start:end]) + text[end:]
