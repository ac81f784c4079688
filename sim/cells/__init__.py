"""Simulation models of cells that yosys has as black boxes alone."""

from __future__ import annotations

from pathlib import Path

#: Family → files of Verilog beside this one.
_FILES = {"ecp5": ("dp16kd.v",)}


def own_models(family: str) -> str:
    """Verilog of our models for an FPGA family, by its short name; empty where it needs none."""
    folder = Path(__file__).parent
    return "".join((folder / name).read_text() for name in _FILES.get(family, ()))
