"""The emitted Verilog under other tools: Verilator's lint and yosys."""

from __future__ import annotations

import itertools
import os
import subprocess
from pathlib import Path

import numpy as np
import pytest

import s2nn_hw
from rtl_gen.header import WAIVERS
from s2nn_hw.ir import Conv2d, Dense, FrameFormat, Layer, Network, Pool
from sim import verilator

CORES = {
    "one bit": {"input_bits": 1, "lanes": 4, "counters": False, "hidden": 9},
    "planes and counters": {"input_bits": 3, "lanes": 3, "counters": True, "hidden": 9},
    "binary weights": {"input_bits": 1, "lanes": 2, "counters": True, "hidden": 5, "binary": True},
    "several result beats": {"input_bits": 2, "lanes": 1, "counters": False, "classes": 70},
    "smallest": {"input_bits": 1, "lanes": 1, "counters": False, "inputs": 1, "classes": 1},
    "loaded weights": {
        **{"input_bits": 1, "lanes": 1, "counters": True, "hidden": 40},
        **{"memory": ("ram", "rom"), "family": "ice40"},
    },
    "rows beyond blocks": {
        **{"input_bits": 1, "lanes": 2, "counters": False, "inputs": 530, "hidden": 3},
        **{"binary": True, "family": "ice40"},
    },
    "maps": {"input_bits": 2, "lanes": 3, "counters": True, "maps": True},
    "parallel": {"input_bits": 3, "lanes": 4, "counters": True, "maps": True, "engine": "parallel"},
    "unrolled": {"input_bits": 2, "lanes": 4, "counters": True, "maps": True, "engine": "unrolled"},
    "unrolled, of six": {
        **{"input_bits": 1, "lanes": 50, "counters": False, "hidden": 9},
        **{"engine": "unrolled", "family": "xilinx7"},
    },
}


@pytest.fixture(scope="module", params=CORES.values(), ids=list(CORES))
def core(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An emitted core's folder."""
    options = request.param
    rng = np.random.default_rng(17)
    out = tmp_path_factory.mktemp("core") / "out"
    given = ("lanes", "counters", "memory", "family", "engine")
    chosen = {name: options[name] for name in given if name in options}
    if "maps" in options:
        s2nn_hw.flow.emit(maps(rng, options["input_bits"]), out, **chosen)
        return out
    sizes = [options.get("inputs", 50), options.get("classes", 4)]
    if "hidden" in options:
        sizes.insert(1, options["hidden"])
    weights = [
        rng.choice([-1, 1], (n, m)) if options.get("binary") else rng.integers(-3, 4, (n, m))
        for m, n in itertools.pairwise(sizes)
    ]
    thresholds = [rng.integers(-2, 3, n) for n in sizes[1:-1]]
    network = s2nn_hw.from_arrays(weights, [*thresholds, None], options["input_bits"])
    s2nn_hw.flow.emit(network, out, **chosen)
    return out


def maps(rng: np.random.Generator, input_bits: int) -> Network:
    """A convolution of groups, a join with a strided branch, both pools, a dense join."""

    def conv(source: str, shape: tuple[int, ...], **options: object) -> Conv2d:
        weights = rng.integers(-3, 4, shape).astype(np.int8)
        return Conv2d(source=source, weights=weights, weight_bits=3, **options)

    def head(source: str, inputs: int) -> Dense:
        weights = rng.choice(np.array([-1, 1], np.int8), (3, inputs))
        return Dense(source=source, weights=weights, weight_bits=1)

    def layer(name: str, *projections: Conv2d) -> Layer:
        return Layer(name=name, projections=projections, thresholds=rng.integers(-2, 5, 4))

    return Network(
        input=FrameFormat(shape=(2, 8, 8), bits=input_bits),
        layers=(
            layer("a", conv("input", (4, 1, 3, 3), padding=(1, 1), groups=2)),
            layer(
                "b",
                conv("a", (4, 4, 3, 3), padding=(1, 1), stride=(2, 2)),
                conv("a", (4, 1, 1, 1), stride=(2, 2), groups=4),
            ),
            Pool(name="p", source="a", kind="or", kernel=(2, 2), stride=(2, 2)),
            Pool(name="q", source="b", kind="sum", kernel=(4, 4), stride=(4, 4)),
            Layer(name="readout", projections=(head("p", 64), head("q", 4))),
        ),
    )


def lint(folder: Path, *arguments: str) -> str:
    """What Verilator has to say; nothing if all is well."""
    run = subprocess.run(
        ["verilator", "--lint-only", "-Wall", *arguments],
        cwd=folder,
        env={**os.environ, **verilator.environment()},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (run.returncode == 0) == (run.stderr == ""), run.stderr
    return run.stderr


def test_verilator_warns_of_nothing_that_is_not_waived(core: Path) -> None:
    assert lint(core, "s2nn_core.v") == ""


def test_every_waiver_is_needed_and_explained(tmp_path: Path) -> None:
    rng = np.random.default_rng(1)
    network = s2nn_hw.from_arrays(
        [rng.integers(-3, 4, (9, 50)), rng.integers(-3, 4, (4, 9))],
        [rng.integers(-3, 3, 9), None],
        input_bits=3,
    )
    s2nn_hw.flow.emit(network, tmp_path / "out", lanes=3)
    text = (tmp_path / "out" / "s2nn_core.v").read_text()
    bare = text.replace("/* verilator lint_off ", "/* ")
    (tmp_path / "out" / "bare.v").write_text(bare)
    found = lint(tmp_path / "out", "bare.v")
    for name, reason in WAIVERS.items():
        assert f"%Warning-{name}:" in found
        assert reason.split(",")[0] in text


def test_yosys_reads_the_core_with_its_memories(
    core: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    yosys = pytest.importorskip("pyosys.libyosys")
    monkeypatch.chdir(core)  # $readmemh names its files relative to it
    design = yosys.Design()
    for command in (
        "read_verilog -nosynthesis s2nn_core.v",  # else it has cells of the FPGA
        "hierarchy -check -top s2nn_core",
        "proc",
        "check -assert",
    ):
        yosys.run_pass(command, design)
    roms = list(core.glob("*.hex"))
    assert roms or (core / "s2nn_core_certificate.json").exists()
    for rom in roms:
        assert int("".join(rom.read_text().split()), 16) >= 0
