"""A core's netlist as a core of its own, which the bench takes like any other."""

from __future__ import annotations

import dataclasses
import tempfile
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from s2nn_hw.ir import InputError
from s2nn_hw.manifest import Manifest, sha256
from s2nn_hw.toolchain import gates, models
from s2nn_hw.toolchain.tools import Tool

from .emit import Core

if TYPE_CHECKING:
    from rtl_gen.platforms import Part
    from sim.vectors import Vectors


@dataclass(frozen=True, kw_only=True)
class NetlistResult:
    """What the same bench saw of the synthesised netlist; its checks are among all the others.

    device: whose cells it is made of.
    family: for people.
    passed, mismatches: of the checks of the netlist alone.
    cells: how many it has; nets: bits that they drive.
    unseen: layers whose spikes no net of the netlist is any more: what is checked of them is what
        they do to the scores.
    netlist_toggles_per_frame: of all nets, a bit each, without delays; None if it died before.
    netlist_toggles: the same of the cells that come from each module alone, as
        ``VerifyResult.modules`` names them; of other nets than those, and not to be compared.
    netlist_toggles_of_layers: of each layer and all in it.
    frames_per_second: of the simulation, measured.
    seconds: synthesise (0 if cached), build, simulate.
    """

    device: str
    family: str
    passed: bool
    mismatches: int
    cells: int
    nets: int
    unseen: tuple[str, ...]
    netlist_toggles_per_frame: float | None
    netlist_toggles: dict[str, float]
    netlist_toggles_of_layers: dict[str, float | None]
    frames_per_second: float
    seconds: dict[str, float]


@dataclass(frozen=True, kw_only=True, eq=False)
class MappedCore:
    """What is simulated in the core's place.

    manifest: of the netlist; its nets are all the top's.
    files: name → text of what is read beside it.
    verilog: of netlist and cells.
    cells: how many.
    homes: net → path of the module that it comes from.
    unseen: layers whose output no net of the netlist is any more.
    """

    manifest: Manifest
    files: Mapping[str, str]
    verilog: str
    cells: int
    homes: dict[str, str]
    unseen: tuple[str, ...]

    def write(self, folder: Path) -> None:
        """Make it a folder of an emitted core."""
        folder.mkdir()
        (folder / self.manifest.verilog).write_text(self.verilog)
        for name, text in self.files.items():
            (folder / name).write_text(text)
        (folder / f"{self.manifest.top}.json").write_text(self.manifest.to_json())

    def vectors(self, vectors: Vectors) -> Vectors:
        """The core's, for the netlist."""
        seen = {probe.layer: vectors.spikes[probe.layer] for probe in self.manifest.probes}
        return dataclasses.replace(vectors, digest=self.manifest.digest, spikes=seen)

    def by_module(self, nets: Mapping[str, int]) -> Counter[str]:
        """Path of a module → toggles of its nets, of it alone."""
        found: Counter[str] = Counter()
        for name, toggles in nets.items():
            found[self.homes[name]] += toggles
        return found


def below(counts: Mapping[str, int], path: str) -> int:
    """Of a module and all in it; of the whole core for the empty path."""
    return sum(
        count
        for inner, count in counts.items()
        if not path or inner == path or inner.startswith(f"{path}.")
    )


def simulated(device: str) -> Part:
    """The part of that name; InputError unless there are models of its cells."""
    from rtl_gen.platforms import FAMILIES
    from rtl_gen.platforms import part as named

    part = named(device)
    if part.family.name not in models.FAMILIES:
        known = [f.title for f in FAMILIES if f.name in models.FAMILIES]
        raise InputError(
            f"{part.name}: a netlist can be simulated of {' and '.join(known)}, "
            f"for there are models of their cells, not of {part.family.title}"
        )
    return part


def mapped_core(core: Core, part: Part, netlist: Path, tool: Tool) -> MappedCore:
    """The netlist of the core.

    Parameters
    ----------
    netlist: yosys' JSON.

    Raises ToolError naming a type of cell without a model.
    """
    from sim.cells import own_models

    manifest = core.manifest
    # Constants are in the netlist, weights that are loaded are not.
    files = {} if manifest.load is None else {manifest.load.file: core.files[manifest.load.file]}
    wanted = {probe.valid: 1 for probe in manifest.probes}
    wanted |= {probe.data: probe.bits for probe in manifest.probes}
    with tempfile.TemporaryDirectory(prefix="s2nn-hw-") as work:
        made = gates.gates(
            netlist,
            tool,
            Path(work),
            top=manifest.top,
            modules=manifest.nets,
            wanted=wanted,
        )
    probes, unseen = [], []
    for probe in manifest.probes:
        if {probe.valid, probe.data} <= made.seen.keys():
            valid, bits = made.seen[probe.valid], made.seen[probe.data]
            probes.append(dataclasses.replace(probe, valid=valid, data=bits))
        else:
            unseen.append(probe.layer)
    cells = models.verilog(part.family.name, tool, made.cells, own_models(part.family.name))
    # What toggles are counted over are the netlist's nets, not what is in a model of a cell.
    text = f"/*verilator tracing_off*/\n{cells}\n/*verilator tracing_on*/\n{made.verilog}"
    name = manifest.verilog
    mapped = dataclasses.replace(
        manifest,
        digest=sha256(f"{manifest.digest}\0{text}".encode()),
        files={name: sha256(text.encode()), **{file: manifest.files[file] for file in files}},
        probes=tuple(probes),
        watches=(),
        nets={"": tuple(sorted(made.nets))},
    )
    return MappedCore(
        manifest=mapped,
        files=files,
        verilog=text,
        cells=made.cells.total(),
        homes=made.nets,
        unseen=tuple(unseen),
    )
