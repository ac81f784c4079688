"""Honesty of the bench: cores with one thing wrong, made from the emitted text, each must fail."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from s2nn_hw import golden
from s2nn_hw.manifest import Manifest, sha256
from sim import runner

TOP = "s2nn_core"


@dataclasses.dataclass(frozen=True)
class Text:
    """The emitted files, to be changed in places that must be there."""

    files: dict[str, str]

    def module(
        self, name: str, pattern: str, new: str | Callable[[re.Match[str]], str], times: int = 1
    ) -> Text:
        """Replace a pattern in one module, exactly so many times."""
        verilog = self.files[f"{TOP}.v"]
        start = verilog.index(f"module {TOP}{'_' if name else ''}{name}(")
        end = verilog.index("endmodule", start)
        body, count = re.subn(pattern, new, verilog[start:end])
        assert count == times, f"{pattern!r} is {count} times in {name!r}, not {times}"
        assert body != verilog[start:end]
        return Text({**self.files, f"{TOP}.v": verilog[:start] + body + verilog[end:]})

    def rows(self, change: Callable[[list[str]], list[str]]) -> Text:
        """Change the lines of the first layer's first memory."""
        name = f"{TOP}_hidden1_weights0.hex"
        before = self.files[name].splitlines()
        after = change(list(before))
        assert after != before
        assert len(after) == len(before)
        assert {len(line) for line in after} == {len(before[0])}
        return Text({**self.files, name: "".join(f"{line}\n" for line in after)})


def _one_less(match: re.Match[str]) -> str:
    bits = int(match[2])
    return f"{match[1]}{bits}'h{(int(match[3], 16) - 1) % 2**bits:x}"


def _other_sign(rows: list[str]) -> list[str]:
    """The sign of the lowest neuron's weight in every tenth row: bit 3 of four."""
    return [
        f"{line[:-1]}{int(line[-1], 16) ^ 8:x}" if k % 10 == 0 else line
        for k, line in enumerate(rows)
    ]


def _swapped(rows: list[str]) -> list[str]:
    different = next(k for k, row in enumerate(rows) if row != rows[0])
    rows[0], rows[different] = rows[different], rows[0]
    return rows


def _planes_turned(text: Text) -> Text:
    """The queues of planes 0 and 2 are read in each other's place."""
    return text.module(
        "hidden1_feed", r"\.planes__([02])__", lambda m: f".planes__{2 - int(m[1])}__", times=6
    )


def _between(output: str) -> Callable[[Text], Text]:
    """What the core says is ``output``, an expression of ``raw``: TLAST above TDATA."""
    inserted = (
        "  wire [32:0] raw;\n  reg flip = 0;\n  always @(posedge clk) flip <= ~flip;\n"
        f"  assign o__payload = {output};\n"
    )

    def make(text: Text) -> Text:
        return text.module("readout", r"\.o__payload\(o__payload\)", ".o__payload(raw)").module(
            "readout", r"\A(?s:.*?)\n(?=  assign )", lambda match: match[0] + inserted
        )

    return make


@dataclasses.dataclass(frozen=True)
class Mutant:
    """How to make it, the checks that must fail, and whether no other may."""

    make: Callable[[Text], Text]
    fails: set[str]
    alone: bool = False
    stall: str = "random"


SPIKES = {"spikes hidden1"}

#: Potentials begin anew at a frame's end, and after a reset.
_LOAD = r"(assign load = )\w+ \| (?=clear)"

