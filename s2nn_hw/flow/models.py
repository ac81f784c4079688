"""Trained models of an experiment, kept so that none is trained twice."""

from __future__ import annotations

import json
from pathlib import Path

from s2nn_hw.ir import InputError

from .folder import output_folder, refuse_foreign
from .measurement import Trained

#: Of a model's folder, the file of its facts.
_FACTS = "trained.json"


class Models:
    """A folder with a folder for each model, which is there whole or not at all.

    Parameters
    ----------
    folder: need not be there yet.
    """

    def __init__(self, folder: Path):
        self.folder = folder

    def find(self, name: str) -> Trained | None:
        """The model of that name, None if it is not there.

        Raises InputError if a file of it was changed since.
        """
        home = self.folder / name
        refuse_foreign(home)
        try:
            facts = json.loads((home / _FACTS).read_text())
            files = {file: (home / file).read_bytes() for file in facts.pop("files")}
        except FileNotFoundError:
            return None
        except OSError as error:
            raise InputError(f"{home}: cannot be read: {error.strerror}") from error
        return Trained(files=files, facts=facts)

    def keep(self, name: str, model: Trained) -> None:
        """Write one; InputError naming the folder if that cannot be."""
        with output_folder(self.folder / name) as home:
            for file, content in model.files.items():
                (home / file).write_bytes(content)
            facts = {**model.facts, "files": list(model.files)}
            (home / _FACTS).write_text(json.dumps(facts, indent=1) + "\n")
