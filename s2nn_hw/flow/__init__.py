"""The verbs as functions: each joins the parts, and the command line only calls it.

``flow.emit``, ``flow.verify``, … are the functions; the modules of the same names are reached with
``from s2nn_hw.flow.emit import EmitResult``.  Nothing is loaded before it is used.
"""

from __future__ import annotations

import importlib
import sys
from types import ModuleType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from s2nn_hw.report import Check

    from .certify import CertifyResult, certify
    from .demo import demo
    from .emit import EmitResult, emit
    from .experiment import ExperimentResult, experiment
    from .flash import FlashResult, flash
    from .plan import PlanResult, plan
    from .report import report
    from .run import RunResult, run
    from .sweep import SweepResult, sweep
    from .synth import SynthResult, synth
    from .train import TrainResult, train
    from .verify import VerifyResult, verify

_HOME = {
    "CertifyResult": "certify",
    "Check": "verify",
    "EmitResult": "emit",
    "ExperimentResult": "experiment",
    "FlashResult": "flash",
    "PlanResult": "plan",
    "RunResult": "run",
    "SweepResult": "sweep",
    "SynthResult": "synth",
    "TrainResult": "train",
    "VerifyResult": "verify",
    "BenchResult": "bench",
    "bench": "bench",
    "certify": "certify",
    "demo": "demo",
    "emit": "emit",
    "experiment": "experiment",
    "flash": "flash",
    "plan": "plan",
    "report": "report",
    "run": "run",
    "sweep": "sweep",
    "synth": "synth",
    "train": "train",
    "verify": "verify",
}
__all__ = [
    "BenchResult",
    "CertifyResult",
    "Check",
    "EmitResult",
    "ExperimentResult",
    "FlashResult",
    "PlanResult",
    "RunResult",
    "SweepResult",
    "SynthResult",
    "TrainResult",
    "VerifyResult",
    "bench",
    "certify",
    "demo",
    "emit",
    "experiment",
    "flash",
    "plan",
    "report",
    "run",
    "sweep",
    "synth",
    "train",
    "verify",
]


class _Verbs(ModuleType):
    """Keeps the import system from hiding a function behind the module it lives in."""

    def __setattr__(self, name: str, value: Any) -> None:
        if not (name in _HOME and isinstance(value, ModuleType)):
            super().__setattr__(name, value)


sys.modules[__name__].__class__ = _Verbs


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f".{_HOME[name]}", __name__), name)