MUTANTS = {
    "fires above the threshold only": Mutant(
        lambda t: t.module(
            "hidden1_accumulators", r"(\.start\()(\d+)'h([0-9a-f]+)", _one_less, times=9
        ),
        SPIKES,
    ),
    "drops the last event of a window": Mutant(
        lambda t: t.module("hidden1_engine", r"(assign reads0 = )([^;]*);", r"\1\2 & ~ends_0;"),
        SPIKES,
    ),
    "swapped rows": Mutant(lambda t: t.rows(_swapped), SPIKES),
    "swapped neurons": Mutant(
        lambda t: t.module(
            "hidden1_accumulators",
            r"(assign fire = ~ \{.*)(potential_1\[\d+\]), (potential_0\[\d+\])",
            r"\1\3, \2",
        ),
        SPIKES,
    ),
    "sign of a weight flipped": Mutant(lambda t: t.rows(_other_sign), SPIKES),
    "accumulators not cleared": Mutant(
        lambda t: t.module("hidden1_accumulators", _LOAD, r"\1"),
        SPIKES,
    ),
    "scores not cleared": Mutant(
        lambda t: t.module("readout_accumulators", _LOAD, r"\1"),
        {"scores"},
    ),
    "a lane lost": Mutant(
        lambda t: t.module("hidden1", r"\.row1\(data__1\)", ".row1(36'h0)"),
        SPIKES,
    ),
    "the second lane repeats the first": Mutant(
        lambda t: t.module("hidden1", r"\.row1\(data__1\)", ".row1(data__0)"),
        SPIKES,
    ),
    "s_axis_tready stuck at 1": Mutant(
        lambda t: t.module("guard", r"assign tready = .*;", "assign tready = 1'h1;"),
        {"scores", "cycles in"},
        stall="slow-sink",
    ),
    "s_axis_tready stuck at 0": Mutant(
        lambda t: t.module("guard", r"assign tready = .*;", "assign tready = 1'h0;"),
        {"alive", "frames", "scores", "classes", "cycles in", "cycles out"},
    ),
    "takes beats that are not valid": Mutant(
        lambda t: t.module("guard", r"assign (_\d+_) = tvalid & (_\d+_);", r"assign \1 = \2;"),
        {"scores"},
    ),
    "m_axis without TLAST": Mutant(_between("{1'b0, raw[31:0]}"), {"TLAST"}, alone=True),
    "m_axis changes while it waits": Mutant(
        _between("raw ^ (o__valid & ~o__ready & flip)"), {"stream rules"}, alone=True
    ),
    "m_axis takes back what was not taken": Mutant(
        lambda t: t.module("", r"\.o__valid\(m_axis_tvalid\)", ".o__valid(raw)").module(
            "",
            r"  wire m_axis_tvalid;",
            "  wire m_axis_tvalid; wire raw;\n"
            "  assign m_axis_tvalid = raw & (m_axis_tready | count_cycles[0]);",
        ),
        {"stream rules"},
        alone=True,
    ),
    "the last maximum wins": Mutant(
        lambda t: t.module("readout_argmax", r"(assign \{ later.*);", r"\1 - 1'h1;", times=2),
        {"classes"},
        alone=True,
    ),
    "more results than slots": Mutant(
        lambda t: t.module("slots1", r"else free <= [^;]*;", "else free <= 1'h1;"),
        {"scores"},
        stall="slow-sink",
    ),
    "never takes spikes of two words at once": Mutant(
        lambda t: t.module("event_encoder0", r"assign steal = .*;", "assign steal = 0;"),
        {"cycles out"},
    ),
    "an empty word is not skipped": Mutant(
        lambda t: t.module("hidden1_feed", r"\.spikes\(spikes\)", ".spikes(1'h1)"),
        {"cycles out"},
    ),
}

#: Of the core with three bits a pixel.
PLANES = {
    "every plane has the same weight": Mutant(
        lambda t: t.module("hidden1_accumulators", r"\.shift\(shift\)", ".shift(2'h0)", times=9),
        SPIKES,
    ),
    "plane 2 counts as plane 1": Mutant(
        lambda t: t.module(
            "hidden1_accumulators", r"\.shift\(shift\)", ".shift({ 1'h0, | shift })", times=9
        ),
        SPIKES,
    ),
    "planes in the wrong order": Mutant(_planes_turned, SPIKES),
}

DOUBLED = {
    "every plane has the same weight": Mutant(
        lambda t: t.module("hidden1_accumulators", r"\.double\(double\)", ".double(1'h0)", times=9),
        SPIKES,
    ),
    "a threshold's low bits are lost": Mutant(
        lambda t: t.module(
            "hidden1_accumulators", r"\.incoming\(incoming_\d\)", ".incoming(1'h0)", times=9
        ),
        SPIKES,
    ),
}


