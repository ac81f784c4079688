"""The network as a picture: where its layers stand, and how streams run between them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from s2nn_hw.ir import INPUT

from .layer import LayerReport

#: Of a layer's box, and between two, in pixels.
WIDTH, HEIGHT = 224, 62
_ACROSS, _DOWN, _LANE = 24, 30, 12


@dataclass(frozen=True, kw_only=True)
class Node:
    """A box: the left upper corner; ``layer`` is its number, None of the input and the result."""

    name: str
    layer: int | None
    x: int
    y: int


@dataclass(frozen=True, kw_only=True)
class Schematic:
    """Boxes, and the paths of streams from one to the next."""

    nodes: tuple[Node, ...]
    streams: tuple[str, ...]
    width: int
    height: int


def schematic(layers: Sequence[LayerReport], result: str = "result") -> Schematic:
    """Boxes in rows, each below all that it reads; streams that pass a row run beside the boxes."""
    rows = {INPUT: 0}
    for layer in layers:
        # What is told of no layer before it, as of foreign files, is taken to read the input.
        rows[layer.name] = 1 + max(rows.get(source, 0) for source in layer.sources)
    last = layers[-1].name
    columns: dict[str, int] = {}
    taken: dict[int, int] = {}
    for name, row in rows.items():
        columns[name] = taken.get(row, 0)
        taken[row] = columns[name] + 1
    wide = max(taken.values())
    right = wide * (WIDTH + _ACROSS) - _ACROSS
    edges = [(source, layer.name) for layer in layers for source in layer.sources]

    def place(name: str) -> tuple[int, int]:
        return columns[name] * (WIDTH + _ACROSS), rows[name] * (HEIGHT + _DOWN)

    streams, beside = [], 0
    for source, name in edges:
        (from_x, from_y), (to_x, to_y) = place(source if source in rows else INPUT), place(name)
        start, end = (from_x + WIDTH // 2, from_y + HEIGHT), (to_x + WIDTH // 2, to_y)
        if to_y - from_y == HEIGHT + _DOWN:
            half = _DOWN // 2
            streams.append(
                f"M{start[0]} {start[1]}C{start[0]} {start[1] + half} "
                f"{end[0]} {end[1] - half} {end[0]} {end[1]}"
            )
        else:
            beside += 1
            lane = right + beside * _LANE
            streams.append(
                f"M{start[0] + 20} {start[1]}v8H{lane}V{end[1] - 8}H{end[0] + 20}V{end[1]}"
            )
    height = (max(rows.values()) + 2) * (HEIGHT + _DOWN) - _DOWN
    x, y = place(last)
    streams.append(f"M{x + WIDTH // 2} {y + HEIGHT}v{_DOWN}")
    nodes = [Node(name=INPUT, layer=None, x=0, y=0)]
    for k, layer in enumerate(layers):
        x, y = place(layer.name)
        nodes.append(Node(name=layer.name, layer=k, x=x, y=y))
    nodes.append(Node(name=result, layer=None, x=place(last)[0], y=height - HEIGHT))
    return Schematic(
        nodes=tuple(nodes),
        streams=tuple(streams),
        width=right + (beside + 1) * _LANE,
        height=height,
    )
