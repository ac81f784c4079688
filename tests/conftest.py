"""What holds for every test."""

from __future__ import annotations

import os

import hypothesis

# Before anything imports torch: its idle threads otherwise spin, and workers starve one another.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

# The same cases in every run, and no failure because a machine is busy.
hypothesis.settings.register_profile("s2nn", derandomize=True, deadline=None, max_examples=50)
hypothesis.settings.load_profile("s2nn")