def _without_the_middle(name: str) -> Callable[[Text], Text]:
    """A reader of windows 3×3 that leaves out the pixel in the middle of each."""
    return lambda text: text.module(
        name,
        r"(else if \(advance\) \w+ <= \{ frees, [^;]*, )(\w+)(, \w+ \};)",
        r"\1\2 & 3'h5\3",
    )


def _both(name: str, change: Callable[[Text, str], Text]) -> Callable[[Text], Text]:
    """The same change in the modules of both units."""
    return lambda text: change(change(text, name.format(0)), name.format(1))


#: Of the core with convolutions, a join and a pool.
MAPS = {
    "the row above the first is the last of the frame before": Mutant(
        lambda t: t.module(
            "conv1_feed_0_reader0_sequence", r"(assign _\d+_ = _\d+_\(3'h7, 6'h)33", r"\g<1>3b"
        ),
        {"spikes conv1"},
    ),
    "the row below the last is seen": Mutant(
        lambda t: t.module(
            "conv1_feed_1_reader0_sequence", r"(assign _\d+_ = _\d+_\(3'h7, 6'h)33", r"\g<1>37"
        ),
        {"spikes conv1"},
    ),
    "a row of the line buffer is overwritten too early": Mutant(
        _both(
            "conv1_feed_{}_reader0_sequence",
            lambda t, name: t.module(
                name, r"(assign room = \$signed\(space\) >= )\$signed\(1'h0\)", r"\1-7"
            ),
        ),
        {"spikes conv1", "cycles in"},
        stall="none",
    ),
    "a line buffer takes a pixel more than it holds": Mutant(
        _both(
            "conv1_feed_{}_reader0_sequence",
            lambda t, name: t.module(
                name, r"(assign room = \$signed\(space\) >= )\$signed\(1'h0\)", r"\1-1"
            ),
        ),
        {"cycles in"},
        stall="none",
    ),
    "a window is read before its last pixel": Mutant(
        lambda t: t.module(
            "conv1_feed_0_reader0_sequence", r"(\$signed\(ahead\) >= )\$signed\(1'h0\)", r"\1-1"
        ),
        {"spikes conv1"},
        stall="slow-source",
    ),
    "a tap dropped": Mutant(_without_the_middle("conv1_feed_1_reader0"), {"spikes conv1"}),
    "windows merged in the wrong order": Mutant(
        lambda t: t.module("conv1_merge", r"turn (<?=) 1'h0;", r"turn \1 1'h1;", times=2),
        {"spikes conv1"},
    ),
    "a join ignores one branch": Mutant(
        lambda t: t.module("join", r"\.row1\((data\w+)\)", r".row1(\1 & 12'h0)", times=2),
        {"spikes join"},
    ),
    "a join does not wait for one branch": Mutant(
        lambda t: t.module(
            "join_engine0",
            r"assign (_\d+_) = & \{ (_\d+_), _\d+_ \};",
            r"assign \1 = \2;",
        ),
        {"spikes join"},
    ),
    "the input's readers take turns instead of all words": Mutant(
        lambda t: t.module("fork", r"else if \(i__valid\) done <= ", "else if (0) done <= "),
        {"spikes join"},
    ),
    "a pool misses a pixel": Mutant(_without_the_middle("pool_reader"), {"spikes pool"}),
    "a pool goes on from the window before": Mutant(
        lambda t: t.module("pool", r"o_\w*payload\w*\[\d+\] \? 4'h0 : (sum_\d)", r"\1", times=4),
        {"spikes pool"},
    ),
}


#: Of the core whose pool is joined with what reads it.
SUMMED = {
    "pixels have weights of their own": Mutant(
        lambda t: t.module("hidden_feed", r"3'h0(, i_\d+\[6:0\])", r"push ? 3'h7 : 3'h0\1"),
        {"spikes hidden"},
    ),
    "an end is seen after every pixel": Mutant(
        lambda t: t.module("hidden_feed", r"i_\d+\[8:7\](, 3'h0)", r"2'h1\1"),
        {"spikes hidden", "cycles out"},
    ),
}

