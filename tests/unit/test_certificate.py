"""The certificate: it holds of what is emitted, and of nothing else."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import s2nn_hw
from s2nn_hw import flow
from s2nn_hw.cli import main
from s2nn_hw.ir import Conv2d, Dense, FrameFormat, InputError, Layer, Network
from s2nn_hw.manifest import Manifest, sha256

TOP = "s2nn_core"
CERTIFICATE = f"{TOP}_certificate.json"


def network(seed: int = 0, weight_bits: int = 3) -> Network:
    """A grouped convolution of two-bit pixels, a dense layer with odd neurons, a readout."""
    rng = np.random.default_rng(seed)
    limit = 2 ** (weight_bits - 1)

    def weights(*shape: int) -> np.ndarray:
        return rng.integers(1 - limit, limit, shape).astype(np.int8)

    convolution = Conv2d(
        source="input", weights=weights(4, 1, 2, 2), weight_bits=weight_bits, groups=2
    )
    hidden = Dense(source="conv", weights=weights(8, 36), weight_bits=weight_bits)
    hidden.weights[1] = hidden.weights[0]  # alike
    hidden.weights[2] = -hidden.weights[0]  # and opposite
    hidden.weights[3] = 0  # never, or always
    hidden.weights[4, 3:] = 0  # a table
    thresholds = rng.integers(-2, 6, 8)
    thresholds[:4] = [3, 3, -2, 0]
    return Network(
        input=FrameFormat(shape=(2, 4, 4), bits=2),
        layers=(
            Layer(name="conv", projections=(convolution,), thresholds=rng.integers(-2, 6, 4)),
            Layer(name="hidden", projections=(hidden,), thresholds=thresholds),
            Layer(
                name="readout",
                projections=(Dense(source="hidden", weights=weights(5, 8), weight_bits=3),),
                thresholds=None,
            ),
        ),
    )


@pytest.fixture(scope="module", params=["ecp5", "xilinx7"])
def emitted(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("core") / "out"
    flow.emit(network(), out, engine="unrolled", family=request.param, freq=50)
    return out


@pytest.fixture
def core(emitted: Path, tmp_path: Path) -> Path:
    """A copy that may be changed."""
    return Path(shutil.copytree(emitted, tmp_path / "core"))


def changed(core: Path, **texts: Callable[[str], str]) -> Path:
    """Change files, and have manifest and certificate say that they are so."""
    manifest = json.loads((core / f"{TOP}.json").read_text())
    for kind, change in texts.items():
        name = {"verilog": f"{TOP}.v", "certificate": CERTIFICATE}[kind]
        before = (core / name).read_text()
        after = change(before)
        assert after != before
        (core / name).write_text(after)
    claims = json.loads((core / CERTIFICATE).read_text())
    claims["verilog"] = sha256((core / f"{TOP}.v").read_bytes())
    (core / CERTIFICATE).write_text(json.dumps(claims))
    for name in (f"{TOP}.v", CERTIFICATE):
        manifest["files"][name] = sha256((core / name).read_bytes())
    (core / f"{TOP}.json").write_text(json.dumps(manifest))
    return core


def test_what_is_emitted_is_proved(emitted: Path) -> None:
    result = flow.certify(emitted)
    assert result.passed
    assert [(layer.layer, layer.neurons) for layer in result.layers] == [
        ("conv", 4),
        ("hidden", 8),
        ("readout", 5),
    ]
    assert all(layer.assignments >= layer.identities for layer in result.layers)
    assert all(layer.tables > 0 for layer in result.layers)
    assert result.digest == Manifest.read(emitted).digest


@pytest.mark.parametrize("weight_bits", [1, 2, 4, 8])
def test_weights_of_any_width(weight_bits: int, tmp_path: Path) -> None:
    rng = np.random.default_rng(weight_bits)
    limit = max(1, 2 ** (weight_bits - 1) - 1)
    choices = [-1, 1] if weight_bits == 1 else np.arange(-limit, limit + 1)
    made = s2nn_hw.from_arrays(
        [rng.choice(choices, (9, 40)), rng.choice(choices, (3, 9))],
        [rng.integers(-limit, 2 * limit, 9), None],
        1,
        weight_bits=weight_bits,
    )
    for family in (None, "xilinx7"):
        flow.emit(made, tmp_path / "out", engine=["unrolled", "unrolled"], family=family)
        assert flow.certify(tmp_path / "out").passed


def _instance(text: str, number: int) -> re.Match[str]:
    """A table with four inputs of the hidden layer."""
    start = text.index(f"module {TOP}_hidden_engine_pipeline(")
    found = list(
        re.finditer(
            rf"{TOP}_table[46] #\(\s*\.VALUES\((\d+)'h(\w+)\)\s*\) t\d+ \(\s*"
            r"\.i\(\{ ([^}]*) \}\)",
            text[start:],
        )
    )
    match = found[number]
    moved = re.compile(re.escape(match[0])).search(text, start)
    assert moved is not None
    return moved


def _wrong_wire(text: str) -> str:
    """An input of a table comes from the input port's other bit."""
    match = _instance(text, 3)
    wires = re.search(r"\{ ([^}]*) \}", match[0])
    assert wires is not None
    first, *rest = wires[1].split(", ")
    other = "i[0]" if first != "i[0]" else "i[1]"
    new = match[0].replace(wires[0], "{ " + ", ".join([other, *rest]) + " }")
    return text[: match.start()] + new + text[match.end() :]


