"""One thing that was asked and whether it holds."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Check:
    """A named claim about a build.

    Parameters
    ----------
    name: stable, short, the same in every run: ``spikes hidden1``, ``interval``.
    passed: whether it holds.
    detail: one line for people: what was compared, and the first place where it differs.
    """

    name: str
    passed: bool
    detail: str = ""