#: Of unrolled layers, which stand still together.
UNROLLED = {
    **{
        f"{module}: {name} while others stand still": Mutant(
            lambda t, m=module, n=name: t.module(m, rf"else {n} <= [^;]*;", f"else {n} <= 1'h1;"),
            fails,
            stall="slow-sink",
        )
        for module, name, fails in (
            ("hidden1_engine", "accepts", {"spikes hidden1"}),
            ("hidden1_engine", "pipeline_moves", {"spikes hidden1"}),
            ("readout_engine", "pipeline_moves", {"scores"}),
            ("readout", "argmax_moves", {"classes"}),
        )
    },
    "the spare place is not read": Mutant(
        lambda t: t.module("readout_skid", r"(assign _\d+_ = ready_0 \? .* : )spare_0", r"\1out_0"),
        {"scores"},
        stall="slow-sink",
    ),
    "a frame's last word is in its first's place": Mutant(
        lambda t: t.module("hidden1_engine", r"(_\d+_ = word0 == 3'h)4", r"\g<1>0"), SPIKES
    ),
}


#: Of several steps.
MEMBRANES = {
    "nothing is left of a membrane": Mutant(
        lambda t: t.module("conv_membranes", r"= fresh \?", "= 1'h1 ?", times=3), {"spikes conv"}
    ),
    "a frame's membranes are the next one's": Mutant(
        lambda t: t.module("flat_accumulators", r"assign again = [^;]*;", "assign again = load;"),
        {"spikes flat"},
    ),
    "nothing is left of an accumulator": Mutant(
        lambda t: t.module("flat_accumulators", r"assign again = [^;]*;", "assign again = 1'h0;"),
        {"spikes flat"},
    ),
    "who fires is not reset": Mutant(
        lambda t: t.module("flat_accumulators", r"\.fired\([^)]*\)", ".fired(0)", times=6),
        {"spikes flat"},
    ),
    "nothing leaks": Mutant(
        lambda t: t.module(
            "conv_membranes", r"(\$signed\(left_\d\)) - \$signed\(\{[^}]*\}\)", r"\1", times=3
        ),
        {"spikes conv"},
    ),
    "none is reset": Mutant(
        lambda t: t.module(
            "conv_membranes", r"fires\[\d\] \? excess_\d : (compared_\d)", r"\1", times=3
        ),
        {"spikes conv"},
    ),
    "all pixels have one membrane": Mutant(
        lambda t: t.module("conv_membranes", r"apart\[\w+\] <= (?=\w+__data)", "apart[0] <= "),
        {"spikes conv"},
    ),
    "the first row is as the others": Mutant(
        lambda t: t.module("conv_membranes", r"assign of_row = [^;]*;", "assign of_row = 1'h0;"),
        {"spikes conv"},
    ),
    "a step is added while others stand still": Mutant(
        lambda t: t.module("readout", r"else totals_moves <= [^;]*;", "else totals_moves <= 1'h1;"),
        {"cycles out"},
        stall="slow-sink",
    ),
    "a step is missing": Mutant(
        lambda t: t.module("replay", r"step == 2'h2", "step == 2'h1"), {"spikes conv"}
    ),
    "scores are those of the last step": Mutant(
        lambda t: t.module("readout", r"first \? (\d'h00) : total_\d", r"\1", times=3), {"scores"}
    ),
}


def play(made, folder: Path, text: Text, vectors) -> runner.Simulation:
    """Run the vectors on changed files under a manifest that says they are the right ones."""
    folder.mkdir()
    for name, content in text.files.items():
        (folder / name).write_text(content)
    manifest = dataclasses.replace(
        made.core.manifest,
        files={name: sha256(text.files[name].encode()) for name in made.core.manifest.files},
    )
    (folder / f"{TOP}.json").write_text(manifest.to_json())
    assert Manifest.read(folder).digest == vectors.digest
    return runner.simulate(folder, vectors, simulator="icarus")


def failed(simulation) -> set[str]:
    return {verdict.name for verdict in simulation.verdicts if not verdict.passed}


def vectors_of(made, stall: str):
    """Without a dump, as wrong cores need not reach its beginning; dead ones are told soon."""
    return dataclasses.replace(made.stimulus(stall, 3).vectors, dump=None, timeout=2000)


