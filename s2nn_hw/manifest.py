"""What the generator tells the bench, and everyone else, about an emitted core."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from s2nn_hw import schema
from s2nn_hw.ir import InputError, well_formed

VERSION = schema.MANIFEST.version

#: Words of a packet that loads weights.
LOAD_WORDS = 8


@dataclass(frozen=True, kw_only=True)
class InputPort:
    """How a frame goes into ``s_axis``.

    Value p of beat k is value ``k * pixels_per_beat + p`` of the frame, in bits
    ``[p * pixel_bits, (p + 1) * pixel_bits)`` of ``s_axis_tdata``.  The values of a frame come in
    raster order, those of all ``channels`` together where these are more than one.  Bits beyond
    the last value are ignored.  TLAST is 1 on beat ``beats - 1`` alone.  Where a frame brings its
    ``steps``, each begins with a beat.
    """

    tdata_bits: int
    pixel_bits: int
    pixels_per_beat: int
    pixels: int
    channels: int = 1
    steps: int = 1

    @property
    def step_beats(self) -> int:
        """Beats of a step."""
        return -(-self.pixels // self.pixels_per_beat)

    @property
    def beats(self) -> int:
        """Beats of a frame."""
        return self.steps * self.step_beats

    def values(self, frames: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
        """The values of frames in their order, with the zeros that fill up beats, (n, values).

        frames: (n, *shape), or where they bring their steps (n, steps, *shape).
        """
        n = len(frames) * self.steps
        padded = np.zeros((n, self.step_beats * self.pixels_per_beat), np.uint8)
        interleaved = frames.reshape(n, self.channels, -1).swapaxes(1, 2)
        padded[:, : self.pixels] = interleaved.reshape(n, -1)
        return padded.reshape(len(frames), -1)

    def pack(self, frames: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
        """The beats of frames, see values(), as little-endian bytes, (n, beats, tdata_bits / 8)."""
        values = self.values(frames)
        bits = values[:, :, None] >> np.arange(self.pixel_bits, dtype=np.uint8) & 1
        beats = np.zeros((len(frames), self.beats, self.tdata_bits), np.uint8)
        used = self.pixels_per_beat * self.pixel_bits
        beats[:, :, :used] = bits.reshape(len(frames), self.beats, used)
        return np.packbits(beats, axis=2, bitorder="little")


@dataclass(frozen=True, kw_only=True)
class OutputPort:
    """How a result comes out of ``m_axis``.

    A result is the class, unsigned in bits ``[0, class_bits)``, and then the scores, signed, of
    ``score_bits`` each, all multiples of eight; beats carry it from the least significant bit up.
    TLAST is 1 on the last of ``beats``.
    """

    tdata_bits: int
    class_bits: int
    score_bits: int
    classes: int

    @property
    def bits(self) -> int:
        """Bits of a result without padding."""
        return self.class_bits + self.classes * self.score_bits

    @property
    def beats(self) -> int:
        """Beats of a result."""
        return -(-self.bits // self.tdata_bits)

    def unpack(self, beats: list[int]) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
        """Classes (n,) and scores (n, classes) of whole results; see the class."""
        classes, scores = [], []
        for start in range(0, len(beats), self.beats):
            word = 0
            for k, beat in enumerate(beats[start : start + self.beats]):
                word |= beat << (k * self.tdata_bits)
            classes.append(word & ((1 << self.class_bits) - 1))
            word >>= self.class_bits
            row = []
            for _ in range(self.classes):
                value = word & ((1 << self.score_bits) - 1)
                row.append(value - (value >> (self.score_bits - 1) << self.score_bits))
                word >>= self.score_bits
            scores.append(row)
        return (
            np.array(classes, dtype=np.int64),
            np.array(scores, dtype=np.int64).reshape(len(classes), self.classes),
        )


@dataclass(frozen=True, kw_only=True)
class LoadPort:
    """How weights go in over ``w_axis`` before the first frame, where they are loaded.

    Each line of ``file`` is a beat: TLAST and, hexadecimal, TDATA.  They come in packets, each an
    address and LOAD_WORDS words that go there; a packet may come again.
    """

    tdata_bits: int
    file: str

    def packets(self, text: str) -> list[list[int]]:
        """The beats of each packet, of the file's text."""
        packets: list[list[int]] = [[]]
        for line in text.splitlines():
            last, _, data = line.partition(" ")
            packets[-1].append(int(data, 16))
            if last == "1":
                packets.append([])
        return packets[:-1]


