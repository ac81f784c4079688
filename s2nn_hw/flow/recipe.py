"""What a training writes of itself: all that is needed to do it again."""

from __future__ import annotations

import platform
import shlex
from typing import Any

import numpy as np
import torch

import s2nn_hw
from s2nn_hw.datasets import Dataset


def facts(set_: Dataset, options: dict[str, Any], found: dict[str, Any]) -> dict[str, Any]:
    """Provenance: data, options, versions, and ``found``, how good the network is."""
    return {
        "command": command(set_.name, options),
        "dataset": set_.name,
        "data_title": set_.title or set_.name,
        "data_digest": set_.digest(),
        "options": options,
        **found,
        "test_images": len(set_.test_images),
        "versions": {
            "s2nn-hw": s2nn_hw.__version__,
            "torch": torch.__version__,
            "numpy": np.__version__,
            "python": platform.python_version(),
        },
    }


def command(name: str, options: dict[str, Any]) -> str:
    """The command line of these options, every one of them written out, but for the folders."""
    words = ["s2nn-hw", "train", name]
    for key, value in options.items():
        if value is None or value is False:
            continue
        words.append("--" + key.replace("_", "-"))
        if value is True:
            continue
        words += [str(v) for v in value] if isinstance(value, list) else [str(value)]
    return shlex.join(words)


def script(line: str, name: str) -> str:
    """A shell script, called ``name``, of a command line that lacks the folder."""
    return (
        "#!/bin/sh\n"
        "# Trains this model again, into the folder given.\n"
        f'exec {line} -o "${{1:?usage: {name} FOLDER}}"\n'
    )