@pytest.fixture
def judged(tmp_path, icarus) -> Callable:
    """The checks that fail for a mutant."""

    def judge(made, mutate: Callable[[Text], Text], stall: str) -> set[str]:
        mutant = mutate(Text(made.core.files))
        return failed(play(made, tmp_path / stall, mutant, vectors_of(made, stall)))

    return judge


@pytest.mark.parametrize("stall", ["random", "slow-sink"])
@pytest.mark.parametrize("core", ["small", "planes", "maps", "summed", "unrolled"])
def test_the_core_itself_passes(request, judged, core, stall):
    assert judged(request.getfixturevalue(core), lambda text: text, stall) == set()


def test_the_frames_tell_the_mutants_apart(small):
    """Potentials at the threshold, scores at a tie: what the subtle mutants need."""
    trace = golden.run(small.network, small.frames)
    layer = small.network.layers[0]
    potentials = small.frames.astype(np.int64) @ layer.projections[0].weights.T.astype(np.int64)
    assert (potentials == layer.thresholds).any()
    best = trace.scores == trace.scores.max(axis=1, keepdims=True)
    assert (best.sum(axis=1) > 1).any()
    assert (small.frames.sum(axis=1) == 0).any()


@pytest.mark.parametrize("name", MUTANTS)
def test_mutant(small, judged, name):
    mutant = MUTANTS[name]
    found = judged(small, mutant.make, mutant.stall)
    assert found >= mutant.fails
    if mutant.alone:
        assert found == mutant.fails


@pytest.mark.parametrize("name", UNROLLED)
def test_mutant_of_pipelines(unrolled, judged, name):
    mutant = UNROLLED[name]
    assert judged(unrolled, mutant.make, mutant.stall) >= mutant.fails


@pytest.mark.parametrize("name", MAPS)
def test_mutant_of_maps(maps, judged, name):
    mutant = MAPS[name]
    assert judged(maps, mutant.make, mutant.stall) >= mutant.fails


@pytest.mark.parametrize("name", SUMMED)
def test_mutant_of_sums(summed, judged, name):
    mutant = SUMMED[name]
    assert judged(summed, mutant.make, mutant.stall) >= mutant.fails


@pytest.mark.parametrize("name", MEMBRANES)
def test_mutant_of_membranes(stepping, judged, name):
    mutant = MEMBRANES[name]
    assert judged(stepping(), mutant.make, mutant.stall) >= mutant.fails


@pytest.mark.parametrize("coding", ["direct", "rate"])
def test_steps_themselves_pass(stepping, judged, coding):
    assert judged(stepping(coding), lambda text: text, "random") == set()


#: Of weights that are loaded.
LOADED = {
    "an address counts by two": Mutant(
        lambda t: t.module("loader", r"(assign \w+ = address_\d+ \+ )1'h1", r"\g<1>2'h2"),
        {"alive", "scores"},
    ),
    "words are written inverted": Mutant(
        lambda t: t.module("loader", r"data <= tdata", "data <= ~tdata"), SPIKES
    ),
    "a word too late is written": Mutant(
        lambda t: t.module("loader", r"address <= address_\d+", r"address <= address + 1'h1"),
        SPIKES,
    ),
    "never loaded": Mutant(
        lambda t: t.module("loader", r"loaded <= 1'h1", "loaded <= 1'h0"),
        {"alive", "frames", "scores", "classes", "cycles in", "cycles out"},
    ),
    "words are for other neurons": Mutant(
        lambda t: t.module("hidden1_engine_words0", r"= phase == 1'h1", "= ! phase"), SPIKES
    ),
    "the first word is read again": Mutant(
        lambda t: t.module("hidden1_engine_words0", r", phase \}", ", phase & 2'h2 }"), SPIKES
    ),
    "a window goes on from the last one": Mutant(
        lambda t: t.module("hidden1_stored_potentials", r"= \| \{ closes, rst \}", "= rst"), SPIKES
    ),
    "potentials begin at zero": Mutant(
        lambda t: t.module("hidden1_stored_potentials", r"= \| _\d+_;", "= 1'h0;"), SPIKES
    ),
    "sums go to one group": Mutant(
        lambda t: t.module("hidden1_stored_potentials", r"else at <= [^;]+", "else at <= 2'h0"),
        SPIKES,
    ),
    "signs are left from the window before": Mutant(
        lambda t: t.module(
            "hidden1_stored_potentials", r"= done \? \w+'h\w+ : (fires_\d)", r"= \1", times=3
        ),
        SPIKES,
    ),
    "a row ends a word early": Mutant(
        lambda t: t.module("hidden1_engine_words0", r"(assign last = phase == )2'h2", r"\g<1>2'h1"),
        {*SPIKES, "cycles out"},
    ),
}


