"""Activity for power tools: the core alone, bit for bit the same from both simulators."""

from __future__ import annotations

import json
import re
from collections import defaultdict

import pytest
from vcd.reader import TokenKind, tokenize

from s2nn_hw import cli, flow
from s2nn_hw.ir import InputError
from s2nn_hw.manifest import Manifest

MHZ = 25.0
PERIOD = 40_000

_NET = re.compile(r"\((\S+) \(T0 (\d+)\) \(T1 (\d+)\) \(TX 0\) \(TC (\d+)\)\)")


def of_saif(file):
    """(path, net, bit) → picoseconds low and high, toggles; and the duration."""
    found, scopes, duration = {}, [], 0
    text = file.read_text()
    assert text.count("(") == text.count(")")
    for line in map(str.strip, text.splitlines()):
        if line.startswith("(DURATION"):
            duration = int(line[10:-1])
        elif line.startswith(("(INSTANCE ", "(NET")) and not _NET.match(line):
            scopes.append(line[10:] if line.startswith("(INSTANCE") else None)
        elif line == ")" and scopes:
            scopes.pop()
        elif match := _NET.match(line):
            assert scopes[-1] is None
            name, bracket, bit = match[1].partition("\\[")
            key = (tuple(scopes[:-1]), name, int(bit[:-2]) if bracket else 0)
            found[key] = tuple(map(int, match.groups()[1:]))
    return found, duration


def of_vcd(file):
    """The same."""
    names, values, since = defaultdict(list), {}, {}
    scopes, sums, now = [], {}, 0
    with file.open("rb") as lines:
        for token in tokenize(lines):
            if token.kind is TokenKind.SCOPE:
                scopes.append(token.data.ident)
            elif token.kind is TokenKind.UPSCOPE:
                scopes.pop()
            elif token.kind is TokenKind.VAR:
                names[token.data.id_code].append((tuple(scopes), token.data.reference, token.data))
            elif token.kind is TokenKind.CHANGE_TIME:
                now = token.data
            elif token.kind in (TokenKind.CHANGE_SCALAR, TokenKind.CHANGE_VECTOR):
                code, value = token.data.id_code, token.data.value
                value = int(re.sub("[xz]", "0", str(value)), 2) if isinstance(value, str) else value
                for bit in range(names[code][0][2].size):
                    new, key = value >> bit & 1, (code, bit)
                    old = values.get(key)
                    sum_ = sums.setdefault(key, [0, 0, 0])
                    if old is not None:
                        sum_[old] += now - since[key]
                        sum_[2] += old != new
                    values[key], since[key] = new, now
    found = {}
    for code, same in names.items():
        for bit in range(same[0][2].size):
            low_high = sums[code, bit]
            low_high[values[code, bit]] += now - since[code, bit]
            for path, name, _ in same:
                found[path, name, bit] = tuple(low_high)
    return found, now


def written(made, out, simulator, file):
    flow.verify(
        made.network,
        made.frames,
        out,
        simulator=simulator,
        activity=file,
        family="ecp5",
        freq=MHZ,
        lanes=1,
        frames=8,
    )


def test_both_simulators_write_the_same(tmp_path, simulator, small):
    written(small, tmp_path / "a", simulator("verilator"), tmp_path / "new" / "core.saif")
    written(small, tmp_path / "b", simulator("icarus"), tmp_path / "core.vcd")
    saif, duration = of_saif(tmp_path / "new" / "core.saif")
    vcd, end = of_vcd(tmp_path / "core.vcd")
    manifest = Manifest.read(tmp_path / "a")

    top = manifest.top
    assert {path[0] for path, *_ in saif} == {path[0] for path, *_ in vcd} == {top}
    assert duration % PERIOD == 0
    assert abs(end - duration) <= PERIOD
    assert saif[(top,), "clk", 0] == (duration // 2, duration // 2, 2 * duration // PERIOD)
    assert all(low + high == duration for low, high, _ in saif.values())

    toggles = {"a": 0, "b": 0}
    for module, entries in manifest.nets.items():
        path = (top, *filter(None, module.split(".")))
        for entry in entries:
            name, _, ranges = entry.partition("#")
            bits = {bit for at, net, bit in saif if (at, net) == (path, name)}
            assert bits, (module, entry)
            wanted = bits
            if ranges:
                ends = [part.partition("-") for part in ranges.split(",")]
                wanted = {b for low, _, high in ends for b in range(int(low), int(high or low) + 1)}
            for bit in bits:
                key = (path, name, bit)
                assert saif[key][2] == vcd[key][2], key
                assert abs(saif[key][1] - vcd[key][1]) <= PERIOD, key
                if bit in wanted:
                    toggles["a"] += saif[key][2]
                    toggles["b"] += vcd[key][2]
    for out, count in toggles.items():
        result = json.loads((tmp_path / out / "verify.json").read_text())
        assert count > 0
        assert count == pytest.approx(result["toggles_per_frame"] * result["toggle_frames"])


def test_a_file_in_the_folder_of_the_build_becomes_one_of_its_own(tmp_path, icarus, small):
    out = tmp_path / "out"
    for _ in range(2):
        written(small, out, "icarus", out / "power" / "core.vcd")
        first = (out / "power" / "core.vcd").read_bytes()
    assert (out / "power" / "core.vcd").read_bytes() == first


def test_what_cannot_be_written_is_told_before_anything_is_simulated(tmp_path, icarus, small):
    (tmp_path / "here").mkdir()
    with pytest.raises(InputError, match="here: cannot be written: it is a folder"):
        written(small, tmp_path / "out", "icarus", tmp_path / "here")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("option", "simulator", "needed"),
    [("--saif", "icarus", "verilator"), ("--vcd", "verilator", "icarus")],
)
def test_each_format_has_its_simulator(tmp_path, capsys, option, simulator, needed):
    arguments = ["verify", "none.s2nn", "-o", str(tmp_path / "out"), "--simulator", simulator]
    assert cli.main([*arguments, option, str(tmp_path / "file")]) == 2
    error = capsys.readouterr().err
    assert f"{option} needs --simulator {needed}, which writes it, not {simulator}" in error
