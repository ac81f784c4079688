"""How a design instantiates the core: text to copy from."""

from amaranth.hdl import Shape
from amaranth.lib.wiring import Out

from s2nn_hw.ir import Network

from .header import kind, shapes, values
from .network import Core


def template(network: Network, core: Core) -> str:
    """Text of ``<top>.veo``, an ending that no tool takes for Verilog to compile.

    Semantics: declares a wire for every port but clock and reset, which a design has, and connects
    all of them.  What a wire carries stands beside it.
    """
    top, meaning = core.plan.top, _meaning(core)
    members = core.signature.members
    widths = {name: Shape.cast(member.shape).width for name, member in members.items()}
    lines = [
        f"// How to instantiate {top}, the {kind(network)} {shapes(network)}.",
        "// To be copied into a module that has clk and rst; the wires may have any names.",
        "",
    ]
    for name, member in members.items():
        bits = f"[{widths[name] - 1}:0]" if widths[name] > 1 else ""
        way = "from" if member.flow is Out else "to"
        lines.append(f"wire {bits:>8} {f'{name};':<24} // {way} the core: {meaning[name]}")
    lines += ["", f"{top} {top}_instance ("]
    for name in core.ports:
        comma = "" if name == core.ports[-1] else ","
        comment = f"  // {meaning[name]}" if name not in members else ""
        lines.append(f"  .{name}({name}){comma}{comment}")
    lines.append(");")
    return "\n".join(lines) + "\n"


def _meaning(core: Core) -> dict[str, str]:
    """Of every port, in a line."""
    port, result = core.plan.input, core.plan.output
    together = f", a pixel's {port.channels} channels together" if port.channels > 1 else ""
    stepwise = f"; each of {port.steps} steps begins with a beat" if port.steps > 1 else ""
    named = {
        "clk": "clock, rising edge",
        "rst": "reset, synchronous, active high; at least one cycle",
        "s_axis_tdata": f"{values(port)}, in raster order{together}{stepwise}",
        "s_axis_tvalid": "a beat is there; it must stay until it is taken",
        "s_axis_tready": "the beat is taken at the clock edge where valid is high, too",
        "s_axis_tlast": f"with the last beat of a frame, of {port.beats}",
        "m_axis_tdata": f"class in bits [{result.class_bits - 1}:0] of a result's {result.bits}, "
        f"then {result.classes} signed scores of {result.score_bits} bits",
        "m_axis_tvalid": "a beat is there; it stays until it is taken",
        "m_axis_tready": "the beat is taken at the clock edge where valid is high, too",
        "m_axis_tlast": f"with the last beat of a result, of {result.beats}",
        "frame_error": "sticky: [0] TLAST came early, [1] it came late; such a frame is dropped",
        "frame_error_clear": "clears both bits; 0 if they are not looked at",
    }
    if core.plan.load is not None:
        named |= {
            "w_axis_tdata": "weights: an address, or a word that goes there or behind",
            "w_axis_tvalid": "a beat is there; it must stay until it is taken",
            "w_axis_tready": "always high",
            "w_axis_tlast": "with the last word behind an address",
            "loaded": "all weights are there; a frame waits until they are",
        }
    return named | {name: _counted(name) for name in core.counters}


def _counted(name: str) -> str:
    """What a counter counts."""
    if name == "count_cycles":
        return "cycles since reset, modulo 2**32"
    layer = name.removeprefix("count_").removesuffix("_events")
    return f"events that layer {layer} took, modulo 2**32"