@pytest.mark.parametrize("name", ["none", *LOADED])
def test_mutant_of_loaded_weights(loaded, judged, name):
    mutant = LOADED.get(name, Mutant(lambda text: text, set(), alone=True))
    found = judged(loaded, mutant.make, mutant.stall)
    assert found >= mutant.fails
    if mutant.alone:
        assert not found


@pytest.mark.parametrize("name", PLANES)
def test_mutant_of_planes(planes, judged, name):
    mutant = PLANES[name]
    assert judged(planes, mutant.make, mutant.stall) >= mutant.fails


@pytest.mark.parametrize("name", DOUBLED)
def test_mutant_of_doubled_potentials(doubled, judged, name):
    mutant = DOUBLED[name]
    assert judged(doubled, mutant.make, mutant.stall) >= mutant.fails


#: Of the input port: what fails when a frame's TLAST comes early, with its error expected.
GUARD = {
    "an early TLAST is not told": Mutant(
        lambda t: t.module("guard", r"\{ late, early \}", "{ late, 1'h0 }"),
        {"frame_error"},
        alone=True,
    ),
    "a cut frame is not dropped": Mutant(
        lambda t: t.module(
            "guard",
            r"assign guard_o_payload_drop = .*;",
            r"assign guard_o_payload_drop = 1'h0;",
        ),
        {"frames", "scores", "classes"},
    ),
    "a cut frame is not filled up": Mutant(
        lambda t: t.module("guard", r"(else if \(_\d+_\) fill <= )[^;]*;", r"\g<1>1'h0;"),
        {"frames", "scores", "spikes hidden1"},
    ),
    "a cut frame is filled up with what the source shows": Mutant(
        lambda t: t.module("guard", r"(assign guard_o_payload_pixels = )fill \? \d+'h0+ : ", r"\1"),
        {"spikes hidden1"},
    ),
}


@pytest.mark.parametrize("name", ["none", *GUARD])
def test_mutant_of_the_guard(planes, judged, tmp_path, name):
    mutant = GUARD.get(name, Mutant(lambda text: text, set(), alone=True))
    vectors = vectors_of(planes, "random")
    beats = planes.core.manifest.input.beats
    whole = len(planes.frames)
    # The stream's second frame is cut after two beats; what came alone before is unchanged.
    frame = len(vectors.scores) - whole + 1
    last = vectors.last.reshape(-1, beats).copy()
    keep = np.ones(last.shape, np.bool_)
    last[frame, 1] = True
    keep[frame, 2:] = False
    rest = np.arange(len(last)) != frame
    # It runs through the hidden layer with zeros for what it lacks, and gets no answer.
    port = planes.core.manifest.input
    filled = planes.frames[1:2].copy()
    filled[:, 2 * port.pixels_per_beat :] = 0
    spikes = {key: array.copy() for key, array in vectors.spikes.items()}
    for key, array in golden.run(planes.network, filled).spikes.items():
        spikes[key][frame] = array[0]
    per_beat = {key: getattr(vectors, key)[keep.reshape(-1)] for key in ("data", "waits", "need")}
    vectors = dataclasses.replace(
        vectors,
        **per_beat,
        last=last.reshape(-1)[keep.reshape(-1)],
        spikes=spikes,
        scores=vectors.scores[rest],
        classes=vectors.classes[rest],
        accepted=None,
        delivered=None,
        errors=(1, 0),
    )
    simulation = play(planes, tmp_path / "core", mutant.make(Text(planes.core.files)), vectors)
    assert failed(simulation) >= mutant.fails
    if mutant.alone:
        assert failed(simulation) == mutant.fails
