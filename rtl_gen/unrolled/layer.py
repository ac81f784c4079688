"""Layers of a network on the unrolled engine."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from rtl_gen.feeds import FramePlan
from rtl_gen.layers.weights import full_matrix, matrix
from rtl_gen.plan import LayerPlan, NodePlan
from s2nn_hw.ir import Conv2d, InputError, Layer, Network

from .circuit import Circuit, circuit, estimate

#: Look-up tables of a layer, as estimated, beyond which somebody has to want it: half of an
#: ECP5-85F, and a minute's work.
UNROLL_LIMIT = 40_000


def constants(layer: Layer, planes: Sequence[int]) -> npt.NDArray[np.int64]:
    """Weights (neurons, inputs) with an input for each bit of a value.

    planes: bits of a value, of each projection.  Input ``b * inputs + i`` of a projection is bit b
    of its input i, c * taps + t of a window.
    """
    parts = [
        (full_matrix(projection) if isinstance(projection, Conv2d) else matrix(projection)) << b
        for projection, bits in zip(layer.projections, planes, strict=True)
        for b in range(bits)
    ]
    return np.concatenate(parts, axis=1)


def circuit_of(layer: Layer, plan: LayerPlan) -> Circuit:
    """The circuit of a layer; made once, however often it is asked for."""
    decided = layer.thresholds is not None and not plan.sums
    known = layer.thresholds.tolist() if decided and layer.thresholds is not None else None
    planes = [feed.planes for feed in plan.feeds]
    return circuit(constants(layer, planes), known, plan.fabric.table)


def unrolled(layer: Layer, plan: LayerPlan, *, limit: int, counts: bool) -> LayerPlan:
    """The plan of a layer, with what depends on its circuit; see LayerPlan.

    Raises InputError if it is too large: estimated tables beyond ``limit``.
    """
    planes = [feed.planes for feed in plan.feeds]
    size = estimate(constants(layer, planes), plan.fabric.table)
    if size > limit:
        raise InputError(
            f"layer {layer.name!r}: unrolled it would take about {size:,} look-up tables, more "
            f"than unroll_limit, {limit:,}; use another engine for it, or raise the limit"
        )
    depth = plan.fabric.tables
    return replace(plan, stages=circuit_of(layer, plan).latency(depth), counts=counts)


def bound(network: Network, layers: Sequence[NodePlan]) -> list[NodePlan]:
    """The plans, of which every unrolled layer knows whether it moves with the one behind it.

    That is if this one alone reads it, waits for nothing else, and is bound itself; the readout is
    to what is behind its scores.
    """
    plans = {plan.layer: plan for plan in layers}
    for name in reversed(plans):
        plan = plans[name]
        if not isinstance(plan, LayerPlan) or plan.engine != "unrolled" or plan.sums:
            continue
        readers = [plans[reader] for reader in network.readers(name)]
        if not readers:
            plans[name] = replace(plan, bound=True)
        elif len(readers) == 1 and _takes_as_is(readers[0]):
            (behind,) = readers
            assert isinstance(behind, LayerPlan)
            plans[name] = replace(plan, bound=behind.bound)
            plans[behind.layer] = replace(behind, follows=behind.bound)
    return list(plans.values())


def _takes_as_is(plan: NodePlan) -> bool:
    """Whether a layer takes frames from the registers of the only one that it reads."""
    if not isinstance(plan, LayerPlan) or len(plan.feeds) > 1:
        return False
    (feed,) = plan.feeds
    return isinstance(feed, FramePlan) and not feed.held
