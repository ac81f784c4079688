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
from s2nn_hw.manifest import Manifest, Probe, sha256
from s2nn_hw.toolchain import gates, models
from s2nn_hw.toolchain.tools import Tool

if TYPE_CHECKING:
    from rtl_gen.platforms import Part

#: Where a layer's output is seen, in the order of preference: as its probe says, or where it waits
#: to be read, which is a memory's side that synthesis leaves its name.
_PLACES = (("seen_valid", "seen"), ("slots.push", "slots.i"))


@dataclass(frozen=True, kw_only=True, eq=False)
class MappedCore:
    """What is simulated in the core's place.

    manifest: of the netlist; its nets are all the top's.
    verilog: of netlist and cells.
    homes: net → path of the module that it comes from.
    unseen: layers whose output no net of the netlist is any more.
    """

    manifest: Manifest
    verilog: str
    homes: dict[str, str]
    unseen: tuple[str, ...]

    def write(self, folder: Path) -> None:
        """Make it a folder of an emitted core."""
        folder.mkdir()
        (folder / self.manifest.verilog).write_text(self.verilog)
        (folder / f"{self.manifest.top}.json").write_text(self.manifest.to_json())

    def by_module(self, nets: Mapping[str, int]) -> Counter[str]:
        """Path of a module → toggles of its nets, of it alone."""
        found: Counter[str] = Counter()
        for name, toggles in nets.items():
            found[self.homes[name]] += toggles
        return found


def simulated(part: Part) -> None:
    """Raise InputError unless there are models of the part's cells."""
    if part.family.name not in models.FAMILIES:
        from rtl_gen.platforms import FAMILIES

        known = [f.title for f in FAMILIES if f.name in models.FAMILIES]
        raise InputError(
            f"{part.name}: a netlist can be simulated of {' and '.join(known)}, "
            f"for there are models of their cells, not of {part.family.title}"
        )


def mapped_core(manifest: Manifest, part: Part, netlist: Path, tool: Tool) -> MappedCore:
    """The netlist of the core with that manifest.

    Parameters
    ----------
    netlist: yosys' JSON.

    Raises ToolError naming a type of cell without a model.
    """
    from sim.cells import own_models

    places = {probe.layer: _places(manifest, probe) for probe in manifest.probes}
    wanted = {
        signal: size
        for probe in manifest.probes
        for valid, data in places[probe.layer]
        for signal, size in ((valid, 1), (data, probe.bits))
    }
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
        for valid, data in places[probe.layer]:
            if valid in made.seen and data in made.seen:
                wires = {"valid": made.seen[valid], "data": made.seen[data]}
                probes.append(dataclasses.replace(probe, **wires))
                break
        else:
            unseen.append(probe.layer)
    cells = models.verilog(part.family.name, tool, made.cells, own_models(part.family.name))
    # What toggles are counted over are the netlist's nets, not what is in a model of a cell.
    text = f"/*verilator tracing_off*/\n{cells}\n/*verilator tracing_on*/\n{made.verilog}"
    name = manifest.verilog
    mapped = dataclasses.replace(
        manifest,
        digest=sha256(f"{manifest.digest}\0{text}".encode()),
        files={name: sha256(text.encode())},
        probes=tuple(probes),
        nets={"": tuple(sorted(made.nets))},
    )
    return MappedCore(manifest=mapped, verilog=text, homes=made.nets, unseen=tuple(unseen))


def _places(manifest: Manifest, probe: Probe) -> list[tuple[str, str]]:
    """Signals that show a layer's output: when it is there, and what it is."""
    path = next(layer.module for layer in manifest.layers if layer.name == probe.layer)
    return [(f"{path}.{valid}", f"{path}.{data}") for valid, data in _PLACES]
