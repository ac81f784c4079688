"""What holds for every test."""

from __future__ import annotations

import importlib.util
import os
from pathlib import Path
from types import ModuleType

import hypothesis
import pytest

# Before anything imports torch: its idle threads otherwise spin, and workers starve one another.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

# The same cases in every run, and no failure because a machine is busy.
hypothesis.settings.register_profile("s2nn", derandomize=True, deadline=None, max_examples=50)
hypothesis.settings.load_profile("s2nn")


@pytest.fixture(scope="session")
def reference() -> ModuleType:
    """The hook of the site that writes its reference."""
    file = Path(__file__).parents[1] / "docs" / "site" / "reference.py"
    spec = importlib.util.spec_from_file_location("reference", file)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
