"""The main job on a model that ships with the package."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import s2nn_hw
from s2nn_hw.ir import InputError

from .images import images

#: A trained MNIST network with test images beside it; in the checkout a link to examples/.
MODEL = Path(s2nn_hw.__file__).parent / "demo_model" / "model.s2nn"


def demo(
    out: str | os.PathLike[str],
    *,
    model: str | os.PathLike[str] = MODEL,
    frames: int | None = None,
    simulator: str = "verilator",
    progress: Callable[[str, int, int], None] | None = None,
) -> dict[str, Any]:
    """Golden model → Verilog and manifest → simulation → report.

    Returns the report of the build left in ``out`` (see report()), to which ``model`` and
    ``images`` are added: where they come from, and the model's provenance.
    """
    from s2nn_hw import flow

    path = Path(model)
    if not path.is_file():
        raise InputError(f"{path}: the demo's model is absent from this installation")
    network = s2nn_hw.load(path)
    chosen = images(network, model=path, frames=frames)
    flow.verify(
        network,
        chosen.frames,
        out,
        labels=chosen.labels,
        simulator=simulator,
        source=chosen.source,
        progress=progress,
    )
    return {
        "model": {"file": str(path), "provenance": network.provenance},
        "images": chosen.source,
        **flow.report(out),
    }