def _wrong_value(text: str) -> str:
    """One bit of a table is another."""
    match = _instance(text, 5)
    old = re.search(r"'h(\w+)", match[0])
    assert old is not None
    new = match[0].replace(old[0], f"'h{int(old[1], 16) ^ 64:x}")
    return text[: match.start()] + new + text[match.end() :]


def _late(text: str) -> str:
    """The last output comes a cycle late."""
    start = text.index(f"module {TOP}_hidden_engine_pipeline(")
    register = re.compile(r"if \((\w+)\) o <= \{ ([^,]+), ").search(text, start)
    declared = re.compile(r"  reg \[7:0\] o = 8'h00;\n").search(text, start)
    assert register is not None
    assert declared is not None
    return (
        text[: declared.end()]
        + f"  reg late = 1'h0;\n  always @(posedge clk) if ({register[1]}) late <= {register[2]};\n"
        + text[declared.end() : register.start(2)]
        + "late"
        + text[register.end(2) :]
    )


def _other_cell(text: str) -> str:
    """A table of as many inputs as it has, but of a module with another number."""
    match = _instance(text, 5)
    new = re.sub(r"table\d", "table2", match[0])
    return text[: match.start()] + new + text[match.end() :]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (_wrong_wire, r"of signals [\d, ]+ does not hold|follow from|mixes cycles|last output"),
        (_wrong_value, r"identity \d+ of signals [\d, ]+ does not hold|last output is not"),
        (_late, r"output 7 comes after \d+ cycles, not \d+"),
        (_other_cell, r"look-up table 't\w+' is not connected as a 's2nn_core_\w+' is"),
    ],
    ids=["wrong wire", "wrong table", "late output", "other cell"],
)
def test_verilog_that_is_wrong(core: Path, change, words: str, capsys) -> None:
    changed(core, verilog=change)
    result = flow.certify(core)
    assert not result.passed
    assert re.search(words, result.failures["hidden"]), result.failures
    assert main(["certify", str(core)]) == 1
    assert "layer 'hidden'" in capsys.readouterr().err


def _claim(change: Callable[[dict[str, Any]], object]) -> Callable[[str], str]:
    def text(before: str) -> str:
        claims = json.loads(before)
        change(claims["layers"][1])
        return json.dumps(claims)

    return text


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda c: c["identities"][0]["terms"][0].reverse(), "does not hold|factor|follow"),
        (lambda c: c["identities"][0].update(cut=[]), "does not follow from what is tried"),
        (lambda c: c["identities"][0].update(cut=list(range(1, 30))), "is not up to 20 different"),
        (lambda c: c["neurons"][0].update(uses=[]), "do not lead from weights to outputs|last"),
        (lambda c: c["neurons"][0].update(constant=c["neurons"][0]["constant"] + 1), "lead|fit"),
        (lambda c: c["neurons"][3].update(outputs=[1 - c["neurons"][3]["outputs"][0]]), "fires"),
        (lambda c: c["neurons"].reverse(), "neuron"),
        (lambda c: c["neurons"].pop(), "has proofs of 7 neurons, not 8"),
        (lambda c: c.update(stages=c["stages"] + 1), "comes after"),
    ],
)
def test_claims_that_are_wrong(core: Path, change, words: str) -> None:
    changed(core, certificate=_claim(change))
    result = flow.certify(core)
    assert re.search(words, result.failures["hidden"]), result.failures
    assert [layer.layer for layer in result.layers] == ["conv", "readout"]


def test_a_layer_of_which_nothing_is_claimed(core: Path) -> None:
    def without(text: str) -> str:
        claims = json.loads(text)
        claims["layers"].pop()
        return json.dumps(claims)

    changed(core, certificate=without)
    assert flow.certify(core).failures == {
        "readout": "the certificate does not speak of it",
        f"{TOP}_readout_engine_pipeline": "has look-up tables of which the certificate does not "
        "speak",
    }


