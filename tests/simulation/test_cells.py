"""Models of cells: block RAMs as yosys maps them against the memories that they were."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import numpy as np
import pytest

from s2nn_hw.toolchain import models, process, tools
from sim.cells import own_models

pytest.importorskip("pyosys")

CYCLES = 3000

#: What a port does with what it reads in a cycle in which it writes.
MODES = {
    "old": "q{p} <= m[a{p}]; if (w{p}) m[a{p}] <= d{p};",
    "new": "if (w{p}) begin m[a{p}] <= d{p}; q{p} <= d{p}; end else q{p} <= m[a{p}];",
    "no change": "if (w{p}) m[a{p}] <= d{p}; else q{p} <= m[a{p}];",
}
READ = "if (e{p}) q{p} <= m[a{p}];"
ALWAYS = "q{p} <= m[a{p}];"
RESET = "if (w{p}) q{p} <= 0; else if (e{p}) q{p} <= m[a{p}];"
WRITE = "if (w{p}) m[a{p}] <= d{p};"

#: Name → bits, words, what each of two ports does, how wide it becomes (18 where it is not used).
MEMORIES = {
    "1 bit": (1, 16384, (ALWAYS, ALWAYS), (1, 1)),
    "2 bits": (2, 8192, (READ, READ), (2, 2)),
    "4 bits": (4, 4096, (ALWAYS, READ), (4, 4)),
    "9 bits": (9, 2048, (READ, ALWAYS), (9, 9)),
    "18 bits": (18, 1024, (ALWAYS, ALWAYS), (18, 18)),
    "36 bits": (36, 512, (ALWAYS, ""), (36, 36)),
    "part of it": (30, 300, (READ, ""), (36, 36)),
    "several": (40, 700, (ALWAYS, ALWAYS), (18, 18)),
    "reset": (18, 1024, (RESET, READ), (18, 18)),
    "queue": (36, 512, (READ, WRITE), (36, 36)),
    "narrow queue": (9, 2048, (READ, WRITE), (9, 9)),
    "one port, old": (18, 1024, (MODES["old"], ""), (18, 18)),
    "one port, new": (9, 2048, (MODES["new"], ""), (9, 18)),
    "one port, no change": (4, 4096, (MODES["no change"], ""), (4, 18)),
}


def memory(name: str) -> str:
    """Verilog of the module ``memory``, whose contents are in a file."""
    width, words, ports, _ = MEMORIES[name]
    size = (words - 1).bit_length()
    declared = "".join(
        f", input w{p}, e{p}, input [{size - 1}:0] a{p}, input [{width - 1}:0] d{p}, "
        f"output reg [{width - 1}:0] q{p}"
        for p in (0, 1)
    )
    body = "".join(
        f"  always @(posedge clk) begin {t.format(p=p)} end\n" for p, t in enumerate(ports)
    )
    return (
        f"module memory(input clk{declared});\n"
        f'  (* ram_style = "block" *) reg [{width - 1}:0] m [0:{words - 1}];\n'
        f'  initial begin $readmemh("m.hex", m); q0 = 0; q1 = 0; end\n{body}endmodule\n'
    )


def bench(name: str, *, registered: bool) -> str:
    """Plays the same to both and counts where they differ."""
    width, words, ports, _ = MEMORIES[name]
    size = (words - 1).bit_length()
    sides = "\n".join(
        f"  reg w{p} = 0, e{p} = 0; reg [{size - 1}:0] a{p} = 0; reg [{width - 1}:0] d{p} = 0;\n"
        f"  wire [{width - 1}:0] r{p}, n{p}; reg [{width - 1}:0] r{p}_1 = 0;\n"
        f"  wire [{width - 1}:0] want{p} = {f'r{p}_1' if registered else f'r{p}'};"
        for p in (0, 1)
    )
    ports_of = lambda out: "".join(  # noqa: E731
        f", .w{p}(w{p}), .e{p}(e{p}), .a{p}(a{p}), .d{p}(d{p}), .q{p}({out}{p})" for p in (0, 1)
    )
    differ = " || ".join(f"want{p} !== n{p}" for p, text in enumerate(ports) if "q{p}" in text)
    return f"""
