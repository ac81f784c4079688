"""Whether a core fits a device, and what smaller one would."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from s2nn_hw.manifest import LayerEntry, Memory

from .family import RESOURCES, Device, Family, Part

#: Of what a core stores and adds up, this share is left if constants and bits that nobody reads
#: are optimised away.
_LEFT = 0.8

#: What of a layer is beside its accumulators has this much that there is once, for each lane's one,
#: and this much that does not depend on the bits of a weight, for each bit's one.
_ONCE = 4

#: Accumulators take at least this many times their floor.
_OVER_FLOOR = 1.25

#: The layers that a core would have with so many lanes; None if it cannot be made so.
Smaller = Callable[[int], Sequence[LayerEntry] | None]


def floor(layers: Sequence[LayerEntry]) -> dict[str, int]:
    """The look-up tables and flip-flops that accumulators are taken to need, on any device.

    One of each a bit of an accumulator, and a look-up table a bit of the adders that join lanes.
    """
    ff = sum(layer.accumulator_bits for layer in layers)
    return {"lut": ff + sum(layer.adder_bits for layer in layers), "ff": ff}


def stored_bits(layers: Sequence[LayerEntry], *, loaded: bool | None = None) -> int:
    """Bits of all memories of weights, copies counted as often as they are stored.

    loaded: only of those that are loaded, or of those that are not.
    """
    return sum(
        m.rows * m.row_bits
        for layer in layers
        for m in layer.memories
        if loaded is None or (m.file is None) == loaded
    )


def excess(used: Mapping[str, int], device: Device) -> dict[str, int]:
    """Resource → by how much what is used exceeds what there is."""
    over = {name: used.get(name, 0) - device.capacity.get(name, 0) for name in RESOURCES}
    return {name: units for name, units in over.items() if units > 0}


@dataclass(frozen=True, kw_only=True)
class Need:
    """What a core takes of a device.

    Parameters
    ----------
    used: units of each resource.
    layers: of the core.
    fixed: of what is used, what is around the core and does not shrink with it,
    accumulators: ... what those of its layers take,
    weights: ... block RAMs of its weights.
    """

    used: Mapping[str, int]
    layers: Sequence[LayerEntry]
    fixed: Mapping[str, int] = field(default_factory=dict)
    accumulators: Mapping[str, int] = field(default_factory=dict)
    weights: int = 0

    def of(self, layers: Sequence[LayerEntry], family: Family) -> dict[str, int]:
        """About what a core of these layers would take.

        Accumulators are taken to go with their floor, block RAMs of weights with the shapes of
        their memories, everything else with the lanes, of which each has queues of its own.
        """
        share = {
            name: _beside(layers, once) / _beside(self.layers, once)
            for name, once in (*((name, _ONCE) for name in self.used), ("bram", 0))
        }
        before, after = floor(self.layers)["lut"], floor(layers)
        guess = {}
        for name, units in self.used.items():
            adding = self.accumulators.get(name, 0)
            blocks = self.weights if name == "bram" else 0
            rest = units - self.fixed.get(name, 0) - adding - blocks
            if adding:
                adding = max(
                    round(adding * after["lut"] / before), round(_OVER_FLOOR * after.get(name, 0))
                )
            if blocks:
                blocks = round(blocks * _blocks(layers, family) / _blocks(self.layers, family))
            guess[name] = self.fixed.get(name, 0) + adding + blocks + round(rest * share[name])
        return guess


def hopeless(layers: Sequence[LayerEntry], part: Part, smaller: Smaller) -> str | None:
    """Why a core of these layers cannot fit whatever the tools make of it, None if it may.

    Told before any tool runs: of accumulators below their floor, and of weights that neither the
    block RAMs nor the look-up tables could hold.
    """
    least = _least(layers, part)
    if least is None:
        return None
    what, used = least
    advice = _advice(layers, smaller, lambda others: _hopeful(others, part))
    return _sentence(part, what, used, advice)


def _least(layers: Sequence[LayerEntry], part: Part) -> tuple[str, dict[str, int]] | None:
    """What of a core is too much in any case, and how much it is."""
    device, family = part.device, part.family
    least = floor(layers)
    if excess({name: round(units * _LEFT) for name, units in least.items()}, device):
        return "its accumulators alone need", least
    # Large memories without contents hold what is loaded, and nothing else.
    apart = bool(family.spram_bits) and not family.spram_contents
    bits = stored_bits(layers, loaded=False if apart else None)
    large = stored_bits(layers, loaded=True) if apart else 0
    if large > device.capacity.get("spram", 0) * family.spram_bits:
        return "its loaded weights alone need", {"spram": -(-large // family.spram_bits)}
    room = device.capacity["bram"] * family.bram_bits + device.capacity["lut"] * family.lut_bits
    if family.spram_contents:
        room += device.capacity.get("spram", 0) * family.spram_bits
    if bits * _LEFT <= room:
        return None
    return "its weights alone need", {"bram": -(-bits // family.bram_bits)}


def _hopeful(layers: Sequence[LayerEntry], part: Part) -> bool:
    """Whether there is room for accumulators as they are, and for weights in block RAM."""
    used = {name: round(units * _OVER_FLOOR) for name, units in floor(layers).items()}
    blocks = -(-stored_bits(layers, loaded=False) // part.family.bram_bits)
    return _least(layers, part) is None and not excess({**used, "bram": blocks}, part.device)


def message(part: Part, need: Need, smaller: Smaller, what: str = "it needs") -> str:
    """One sentence: which resource, by how much, and what would fit."""

    def fits(layers: Sequence[LayerEntry]) -> bool:
        return not excess(need.of(layers, part.family), part.device)

    return _sentence(part, what, need.used, _advice(need.layers, smaller, fits))


def _sentence(part: Part, what: str, used: Mapping[str, int], advice: str) -> str:
    short = ", ".join(
        f"{used[name]:,} {name} of {part.device.capacity.get(name, 0):,} ({units:,} too many)"
        for name, units in excess(used, part.device).items()
    )
    return f"the network does not fit {part.name}: {what} {short}; {advice}"


def _advice(
    layers: Sequence[LayerEntry], smaller: Smaller, fits: Callable[[Sequence[LayerEntry]], bool]
) -> str:
    """The most lanes, and the most bits of a weight, with which it would fit."""
    bits = max(layer.weight_bits for layer in layers)

    def with_lanes(lanes: int) -> bool:
        fewer = smaller(lanes)
        return fewer is not None and fits(fewer)

    def with_bits(of: Sequence[LayerEntry]) -> int:
        return next((b for b in range(bits - 1, 0, -1) if fits(_narrowed(of, b))), 0)

    options = []
    # What fits with some lanes fits with fewer.
    low, high = 0, max(layer.lanes for layer in layers if layer.weight_bits)
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if with_lanes(middle) else (low, middle)
    if low:
        options.append(f"--lanes {low}")
    if narrow := with_bits(layers):
        options.append(f"weights of {_bits(narrow)}")
    if not options:
        narrow = with_bits(smaller(1) or layers)
        if not narrow:
            return "by estimate it would not with --lanes 1 and weights of 1 bit either"
        options.append(f"--lanes 1 and weights of {_bits(narrow)}")
    return f"by estimate it would with {' or with '.join(options)}"


def _bits(number: int) -> str:
    return f"{number} bit{'s' if number > 1 else ''}"


def _beside(layers: Sequence[LayerEntry], once: int) -> int:
    """What there is beside accumulators, of whatever a lane has one of."""
    return sum(
        (once + layer.lanes) * (once + layer.weight_bits if once else 1)
        for layer in layers
        if layer.weight_bits
    )


def _blocks(layers: Sequence[LayerEntry], family: Family) -> int:
    """Block RAMs of all weights, if none but the rows beyond whole ones were in look-up tables."""
    return sum(_block(memory, family) for layer in layers for memory in layer.memories)


def _block(memory: Memory, family: Family) -> int:
    rows = family.fabric().whole(memory.rows, 1) or memory.rows
    return min(
        -(-rows // words) * -(-memory.row_bits // bits) for words, bits in family.bram_shapes
    )


def _narrowed(layers: Sequence[LayerEntry], bits: int) -> list[LayerEntry]:
    """The layers with weights of at most so many bits."""
    return [_narrow(layer, min(layer.weight_bits, bits)) for layer in layers]


def _narrow(layer: LayerEntry, bits: int) -> LayerEntry:
    if layer.weight_bits == 0:
        return layer
    width = layer.potential_bits - layer.weight_bits + bits
    joined = _joined(layer.lanes, bits) / max(1, _joined(layer.lanes, layer.weight_bits))
    return replace(
        layer,
        weight_bits=bits,
        potential_bits=width,
        accumulator_bits=round(layer.accumulator_bits * width / layer.potential_bits),
        adder_bits=round(layer.adder_bits * joined),
        memories=tuple(
            replace(memory, row_bits=-(-memory.row_bits * bits // layer.weight_bits))
            for memory in layer.memories
        ),
    )


def _joined(lanes: int, bits: int) -> int:
    """About the bits of the adders that join lanes of weights of so many bits."""
    total = 0
    while lanes > 1:
        bits += 1
        total += lanes // 2 * bits
        lanes -= lanes // 2
    return total
