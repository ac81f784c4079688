"""The checking of a core's certificate."""

from __future__ import annotations

import json
import os
import re
import tempfile
import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from s2nn_hw import certificate, ir
from s2nn_hw.certificate import cells, text
from s2nn_hw.certificate.check import Checked, check
from s2nn_hw.certificate.pipeline import Pipeline, ProofError
from s2nn_hw.ir import InputError, Network, well_formed
from s2nn_hw.manifest import Manifest
from s2nn_hw.toolchain import fields, process, tools

from .emit import MODEL

_SCRIPT = """
read_verilog -nosynthesis {verilog}
proc
opt_clean {modules}
opt_dff -simple-dffe {modules}
opt_clean {modules}
write_json core.json
"""


@dataclass(frozen=True, kw_only=True)
class CertifyResult:
    """What came out.

    Parameters
    ----------
    passed: whether every unrolled layer computes its integer matrix, for all inputs.
    layers: what was checked of each of those that hold.
    failures: layer → what does not hold.
    seconds: it took.
    network, digest: of the network, and the manifest's.
    """

    passed: bool
    layers: tuple[Checked, ...]
    failures: dict[str, str]
    seconds: float
    network: str
    digest: str

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return asdict(self)


def certify(folder: str | os.PathLike[str]) -> CertifyResult:
    """Check the certificate in an output folder against its Verilog and its network.

    Raises InputError naming the file that is absent, changed, or of another build; ToolError of
    yosys.
    """
    start = time.perf_counter()
    path = Path(folder)
    manifest = Manifest.read(path)
    claims = _claims(path, manifest)
    network = _network(path, manifest)
    found: list[Checked] = []
    failures: dict[str, str] = {}
    with well_formed(f"{path / certificate.file(manifest.top)}: not a certificate: it"):
        if not claims["layers"]:
            raise InputError(f"{path}: the certificate speaks of no layer")
        try:
            verilog = text.plain((path / manifest.verilog).read_text())
            kinds = cells.tables(verilog)
        except text.TextError as error:
            raise InputError(f"{path / manifest.verilog}: {error}") from error
        for claim in claims["layers"]:
            try:
                text.pipeline(verilog, claim["module"], kinds)
            except text.TextError as error:
                failures[claim["layer"]] = str(error)
        if not failures:
            found, failures = _proved(path, manifest, network, claims, kinds)
    return CertifyResult(
        passed=not failures,
        layers=tuple(found),
        failures=failures,
        seconds=round(time.perf_counter() - start, 3),
        network=manifest.network,
        digest=manifest.digest,
    )


def _proved(
    path: Path,
    manifest: Manifest,
    network: Network,
    claims: Mapping[str, Any],
    kinds: Mapping[str, tuple[int, int]],
) -> tuple[list[Checked], dict[str, str]]:
    """What is proved of each layer, or why it is not."""
    found: list[Checked] = []
    failures: dict[str, str] = {}
    claimed = [claim["module"] for claim in claims["layers"]]
    modules = _modules(path, manifest, claimed)
    there = _instances({n: m for n, m in modules.items() if n not in kinds}, manifest.top)
    for name in there:
        if name not in claimed and _kinds(modules[name]) & kinds.keys():
            failures[name] = "has look-up tables of which the certificate does not speak"
    layers = {layer.name: layer for layer in network.weighted}
    for claim in claims["layers"]:
        name = claim["layer"]
        if name not in layers:
            raise InputError(f"{path}: the certificate speaks of {name!r}, which is no layer")
        if there[claim["module"]] != 1 or claimed.count(claim["module"]) != 1:
            failures[name] = f"{claim['module']!r} is not in the core, once"
            continue
        layer = layers[name]
        if network.steps > 1 or layer.by_pixel:
            # What becomes of its sums is not for the engine to say.
            layer = replace(layer, thresholds=None)
        planes = [network.bits(projection.source) for projection in layer.projections]
        try:
            pipeline = Pipeline(modules[claim["module"]], kinds)
            found.append(check(layer, planes, claim, pipeline))
        except ProofError as error:
            failures[name] = str(error)
    named = {checked.layer for checked in found} | set(failures)
    for entry in manifest.layers:
        if entry.engine == "unrolled" and entry.name not in named:
            failures[entry.name] = "the certificate does not speak of it"
    return found, failures


def _claims(folder: Path, manifest: Manifest) -> Mapping[str, Any]:
    """The certificate, which must be of this build."""
    path = folder / certificate.file(manifest.top)
    if path.name not in manifest.files:
        raise InputError(f"{folder}: has no certificate, as no layer of it is unrolled")
    try:
        data = json.loads(path.read_text())
    except (OSError, ValueError, RecursionError) as error:
        raise InputError(f"{path}: not a certificate: {error}") from error
    with well_formed(f"{path}: not a certificate: it"):
        if data["format"] != certificate.FORMAT:
            raise InputError(f"{path}: format must be {certificate.FORMAT}, not {data['format']!r}")
        for what, wanted in (
            ("network", manifest.network),
            ("verilog", manifest.files[manifest.verilog]),
        ):
            if data[what] != wanted:
                raise InputError(
                    f"{path}: is of another build: {what} {data[what][:12]}, here {wanted[:12]}"
                )
    return dict(data)


def _network(folder: Path, manifest: Manifest) -> Network:
    """The network that the core is of, as it is built."""
    from rtl_gen.circuit import circuit

    network = ir.load(folder / MODEL)
    if network.digest() != manifest.network:
        raise InputError(
            f"{folder / MODEL}: is another network, {network.digest()[:12]}, "
            f"than the core's, {manifest.network[:12]}"
        )
    return circuit(network)


def _instances(modules: Mapping[str, Any], top: str) -> Counter[str]:
    """How often each module is in the core."""
    found: Counter[str] = Counter()
    waiting = [top]
    while waiting:
        name = waiting.pop()
        found[name] += 1
        waiting += [c["type"] for c in modules[name]["cells"].values() if c["type"] in modules]
    return found


def _kinds(module: Mapping[str, Any]) -> set[str]:
    return {cell["type"] for cell in module["cells"].values()}


def _modules(folder: Path, manifest: Manifest, names: list[str]) -> dict[str, Any]:
    """Modules of the Verilog, as yosys reads it."""
    if not names:
        return {}
    if not all(re.fullmatch(r"\w+", name) for name in names):
        raise InputError(f"{folder}: the certificate names a module {names!r}")
    with tempfile.TemporaryDirectory(prefix="s2nn-hw-") as work:
        place = Path(work)
        for name in manifest.files:  # the Verilog, and the memories that it reads
            (place / name).write_bytes((folder / name).read_bytes())
        script = _SCRIPT.format(verilog=manifest.verilog, modules=" ".join(names))
        (place / "certify.ys").write_text(script)
        tool = tools.yosys()
        command = (*tool.command, "certify.ys")
        job = process.Job(name="yosys", command=command, folder=place, log="certify.log")
        (ended,) = process.run([job])
        if ended.status != 0:
            raise job.failure(ended.status)
        return dict(fields.field(fields.load(place / "core.json"), "modules", dict, "core.json"))
