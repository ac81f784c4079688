"""The wheel, installed outside the checkout, does the main job."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
PAGE = "s2nn_hw/report/templates/page.html"
MODEL = ["s2nn_hw/demo_model/images.npz", "s2nn_hw/demo_model/model.s2nn"]


def run(*command: str | Path, cwd: Path, **env: str) -> subprocess.CompletedProcess[str]:
    done = subprocess.run(
        command, cwd=cwd, env={**os.environ, **env}, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
    return done


@pytest.fixture(scope="module")
def dist(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the sdist and the wheel."""
    folder = tmp_path_factory.mktemp("dist")
    run(sys.executable, "-m", "hatchling", "build", "-d", folder, cwd=ROOT)
    return folder


@pytest.fixture(scope="module")
def installed(dist: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder into which the wheel was installed, without the dependencies that are here."""
    target = tmp_path_factory.mktemp("installed")
    (wheel,) = dist.glob("*.whl")
    pip = (sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-index")
    run(*pip, "--target", target, wheel, cwd=target)
    return target


def test_the_wheel_holds_the_packages_and_the_model(dist: Path) -> None:
    (wheel,) = dist.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
    assert len(names) == len(set(names))
    assert {name.split("/")[0].split("-")[0] for name in names} == {"s2nn_hw", "rtl_gen", "sim"}
    for name in [*MODEL, "s2nn_hw/cli/__init__.py", "rtl_gen/emit.py", "sim/__init__.py", PAGE]:
        assert name in names


def test_a_wheel_from_the_sdist_is_the_same(dist: Path, tmp_path: Path) -> None:
    (sdist,) = dist.glob("*.tar.gz")
    run("tar", "xf", sdist, cwd=tmp_path)
    (source,) = tmp_path.iterdir()
    run(sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", tmp_path, cwd=source)
    (again,) = tmp_path.glob("*.whl")
    (first,) = dist.glob("*.whl")
    with zipfile.ZipFile(again) as a, zipfile.ZipFile(first) as b:
        assert sorted(a.namelist()) == sorted(b.namelist())


def test_the_demo_works_outside_the_checkout(installed: Path, tmp_path: Path) -> None:
    """Not the checkout's package: its own path is asked first."""
    where = run(
        sys.executable,
        "-c",
        "import s2nn_hw, rtl_gen, sim; print(s2nn_hw.__file__, rtl_gen.__file__, sim.__file__)",
        cwd=tmp_path,
        PYTHONPATH=str(installed),
    ).stdout.split()
    assert all(Path(file).is_relative_to(installed) for file in where), where

    command = (sys.executable, "-m", "s2nn_hw.cli", "demo", "--frames", "20", "--json")
    done = run(*command, cwd=tmp_path, PYTHONPATH=str(installed))
    data: dict[str, Any] = json.loads(done.stdout)
    assert data["passed"] is True
    assert data["frames"] == 20
    assert data["figures"]["mismatches"]["value"] == 0
    assert Path(data["model"]["file"]).is_relative_to(installed)
    assert (tmp_path / "build" / "demo" / "verify.json").is_file()
