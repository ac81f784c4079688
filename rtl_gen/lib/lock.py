"""Pipelines that stand still as a whole."""

from amaranth.hdl import Module, Signal


def locked(m: Module, *, valid, moves, latency: int, name: str, beside=()):
    """What travels beside a pipeline of registers, which moves only while it may.

    Parameters
    ----------
    valid: something comes in, which is taken if it moves.
    moves: whether it does.
    latency: of the pipeline.
    beside: (name, value) of what travels beside it.

    Returns whether something comes out, and what travelled beside it.
    """
    travelling = [(f"{name}_there", valid, False), *((n, v, True) for n, v in beside)]
    out = []
    for label, value, loaded in travelling:
        for cycle in range(1, latency + 1):
            register = Signal.like(value, name=f"{label}_{cycle}", init=0, reset_less=loaded)
            with m.If(moves):
                m.d.sync += register.eq(value)
            value = register
        out.append(value)
    there, *others = out
    return there, others
