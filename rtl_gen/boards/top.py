"""What goes onto a board: clock, reset, pins, the shell and the core."""

from amaranth.hdl import (
    ClockDomain,
    ClockSignal,
    Elaboratable,
    Instance,
    Module,
    ResetSignal,
    Signal,
)
from amaranth.lib import io
from amaranth.lib.cdc import ResetSynchronizer

from s2nn_hw.manifest import Manifest

from .shell import BoardShell
from .table import Board

#: Module of the Verilog or RTLIL of a board.
TOP = "board_top"
#: In it, the core's instance, and the net of the core's clock, which keeps its name.
CORE = "core"
CLOCK = "clock"
LIGHTS = ("heartbeat", "busy", "error")
#: Ports of the core that the shell has, the other way round.
CORE_PORTS = {
    "s_axis_tdata": "i",
    "s_axis_tvalid": "i",
    "s_axis_tready": "o",
    "s_axis_tlast": "i",
    "m_axis_tdata": "o",
    "m_axis_tvalid": "o",
    "m_axis_tready": "i",
    "m_axis_tlast": "o",
    "frame_error": "o",
    "frame_error_clear": "i",
}


#: Those of a core whose weights are loaded, too.
LOAD_PORTS = {
    "w_axis_tdata": "i",
    "w_axis_tvalid": "i",
    "w_axis_tready": "o",
    "w_axis_tlast": "i",
    "loaded": "o",
}


def core(manifest: Manifest, shell: BoardShell) -> Instance:
    """The emitted core, wired to the shell."""
    # Else yosys calls the shell's register after what reads it in the core, which would count it.
    shell.s_axis_tdata.attrs["keep"] = "true"
    ports = CORE_PORTS if manifest.load is None else CORE_PORTS | LOAD_PORTS
    wired = {f"{way}_{name}": getattr(shell, name) for name, way in ports.items()}
    return Instance(manifest.top, i_clk=ClockSignal(), i_rst=ResetSignal(), **wired)


class BoardTop(Elaboratable):
    """The top module for a board of the table.

    Semantics: reset lasts until the clock is stable, and a family's memories can be read.
    """

    def __init__(self, manifest: Manifest, board: Board, shell: BoardShell):
        self.manifest = manifest
        self.board = board
        self.shell = shell

    def elaborate(self, platform):
        m = Module()
        self._clock(m, platform)
        m.submodules.shell = shell = self.shell
        m.submodules[CORE] = core(self.manifest, shell)

        # Pins beyond these two are left alone.
        wires = {name: "-" for name in self.board.uart_pins}
        uart = platform.request("uart", 0, dir=wires)
        m.submodules.rx = rx = io.Buffer("i", uart.rx)
        m.submodules.tx = tx = io.Buffer("o", uart.tx)
        m.d.comb += [shell.rx.eq(rx.i), tx.o.eq(shell.tx)]
        for name, number in self.board.lights.items():
            assert name in LIGHTS
            light = io.Buffer("o", platform.request("led", number, dir="-"))
            m.submodules[name] = light
            m.d.comb += light.o.eq(getattr(shell, name))
        return m

    def _clock(self, m: Module, platform) -> None:
        board = self.board
        chosen = board.setting(self.shell.pace.frequency)
        pad = platform.request(platform.default_clk, dir="-")
        locked = Signal(init=1)
        if chosen is not None and board.pll_has_pad:
            source, locked = board.family.add_pll(m, pad, chosen)
        else:
            m.submodules.clock_buffer = buffer = io.Buffer("i", pad)
            source = buffer.i
            if chosen is not None:
                source, locked = board.family.add_pll(m, source, chosen)
        clock = Signal(name=CLOCK, attrs={"keep": "true"})
        m.d.comb += clock.eq(source)
        if chosen is not None:
            platform.add_clock_constraint(clock, float(chosen.output))

        m.domains.start = ClockDomain(reset_less=True, local=True)
        m.domains.sync = ClockDomain()
        m.d.comb += [ClockSignal("start").eq(clock), ClockSignal("sync").eq(clock)]
        ready = Signal()
        wait = int(board.reset_seconds * int(self.shell.pace.frequency)) + 1
        waited = Signal(range(wait + 1))
        with m.If(waited == wait):
            m.d.start += ready.eq(1)
        with m.Elif(locked):
            m.d.start += waited.eq(waited + 1)
        m.submodules.reset = ResetSynchronizer(~ready | ~locked, domain="sync")
