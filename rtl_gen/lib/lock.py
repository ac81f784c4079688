"""Pipelines that stand still as a whole."""

from amaranth.hdl import Module, Signal


def locked(m: Module, *, valid, ready, latency: int, bound: bool, name: str, beside=()):
    """The control of a pipeline of registers alone, which moves only while it may.

    It moves in every cycle but those in which its last stage has something that is not taken; or,
    if it is ``bound`` to what comes behind, in those in which that is ready.

    Parameters
    ----------
    valid: something comes in, which is taken if it moves.
    ready: what comes out would be taken; of a bound one it must not depend on what comes out.
    latency: of the pipeline.
    beside: (name, value) of what travels beside it.

    Returns whether it moves, whether something comes out, and what travelled beside it.
    """
    moves = Signal(name=f"{name}_moves")
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
    # One signal for the registers of all that are bound: there is nothing between it and them.
    m.d.comb += moves.eq(ready if bound else ~there | ready)
    return moves, there, others
