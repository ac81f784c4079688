"""Verilog and manifest of a core."""

import gc
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from amaranth._toolchain.yosys import YosysError, find_yosys
from amaranth.back import rtlil
from amaranth.hdl import ClockDomain, Fragment, UnusedElaboratable, Value
from amaranth.lib.wiring import Component

from s2nn_hw.ir import Network, ToolError
from s2nn_hw.manifest import LOAD_WORDS, Manifest

from .account import account, load_file, memory_file
from .fusesoc import fusesoc
from .header import header
from .lib.ram import Ram
from .lib.rom import Rom
from .lib.shared import LOADED, Shared
from .names import ordered_ports, plain_nets
from .nets import nets
from .network import Core, instance
from .plan import CorePlan, LoadPlan
from .template import template

#: From Amaranth's processes to registers with enable and reset, and assignments: there is no
#: ``always @*``, of which simulators disagree whether it runs at time zero.
_SCRIPT = """
read_rtlil <<rtlil
{rtlil}
rtlil
attrmap -remove init a:{loaded}
proc -norom
memory_collect
opt_expr
opt_clean -purge
opt_dff -simple-dffe
opt_clean -purge
attrmap {strip}
attrmap -modattr {strip}
write_verilog -noattr
write_json
"""

#: Attributes that mean something to Amaranth alone.
_STRIP = f"-remove generator -remove top -remove src -remove amaranth.hierarchy -remove {LOADED}"


class VerilogTarget:
    """The platform for which a core is elaborated when Verilog is wanted.

    It takes out of the core what is better not converted with it: memories of weights, which are
    Verilog already, components of which there are many, which are converted once, and the parts of
    the top, whose ports then have names of their own.
    """

    def __init__(self, top: str):
        self.top = top
        self.memories: dict[str, Rom | Ram] = {}
        self.parts: dict[str, Component] = {}
        self.shared: dict[tuple[type[Shared], Any, Any], str] = {}
        #: The component that is being converted by itself.
        self.defining: Component | None = None
        self._modules: dict[str, str] = {}

    def plain(self, name: str) -> str:
        """A module's name that Verilog need not escape: ``top_layer_engine``.

        The layer ``a_unit`` has that name before the unit of layer ``a``, which gets ``a_unit_``.
        """
        short = name.replace(f"{self.top}.{instance('')}", f"{self.top}.")
        plain = re.sub(r"[^A-Za-z0-9_]", "_", short)
        while self._modules.setdefault(plain, name) != name:
            plain += "_"
        return plain

    def add_memory(self, memory: Rom | Ram) -> str:
        """Take it on; returns the name of its module, under which verilog() defines it."""
        # Copies of a memory are instances of one module, if they have as many ports.
        kind = "ram" if isinstance(memory, Ram) else "rom"
        name = self.plain(f"{self.top}_{memory.name}.{kind}{memory.ports}")
        self.memories[name] = memory
        return name

    def add_part(self, part: Component, instance: str) -> str:
        """Take on a part of the top; returns the name of its module."""
        name = self.plain(f"{self.top}.{instance}")
        self._modules[name] = name
        self.parts[name] = part
        return name

    def add_shared(self, kind: type[Shared], arguments: tuple, options: tuple) -> str:
        """Take on a component of which there may be many; returns the name of its module.

        That is of its layer, if the component knows it, and else has a number.
        """
        key = (kind, arguments, options)
        if key not in self.shared:
            words = re.sub(r"(?<=[a-z])(?=[A-Z])", "_", kind.__name__).lower()
            layer = dict(options).get("layer")
            number = sum(other is kind for other, *_ in self.shared)
            name = f"{words}{number}" if layer is None else f"{layer}_{words}"
            self.shared[key] = self.plain(f"{self.top}_{name}")
        return self.shared[key]


def emit(network: Network, plan: CorePlan) -> tuple[Manifest, dict[str, str]]:
    """The manifest, and the text of every file by name, the manifest's own among them.

    Files that help to use the core, of which it does not consist, are not in the manifest.
    The same network, plan and versions give the same bytes.
    """
    target = VerilogTarget(plan.top)
    with _no_garbage_collection(), _silence_about_the_rest():
        core = Core(network, plan)
        verilog, driven = _convert(core, target)
    texts = [verilog]
    files: dict[str, str] = {}
    for module, memory in target.memories.items():
        file = memory_file(plan, memory)
        if isinstance(memory, Rom):
            files[file] = memory.text()
        texts.append(memory.verilog(module, file))
    if plan.load is not None:
        files[load_file(plan)] = _load_text(
            plan.load, [layer.parts.words for layer in core.loadable]
        )
    files[f"{plan.top}.v"] = header(network, plan) + "\n".join(texts)
    manifest = account(network, plan, core, files, driven)
    files[f"{plan.top}.json"] = manifest.to_json()
    files[f"{plan.top}.core"] = fusesoc(network, manifest)
    files[f"{plan.top}.veo"] = template(network, core)
    return manifest, files


