"""The command: what is wrong is one sentence and status 2; stdout is for results."""

from __future__ import annotations

import errno
import json
import pickle
import resource
import signal
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import save_file

import s2nn_hw
from s2nn_hw import cli, flow, yosys
from s2nn_hw.ir import InputError, ToolError


@pytest.fixture
def work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder, made current, with a good model and many bad files."""
    monkeypatch.chdir(tmp_path)
    rng = np.random.default_rng(5)
    network = s2nn_hw.from_arrays(
        [rng.integers(-7, 8, (6, 9)), rng.integers(-7, 8, (3, 6))], [rng.integers(-3, 4, 6), None]
    )
    s2nn_hw.save(network, "good/model.s2nn")
    whole = Path("good/model.s2nn").read_bytes()
    Path("cut.s2nn").write_bytes(whole[: len(whole) // 2])
    Path("changed.s2nn").write_bytes(whole[:-1] + bytes([whole[-1] ^ 1]))
    Path("text.s2nn").write_text("hello")
    Path("pickle.s2nn").write_bytes(pickle.dumps([1]))
    save_file({"w": np.zeros(2)}, "foreign.s2nn")
    Path("empty").mkdir()
    Path("mine").mkdir()
    Path("mine/thesis.tex").write_text("precious")
    np.savez("pickle.npz", frames=np.array([[object()]]))
    np.savez("nothing.npz", other=np.zeros(3))
    np.save("none.npy", np.zeros((0, 9), np.uint8))
    np.save("shape.npy", np.zeros((2, 8), np.uint8))
    np.save("range.npy", np.full((2, 9), 2, np.uint8))
    np.save("float.npy", np.zeros((2, 9)))
    np.save("ok.npy", np.zeros((2, 9), np.uint8))
    np.savez("labels.npz", frames=np.zeros((2, 9), np.uint8), labels=np.array([0]))
    np.savez("class.npz", frames=np.zeros((2, 9), np.uint8), labels=np.array([0, 3]))
    np.savez("raw.npz", images=np.zeros((2, 9), np.uint8))
    Path("cut.npz").write_bytes(Path("labels.npz").read_bytes()[:100])
    Path("notjson.json").write_text("{")
    Path("other.json").write_text("{}")
    return tmp_path


GOOD = "good -o out"
WRONG = {
    # the command itself
    "": "the following arguments are required: VERB",
    "frobnicate": "invalid choice: 'frobnicate'",
    "emit good": "the following arguments are required: -o/--out",
    f"emit {GOOD} --lanes x": "must be a number, or one a layer as in 4,2,1, not 'x'",
    f"emit {GOOD} --lanes 4,": "must be a number, or one a layer as in 4,2,1, not '4,'",
    f"verify {GOOD} --frames ten": "argument --frames: invalid int value: 'ten'",
    # the model
    "emit absent.s2nn -o out": "absent.s2nn: no such model file",
    "emit empty -o out": "empty: holds no model.s2nn",
    "emit cut.s2nn -o out": "cut.s2nn: not a whole s2nn model file",
    "emit changed.s2nn -o out": "changed.s2nn: the digest does not match",
    "emit text.s2nn -o out": "text.s2nn: not a whole s2nn model file",
    "emit pickle.s2nn -o out": "pickle.s2nn: not a whole s2nn model file",
    "emit foreign.s2nn -o out": "foreign.s2nn: not an s2nn model",
    # the core
    f"emit {GOOD} --lanes 0": "lanes must be 1 or more, not 0",
    f"emit {GOOD} --lanes 10,1": "lanes must be 1…9 (one for each of its 9 inputs at most), not 10",
    f"emit {GOOD} --lanes 1,1,1": "lanes must be one number, or 2, one for each layer",
    f"emit {GOOD} --windows x": "must be a number, or one a layer as in 4,2,1, not 'x'",
    f"emit {GOOD} --windows 0": "windows must be 1 or more, not 0",
    f"emit {GOOD} --windows 2,1": "layer 'hidden1': windows must be 1 where it has 4 lanes, not 2",
    f"emit {GOOD} --family max10": "family must be one of ecp5, ice40, gowin, xilinx7, nexus, ga",
    f"emit {GOOD} --freq 50": "freq needs a family, on which it depends how far a cycle goes",
    f"emit {GOOD} --family ecp5 --freq 0": "freq must be more than 0 and at most 2000 MHz, not 0.0",
    f"emit {GOOD} --engine steam": "engine must be one of event, parallel, unrolled, not 'steam'",
    f"emit {GOOD} --top 1x": "top must be a letter and then letters, digits or _",
    f"emit {GOOD} --top module": "top must not be 'module', a keyword of Verilog",
    f"emit {GOOD} --top logic": "top must not be 'logic', a keyword of Verilog",
    f"emit {GOOD} --top options": "top must not be 'options', a name that is taken",
    f"emit {GOOD} --top verify": "top must not be 'verify', a name that is taken",
    f"emit {GOOD} --top timeline": "top must not be 'timeline', a name that is taken",
    f"emit {GOOD} --top s2nn_bench": "top must not be 's2nn_bench', a name that is taken",
    # the output
    "emit good -o mine": "mine: holds thesis.tex, not written by s2nn-hw, which would be lost",
    "emit good --out=": "argument -o/--out: must be a folder's name, not ''",
    "verify good -o x --images=": "argument --images: must be a file or a data set's name, not ''",
    "emit good -o .": "must not be the current folder",
    "emit good -o text.s2nn": "text.s2nn: must be a folder to write into, not a file",
    "emit good -o text.s2nn/out": "text.s2nn/out: cannot be written: Not a directory",
    "emit good -o /proc/out": "/proc/out: cannot be written",
    # the images
    f"verify {GOOD} --frames 0": "frames must be 1 or more, not 0",
    f"verify {GOOD} --frames -3": "frames must be 1 or more, not -3",
    f"verify {GOOD} --seed -1": "seed must be 0 or more, not -1",
    f"verify {GOOD} --images absent.npz": "absent.npz: no such image file, nor a data set's name",
    f"verify {GOOD} --images pickle.npz": "pickle.npz: not a whole .npy or .npz file",
    f"verify {GOOD} --images cut.npz": "cut.npz: not a whole .npy or .npz file",
    f"verify {GOOD} --images text.s2nn": "text.s2nn: not a whole .npy or .npz file",
    f"verify {GOOD} --images pickle.s2nn": "pickle.s2nn: not a whole .npy or .npz file",
    f"verify {GOOD} --images nothing.npz": "must hold an array 'frames' or 'images', not other",
    f"verify {GOOD} --images none.npy": "none.npy: the image set must hold at least one image",
    f"verify {GOOD} --images shape.npy": "shape.npy: an image must have shape (9,) (9 pixels)",
    f"verify {GOOD} --images range.npy": "range.npy: a pixel must be 0…1 (1 bits), not 2",
    f"verify {GOOD} --images float.npy": "float.npy: pixels must be integers, not float64",
    f"verify {GOOD} --images raw.npz": "raw.npz: the network has no input cuts",
    f"verify {GOOD} --images labels.npz": "labels.npz: labels must be 2, one an image, not",
    f"verify {GOOD} --images class.npz": "class.npz: a label must be 0…2, not 3 (image 1)",
    f"verify {GOOD} --images ok.npy --frames 3": "frames must be at most the 2 of ok.npy, not 3",
    f"verify {GOOD} --images mnist --data empty": "empty: must hold train-images-idx3-ubyte",
    # the comparison
    f"verify {GOOD} --tolerance x": "tolerance must be a percentage, 0 or more, not 'x'",
    f"verify {GOOD} --tolerance 5%": "--tolerance needs --baseline, whose figures may grow by it",
    f"verify {GOOD} --tolerance=-1": "tolerance must be a percentage, 0 or more, not '-1'",
    f"verify {GOOD} --baseline absent.json": "absent.json: baseline cannot be read: No such file",
    f"verify {GOOD} --baseline notjson.json": "notjson.json: baseline is not JSON",
    f"verify {GOOD} --baseline other.json": "other.json: not the result of a verification",
    f"verify {GOOD} --junit text.s2nn/x.xml": "text.s2nn/x.xml: cannot be written",
    f"verify {GOOD} --junit mine": "mine: cannot be written: it is a folder",
    f"verify {GOOD} --junit /proc/x.xml": "/proc/x.xml: cannot be written",
    f"verify {GOOD} --junit /proc/a/x.xml": "/proc/a/x.xml: cannot be written",
    # the report
    "report": "the following arguments are required: DIR",
    "report absent": "absent: no such build folder",
    "report empty": "empty: must hold one emitted core",
}


def tree(folder: Path) -> dict[str, bytes | None]:
    return {
        str(p.relative_to(folder)): p.read_bytes() if p.is_file() else None
        for p in sorted(folder.rglob("*"))
    }


@pytest.mark.parametrize("command", WRONG)
@pytest.mark.parametrize("as_json", [False, True], ids=["text", "json"])
def test_wrong_input_is_one_sentence(
    work: Path, capsys: pytest.CaptureFixture[str], command: str, as_json: bool
) -> None:
    before = tree(work)
    status = cli.main([*command.split(), *(["--json"] if as_json else [])])
    out, err = capsys.readouterr()
    assert status == 2
    assert err.startswith("s2nn-hw: error: ")
    assert err.count("\n") == 1
    assert WRONG[command] in err
    if as_json:
        assert set(json.loads(out)) == {"error"}
        assert WRONG[command] in json.loads(out)["error"]
    else:
        assert out == ""
    assert tree(work) == before, "nothing may be written"


@pytest.mark.parametrize("verb", ["", *cli.VERBS])
def test_help(capsys: pytest.CaptureFixture[str], verb: str) -> None:
    assert cli.main([*verb.split(), "--help"]) == 0
    out, err = capsys.readouterr()
    assert out.startswith(f"usage: s2nn-hw {verb}".rstrip())
    assert err == ""
    if verb:
        assert "--json" in out or verb == "data"


def test_version(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["--version"]) == 0
    assert capsys.readouterr().out == f"s2nn-hw {s2nn_hw.__version__}\n"


class Result:
    """What flow.verify() returns, without simulating."""

    def __init__(self, **changes: Any):
        self.data: dict[str, Any] = {
            "schema": 1,
            "frames": 256,
            "mismatches": 0,
            "simulator": "verilator",
            "stall": "none",
            "counters": {},
            "images": {"source": "random pixels, seed 0", "digest": "i"},
            "seed": 0,
            "layers": [{"name": "a", "engine": "event", "lanes": 4, "toggles_per_frame": 50.0}],
            "latency_cycles": {"min": 9, "mean": 10.0, "max": 11},
            "interval_cycles": {"mean": 8.0},
            "toggles_per_frame": 100.0,
            "seconds": {"build": 1.0, "simulate": 2.0},
            "checks": [{"name": "scores", "passed": True, "detail": "all agree"}],
            "passed": True,
            **changes,
        }
        self.passed = self.data["passed"]

    def as_dict(self) -> dict[str, Any]:
        return self.data


def verify(monkeypatch: pytest.MonkeyPatch, result: Result | BaseException) -> list[Any]:
    """Put a stand-in in the place of flow.verify(); returns the list of its calls."""
    calls: list[Any] = []

    def stand_in(network: Any, images: Any, out: Any, **options: Any) -> Result:
        calls.append((network, images, out, options))
        options["progress"]("simulate", 1, 2)
        if isinstance(result, BaseException):
            raise result
        return result

    monkeypatch.setitem(vars(flow), "verify", stand_in)
    return calls


@pytest.mark.usefixtures("work")
def test_options_arrive(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    calls = verify(monkeypatch, Result())
    command = "verify good --images ok.npy --frames 1 --stall random --seed 7 --lanes 4,2"
    assert cli.main([*command.split(), "--simulator", "icarus", "-o", "out", "--json"]) == 0
    ((_, images, out, options),) = calls
    assert images.tolist() == [[0] * 9]
    assert out == Path("out")
    del options["progress"]
    assert options == {
        "labels": None,
        "simulator": "icarus",
        "stall": "random",
        "seed": 7,
        "lanes": (4, 2),
        "counters": False,
        "source": "ok.npy",
        "baseline": None,
        "netlist": None,
        "tool_source": "packages",
        "activity": None,
    }
    stdout, stderr = capsys.readouterr()
    assert json.loads(stdout) == Result().data
    assert stderr == ""


@pytest.mark.usefixtures("work")
def test_images_beside_the_model_come_first_then_random_ones(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    calls = verify(monkeypatch, Result())
    assert cli.main(["verify", "good", "-o", "out", "--json"]) == 0
    np.savez("good/images.npz", frames=np.eye(9, dtype=np.uint8), labels=np.arange(9) % 3)
    assert cli.main(["verify", "good", "-o", "out", "--json"]) == 0
    assert cli.main(["verify", "good/model.s2nn", "-o", "out", "--json", "--frames", "2"]) == 0
    assert calls[0][1].shape == (256, 9)
    assert calls[0][3]["labels"] is None
    np.testing.assert_array_equal(calls[1][1], np.eye(9))
    assert calls[2][3]["labels"].tolist() == [0, 1]


@pytest.mark.usefixtures("work")
def test_status_1_where_a_check_failed(monkeypatch: pytest.MonkeyPatch) -> None:
    failed = [{"name": "scores", "passed": False, "detail": "frame 3"}]
    verify(monkeypatch, Result(passed=False, checks=failed))
    assert cli.main(["verify", "good", "-o", "out", "--json", "--junit", "j/r.xml"]) == 1
    assert 'failures="1"' in Path("j/r.xml").read_text()


@pytest.mark.usefixtures("work")
def test_a_baseline_is_compared(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("base.json").write_text(json.dumps(Result(toggles_per_frame=97.0).data))
    verify(monkeypatch, Result())
    command = ["verify", "good", "-o", "out", "--json", "--baseline", "base.json"]
    assert cli.main([*command, "--tolerance", "5%"]) == 0
    within = json.loads(capsys.readouterr().out)
    assert within["baseline"]["passed"] is True
    assert cli.main([*command, "--junit", "r.xml"]) == 1
    beyond = json.loads(capsys.readouterr().out)
    assert beyond["baseline"]["passed"] is False
    assert [c["name"] for c in beyond["baseline"]["checks"] if not c["passed"]] == [
        "baseline toggles_per_frame"
    ]
    assert beyond["passed"] is True, "the verification itself holds"
    xml = Path("r.xml").read_text()
    assert 'tests="5"' in xml
    assert 'failures="1"' in xml


@pytest.mark.usefixtures("work")
@pytest.mark.parametrize(
    ("error", "status", "line"),
    [
        (KeyboardInterrupt(), 130, "s2nn-hw: interrupted\n"),
        (InputError("layer 'a': lanes must be\n1 or more"), 2, "must be 1 or more\n"),
    ],
)
def test_what_ends_a_verification_is_one_line(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    error: BaseException,
    status: int,
    line: str,
) -> None:
    verify(monkeypatch, error)
    assert cli.main(["verify", "good", "-o", "out"]) == status
    out, err = capsys.readouterr()
    assert out == ""
    assert err.endswith(line)
    assert err.count("\n") == 1


@pytest.mark.usefixtures("work")
def test_a_tool_that_fails_is_in_the_junit_file(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Also in the output folder, which then is still ours."""
    verify(monkeypatch, ToolError("verilator could not build the core: no space"))
    for path in ("r.xml", "out/r.xml"):
        assert cli.main(["verify", "good", "-o", "out", "--junit", path]) == 1
        assert 'failures="1"' in Path(path).read_text()
        assert "could not build the core: no space" in Path(path).read_text()
    assert capsys.readouterr().err.count("\n") == 2
    assert cli.main(["emit", "good", "-o", "out"]) == 0
    assert not Path("out/r.xml").exists()


