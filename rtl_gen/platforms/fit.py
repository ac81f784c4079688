"""Whether a core fits a device, and what smaller one would."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from s2nn_hw.manifest import LayerEntry, Manifest

from .family import RESOURCES, Device, Part

#: Of what a core stores and adds up, this share is left if constants and bits that nobody reads
#: are optimised away.
_LEFT = 0.8


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


def hopeless(manifest: Manifest, part: Part) -> str | None:
    """Why the core cannot fit whatever the tools make of it, None if it may.

    Told before any tool runs: of accumulators below their floor, and of weights that neither the
    block RAMs nor the look-up tables could hold.
    """
    device, family = part.device, part.family
    least = floor(manifest.layers)
    if excess({name: round(units * _LEFT) for name, units in least.items()}, device):
        return message(part, least, manifest, what="its accumulators alone need")
    # Large memories without contents hold what is loaded, and nothing else.
    apart = bool(family.spram_bits) and not family.spram_contents
    bits = stored_bits(manifest.layers, loaded=False if apart else None)
    large = stored_bits(manifest.layers, loaded=True) if apart else 0
    if large > device.capacity.get("spram", 0) * family.spram_bits:
        blocks = {"spram": -(-large // family.spram_bits)}
        return message(part, blocks, manifest, what="its loaded weights alone need")
    room = device.capacity["bram"] * family.bram_bits + device.capacity["lut"] * family.lut_bits
    if family.spram_contents:
        room += device.capacity.get("spram", 0) * family.spram_bits
    if bits * _LEFT <= room:
        return None
    blocks = {"bram": -(-bits // family.bram_bits)}
    return message(part, blocks, manifest, what="its weights alone need")


def message(
    part: Part,
    used: Mapping[str, int],
    manifest: Manifest,
    what: str = "it needs",
    fixed: Mapping[str, int] | None = None,
) -> str:
    """One sentence: which resource, by how much, and what would fit.

    ``fixed`` of what is used is around the core, and does not shrink with it.
    """
    over = excess(used, part.device)
    short = ", ".join(
        f"{used[name]:,} {name} of {part.device.capacity.get(name, 0):,} ({units:,} too many)"
        for name, units in over.items()
    )
    return (
        f"the network does not fit {part.name}: {what} {short}; "
        f"{_advice(used, fixed or {}, manifest.layers, part)}"
    )


def _advice(
    used: Mapping[str, int], fixed: Mapping[str, int], layers: Sequence[LayerEntry], part: Part
) -> str:
    most = max(layer.lanes for layer in layers if layer.weight_bits)
    bits = max(layer.weight_bits for layer in layers)

    def largest(choices: Iterable[tuple[int, int]]) -> tuple[int, int] | None:
        return next(
            (choice for choice in choices if _fits(used, fixed, layers, part, *choice)), None
        )

    lanes = largest((n, bits) for n in range(most - 1, 0, -1))
    fewer = largest((most, b) for b in range(bits - 1, 0, -1))
    options = []
    if lanes is not None:
        options.append(f"--lanes {lanes[0]}")
    if fewer is not None:
        options.append(f"weights of {_bits(fewer[1])}")
    if not options:
        both = largest((1, b) for b in range(bits - 1, 0, -1))
        if both is None:
            return "by estimate no number of lanes or bits of a weight would make it fit"
        options.append(f"--lanes 1 and weights of {_bits(both[1])}")
    return f"by estimate it would with {' or with '.join(options)}"


def _bits(number: int) -> str:
    return f"{number} bit{'s' if number > 1 else ''}"


def _fits(
    used: Mapping[str, int],
    fixed: Mapping[str, int],
    layers: Sequence[LayerEntry],
    part: Part,
    lanes: int,
    bits: int,
) -> bool:
    """Whether it would with at most so many lanes and bits a weight.

    Logic is taken to shrink as the accumulators' floor does, flip-flops as the bits of their
    weights and sums, which are registered, and block RAM as the bits stored.
    """
    smaller = [_smaller(layer, lanes, bits) for layer in layers]
    logic = floor(smaller)["lut"] / floor(layers)["lut"]
    share = {
        "lut": logic,
        "carry": logic,
        "ff": _registers(smaller) / _registers(layers),
        "bram": stored_bits(smaller) / max(1, stored_bits(layers)),
    }
    guess = {
        name: round((units - fixed.get(name, 0)) * share.get(name, 1)) + fixed.get(name, 0)
        for name, units in used.items()
    }
    return not excess(guess, part.device)


def _smaller(layer: LayerEntry, lanes: int, bits: int) -> LayerEntry:
    if layer.weight_bits == 0:
        return layer
    left, few = min(layer.weight_bits, bits), min(layer.lanes, lanes)
    width = layer.potential_bits - layer.weight_bits + left
    joined = _joined(few, left) / max(1, _joined(layer.lanes, layer.weight_bits))
    return replace(
        layer,
        lanes=few,
        weight_bits=left,
        potential_bits=width,
        accumulator_bits=round(layer.accumulator_bits * width / layer.potential_bits),
        adder_bits=round(layer.adder_bits * joined),
        memories=tuple(
            replace(memory, row_bits=-(-memory.row_bits * left // layer.weight_bits))
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


def _registers(layers: Sequence[LayerEntry]) -> int:
    weights = sum(layer.neurons * layer.lanes * layer.weight_bits for layer in layers)
    return weights + floor(layers)["lut"]
