"""What is known of a build."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import s2nn_hw.report


def report(folder: str | os.PathLike[str]) -> dict[str, Any]:
    """The fields of ``s2nn_hw.report.BuildReport``, ready for JSON.

    Raises InputError naming the file of the folder that is absent, foreign, changed, or of
    another build.
    """
    return s2nn_hw.report.read(Path(folder)).as_dict()