def command(program: str, **options: Any) -> subprocess.Popen[str]:
    """A Python process that has the command line at hand."""
    return subprocess.Popen(
        [sys.executable, "-W", "error", "-c", program],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        **options,
    )


@pytest.mark.parametrize("signum", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_leaves_nothing_behind(work: Path, signum: signal.Signals) -> None:
    process = command(
        """
import sys, time
from s2nn_hw import cli, flow
from s2nn_hw.flow.folder import output_folder
def slow(network, images, out, **options):
    with output_folder(out) as folder:
        (folder / "half.v").write_text("module")
        print("ready", file=sys.stderr, flush=True)
        time.sleep(60)
flow.verify = slow
sys.exit(cli.main(["verify", "good", "-o", "a/out"]))
"""
    )
    before = tree(work)
    assert process.stderr is not None
    assert process.stderr.readline() == "ready\n"
    process.send_signal(signum)
    out, err = process.communicate(timeout=30)
    assert process.returncode == 128 + signum
    assert out == ""
    assert err in ("s2nn-hw: interrupted\n", "s2nn-hw: terminated\n")
    assert tree(work) == before


@pytest.mark.parametrize("signum", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_while_verilog_is_written_is_one_line(work: Path, signum: signal.Signals) -> None:
    """Components that are not yet elaborated have nothing to say."""
    process = command(
        f"""
import os, signal, sys
import rtl_gen.emit
from s2nn_hw import cli
def interrupted(text):
    os.kill(os.getpid(), {int(signum)})
rtl_gen.emit._translated = interrupted
sys.exit(cli.main(["emit", "good", "-o", "out"]))
"""
    )
    out, err = process.communicate(timeout=60)
    assert process.returncode == 128 + signum
    assert out == ""
    assert err in ("s2nn-hw: interrupted\n", "s2nn-hw: terminated\n")


@pytest.mark.parametrize("signum", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_in_a_destructor_is_not_lost(work: Path, signum: signal.Signals) -> None:
    """Python swallows what a handler raises there."""
    process = command(
        f"""
import os, sys, time
import rtl_gen.emit
from s2nn_hw import cli
class Dying:
    def __del__(self):
        os.kill(os.getpid(), {int(signum)})
def dying(text):
    Dying()
    time.sleep(30)
rtl_gen.emit._translated = dying
sys.exit(cli.main(["emit", "good", "-o", "out"]))
"""
    )
    out, err = process.communicate(timeout=60)
    assert process.returncode == 128 + signum
    assert out == ""
    assert err in ("s2nn-hw: interrupted\n", "s2nn-hw: terminated\n")
    assert not Path("out").exists()


@pytest.mark.usefixtures("work")
def test_a_cache_that_cannot_be_written_is_told(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", "/proc/nocache")
    assert cli.main(["verify", "good", "-o", "out"]) == 2
    err = capsys.readouterr().err
    assert "/proc/nocache/s2nn-hw: the cache folder cannot be written: No such file" in err
    assert err.count("\n") == 1
    assert not Path("out").exists()
    assert cli.main(["emit", "good", "-o", "out"]) == 0  # needs none


def no_room(*args: object, **options: object) -> None:
    raise OSError(errno.ENOSPC, "No space left on device")


@pytest.mark.usefixtures("work")
def test_a_temporary_folder_that_is_full_is_told(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(tempfile, "TemporaryDirectory", no_room)
    assert cli.main(["emit", "good", "-o", "out"]) == 1
    err = capsys.readouterr().err
    wanted = f"{tempfile.gettempdir()}: the folder for temporary files cannot be used: No space"
    assert wanted in err
    assert err.count("\n") == 1
    assert not Path("out").exists()


@pytest.mark.usefixtures("work")
def test_a_disk_that_is_full_is_told(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(flow, "run", no_room)
    assert cli.main(["run", "good", "--port", "sim"]) == 1
    err = capsys.readouterr().err
    assert f"error: a disk is full: temporary files are in {tempfile.gettempdir()}, the" in err
    assert err.count("\n") == 1


@pytest.mark.usefixtures("work")
def test_hundreds_of_lanes_are_emitted() -> None:
    """Amaranth recurses through the sum of what they take."""
    network = s2nn_hw.from_arrays([np.ones((1, 400), int)], [None])
    result = flow.emit(network, "out", lanes=400)
    assert "s2nn_core.v" in result.files


@pytest.mark.usefixtures("work")
def test_a_cache_that_yosys_in_webassembly_cannot_write_is_told(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    real = yosys.version
    monkeypatch.setattr(yosys, "version", lambda p: None if p == "pyosys" else real(p))
    monkeypatch.setenv("XDG_CACHE_HOME", "/proc/nocache")
    assert cli.main(["emit", "good", "-o", "out"]) == 2
    err = capsys.readouterr().err
    assert "/proc/nocache/s2nn-hw: the cache folder cannot be written: No such file" in err
    assert not Path("out").exists()


def test_children_do_not_write_to_stdout(work: Path) -> None:
    """A simulator that chats must not spoil the one JSON object."""
    process = command(
        """
import subprocess, sys
from s2nn_hw import cli, flow
class Result:
    passed = True
    def as_dict(self):
        return {"frames": 1}
def chatty(*_, **__):
    subprocess.run(["echo", "chat"])
    return Result()
flow.verify = chatty
sys.exit(cli.main(["verify", "good", "-o", "out", "--json"]))
"""
    )
    out, err = process.communicate(timeout=30)
    assert process.returncode == 0
    assert json.loads(out) == {"frames": 1}
    assert err == "chat\n"


@pytest.mark.parametrize(
    "program",
    [
        "import s2nn_hw",
        "import s2nn_hw.flow",
        "import s2nn_hw.report",
        "from s2nn_hw import cli; assert cli.main(['--help']) == 0",
        "from s2nn_hw import cli; assert cli.main(['verify', '--help']) == 0",
        "from s2nn_hw import cli; assert cli.main(['report', 'absent']) == 2",
    ],
)
def test_nothing_heavy_is_loaded_in_vain(program: str) -> None:
    program += (
        "\nimport sys"
        "\nheavy = {'torch', 'amaranth', 'cocotb', 'cocotb_tools'} & set(sys.modules)"
        "\nassert not heavy, heavy"
    )
    process = command(program)
    _, err = process.communicate(timeout=30)
    assert process.returncode == 0, err


def test_help_is_fast() -> None:
    """Half a second is generous, and torch alone takes more."""

    def seconds() -> float:
        """Of processor time, whatever else the machine does."""
        used = resource.getrusage(resource.RUSAGE_CHILDREN)
        return used.ru_utime + used.ru_stime

    best = 60.0
    for _ in range(3):
        before = seconds()
        command("from s2nn_hw import cli; cli.main(['--help'])").communicate(timeout=30)
        best = min(best, seconds() - before)
    assert best < 1.0


def test_a_verb_is_a_function_whatever_is_imported_first() -> None:
    process = command(
        """
import s2nn_hw.flow.report
from s2nn_hw import flow
assert callable(flow.report), flow.report
import s2nn_hw.flow.demo
from s2nn_hw.flow.demo import MODEL
assert callable(flow.demo), flow.demo
"""
    )
    _, err = process.communicate(timeout=30)
    assert process.returncode == 0, err