@dataclass(frozen=True, kw_only=True)
class Probe:
    """Where a bench sees a layer's output inside the core.

    On a clock edge at which ``valid`` is 1, ``data`` is the layer's output for the next frame, or
    of a map for the next of its ``pixels`` in raster order: spike j in bit j, or of a pool bit b of
    channel c in bit ``b * channels + c``.  Both are paths of signals below the top module,
    ``module.signal``.
    """

    layer: str
    valid: str
    data: str
    channels: int
    planes: int = 1
    pixels: int = 1

    @property
    def bits(self) -> int:
        """Of ``data``."""
        return self.channels * self.planes

    def expected(self, values: npt.NDArray[np.unsignedinteger[Any]]) -> npt.NDArray[np.uint8]:
        """What it sees, (n * pixels, bits), of a layer's values (n, *shape)."""
        maps = values.reshape(len(values), self.channels, self.pixels).swapaxes(1, 2)
        planes = [maps >> b & 1 for b in range(self.planes)]
        return np.concatenate(planes, axis=2).astype(np.uint8).reshape(-1, self.bits)


@dataclass(frozen=True, kw_only=True)
class Watch:
    """By which nets a bench sees what a layer does in a cycle.

    It works where any of ``works`` holds; else it is held where any of ``held`` does; else it waits
    for input.  Each is a condition on paths below the top module, ``module.net``: all of these nets
    are 1, but those that ``!`` comes before, which are 0.
    """

    layer: str
    works: tuple[tuple[str, ...], ...]
    held: tuple[tuple[str, ...], ...]


@dataclass(frozen=True, kw_only=True)
class Memory:
    """A memory of weights of the core, and the file that fills it, None where it is loaded."""

    path: str
    rows: int
    row_bits: int
    file: str | None


@dataclass(frozen=True, kw_only=True)
class Buffer:
    """A line buffer.

    Parameters
    ----------
    path: of its module.
    bits: of its memory.
    least_bits: that the order makes it hold at the least, of its windows and, at a join, of what
        the other branches ask for first; the other buffers being as they are.  0 of a copy for
        lanes that take windows of their own.
    """

    path: str
    bits: int
    least_bits: int


@dataclass(frozen=True, kw_only=True)
class LayerEntry:
    """One layer or pool as built; ``module`` is the instance whose toggles are its own.

    Parameters
    ----------
    inputs: of a window, of all projections.
    neurons: of a pixel where the layer is a map.
    windows: of a frame; 1 unless the layer is a map.
    synapses, weight_bits: 0 for a pool.
    potential_bits: of the widest neuron.
    accumulator_bits: of all neurons, as often as there are accumulators of each; where potentials
        lie in a memory, of the sums of a cycle.
    adder_bits: of the sums of all adders that join lanes, two by two.
    """

    name: str
    module: str
    engine: str
    lanes: int
    inputs: int
    neurons: int
    synapses: int
    weight_bits: int
    potential_bits: int
    accumulator_bits: int = 0
    adder_bits: int = 0
    windows: int
    memories: tuple[Memory, ...]
    buffers: tuple[Buffer, ...]


