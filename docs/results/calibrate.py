"""Fits the costs in ``rtl_gen/costs`` to what yosys and nextpnr make of random networks.

Run it with ``make costs``; ``ARGS=ecp5``, ``ice40`` or ``gowin`` does one family, an hour or two
each; ``ARGS="area ecp5"`` keeps its clock as it is, and places nothing.  What was synthesised once
is taken from the cache.  The networks that ship with the project are not among those that costs are
fitted to.

A cost is what one unit of a quantity takes.  It is looked for near what the structure of the
hardware says (``priors.py``), as far from there as the measurements want: so a quantity that few
of the networks have, or that always comes with another, keeps a sensible cost.
"""

from __future__ import annotations

import json
import math
import sys
import tempfile
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from priors import CLOCK, far, priors
from random_networks import CLOCKS, sample
from scipy.optimize import nnls

from rtl_gen.boards import BOARDS, board_files
from rtl_gen.costs import inventory, of_shell
from rtl_gen.exploration.clocks import WINDOWS, features
from rtl_gen.feeds import windows_of
from rtl_gen.plan import CorePlan, LayerPlan, feeds_of
from rtl_gen.platforms import Part, fit, part
from s2nn_hw import from_arrays
from s2nn_hw.flow.area import area
from s2nn_hw.flow.bitstream import design_of
from s2nn_hw.flow.emit import Core, build
from s2nn_hw.flow.mapping import Design, Mapped, place, synthesise
from s2nn_hw.flow.misfit import misfit
from s2nn_hw.flow.synth import synth
from s2nn_hw.ir import ToolError
from s2nn_hw.toolchain import netlist, tools, yosys

COSTS = Path(__file__).parent.parent.parent / "rtl_gen" / "costs"

#: Family → a board with it.
BOARD = {"ecp5": "ulx3s-85f", "ice40": "icebreaker", "gowin": "tangnano9k"}

#: Said where clocks are to stay as they are.
AREA = "area"

#: Networks of each family.
NETWORKS = 30

#: Look-up tables up to which they are placed, and put into a board's shell: minutes each.
PLACED = {"ecp5": 30000, "ice40": 5280, "gowin": 5000}
SHELLS = 4000

#: Of place and route, over which the clock of a shell is the mean.
SEEDS = (1, 2, 3, 4, 5)

#: What is as good as exact, a share of what was measured and units beside it.
EXACT, UNITS = 0.05, 40


@dataclass(kw_only=True)
class Rows:
    """Quantities and what these took, of layers, shells or whole cores; clocks likewise."""

    found: dict[str, list[tuple[Mapping[str, float], float]]] = field(default_factory=dict)

    def add(self, resource: str, quantities: Mapping[str, float], units: float) -> None:
        """Of a resource, what so much took."""
        self.found.setdefault(resource, []).append((quantities, units))


def main(names: Sequence[str]) -> int:
    """Measure and fit some families."""
    area_alone = AREA in names
    for name in [name for name in names if name != AREA] or BOARD:
        rows = Rows()
        for index in range(NETWORKS):
            _measure(rows, name, index, placed=0 if area_alone else PLACED[name])
        units = {
            resource: _costs(resource, rows.found[resource], priors(name, resource))
            for resource in ("lut", "ff", "cell")
            if resource in rows.found
        }
        file = COSTS / f"{name}.json"
        made = json.loads(file.read_text()) if area_alone else {}
        made["units"] = units
        if not area_alone:
            made["clock"] = _clock(rows.found["mhz"], CLOCK[name])
            made["shell_mhz"] = _clock_of_shell(name)
            made["mhz_of_device"] = part(BOARDS[BOARD[name]].part).device.mhz
            _say(name, "mhz", made["clock"], rows.found["mhz"])
        for resource, cost in units.items():
            _say(name, resource, cost, rows.found[resource])
        file.write_text(json.dumps(made, indent=1, sort_keys=True) + "\n")
    return 0


def _measure(rows: Rows, name: str, index: int, *, placed: int) -> None:
    """A random network of a family; ``placed``: look-up tables up to which its clock is found."""
    network, options, freq = sample(name, index)
    board = BOARDS[BOARD[name]]
    chosen = part(board.part)
    core = build(network, **options, family=name, freq=freq)
    design = Design.of_core(core, chosen)
    mapped = synthesise(design, tools.yosys("packages"))
    taken = area(core.manifest, chosen, mapped.folder, top=design.top)
    quantities = inventory(network, core.plan, chosen.family)
    for layer, own in quantities.items():
        for resource in ("lut", "ff"):
            rows.add(resource, own, taken.layers[layer][resource])
    whole = sum(quantities.values(), Counter())
    for block in ("bram", "spram"):
        if whole[block] != taken.used[block]:
            print(f"{name} {index}: {whole[block]} {block} predicted, {taken.used[block]} found")
    if chosen.family.pair is not None:
        rows.add("cell", whole, _cells(chosen, mapped, design.top, taken.used["lut"]))
    if taken.used["lut"] <= SHELLS:
        _shell(rows, core, chosen, board.name, board.store_bytes)
    if taken.used["lut"] <= placed:
        reached = _reached(core, chosen, design, mapped, freq, taken.used)
        if reached is not None:
            rows.add("mhz", _of_clock(core.plan, taken.used, chosen), reached)
    print(f"{name} {index}: {taken.used['lut']} lut, {taken.used['ff']} ff", flush=True)


