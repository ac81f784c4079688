"""A baseline that cannot be compared is told before anything is simulated, and is not lost."""

from __future__ import annotations

import contextlib
import json
import shutil

import numpy as np
import pytest

import s2nn_hw
from s2nn_hw import cli
from sim import runner


@pytest.fixture(scope="module")
def verified(tmp_path_factory, simulator):
    """A folder with a model, two sets of frames, and in out a verification with the first."""
    simulator("icarus")
    folder = tmp_path_factory.mktemp("verified")
    rng = np.random.default_rng(4)
    network = s2nn_hw.from_arrays([rng.integers(-3, 4, (3, 12))], [None])
    s2nn_hw.save(network, folder / "model.s2nn")
    for name in ("a.npy", "b.npy"):
        np.save(folder / name, rng.integers(0, 2, (8, 12)))
    with contextlib.chdir(folder):
        assert verify("--images a.npy") == 0
    return folder


@pytest.fixture
def work(verified, tmp_path, monkeypatch):
    """A copy, made current."""
    shutil.copytree(verified, tmp_path, dirs_exist_ok=True)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def verify(options: str) -> int:
    words = f"verify model.s2nn -o out --simulator icarus --lanes 2 {options}"
    return cli.main([*words.split(), "--json"])


DIFFERENT = {
    "--images b.npy": "it is of other images (from 'a.npy', here from 'b.npy')",
    "--images a.npy --frames 4": "its frames is 8, here 4",
    "--images a.npy --lanes 1": "its lanes of layer 'readout' is 2, here 1",
    "--images a.npy --counters": "its counters is False, here True",
    "--images a.npy --stall random": "its stall is 'none', here 'random'",
}


@pytest.mark.parametrize("options", DIFFERENT)
def test_what_cannot_be_compared_is_told_first(work, monkeypatch, capsys, options):
    def simulate(*_, **__):
        pytest.fail("simulated in vain")

    monkeypatch.setattr(runner, "simulate", simulate)
    before = (work / "out/verify.json").read_bytes()
    capsys.readouterr()
    assert verify(f"{options} --baseline out/verify.json --junit r.xml") == 2
    err = capsys.readouterr().err
    assert err == f"s2nn-hw: error: out/verify.json: not comparable: {DIFFERENT[options]}\n"
    assert (work / "out/verify.json").read_bytes() == before
    assert not (work / "r.xml").exists()


def test_a_baseline_in_the_folder_is_kept(work, capsys):
    before = json.loads((work / "out/verify.json").read_text())
    assert verify("--images a.npy --baseline out/verify.json") == 0
    assert json.loads(capsys.readouterr().out.splitlines()[-1])["baseline"]["passed"]
    assert json.loads((work / "out/baseline.json").read_text()) == before


def test_a_single_frame_can_be_a_baseline(work):
    assert verify("--images a.npy --frames 1") == 0
    assert verify("--images a.npy --frames 1 --baseline out/verify.json") == 0


def test_the_images_are_in_the_result(work):
    images = json.loads((work / "out/verify.json").read_text())["images"]
    assert images["source"] == "a.npy"
    assert len(images["digest"]) == 64
