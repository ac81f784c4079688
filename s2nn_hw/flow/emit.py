"""From network to Verilog and manifest."""

from __future__ import annotations

import json
import os
import re
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypedDict, Unpack

import numpy as np
import numpy.typing as npt

from s2nn_hw import cache, certificate, schema, yosys
from s2nn_hw.ir import INPUT, InputError, Network, ToolError, each_integer, integer, save

from .folder import output_folder

if TYPE_CHECKING:
    from rtl_gen.plan import CorePlan
    from s2nn_hw.manifest import Manifest

OPTIONS = schema.OPTIONS.file
#: The network, where there is a certificate of what is built of it.
MODEL = "model.s2nn"

#: A longer name of a file may be too long.
_TOP_LIMIT = 63
#: Beyond any FPGA.
_MHZ_LIMIT = 2000
#: Our own files and modules, and what Verilator calls so.
_TAKEN = {
    *("options", "verify", "example", "timeline", "baseline", "synth", "netlist"),
    *("harness", "s2nn_bench", "TOP", "std", "randomize"),
}

#: What each source gives for some frames, unsigned integers (n, *shape).
Values = dict[str, npt.NDArray[Any]]
Lanes = int | Sequence[int] | None
Windows = int | Sequence[int] | None
Engine = str | Sequence[str]
Memory = str | Sequence[str]
Progress = Callable[[str, int, int], None]


class CoreOptions(TypedDict, total=False):
    """What decides a core on a given FPGA.

    Parameters
    ----------
    engine: ``event``, ``unrolled``, or for convolutions ``parallel``; one for all layers that have
        synapses, or one a layer.  Left out: ``event``.
    lanes: events a cycle (other engines: inputs), of every such layer or one number a layer; None:
        4, or as many as a layer can use.
    windows: at a time, over which the lanes of a convolution on the event engine are spread; the
        most of every such layer, or one number a layer that has synapses; None: as many as its
        lanes allow.  More keep lanes busy, fewer take less area.
    memory: ``rom``, or ``ram`` for weights that are loaded before the first frame, over a port of
        their own; one for all layers that have synapses, or one a layer.  Left out: ``rom``.
    top: name of the top module and stem of every file.  Left out: ``s2nn_core``.
    counters: whether there are ports that count cycles and events.
    unroll_limit: look-up tables, as estimated, beyond which a layer is not unrolled.
    """

    engine: Engine
    lanes: Lanes
    windows: Windows
    memory: Memory
    top: str
    counters: bool
    unroll_limit: int | None


class Options(CoreOptions, total=False):
    """What decides a core.

    Parameters
    ----------
    family: of the FPGA that it is for, to whose memories weights are then fitted; None: any.
    freq: MHz that it is to reach there, for which its register stages are chosen; None: as much
        as it can.
    """

    family: str | None
    freq: float | None


@dataclass(frozen=True, kw_only=True)
class EmitResult:
    """What emit() wrote.

    top: module name.
    files: names in the output folder.
    seconds: it took.
    digest: of network, options and files; the manifest's.
    """

    top: str
    files: tuple[str, ...]
    seconds: float
    digest: str

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return asdict(self)


@dataclass(frozen=True, kw_only=True, eq=False)
class Core:
    """An emitted core, in memory.

    files: name → text, the manifest and the resolved options among them.
    network: that it is of.
    """

    network: Network
    plan: CorePlan
    manifest: Manifest
    files: dict[str, str]

    def write(self, folder: Path) -> None:
        """Write every file."""
        for name, text in self.files.items():
            (folder / name).write_text(text)
        if self.certified:
            save(self.network, folder / MODEL)

    @property
    def certified(self) -> bool:
        """Whether there is a certificate, for which the network lies beside it."""
        return certificate.file(self.manifest.top) in self.files


def emit(network: Network, out: str | os.PathLike[str], **options: Unpack[Options]) -> EmitResult:
    """Write the core into the folder ``out``.

    That is its Verilog, memory files and manifest, an instance to copy (``.veo``), FuseSoC's
    ``.core``, and the options as resolved (``options.json``).

    Raises InputError naming the layer, option or folder that is wrong; nothing is written then.
    """
    start = time.perf_counter()
    with output_folder(out) as folder:
        core = build(network, **options)
        core.write(folder)
    return EmitResult(
        top=core.manifest.top,
        files=tuple(sorted([*core.files, *([MODEL] if core.certified else [])])),
        seconds=round(time.perf_counter() - start, 3),
        digest=core.manifest.digest,
    )


