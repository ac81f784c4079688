"""Components of which there are many alike."""

from collections.abc import Hashable, Mapping
from typing import Any

from amaranth.hdl import ClockSignal, Instance, Module, ResetSignal
from amaranth.lib import wiring


class Shared(wiring.Component):
    """A component that depends on nothing but its shape.

    Where the target writes Verilog (see VerilogTarget in emit.py) all of a kind and shape are
    instances of one module, which is converted once.  A kind gives ``build`` instead of
    ``elaborate`` and can be made of a shape alone.

    Parameters
    ----------
    shape: what it depends on.
    members: of its interface.
    """

    #: Whether anything in it is reset.
    resets = True

    def __init__(self, shape: Hashable, members: Mapping[str, Any]):
        self.shape = shape
        super().__init__(members)

    def build(self, platform) -> Module:
        """The circuit."""
        raise NotImplementedError

    def elaborate(self, platform):
        if not hasattr(platform, "add_shared"):
            return self.build(platform)
        pins = {}
        for path, member, value in self.signature.flatten(self):
            direction = "i" if member.flow == wiring.In else "o"
            pins[f"{direction}_{'__'.join(map(str, path))}"] = value
        return _instance(platform, type(self), self.shape, pins)


def add(
    m: Module,
    platform: Any,
    name: str,
    kind: type[Shared],
    shape: Hashable,
    inputs: Mapping[str, Any],
    outputs: Mapping[str, Any],
) -> None:
    """Add one of a kind and shape as a submodule that is wired to these values.

    Where there are hundreds this takes a fraction of the time of making components.
    """
    if hasattr(platform, "add_shared"):
        pins = {f"i_{port}": value for port, value in inputs.items()}
        pins |= {f"o_{port}": value for port, value in outputs.items()}
        m.submodules[name] = _instance(platform, kind, shape, pins)
        return
    component = kind(shape)  # type: ignore[call-arg]
    m.submodules[name] = component
    m.d.comb += [getattr(component, port).eq(value) for port, value in inputs.items()]
    m.d.comb += [value.eq(getattr(component, port)) for port, value in outputs.items()]


def _instance(platform, kind: type[Shared], shape: Hashable, pins: Mapping[str, Any]) -> Instance:
    common = {"i_clk": ClockSignal()}
    if kind.resets:
        common["i_rst"] = ResetSignal()
    return Instance(platform.add_shared(kind, shape), **common, **pins)
