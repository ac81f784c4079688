"""Files of experiments: what they say, and one sentence for what they cannot."""

from __future__ import annotations

from pathlib import Path

import pytest

from s2nn_hw.flow.configuration import Case, Configuration, read
from s2nn_hw.ir import InputError

ROOT = Path(__file__).parents[2]
HEAD = '[experiment]\ndevice = "LFE5U-25F-6"\n'
GRID = '[[grid]]\ndata = ["digits"]\narch = ["64-32-10"]\n'


def parsed(folder: Path, text: str) -> Configuration:
    file = folder / "e.toml"
    file.write_text(text)
    return read(file)


def test_what_is_left_out_has_its_default(tmp_path: Path) -> None:
    found = parsed(tmp_path, HEAD + GRID)
    assert (found.seeds, found.frames, found.netlist_seeds) == ((0, 1, 2), 20, ())
    assert not found.clock
    assert [str(case) for case in found.cases] == ["digits-64-32-10-s2nn-4bit"]


def test_a_grid_has_netlists_of_its_own_seeds(tmp_path: Path) -> None:
    text = HEAD + "netlist_seeds = [1]\n" + GRID + GRID.replace("64-32-10", "64-8-10")
    found = parsed(tmp_path, text + "netlist_seeds = [0, 2]\n")
    assert [found.netlists(number) for number in (1, 2)] == [(1,), (0, 2)]


def test_cores_are_measured_of_all_seeds_or_of_those_that_are_named(tmp_path: Path) -> None:
    found = parsed(tmp_path, HEAD + GRID + GRID.replace("64-32-10", "64-8-10") + "seeds = [4]\n")
    assert [found.measured(number) for number in (1, 2)] == [(0, 1, 2), (4,)]
    text = HEAD + "measured_seeds = [1]\n" + GRID + GRID.replace("64-32-10", "64-8-10")
    found = parsed(tmp_path, text + "measured_seeds = [0, 2]\n")
    assert [found.measured(number) for number in (1, 2)] == [(1,), (0, 2)]


