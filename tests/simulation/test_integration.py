"""What lies beside the Verilog for a design to take the core in: template and FuseSoC's file."""

from __future__ import annotations

import importlib.metadata
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from s2nn_hw import golden
from sim import verilator

VLNV = "s2nn-hw::s2nn_core"

#: A design that sends one frame through the core and prints what comes out.
USER = """module user;
  reg clk = 0, rst = 1;
  always #5 clk = !clk;
{template}
  reg [{bits}:0] beats [0:{beats}];
  integer k = 0;
  initial $readmemh("beats.hex", beats);
  initial #12 rst = 0;
  initial #100000 $finish;
  assign s_axis_tvalid = !rst && k < {beats};
  assign s_axis_tdata = beats[k];
  assign s_axis_tlast = k == {beats} - 1;
  assign m_axis_tready = 1;
  assign frame_error_clear = 0;
  always @(posedge clk) begin
    if (s_axis_tvalid && s_axis_tready) k <= k + 1;
    if (m_axis_tvalid) begin
      $display("result %h", m_axis_tdata);
      if (m_axis_tlast) $finish;
    end
  end
endmodule
"""

DESIGN = """CAPI=2:
name: "::user:0"
filesets:
  rtl:
    files:
      - user.v: {file_type: verilogSource}
      - beats.hex: {file_type: user, copyto: beats.hex}
    depend: ["s2nn-hw::s2nn_core"]
targets:
  default:
    filesets: [rtl]
    toplevel: user
    flow: sim
    flow_options: {tool: icarus}
"""


def run(*command: str | Path, cwd: Path, **env: str) -> str:
    """What a command that ends well says."""
    done = subprocess.run(
        command,
        cwd=cwd,
        env={**os.environ, **env},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout
    return done.stdout


def template(made, **changes: str) -> str:
    """The template, with some text changed."""
    text = (made.folder / "s2nn_core.veo").read_text()
    for old, new in changes.items():
        assert old in text
        text = text.replace(old, new)
    return text


def user(made, folder: Path) -> list[int]:
    """Write the design around the core; the beats that it should see."""
    port = made.core.manifest.input
    frame = made.frames[3:4]
    assert frame.any()
    words = [int.from_bytes(beat.tobytes(), "little") for beat in port.pack(frame)[0]]
    (folder / "beats.hex").write_text("".join(f"{word:x}\n" for word in [*words, 0]))
    text = USER.format(template=template(made), bits=port.tdata_bits - 1, beats=port.beats)
    (folder / "user.v").write_text(text)
    return golden.run(made.network, frame).scores[0].tolist()


def check(made, output: str, scores: list[int]) -> None:
    """That the design printed these scores."""
    beats = [int(word, 16) for word in re.findall(r"^result ([0-9a-f]+)$", output, re.MULTILINE)]
    _, seen = made.core.manifest.output.unpack(beats)
    assert seen.tolist() == [scores]


def lint(made, folder: Path, text: str) -> str:
    """What Verilator says of a module that holds the text and nothing else."""
    (folder / "user.v").write_text(f"module user(input clk, input rst);\n{text}endmodule\n")
    done = subprocess.run(
        [
            *("verilator", "--lint-only", "-Wall", "--top-module", "user"),
            # Of the core itself tests/unit/test_lint.py has to say; the design has nothing else.
            *("-Wno-UNDRIVEN", "-Wno-UNUSEDSIGNAL"),
            *("user.v", made.folder / "s2nn_core.v"),
        ],
        cwd=folder,
        env={**os.environ, **verilator.environment()},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode == 0) == (done.stderr == "")
    return done.stderr


@pytest.mark.parametrize("core", ["small", "planes", "maps"])
def test_the_template_connects_every_port(request, simulator, tmp_path, core):
    simulator("verilator")
    made = request.getfixturevalue(core)
    text = template(made)
    assert lint(made, tmp_path, text) == ""
    for name in ("clk", "rst", "m_axis_tdata", *made.core.manifest.counters):
        assert f".{name}({name})" in text


def test_a_template_that_lacks_a_port_or_a_bit_would_be_told(simulator, tmp_path, small):
    simulator("verilator")
    bits = small.core.manifest.input.tdata_bits
    changed = template(small, **{f"[{bits - 1}:0] s_axis": f"[{bits - 2}:0] s_axis"})
    assert "%Warning-WIDTH" in lint(small, tmp_path, changed)
    changed = template(small, **{"  .frame_error(frame_error),\n": ""})
    assert "%Warning-PINMISSING" in lint(small, tmp_path, changed)


@pytest.mark.parametrize("core", ["small", "planes", "maps"])
def test_the_template_in_a_design(request, icarus, tmp_path, core):
    made = request.getfixturevalue(core)
    scores = user(made, tmp_path)
    for path in made.folder.glob("*.hex"):
        shutil.copy(path, tmp_path)
    run("iverilog", "-g2005", "-o", "user", "user.v", made.folder / "s2nn_core.v", cwd=tmp_path)
    check(made, run("vvp", "-n", "user", cwd=tmp_path), scores)


@pytest.fixture
def fusesoc(tmp_path):
    """Runs FuseSoC on the folders given; skips, by name, where it is absent."""
    try:
        importlib.metadata.version("fusesoc")
    except importlib.metadata.PackageNotFoundError:
        if os.environ.get("CI"):
            pytest.fail("fusesoc is not installed")
        pytest.skip("fusesoc is not installed")

    def call(*arguments: str, roots: list[Path], **env: str) -> str:
        homes = {
            name: str(tmp_path / "home")
            for name in ("XDG_CONFIG_HOME", "XDG_DATA_HOME", "XDG_CACHE_HOME")
        }
        work = tmp_path / "work"
        work.mkdir(exist_ok=True)
        options = [option for root in roots for option in ("--cores-root", str(root))]
        main = "import fusesoc.main; fusesoc.main.main()"
        return run(sys.executable, "-c", main, *options, *arguments, cwd=work, **{**homes, **env})

    return call


def test_fusesoc_reads_the_core(fusesoc, small):
    shown = fusesoc("core", "show", VLNV, roots=[small.folder])
    assert f"{VLNV}:0" in shown
    assert small.core.manifest.digest[:12] in shown
    for target in ("default", "lint"):
        assert re.search(rf"^{target} ", shown, re.MULTILINE)


def test_a_fusesoc_design_takes_the_core(fusesoc, icarus, tmp_path, maps):
    """Its memories are found where the simulator runs."""
    design = tmp_path / "design"
    design.mkdir()
    (design / "user.core").write_text(DESIGN)
    scores = user(maps, design)
    check(maps, fusesoc("run", "::user", roots=[design, maps.folder]), scores)


@pytest.mark.parametrize("top", ["no", "null", "E1"])
def test_tops_that_yaml_takes_for_something_else(fusesoc, icarus, tmp_path, small, top):
    core = small.core.files["s2nn_core.core"].replace("s2nn_core", top)
    (tmp_path / f"{top}.core").write_text(core)
    for name, text in small.core.files.items():
        if name in small.core.manifest.files:
            changed = text.replace("s2nn_core", top)
            (tmp_path / name.replace("s2nn_core", top)).write_text(changed)
    target = ["run", "--setup", "--target", "lint", f"s2nn-hw::{top}"]
    fusesoc(*target, roots=[tmp_path])
    (made,) = (tmp_path / "work" / "build").glob("*/lint/*.vc")
    assert f"--top-module {top}\n" in made.read_text()
