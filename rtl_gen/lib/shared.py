"""Components of which there are many alike."""

from collections.abc import Mapping
from typing import Any

from amaranth.hdl import ClockSignal, Instance, Module, ResetSignal, Value
from amaranth.lib import wiring

#: Attribute of registers that are loaded before they are used, and need no initial value.
LOADED = "loaded"

#: Name of a memory of which no word is read while it is written.
APART = "apart"


class Shared(wiring.Component):
    """A component that depends on nothing but the arguments it was made with.

    Where the target writes Verilog (see VerilogTarget in emit.py) all of a kind and arguments are
    instances of one module, which is converted once.  A kind gives ``build`` instead of
    ``elaborate``.

    Parameters
    ----------
    members: of its interface.
    arguments, options: that the kind was made with, hashable.
    """

    #: Whether anything in it is reset.
    resets = True

    def __init__(self, members: Mapping[str, Any], *arguments: Any, **options: Any):
        self.arguments = (arguments, tuple(options.items()))
        super().__init__(members)

    def build(self, platform) -> Module:
        """The circuit."""
        raise NotImplementedError

    def elaborate(self, platform):
        if getattr(platform, "defining", self) is self:
            return self.build(platform)
        return _instance(platform, type(self), self.arguments, pins(self))


def pins(component: wiring.Component) -> dict[str, Any]:
    """Arguments of an Instance that has the component's interface."""
    found = {}
    for path, member, value in component.signature.flatten(component):
        direction = "i" if member.flow == wiring.In else "o"
        found[f"{direction}_{'__'.join(map(str, path))}"] = value
    return found


def add_part(
    m: Module, platform: Any, name: str, component: wiring.Component, *, path: str = ""
) -> None:
    """Add a submodule that, where the target writes Verilog, is converted by itself.

    path: below the top, if it is not the name.
    """
    if hasattr(platform, "defining"):
        module = platform.add_part(component, path or name)
        for path, _, value in component.signature.flatten(component):
            # In the module it is the port that gives the name.
            Value.cast(value).name = "_".join([name, *map(str, path)])
        reset = {"i_rst": ResetSignal()} if getattr(component, "resets", True) else {}
        m.submodules[name] = Instance(module, i_clk=ClockSignal(), **reset, **pins(component))
    else:
        m.submodules[name] = component


def add(
    m: Module,
    platform: Any,
    name: str,
    kind: type[Shared],
    argument: Any,
    inputs: Mapping[str, Any],
    outputs: Mapping[str, Any],
) -> None:
    """Add ``kind(argument)`` as a submodule that is wired to these values.

    Where there are hundreds this takes a fraction of the time of making components.
    """
    if hasattr(platform, "defining"):
        wired = {f"i_{port}": value for port, value in inputs.items()}
        wired |= {f"o_{port}": value for port, value in outputs.items()}
        m.submodules[name] = _instance(platform, kind, ((argument,), ()), wired)
        return
    component = kind(argument)
    m.submodules[name] = component
    m.d.comb += [getattr(component, port).eq(value) for port, value in inputs.items()]
    m.d.comb += [value.eq(getattr(component, port)) for port, value in outputs.items()]


def _instance(platform, kind: type[Shared], arguments: tuple, wired: Mapping[str, Any]) -> Instance:
    common = {"i_clk": ClockSignal()}
    if kind.resets:
        common["i_rst"] = ResetSignal()
    return Instance(platform.add_shared(kind, *arguments), **common, **wired)