def _cells(chosen: Part, mapped: Mapped, top: str, lut: int) -> int:
    """Logic cells: look-up tables, and flip-flops that share none with one."""
    assert chosen.family.pair is not None
    return lut + netlist.unpaired(mapped.folder / yosys.NETLIST, top, *chosen.family.pair)


def _shell(rows: Rows, core: Core, chosen: Part, board: str, store_bytes: int) -> None:
    """The same core on a board: what is around it."""
    around = board_files(core.manifest, board)
    design = design_of(core, around, chosen)
    mapped = synthesise(design, tools.yosys("packages"))
    taken = area(core.manifest, chosen, mapped.folder, top=design.top, core=around.instance)
    quantities = of_shell(core.plan, store_bytes, chosen.family)
    for resource in ("lut", "ff"):
        rows.add(resource, quantities, taken.layers["shell"][resource])
    if chosen.family.pair is not None:
        cells = _cells(chosen, mapped, design.top, taken.used["lut"])
        whole = sum(inventory(core.network, core.plan, chosen.family).values(), quantities)
        rows.add("cell", whole, cells)


def _reached(
    core: Core, chosen: Part, design: Design, mapped: Mapped, freq: float, used: Mapping[str, int]
) -> float | None:
    """The clock that one seed gives; None if the device has no room for the core."""
    need = fit.Need(used=used, layers=core.manifest.layers)
    file = mapped.folder / yosys.NETLIST
    if misfit(chosen, need, file, design, lambda lanes: None, None) is not None:
        return None
    placer = tools.nextpnr(str(chosen.family.nextpnr), "packages")
    try:
        placed = place(
            design,
            mapped,
            placer,
            mhz=freq,
            seeds=(1,),
            jobs=1,
            progress=lambda stage, done, total: None,
        )
    except ToolError as error:
        print(f"not routed: {error}")
        return None
    report = placed.reports[1]
    return None if report is None else report.fmax_mhz


def _clock_of_shell(name: str) -> float:
    """What a board reaches around a core of one neuron, the mean of some seeds."""
    network = from_arrays([np.array([[1]])], [None])
    with tempfile.TemporaryDirectory() as folder:
        found = synth(
            network,
            folder,
            board=BOARD[name],
            freq=max(CLOCKS[name]),
            seeds=SEEDS,
            engine="unrolled",
        )
    assert found.fmax_mhz is not None
    reached = list(found.fmax_mhz["seeds"].values())
    print(f"{name} shell: {reached} MHz", flush=True)
    return round(float(np.mean(reached)), 1)


def _of_clock(plan: CorePlan, used: Mapping[str, int], chosen: Part) -> dict[str, float]:
    layers = [node for node in plan.layers if isinstance(node, LayerPlan)]
    kinds = [(layer.engine, layer.lanes) for layer in layers]
    reads = any(windows_of(feed) for node in plan.layers for feed in feeds_of(node))
    kinds += [WINDOWS] * reads
    return features(layers[0].fabric, kinds, used, chosen.device.capacity)


def _costs(
    resource: str, rows: Sequence[tuple[Mapping[str, float], float]], prior: Mapping[str, float]
) -> dict[str, float]:
    """Costs, none below 0."""
    unknown = {name for found, _ in rows for name in found} - set(prior) - {"bram", "spram"}
    if unknown:
        raise SystemExit(f"there is no prior for {', '.join(sorted(unknown))}")
    names = sorted(prior)
    matrix = np.array([[found.get(name, 0) for name in names] for found, _ in rows], dtype=float)
    taken = np.array([units for _, units in rows], dtype=float)
    sure = 1 / (EXACT * (taken + UNITS))
    guess = np.array([prior[name] for name in names])
    near = np.array([1 / far(resource, name, prior[name]) for name in names])
    left = np.vstack([matrix * sure[:, None], np.diag(near)])
    found, _ = nnls(left, np.concatenate([taken * sure, guess * near]))
    return {name: round(float(cost), 4) for name, cost in zip(names, found, strict=True)}


def _clock(
    rows: Sequence[tuple[Mapping[str, float], float]], prior: Mapping[str, tuple[float, float]]
) -> dict[str, float]:
    """What the logarithm of a clock depends on; the prior says how surely, too."""
    names = sorted(prior)
    matrix = np.array([[found.get(name, 0) for name in names] for found, _ in rows])
    logs = np.log([mhz for _, mhz in rows])
    guess = np.array([prior[name][0] for name in names])
    near = np.array([1 / prior[name][1] for name in names])
    left = np.vstack([matrix / (2 * EXACT), np.diag(near)])
    right = np.concatenate([logs / (2 * EXACT), guess * near])
    found, *_ = np.linalg.lstsq(left, right, rcond=None)
    return {name: round(float(value), 4) for name, value in zip(names, found, strict=True)}


def _say(
    name: str,
    resource: str,
    cost: Mapping[str, float],
    rows: Sequence[tuple[Mapping[str, float], float]],
) -> None:
    """How far what is predicted is from what was measured."""
    ratios = []
    for found, taken in rows:
        guess = sum(cost.get(n, 0.0) * units for n, units in found.items())
        if resource == "mhz":
            ratios.append(math.exp(guess) / taken)
        elif taken > 200:
            ratios.append(guess / taken)
    low, *_, high = np.quantile(ratios, [0.05, 0.5, 0.95])
    print(f"{name} {resource}: {len(rows)} rows, nine of ten within {low:.2f} and {high:.2f}")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
