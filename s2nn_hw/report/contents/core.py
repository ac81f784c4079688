"""What is read of a core's manifest, ``<top>.json``."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from .content import Content, Count, Interval, Positive, Size

#: Of rows and columns.
Sides = Annotated[list[Positive], Field(min_length=2, max_length=2)]
Margins = Annotated[list[Count], Field(min_length=2, max_length=2)]


class Pixels(Content):
    """How frames go in, see InputPort."""

    tdata_bits: Positive
    pixel_bits: Positive
    pixels_per_beat: Positive
    pixels: Positive
    channels: Positive = 1
    steps: Positive = 1


class Stored(Content):
    """A memory of weights, see Memory."""

    path: str
    rows: Count
    row_bits: Count
    file: str | None


class Buffered(Content):
    """A line buffer, see Buffer."""

    path: str
    bits: Count
    least_bits: Count


class Built(Content):
    """A layer or pool, see LayerEntry."""

    name: str
    module: str
    engine: str
    lanes: Positive
    inputs: Positive
    neurons: Positive
    synapses: Count
    weight_bits: Count
    potential_bits: Count
    windows: Positive
    memories: list[Stored]
    buffers: list[Buffered]


class Window(Content):
    """Of a map."""

    kernel: Sides
    stride: Sides
    padding: Margins


class Stream(Content):
    """What a layer reads; of a map in windows."""

    source: str | None = None
    planes: Positive = 1
    size: Sides | None = None
    window: Window | None = None


class Feed(Stream):
    """The same, of a map under ``windows``."""

    windows: Stream | None = None


class Node(Feed):
    """What a layer was made with; a pool is its own feed."""

    layer: str
    pixels: Positive = 1
    feeds: list[Feed] = Field(default_factory=list)


class Emission(Content):
    """Options of the emission."""

    steps: Positive = 1
    layers: list[Node] = Field(default_factory=list)


class Load(Content):
    """See LoadPort."""

    tdata_bits: Positive
    file: str


class Samples(Content):
    """Means over the network's sample frames."""

    interval_mean: Interval | None = None
    floor_mean: dict[str, Size] = Field(default_factory=dict)


class Timing(Content):
    """Predicted cycles."""

    latency_bound: Count | None = None
    interval_bound: Count | None = None
    samples: Samples | None = None


class Core(Content):
    """See manifest.Manifest."""

    top: str
    digest: str
    network: str
    options: Emission
    files: dict[str, str]
    input: Pixels
    load: Load | None = None
    layers: Annotated[list[Built], Field(min_length=1)]
    timing: Timing
    counters: list[str]
    versions: dict[str, str]
