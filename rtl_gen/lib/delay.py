"""Control that keeps pace with data."""

from amaranth.hdl import Module, Signal


def delayed(m: Module, bit, cycles: int, name: str):
    """The bit as it was so many cycles ago; zero before."""
    for cycle in range(1, cycles + 1):
        register = Signal(name=f"{name}_{cycle}")
        m.d.sync += register.eq(bit)
        bit = register
    return bit
