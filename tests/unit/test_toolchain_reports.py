"""What the tools report: read as it is, and a field that is missing is an error that names it.

``reports/`` is of real runs, by the scripts of ``toolchain.yosys`` and the arguments of
``toolchain.nextpnr``, of this design: an adder that counts, and a table that it reads.

    module micro (input clk, input [3:0] x, output [7:0] total, output [15:0] word);
      wire [7:0] sum;
      micro_adder add (.clk(clk), .x(x), .sum(sum));
      micro_table table0 (.clk(clk), .at(sum), .word(word));
      assign total = sum;
    endmodule
"""

from __future__ import annotations

import copy
import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from rtl_gen.platforms import part
from s2nn_hw.ir import ToolError
from s2nn_hw.toolchain import fields, netlist, nextpnr, yosys

REPORTS = Path(__file__).parent / "reports"
PARTS = {"ecp5": "LFE5U-25F", "ice40": "up5k", "gowin": "GW1NR-9"}
#: Of the nets, as a manifest has them.
MODULES: dict[str, tuple[str, ...]] = {"": (), "add": ("sum",), "table0": ("word",)}


@pytest.mark.parametrize("family", PARTS)
def test_a_report_of_place_and_route(family: str) -> None:
    placed = nextpnr.read(REPORTS / f"{family}-report.json")
    raw = json.loads((REPORTS / f"{family}-report.json").read_text())
    assert [placed.fmax_mhz] == [clock["achieved"] for clock in raw["fmax"].values()]
    steps = placed.critical_path
    assert sum(step.delay_ns for step in steps) == pytest.approx(1000 / placed.fmax_mhz, rel=0.01)
    assert (steps[0].kind, steps[-1].kind) == ("clk-to-q", "setup")
    assert all((step.net is None) == (step.kind != "routing") for step in steps)
    assert {step.net for step in steps} > {None}
    assert all(step.cell and step.port for step in steps)
    capacity = part(PARTS[family]).device.capacity
    sites = {
        "ecp5": {"lut": "TRELLIS_COMB", "ff": "TRELLIS_FF", "bram": "DP16KD", "dsp": "MULT18X18D"},
        "ice40": {"lut": "ICESTORM_LC", "bram": "ICESTORM_RAM", "spram": "ICESTORM_SPRAM"},
        "gowin": {"lut": "LUT4", "ff": "DFF", "carry": "ALU", "bram": "BSRAM", "dsp": "MULT18X18"},
    }
    for resource, site in sites[family].items():
        assert placed.utilization[site]["available"] == capacity[resource], resource


def test_nextpnr_and_the_families_agree_on_all_devices() -> None:
    """The device is named to nextpnr as the family says; a wrong name is a test of tests/flow."""
    for name in ("LFE5U-85F-8", "hx8k", "GW1NR-9"):
        arguments = nextpnr.arguments(part(name), netlist="n.json", mhz=12.5, seed=3)
        text = " ".join(arguments)
        assert "--freq 12.5 --seed 3 --timing-allow-fail" in text
        assert "{" not in text
    assert "--85k --package CABGA381 --speed 8" in " ".join(
        nextpnr.arguments(part("LFE5U-85F-8"), netlist="n.json", mhz=1, seed=1)
    )