def test_bits_and_steps_are_those_that_a_neuron_has(tmp_path: Path) -> None:
    neurons = 'neuron = ["boxcar", "bnn", "if", "relu"]\n'
    found = parsed(tmp_path, HEAD + GRID + neurons + "steps = [2, 8]")
    assert [(case.neuron, case.weight_bits, case.steps) for case in found.cases] == [
        ("boxcar", 4, 1),
        ("bnn", 1, 1),
        ("if", 4, 2),
        ("if", 4, 8),
        ("relu", None, None),
    ]
    assert parsed(tmp_path, HEAD + GRID + 'neuron = ["if"]').cases[0].steps == 4


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('neuron = ["lif"]', "grid 1: neuron must be of bnn, if, relu, s2nn, .*, not 'lif'"),
        ('neuron = ["s2nn"]\nsteps = [2]', "grid 1: steps are of neuron 'if', which it does not"),
        ("steps = [1]", "grid 1: steps are of neuron 'if'"),
    ],
)
def test_neurons_that_cannot_be(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        parsed(tmp_path, HEAD + GRID + text)


def test_every_combination_is_there_once_and_seeds_come_last(tmp_path: Path) -> None:
    text = """
[experiment]
board = "ulx3s-85f"
seeds = [0, 7]
[experiment.core]
lanes = [2, 1]
[[grid]]
data = ["digits"]
arch = ["64-32-10", "4C3-P2-10"]
neuron = ["boxcar", "relu"]
weight_bits = [1, 4]
[grid.train]
epochs = 3
learning_rate = 1
[[grid]]
data = ["digits"]
arch = ["64-32-10"]
neuron = ["if"]
steps = [2, 4]
seeds = [5]
"""
    found = parsed(tmp_path, text)
    assert found.core == {"lanes": [2, 1]}
    assert found.grids[0].train == {"epochs": 3, "learning_rate": 1}
    names = [case.name for case in found.cases]
    assert names == [
        "grid 1: digits-64-32-10-boxcar-1bit",
        "grid 1: digits-64-32-10-boxcar-4bit",
        # ReLU has neither bits nor steps.
        "grid 1: digits-64-32-10-relu",
        "grid 1: digits-4C3-P2-10-boxcar-1bit",
        "grid 1: digits-4C3-P2-10-boxcar-4bit",
        "grid 1: digits-4C3-P2-10-relu",
        "grid 2: digits-64-32-10-if-4bit-2steps",
        "grid 2: digits-64-32-10-if-4bit-4steps",
    ]
    assert [seed for _, seed in found.trials] == [*[0] * 6, 5, 5, *[7] * 6]
    assert len(set(found.trials)) == 14


def case(**changes: object) -> Case:
    fields = {"grid": 1, "data": "digits", "arch": "64-32-16-10", "neuron": "s2nn"}
    return Case(**{**fields, "weight_bits": 2, "steps": 1, **changes})  # type: ignore[arg-type]


def test_neurons_are_as_train_names_them() -> None:
    assert case().neurons() == {"surrogate": "s2nn", "weight_bits": 2}
    assert case(neuron="bnn").neurons() == {"neuron": "bnn", "weight_bits": 2}
    for steps in (1, 4):
        made = {"neuron": "if", "weight_bits": 2, "steps": steps}
        assert case(neuron="if", steps=steps).neurons() == made
    assert case(steps=2).neurons() == {"surrogate": "s2nn", "weight_bits": 2, "steps": 2}
    plain = case(neuron="relu", weight_bits=None, steps=None)
    assert plain.neurons() == {"twin": True}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (HEAD.replace("device", "devise") + GRID, "'devise'; the nearest that it has is 'device'"),
        (
            HEAD + GRID + "[grid.train]\nepoch = 2",
            r"\[grid.train\] of grid 1 has no 'epoch'; the ne",
        ),
        (HEAD + GRID + "[grid.train]\nseed = 2", "has no 'seed'"),
        (HEAD + GRID + "surrogate = ['s2nn']", "grid 1 has no 'surrogate'"),
        (
            HEAD + "[experiment.core]\nlane = 2\n" + GRID,
            r"\[experiment.core\] has no 'lane'; .*'lanes'",
        ),
        (HEAD + "[grids]\n", "the file has no 'grids'; the nearest that it has is 'grid'"),
        (HEAD, r"there must be at least one \[\[grid\]\]"),
        (GRID, "must have a device or a board, and not both"),
        (HEAD + 'board = "ulx3s-85f"\n' + GRID, "must have a device or a board, and not both"),
        (HEAD + "[[grid]]\ndata = ['digits']", "grid 1 must have arch, a list"),
        (HEAD + GRID.replace('["digits"]', '"digits"'), "data must be a list of one or more, not"),
        (HEAD + GRID + "steps = []", r"grid 1: steps must be a list of one or more, not \[\]"),
        (HEAD + GRID + "steps = [1, 1]", "steps must have every value once, not 1 again"),
        (HEAD + GRID + "steps = [true]", "grid 1: steps must be a whole number, not True"),
        (HEAD + GRID + "[grid.train]\nepochs = 2.5", "epochs must be a whole number, not 2.5"),
        (
            HEAD + "netlist_seeds = [3]\n" + GRID,
            r"\[experiment\]: netlist_seeds must be of its seeds",
        ),
        (
            HEAD + GRID + "seeds = [4, 5]\nnetlist_seeds = [5, 3]",
            "grid 1: netlist_seeds must be of its seeds, 4, 5, not 3",
        ),
        (
            HEAD + "measured_seeds = [3]\n" + GRID,
            r"\[experiment\]: measured_seeds must be of its seeds, 0, 1, 2, not 3",
        ),
        (
            HEAD + "netlist_seeds = [1]\n" + GRID + "measured_seeds = [0, 2]",
            "grid 1: netlist_seeds must be of its measured_seeds, 0, 2, not 1",
        ),
        (HEAD + "frames = 0\n" + GRID, "frames must be 1 or more, not 0"),
        (HEAD + "clock = 1\n" + GRID, "clock must be true or false, not 1"),
        (
            HEAD + GRID + GRID,
            "grid 2: digits-64-32-10-s2nn-4bit is what grid 1: digits-64-32-10-s2",
        ),
        ("[experiment\n", "e.toml: not TOML: "),
    ],
)
def test_wrong_files_are_one_sentence(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(InputError, match=said) as error:
        parsed(tmp_path, text)
    assert str(error.value).startswith(f"{tmp_path / 'e.toml'}: ")


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"none\.toml: cannot be read: No such file"):
        read(tmp_path / "none.toml")


@pytest.mark.parametrize("file", sorted((ROOT / "examples" / "experiments").glob("*.toml")))
def test_the_examples_are_experiments(file: Path) -> None:
    found = read(file)
    assert "s2nn" in {case.neuron for case in found.cases}
