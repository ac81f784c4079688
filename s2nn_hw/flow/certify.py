"""The checking of a core's certificate."""

from __future__ import annotations

import json
import os
import re
import tempfile
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from s2nn_hw import certificate, ir
from s2nn_hw.certificate.check import Checked, check
from s2nn_hw.certificate.pipeline import Pipeline, ProofError
from s2nn_hw.ir import InputError, Layer, Network, well_formed
from s2nn_hw.manifest import Manifest
from s2nn_hw.toolchain import fields, process, tools

from .emit import MODEL

_SCRIPT = """
read_verilog -nosynthesis core.v
proc {modules}
opt_clean {modules}
opt_dff -simple-dffe {modules}
opt_clean {modules}
select {modules}
write_json -selected core.json
"""

#: The module of a look-up table, or of two: what it is to simulation, and, it may be, what to
#: synthesis.
_TABLE = re.compile(
    r"module (\w+) #\(\n  parameter \[(\d+):0\] VALUES = 0\n\) \(\n"
    r"  input \[(\d+):0\] i,\n  output (\[1:0\] )?o\n\);\n"
    r"(?:`ifdef SYNTHESIS\n.*\n`else\n)?  assign o = (.*);\n(?:`endif\n)?endmodule\n"
)
_ONE, _TWO = "VALUES[i]", "{VALUES[{1'b1, i}], VALUES[{1'b0, i}]}"


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
        modules = _modules(path, manifest, [claim["module"] for claim in claims["layers"]])
        kinds = _tables((path / manifest.verilog).read_text())
        for claim in claims["layers"]:
            name = claim["layer"]
            layer = network.node(name)
            if not isinstance(layer, Layer):
                raise InputError(f"{path}: {name!r} has no weights to be certified")
            planes = [network.bits(projection.source) for projection in layer.projections]
            try:
                pipeline = Pipeline(modules[claim["module"]], kinds)
                found.append(check(layer, planes, claim, pipeline))
            except ProofError as error:
                failures[name] = str(error)
    for entry in manifest.layers:
        named = {checked.layer for checked in found} | set(failures)
        if entry.engine == "unrolled" and entry.name not in named:
            failures[entry.name] = "the certificate does not speak of it"
    return CertifyResult(
        passed=not failures,
        layers=tuple(found),
        failures=failures,
        seconds=round(time.perf_counter() - start, 3),
        network=manifest.network,
        digest=manifest.digest,
    )


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


def _tables(verilog: str) -> set[str]:
    """Modules that are look-up tables and nothing else."""
    return {
        match[1]
        for match in _TABLE.finditer(verilog)
        if match[5] == (_TWO if match[4] else _ONE)
        and int(match[2]) + 1 == (2 if match[4] else 1) << (int(match[3]) + 1)
    }


def _modules(folder: Path, manifest: Manifest, names: list[str]) -> dict[str, Any]:
    """Modules of the Verilog, as yosys reads it."""
    if not names:
        return {}
    if not all(re.fullmatch(r"\w+", name) for name in names):
        raise InputError(f"{folder}: the certificate names a module {names!r}")
    with tempfile.TemporaryDirectory(prefix="s2nn-hw-") as work:
        place = Path(work)
        (place / "core.v").write_text((folder / manifest.verilog).read_text())
        (place / "certify.ys").write_text(_SCRIPT.format(modules=" ".join(names)))
        tool = tools.yosys()
        command = (*tool.command, "certify.ys")
        job = process.Job(name="yosys", command=command, folder=place, log="certify.log")
        (ended,) = process.run([job])
        if ended.status != 0:
            raise job.failure(ended.status)
        return dict(fields.field(fields.load(place / "core.json"), "modules", dict, "core.json"))