def test_a_copy_that_is_not_in_the_core_proves_nothing(core: Path) -> None:
    name = f"{TOP}_hidden_engine_pipeline"

    def copied(text: str) -> str:
        start = text.index(f"module {name}(")
        end = text.index("endmodule", start) + len("endmodule\n")
        return text + text[start:end].replace(name, "good")

    changed(core, verilog=copied, certificate=_claim(lambda c: c.update(module="good")))
    failures = flow.certify(core).failures
    assert failures["hidden"] == "'good' is not in the core, once"
    assert "does not speak" in failures[name]


def test_layers_that_there_are_not(core: Path) -> None:
    changed(core, certificate=_claim(lambda c: c.update(layer="input")))
    with pytest.raises(InputError, match="speaks of 'input', which is no layer"):
        flow.certify(core)

    def nothing(text: str) -> str:
        return json.dumps(json.loads(text) | {"layers": []})

    changed(core, certificate=nothing)
    with pytest.raises(InputError, match="the certificate speaks of no layer"):
        flow.certify(core)


def _values(text: str, how: str) -> str:
    """A table's values, written so that not all readers see the same."""
    match = _instance(text, 5)
    old = re.search(r"\.VALUES\((\S+)\)", match[0])
    assert old is not None
    new = match[0].replace(old[0], how.format(old=old[0]))
    return text[: match.start()] + new + text[match.end() :]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda t: re.sub(r"assign o = VALUES\[i\]", "assign o = ~VALUES[i]", t), "no look-up"),
        (lambda t: t.replace(".D(i[3])", ".D(i[2])").replace(".I5(i[5])", ".I5(i[4])"), "another"),
        (lambda t: t + "module s2nn_core_table4; endmodule\n", "there twice|'s2nn_core_table4'"),
        (lambda t: _values(t, "\n`ifdef YOSYS\n{old}\n`else\n.VALUES(0)\n`endif\n"), "`ifdef|'#'"),
        (lambda t: t + "module x; defparam y.VALUES = 0; endmodule\n", "'defparam'"),
        (lambda t: t + "module x; initial force y.n5 = 0; endmodule\n", "'force'"),
        (lambda t: t + "module x; assign y.n5 = 0; endmodule\n", "'y.n'"),
        (lambda t: _values(t, ".VALUES(16'h1 /* synthesis translate_off */ ^ 1)"), "translate"),
        (lambda t: _values(t, ".VALUES(16'h1 // synthesis translate_off\n ^ 1)"), "translate"),
        (
            lambda t: t.replace(
                "endmodule", 'localparam a = "/*";\n`ifdef X\n`endif\nlocalparam b = "*/";endmodule'
            ),
            "localparam|ifdef",
        ),
        (
            lambda t: t.replace(
                "hidden_engine_pipeline(", "hidden_engine_pipeline #(parameter P=1)("
            ),
            "#",
        ),
        (
            lambda t: re.sub(r"(\w+hidden_engine_pipeline) pipeline", r"\1 #(.P(2)) pipeline", t),
            "#",
        ),
        (lambda t: t.replace("o <= {", "o <= #25 {"), "#"),
    ],
    ids=[
        *("inverted", "other pins", "twice", "directive", "defparam", "force", "from elsewhere"),
        *("translate_off", "translate_off in a line", "hidden by strings", "parameter", "override"),
        "delay",
    ],
)
def test_what_can_be_read_in_two_ways(core: Path, change, words: str) -> None:
    changed(core, verilog=change)
    with pytest.raises(InputError, match=words):
        flow.certify(core)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (r"if \(moves\)", "if (i[0])"),
        (r"if \(moves\)", "if (1)"),
        (r"if \(moves\)", "if (!moves)"),
        (r"posedge clk\)", "posedge i[0])"),
        (r"posedge clk\)", "negedge clk)"),
        (r"posedge clk\)\s*if \(moves\)", "posedge moves) if (clk)"),
        (r"(n\d+_later) <= ", r"\1 = "),
        (r"(\n  wire clk;)", r"\1\n  assign moves = 1'h1;"),
        (r"(\n  wire clk;)", r"\1\n  initial o = 8'hff;"),
    ],
)
def test_a_pipeline_is_tables_and_registers_that_move_at_once(core: Path, old, new) -> None:
    def change(text: str) -> str:
        start = text.index(f"module {TOP}_hidden_engine_pipeline(")
        end = text.index("endmodule", start)
        return text[:start] + re.sub(old, new, text[start:end]) + text[end:]

    changed(core, verilog=change)
    assert "is no part of a pipeline" in flow.certify(core).failures["hidden"]


def test_a_core_of_several_engines(tmp_path: Path) -> None:
    """The memories of the others are read with the Verilog."""
    made = network()
    flow.emit(made, tmp_path / "out", engine=["unrolled", "event", "unrolled"])
    assert flow.certify(tmp_path / "out").passed