def build(network: Network, **options: Unpack[Options]) -> Core:
    """The core of emit(), not yet written."""
    import rtl_gen.emit
    from rtl_gen.plan import LayerPlan

    chosen = planned(network, **options)
    try:
        manifest, files = rtl_gen.emit.emit(network, chosen)
    except ToolError:
        if yosys.package() != "pyosys":  # in WebAssembly it keeps machine code beside our folder
            cache.writable()
        raise
    named = {node.layer: node for node in chosen.layers if isinstance(node, LayerPlan)}
    weighted = [named[layer.name] for layer in network.weighted]
    freq = options.get("freq")
    resolved = {
        "schema": schema.OPTIONS.version,
        "engine": [layer.engine for layer in weighted],
        "lanes": [layer.lanes for layer in weighted],
        "windows": [layer.pixels for layer in weighted],
        "memory": ["ram" if layer.word else "rom" for layer in weighted],
        "top": chosen.top,
        "counters": chosen.counters,
        "unroll_limit": options.get("unroll_limit"),
        "family": options.get("family"),
        "freq": None if freq is None else float(freq),
        "digest": manifest.digest,
    }
    files[OPTIONS] = json.dumps(resolved, indent=1) + "\n"
    return Core(network=network, plan=chosen, manifest=manifest, files=files)


def planned(
    network: Network,
    *,
    engine: Engine = "event",
    lanes: Lanes = None,
    windows: Windows = None,
    memory: Memory = "rom",
    top: str = "s2nn_core",
    counters: bool = False,
    unroll_limit: int | None = None,
    family: str | None = None,
    freq: float | None = None,
) -> CorePlan:
    """The plan of a core; InputError as of emit()."""
    from rtl_gen import platforms
    from rtl_gen.planner import plan

    network.check()
    _check_top(top)
    if freq is not None:
        freq = megahertz(freq)
        if family is None:
            raise InputError("freq needs a family, on which it depends how far a cycle goes")
    return plan(
        network,
        lanes=_numbers(lanes, "lanes"),
        windows=_numbers(windows, "windows"),
        engine=engine,
        memory=memory,
        top=top,
        counters=counters,
        unroll_limit=None if unroll_limit is None else integer(unroll_limit, "unroll_limit"),
        samples=network.samples,
        fabric=None if family is None else platforms.family(family).fabric(freq),
    )


def _check_top(top: str) -> None:
    """Raise InputError unless it can be the name of a module and of files."""
    from rtl_gen.keywords import KEYWORDS

    if not re.fullmatch(rf"[A-Za-z][A-Za-z0-9_]{{0,{_TOP_LIMIT - 1}}}", str(top)):
        raise InputError(
            f"top must be a letter and then letters, digits or _, at most {_TOP_LIMIT}, not {top!r}"
        )
    if top in KEYWORDS:
        raise InputError(f"top must not be {top!r}, a keyword of Verilog")
    if top in _TAKEN:
        raise InputError(f"top must not be {top!r}, a name that is taken")


def megahertz(freq: Any) -> float:
    """A clock; InputError if it cannot be one."""
    if isinstance(freq, bool) or not isinstance(freq, int | float) or not 0 < freq <= _MHZ_LIMIT:
        raise InputError(f"freq must be more than 0 and at most {_MHZ_LIMIT} MHz, not {freq!r}")
    return float(freq)


def _numbers(given: Any, name: str) -> int | Sequence[int] | None:
    """One number or several, be they numpy's, or none."""
    several = each_integer(given, name)
    return integer(given, name) if several is None and given is not None else several


def values(network: Network, frames: npt.NDArray[np.uint8], trace: Any) -> Values:
    """What each source gives for frames, (n * steps, *shape): pixels, spikes and sums."""
    fed = network.coded(frames).reshape(-1, *frames.shape[1:])
    return {INPUT: fed, **trace.spikes, **trace.pools}
