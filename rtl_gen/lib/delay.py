"""Control that keeps pace with data."""

from amaranth.hdl import Module, Signal


def delayed(m: Module, bit, cycles: int, name: str, *, init: int = 0):
    """The bit as it was so many cycles ago; ``init`` before."""
    for cycle in range(1, cycles + 1):
        register = Signal(name=f"{name}_{cycle}", init=init)
        m.d.sync += register.eq(bit)
        bit = register
    return bit