def test_files_of_another_build(core: Path, tmp_path: Path, capsys) -> None:
    other = tmp_path / "other"
    flow.emit(network(seed=1), other, engine="unrolled", family="ecp5")
    text = (core / CERTIFICATE).read_text()
    (core / CERTIFICATE).write_text((other / CERTIFICATE).read_text())
    with pytest.raises(InputError, match="was changed since it was emitted"):
        flow.certify(core)
    changed_manifest = json.loads((core / f"{TOP}.json").read_text())
    changed_manifest["files"][CERTIFICATE] = sha256((core / CERTIFICATE).read_bytes())
    (core / f"{TOP}.json").write_text(json.dumps(changed_manifest))
    with pytest.raises(InputError, match=r"is of another build: network \w{12}, here \w{12}"):
        flow.certify(core)
    changed_manifest["files"][CERTIFICATE] = sha256(text.encode())
    (core / f"{TOP}.json").write_text(json.dumps(changed_manifest))
    (core / CERTIFICATE).write_text(text)
    shutil.copyfile(other / "model.s2nn", core / "model.s2nn")
    assert main(["certify", str(core)]) == 2
    assert "is another network" in capsys.readouterr().err


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"format": 1}', '{"format": 7}'])
def test_what_is_no_certificate(core: Path, text: str) -> None:
    (core / CERTIFICATE).write_text(text)
    manifest = json.loads((core / f"{TOP}.json").read_text())
    manifest["files"][CERTIFICATE] = sha256(text.encode())
    (core / f"{TOP}.json").write_text(json.dumps(manifest))
    with pytest.raises(InputError, match=r"not a certificate|format must be 1"):
        flow.certify(core)


def test_a_core_without_unrolled_layers_has_none(tmp_path: Path) -> None:
    flow.emit(network(), tmp_path / "out")
    assert not (tmp_path / "out" / "model.s2nn").exists()
    with pytest.raises(InputError, match="no certificate, as no layer of it is unrolled"):
        flow.certify(tmp_path / "out")


def test_yosys_proves_a_small_layer_by_satisfiability(tmp_path: Path) -> None:
    """Another proof of the same: the pipeline without its registers against a comparison."""
    from s2nn_hw.toolchain import process, tools

    rng = np.random.default_rng(5)
    weights = rng.integers(-3, 4, (4, 14))
    thresholds = rng.integers(-2, 4, 4)
    made = s2nn_hw.from_arrays([weights, np.eye(4, dtype=int)], [thresholds, None], 1)
    flow.emit(made, tmp_path / "out", engine="unrolled")
    assert flow.certify(tmp_path / "out").passed
    (tmp_path / "wires.v").write_text(
        "module \\$dff (input CLK, input [WIDTH-1:0] D, output [WIDTH-1:0] Q);\n"
        "  parameter WIDTH = 1; parameter CLK_POLARITY = 1;\n"
        "  assign Q = D;\nendmodule\n"
        "module \\$dffe (input CLK, EN, input [WIDTH-1:0] D, output [WIDTH-1:0] Q);\n"
        "  parameter WIDTH = 1; parameter CLK_POLARITY = 1; parameter EN_POLARITY = 1;\n"
        "  assign Q = D;\nendmodule\n"
    )
    pipeline = f"{TOP}_hidden1_engine_pipeline"
    (tmp_path / "prove.ys").write_text(
        f"read_verilog -nosynthesis out/{TOP}.v\n"
        f"hierarchy -top {pipeline}\nproc\nflatten\nopt_clean\nopt_dff -simple-dffe\n"
        f"techmap -map wires.v\nopt_clean\nrename {pipeline} gate\n"
        "delete -port gate/clk gate/moves\nread_verilog spec.v\nproc\n"
        "miter -equiv -make_outputs -flatten gate spec miter\n"
        "sat -verify -prove trigger 0 miter\n"
    )
    job = process.Job(
        name="yosys",
        command=(*tools.yosys().command, "prove.ys"),
        folder=tmp_path,
        log="prove.log",
    )
    for moved, equal in ((0, True), (1, False)):
        (tmp_path / "spec.v").write_text(_comparisons(weights, thresholds + moved))
        (ended,) = process.run([job])
        assert (ended.status == 0) == equal, (tmp_path / "prove.log").read_text()[-2000:]


def _comparisons(weights: np.ndarray, thresholds: np.ndarray) -> str:
    """Verilog of the layer in words of its own."""
    sums = [
        " + ".join(f"(i[{k}] ? {w} : 0)" for k, w in enumerate(row) if w) or "0" for row in weights
    ]
    lines = [f"  wire signed [15:0] s{j} = {total};" for j, total in enumerate(sums)]
    lines += [f"  assign o[{j}] = s{j} >= {theta};" for j, theta in enumerate(thresholds)]
    return "module spec(input [13:0] i, output [3:0] o);\n" + "\n".join(lines) + "\nendmodule\n"