def paths(data: Any, at: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Where there is a field, in all objects, but for the places on the chip."""
    if isinstance(data, dict):
        for name, value in data.items():
            if name not in ("loc", "sources"):
                yield (*at, name)
                yield from paths(value, (*at, name))
    elif isinstance(data, list):
        for number, value in enumerate(data[:3]):
            yield from paths(value, (*at, number))


def without(data: Any, path: tuple[Any, ...]) -> Any:
    """A copy that lacks the field."""
    data = copy.deepcopy(data)
    inner = data
    for step in path[:-1]:
        inner = inner[step]
    del inner[path[-1]]
    return data


#: Fields that nothing is made of: where a step begins is where the last one ended.
UNUSED = {"constraint"}


def test_every_missing_field_of_a_placement_is_named(tmp_path: Path) -> None:
    raw = json.loads((REPORTS / "ice40-report.json").read_text())
    whole = nextpnr.read(REPORTS / "ice40-report.json")
    clock = next(iter(raw["fmax"]))
    tried = 0
    for path in paths(raw):
        if path[-1] in UNUSED or (path[-1] == "from" and len(path) > 3) or "from" in path[4:-1]:
            continue
        (tmp_path / "report.json").write_text(json.dumps(without(raw, path)))
        if path[0] == "utilization" and len(path) == 2:
            assert path[1] in whole.utilization  # a kind of site may be unknown to a device
            continue
        with pytest.raises(ToolError) as raised:
            nextpnr.read(tmp_path / "report.json")
        named = path[-1] if path[-1] != clock else "one clock"
        assert str(named) in str(raised.value), path
        tried += 1
    assert tried > 40


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "report.json: the tool's report is not JSON"),
        ("[]", "report.json: the report in the tool's report must be dict, not list"),
        ('{"fmax": 3}', "report.json: 'fmax' in the tool's report must be dict, not int"),
        (
            '{"fmax": {"a": {}, "b": {}}}',
            "report.json: the report must tell of one clock, not of 2",
        ),
        ('{"fmax": {"c": {}}, "critical_paths": []}', "holds none from c to c"),
    ],
)
def test_what_is_not_a_report_is_told(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "report.json").write_text(text)
    with pytest.raises(ToolError, match=message):
        nextpnr.read(tmp_path / "report.json")


def test_the_clock_of_several_is_found_by_name(tmp_path: Path) -> None:
    """However nextpnr says that it is on a global net."""
    raw = json.loads((REPORTS / "ice40-report.json").read_text())
    (name,) = raw["fmax"]
    alone = nextpnr.read(REPORTS / "ice40-report.json")
    for called in ("clock", "$glbnet$clock", "clock_$glb_clk", "clk"):
        changed = json.loads(json.dumps(raw).replace(name, called))
        changed["fmax"] = {"clk12": {"achieved": 1.0}, **changed["fmax"], "x_clock": {}}
        (tmp_path / "report.json").write_text(json.dumps(changed))
        assert nextpnr.read(tmp_path / "report.json", ("clock", "clk")) == alone
        with pytest.raises(ToolError, match="must tell of one clock, not of 3"):
            nextpnr.read(tmp_path / "report.json")
        with pytest.raises(
            ToolError, match="must tell of the core's clock, other, once; its clocks: "
        ):
            nextpnr.read(tmp_path / "report.json", ("other",))


def test_a_report_that_was_not_written_is_told(tmp_path: Path) -> None:
    with pytest.raises(ToolError, match=r"report.json: the tool wrote no such report: No such"):
        nextpnr.read(tmp_path / "report.json")


def test_a_number_is_not_a_word_nor_a_truth() -> None:
    for value in ("12", True, None):
        with pytest.raises(ToolError, match=r"^here: 'a' in the tool's report must be a number"):
            fields.number({"a": value}, "a", "here")


@pytest.mark.parametrize(
    ("family", "expected"),
    [
        ("ecp5", {"lut": 8, "ff": 8, "carry": 4, "bram": 1}),
        ("ice40", {"lut": 8, "ff": 8, "carry": 7, "bram": 1}),
    ],
)
def test_cells_become_resources(family: str, expected: dict[str, int]) -> None:
    counts = yosys.cells(REPORTS / f"{family}-stat.json")
    used = yosys.area(counts, part(PARTS[family]).family)
    assert {name: used[name] for name in expected} == expected


def test_a_cell_that_no_table_knows_is_not_left_out() -> None:
    family = part("up5k").family
    with pytest.raises(ToolError, match="yosys made 3 cells SB_NEW, of which it is not known"):
        yosys.area({"SB_LUT4": 1, "SB_NEW": 3}, family)


@pytest.mark.parametrize("path", [("design",), ("design", "num_cells_by_type")], ids=str)
def test_a_missing_field_of_the_statistics_is_named(tmp_path: Path, path: tuple[str, ...]) -> None:
    raw = json.loads((REPORTS / "ice40-stat.json").read_text())
    (tmp_path / "stat.json").write_text(json.dumps(without(raw, path)))
    with pytest.raises(ToolError, match=f"stat.json: the tool's report lacks '{path[-1]}'"):
        yosys.cells(tmp_path / "stat.json")


def memory() -> tuple[Path, dict[str, str]]:
    return REPORTS / "memories.json", {"rows.hex": (REPORTS / "rows.hex").read_text()}


def test_memories_were_read_as_they_are() -> None:
    report, files = memory()
    yosys.check_memories(report, files, {"rows.hex": 16})


def test_a_memory_that_was_not_read_is_told(tmp_path: Path) -> None:
    """Zeros, unknown values, one bit changed, a row less, another width, no memory at all."""
    report, files = memory()
    raw = json.loads(report.read_text())
    (cell,) = (c for m in raw["modules"].values() for c in m["cells"].values())
    bits = cell["connections"]["DATA"]
    wrong = [
        ["0"] * len(bits),
        ["x"] * len(bits),
        [*bits[:-1], "1" if bits[-1] == "0" else "0"],
        bits[:-16],
        bits[16:] + bits[:16],
    ]
    for changed in wrong:
        cell["connections"]["DATA"] = changed
        (tmp_path / "memories.json").write_text(json.dumps(raw))
        with pytest.raises(ToolError, match=r"^rows.hex: yosys did not read this memory's"):
            yosys.check_memories(tmp_path / "memories.json", files, {"rows.hex": 16})
    (tmp_path / "memories.json").write_text('{"modules": {}}')
    with pytest.raises(ToolError, match=r"^rows.hex: yosys did not read"):
        yosys.check_memories(tmp_path / "memories.json", files, {"rows.hex": 16})
    with pytest.raises(ToolError, match=r"^rows.hex: yosys did not read"):
        yosys.check_memories(report, files, {"rows.hex": 17})


def test_cells_are_counted_by_the_module_they_come_from() -> None:
    found = netlist.cells_of_modules(REPORTS / "ice40-netlist.json", "micro", MODULES)
    assert found == {
        "add": Counter({"SB_LUT4": 8, "SB_DFF": 8, "SB_CARRY": 7}),
        "table0": Counter({"SB_RAM40_4K": 1}),
    }
    counts = yosys.cells(REPORTS / "ice40-stat.json")
    assert sum(found.values(), Counter()) == Counter(counts)


def test_what_is_outside_the_modules_is_the_tops() -> None:
    """Else it would go to the neighbours that read it."""
    nets = {"add": MODULES["add"]}
    found = netlist.cells_of_modules(REPORTS / "ice40-netlist.json", "micro", nets)
    assert found == {
        "add": Counter({"SB_LUT4": 8, "SB_DFF": 8, "SB_CARRY": 7}),
        "": Counter({"SB_RAM40_4K": 1}),
    }


def test_a_net_has_all_its_names() -> None:
    report = REPORTS / "ice40-netlist.json"
    found = netlist.names(report, "micro", "clk")
    nets = json.loads(report.read_text())["modules"]["micro"]["netnames"]
    assert "clk" in found
    assert all(nets[name]["bits"] == nets["clk"]["bits"] for name in found)
    with pytest.raises(ToolError, match=r"^ice40-netlist.json: cl: the tool's report lacks 'cl'$"):
        netlist.names(report, "micro", "cl")


def test_cells_below_a_path_are_counted_together() -> None:
    found = {"a": {"L": 1}, "a.b": {"L": 2, "F": 3}, "ab": {"L": 5}, "": {"L": 7}}
    assert netlist.together(found, ["a", "ab", "a.b"]) == {
        "a": {"L": 3, "F": 3},
        "ab": {"L": 5},
        "a.b": {"L": 2, "F": 3},
    }


@pytest.mark.parametrize("name", ["type", "connections", "port_directions"])
def test_a_missing_field_of_a_cell_is_named(tmp_path: Path, name: str) -> None:
    raw = json.loads((REPORTS / "ice40-netlist.json").read_text())
    cells = raw["modules"]["micro"]["cells"]
    del next(cell for cell in cells.values() if cell["type"] == "SB_CARRY")[name]
    (tmp_path / "netlist.json").write_text(json.dumps(raw))
    with pytest.raises(ToolError, match=f"netlist.json: .*lacks '{name}'"):
        netlist.cells_of_modules(tmp_path / "netlist.json", "micro", MODULES)