@dataclass(frozen=True, kw_only=True)
class Manifest:
    """The generator's account of a core; written beside its Verilog as ``<top>.json``.

    Parameters
    ----------
    version: of this format.
    top: module name, and stem of the Verilog file.
    digest: of network, options and emitted files together; ties vectors and reports to them.
    network: the network's own digest.
    options: the resolved options of the emission.
    files: emitted file → SHA-256, the manifest itself aside.
    input, output: how frames and results lie in beats.
    load: the port for weights, None where all are constants.
    layers: layers and pools, in the network's order.
    probes: one for each of them but the readout.
    watches: one a layer or pool, in their order; none of a core whose nets are not those emitted.
    counters: names of the counter ports (``count_…``), empty unless asked for.
    nets: module path (empty for the top) → names of the nets driven in it, a bit of logic once;
        what toggles are counted over.
    timing: predicted cycles.  ``latency_bound`` and ``interval_bound`` hold for any frame, where
        source and sink never stall; ``samples``, where the network brings some: means over them.
    versions: of s2nn-hw and of what writes the Verilog.
    """

    version: int = VERSION
    top: str
    digest: str
    network: str
    options: dict[str, Any]
    files: dict[str, str]
    input: InputPort
    output: OutputPort
    layers: tuple[LayerEntry, ...]
    probes: tuple[Probe, ...]
    counters: tuple[str, ...]
    nets: dict[str, tuple[str, ...]]
    timing: dict[str, Any]
    versions: dict[str, str]
    load: LoadPort | None = None
    watches: tuple[Watch, ...] = ()

    @property
    def verilog(self) -> str:
        """Name of the Verilog file."""
        return f"{self.top}.v"

    def to_json(self) -> str:
        """Deterministic text, ending in a newline."""
        return json.dumps(dataclasses.asdict(self), indent=1, sort_keys=True) + "\n"

    @classmethod
    def read(cls, folder: Path, top: str | None = None) -> Manifest:
        """The manifest in a build folder, its files compared with their digests.

        Raises InputError naming the file that is absent, foreign or changed.
        """
        path = find(folder) if top is None else folder / f"{top}.json"
        try:
            data = json.loads(path.read_text())
        except OSError as error:
            raise InputError(f"{path}: cannot be read: {error.strerror}") from error
        except (ValueError, RecursionError) as error:
            raise InputError(f"{path}: not a manifest: {error}") from error
        with well_formed(f"{path}: not a manifest: it"):
            schema.MANIFEST.check(data, path)
            manifest = cls(
                **{
                    **data,
                    "input": InputPort(**data["input"]),
                    "output": OutputPort(**data["output"]),
                    "load": LoadPort(**data["load"]) if data.get("load") else None,
                    "layers": tuple(
                        LayerEntry(
                            **{
                                **entry,
                                "memories": tuple(Memory(**m) for m in entry["memories"]),
                                "buffers": tuple(Buffer(**b) for b in entry["buffers"]),
                            }
                        )
                        for entry in data["layers"]
                    ),
                    "probes": tuple(Probe(**entry) for entry in data["probes"]),
                    "watches": tuple(
                        Watch(
                            layer=entry["layer"],
                            works=tuple(map(tuple, entry["works"])),
                            held=tuple(map(tuple, entry["held"])),
                        )
                        for entry in data.get("watches", ())
                    ),
                    "counters": tuple(data["counters"]),
                    "nets": {path: tuple(names) for path, names in data["nets"].items()},
                }
            )
        for name, digest in manifest.files.items():
            try:
                found = sha256((folder / name).read_bytes())
            except OSError as error:
                raise InputError(f"{folder / name}: cannot be read: {error.strerror}") from error
            if found != digest:
                raise InputError(f"{folder / name}: was changed since it was emitted")
        return manifest


def sha256(data: bytes) -> str:
    """Hexadecimal SHA-256."""
    return hashlib.sha256(data).hexdigest()


def find(folder: Path) -> Path:
    """The one manifest of a build folder."""
    found = [p for p in sorted(folder.glob("*.json")) if p.with_suffix(".v").is_file()]
    if len(found) != 1:
        raise InputError(f"{folder}: must hold one emitted core (name.v and name.json)")
    return found[0]