def verilog(component: Component, name: str) -> str:
    """Verilog of a component that is no core, as plain as a core's."""
    text = rtlil.convert(component, name=name, emit_src=False)
    text, _ = _translated(plain_nets(_plain_names(text, VerilogTarget(name))))
    return text


def _convert(core: Core, target: VerilogTarget) -> tuple[str, dict[str, tuple[str, ...]]]:
    """Verilog of the top and all below it but the ROMs, and the nets of them all."""
    top = rtlil.convert(core, name=target.top, platform=target, emit_src=False)
    texts = [ordered_ports(top, target.top, core.ports)]
    texts += [_definition(part, name, target) for name, part in target.parts.items()]
    # Those that are taken on may hold others, which are then added.
    done = 0
    while done < len(target.shared):
        (kind, arguments, options), name = list(target.shared.items())[done]
        texts.append(_definition(kind(*arguments, **dict(options)), name, target))
        done += 1
    texts = [_plain_names(text, target) for text in texts]
    verilog, netlist = _translated(plain_nets("\n".join(texts)))
    return verilog, nets(netlist, target.top)


def _definition(component: Any, name: str, target: VerilogTarget) -> str:
    """RTLIL of a component by itself, whose ports have the names of its members."""
    resets = getattr(component, "resets", True)
    target.defining = component
    fragment = Fragment.get(component, target)
    clock = ClockDomain("sync", reset_less=not resets)
    fragment.add_domains(clock)
    ports = {
        "__".join(map(str, path)): (Value.cast(value), None)
        for path, _, value in component.signature.flatten(component)
    }
    ports |= {"clk": (clock.clk, None)} | ({"rst": (clock.rst, None)} if resets else {})
    return rtlil.convert(fragment, name=name, ports=ports, platform=target, emit_src=False)


def _plain_names(text: str, target: VerilogTarget) -> str:
    """RTLIL whose modules have plain names."""
    names = re.findall(r"^module \\(\S+)$", text, flags=re.MULTILINE)
    plain = {name: target.plain(name) for name in names}

    def renamed(match: re.Match[str]) -> str:
        return f"{match[1]}\\{plain.get(match[2], match[2])}"

    return re.sub(r"^(module |\s*cell )\\(\S+)", renamed, text, flags=re.MULTILINE)


def _translated(text: str) -> tuple[str, str]:
    """Verilog and JSON netlist of RTLIL."""
    yosys = find_yosys(lambda version: version >= (0, 40))
    script = _SCRIPT.format(rtlil=text, strip=_STRIP, loaded=LOADED)
    try:
        output = yosys.run(["-q", "-"], script, ignore_warnings=True)
    except YosysError as error:
        last = str(error).rstrip().rpartition("\n")[2].strip()
        raise ToolError(f"yosys could not write Verilog: {last or 'it ended early'}") from error
    start = output.index('\n{\n  "creator"')
    return output[: start + 1], output[start + 1 :]


def _load_text(plan: LoadPlan, memories: Sequence[Sequence[int]]) -> str:
    """The beats that load the memories: TLAST and, hexadecimal, TDATA."""
    digits = -(-plan.tdata_bits // 4)
    lines = []
    for m, words in enumerate(memories):
        for first in range(0, len(words), LOAD_WORDS):
            lines.append(f"0 {m << plan.offset_bits | first:0{digits}x}")
            for k in range(LOAD_WORDS):
                lines.append(f"{k == LOAD_WORDS - 1:d} {words[first + k]:0{digits}x}")
    return "\n".join(lines) + "\n"


@contextmanager
def _no_garbage_collection() -> Iterator[None]:
    """Conversion makes millions of objects that all live to its end: collecting is in vain."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()


@contextmanager
def _silence_about_the_rest() -> Iterator[None]:
    """No warnings of components that an exception kept from being elaborated.

    Amaranth itself sees to that where the exception ends the program.
    """
    try:
        yield
    except BaseException:
        UnusedElaboratable._MustUse__silence = True  # until the next elaboration begins
        raise