module bench;
  reg clk = 0; always #5 clk = ~clk;
{sides}
  memory rtl(.clk(clk){ports_of("r")});
  mapped net(.clk(clk){ports_of("n")});
  integer k, seed = 7, wrong = 0;
  initial begin
    for (k = 0; k < {CYCLES}; k = k + 1) begin
      @(negedge clk);
      if (k > 2 && ({differ})) begin
        if (wrong < 5) $display("%0d: %h %h, %h %h", k, want0, n0, want1, n1);
        wrong = wrong + 1;
      end
      w0 = $random(seed); e0 = $random(seed); w1 = $random(seed); e1 = $random(seed);
      a0 = $unsigned($random(seed)) % (k[4] ? {words} : 4);
      a1 = $unsigned($random(seed)) % (k[4] ? {words} : 4);
      d0 = {{$random(seed), $random(seed)}}; d1 = {{$random(seed), $random(seed)}};
      r0_1 = r0; r1_1 = r1;
    end
    $display("%0d wrong of %0d", wrong, k);
    $finish;
  end
endmodule
"""


@pytest.fixture(scope="module")
def mapped(tmp_path_factory) -> Path:
    """A folder a memory, with what yosys makes of it; all in one run."""
    home = tmp_path_factory.mktemp("memories")
    rng = np.random.default_rng(3)
    script = []
    for k, (name, (width, words, _, _)) in enumerate(MEMORIES.items()):
        folder = home / str(k)
        folder.mkdir()
        (folder / "memory.v").write_text(memory(name))
        rows = (int.from_bytes(rng.bytes(8), "little") % 2**width for _ in range(words))
        (home / "m.hex").write_text("")
        (folder / "m.hex").write_text("".join(f"{row:x}\n" for row in rows))
        text = (folder / "memory.v").read_text().replace("m.hex", f"{k}/m.hex")
        (folder / "for_yosys.v").write_text(text)
        script += [
            "design -reset",
            f"read_verilog {k}/for_yosys.v",
            "synth_ecp5 -noabc9 -top memory",
            "rename memory mapped",
            f"write_verilog -noattr {k}/mapped.v",
        ]
    (home / "all.ys").write_text("\n".join(script) + "\n")
    job = process.Job(
        name="yosys", command=(*tools.yosys().command, "all.ys"), folder=home, log="log"
    )
    (ended,) = process.run([job])
    assert ended.status == 0, (home / "log").read_text()[-2000:]
    return home


#: Behind these, yosys puts what a register cannot stand before, or the register has a reset, too.
NOT_REGISTERED = ("queue", "narrow queue", "reset")


@pytest.mark.parametrize(
    ("name", "registered"),
    [
        (name, mode)
        for name in MEMORIES
        for mode in (False, True)
        if not mode or name not in NOT_REGISTERED
    ],
)
def test_a_block_ram_is_the_memory_it_was(mapped, tmp_path, icarus, name, registered):
    folder = mapped / str(list(MEMORIES).index(name))
    text = (folder / "mapped.v").read_text()
    for port, width in zip("AB", MEMORIES[name][3], strict=True):
        assert set(re.findall(rf"DATA_WIDTH_{port}\(32'd(\d+)\)", text)) == {str(width)}
    if registered:
        text = re.sub(r'(REGMODE_[AB])\("NOREG"\)', r'\1("OUTREG")', text)
        text = re.sub(r"(OCE[AB])\(1'h0\)", r"\1(1'h1)", text)
    types = set(re.findall(r"^  ([A-Z]\w*) ", text, re.M))
    cells = models.verilog("ecp5", tools.yosys(), types, own_models("ecp5"))
    parts = [bench(name, registered=registered), memory(name), text, cells]
    (tmp_path / "all.v").write_text("\n".join(parts))
    (tmp_path / "m.hex").write_text((folder / "m.hex").read_text())
    command = ["iverilog", "-g2012", "-o", "all.vvp", "-s", "bench", "all.v"]
    subprocess.run(command, cwd=tmp_path, check=True, capture_output=True)
    run = subprocess.run(
        ["vvp", "-n", "all.vvp"], cwd=tmp_path, check=True, capture_output=True, text=True
    )
    assert f"0 wrong of {CYCLES}" in run.stdout, run.stdout[-2000:]
