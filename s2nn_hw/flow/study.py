"""Trials in one SQLite file, which outlives whoever works on them."""

from __future__ import annotations

import fcntl
import json
import os
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from s2nn_hw.ir import InputError

if TYPE_CHECKING:
    import optuna

#: Of a trial's attributes, its result, and why it has none.
RESULT = "result"
ERROR = "error"


@contextmanager
def held(folder: Path, kind: str = "sweep") -> Iterator[None]:
    """Keep others from working on a folder's study; InputError if somebody does.

    kind: what the study is of.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock = os.open(folder / f".{kind}.lock", os.O_RDWR | os.O_CREAT, 0o644)
    except OSError as error:
        raise InputError(f"{folder}: cannot be written: {error.strerror}") from error
    try:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise InputError(f"{folder}: another {kind} is at work there") from error
        yield
    finally:
        os.close(lock)


@dataclass(frozen=True, kw_only=True)
class Trial:
    """A trial of a study: the storage's key of it, and its parameters."""

    key: int
    params: Mapping[str, Any]


#: Of an objective.
Direction = Literal["maximize", "minimize"]


class Study:
    """An optuna study whose trials are a list.

    A trial waits, runs, and is complete or failed.  What was running when its sweep ended waits
    again, so that none is lost, and so does what was put off; what is complete or failed is never
    run again.  Nobody else works on it meanwhile, see held(), so what waits need not be looked for.

    Parameters
    ----------
    folder: in which the file is, ``KIND.db``.
    definition: JSON of all that the sweep is about; another's file is refused, if it has a trial.
    directions: objective → ``maximize`` or ``minimize``.
    kind: of what the trials are.

    Raises InputError naming the file.
    """

    def __init__(
        self,
        folder: Path,
        definition: Mapping[str, Any],
        directions: Mapping[str, Direction],
        kind: str = "sweep",
    ):
        import optuna
        from optuna.trial import TrialState

        optuna.logging.set_verbosity(optuna.logging.WARNING)
        self.path = folder / f"{kind}.db"
        self.objectives = tuple(directions)
        self._waiting: deque[Trial] = deque()
        with self._errors():
            self._storage = optuna.storages.RDBStorage(f"sqlite:///{self.path}")
            self._clear()
            self._study = optuna.create_study(
                storage=self._storage,
                study_name=kind,
                directions=list(directions.values()),
                load_if_exists=True,
            )
            self._key = self._storage.get_study_id_from_name(kind)
            text = json.dumps(definition, sort_keys=True)
            known = self._study.user_attrs.get("definition")
            if known is None:
                self._study.set_user_attr("definition", text)
                self._study.set_user_attr("objectives", list(directions))
            elif known != text:
                raise InputError(
                    f"{self.path}: is of another {kind} ({_unlike(known, definition)}); "
                    "name another folder"
                )
            for trial in self._trials():
                if trial.state is TrialState.RUNNING:
                    self._storage.set_trial_state_values(trial._trial_id, TrialState.WAITING)
                if not trial.state.is_finished():
                    self._waiting.append(Trial(key=trial._trial_id, params=trial.params))

    @property
    def ended(self) -> bool:
        """Whether all trials are known and have an end."""
        return not self._waiting and self.entered

    @property
    def entered(self) -> bool:
        """Whether all trials are known."""
        with self._errors():
            return bool(self._study.user_attrs.get("entered"))

    def enter(
        self, space: Mapping[str, Sequence[Any]], trials: Sequence[Mapping[str, Any]]
    ) -> None:
        """Have those wait that are not there yet; ``space``: parameter → all its values."""
        import optuna
        from optuna.trial import TrialState

        distributions: dict[str, optuna.distributions.BaseDistribution] = {
            name: optuna.distributions.CategoricalDistribution(tuple(values))
            for name, values in space.items()
        }
        with self._errors():
            there = {json.dumps(trial.params, sort_keys=True) for trial in self._trials()}
            for params in trials:
                if json.dumps(params, sort_keys=True) in there:
                    continue
                waits = optuna.trial.create_trial(
                    state=TrialState.WAITING,
                    params=dict(params),
                    distributions=distributions,
                )
                key = self._storage.create_new_trial(self._key, waits)
                self._waiting.append(Trial(key=key, params=params))
            self._study.set_user_attr("entered", True)

    def next(self) -> Trial | None:
        """A trial that waits, which runs from now on; None if none does."""
        from optuna.trial import TrialState

        if not self._waiting:
            return None
        with self._errors():
            trial = self._waiting.popleft()
            self._storage.set_trial_state_values(trial.key, TrialState.RUNNING)
            return trial

    def complete(self, trial: Trial, result: Mapping[str, Any]) -> None:
        """It has a result, in which the objectives are."""
        from optuna.trial import TrialState

        values = [float(result[name]) for name in self.objectives]
        with self._errors():
            self._storage.set_trial_user_attr(trial.key, RESULT, dict(result))
            self._storage.set_trial_state_values(trial.key, TrialState.COMPLETE, values)

    def fail(self, trial: Trial, why: str) -> None:
        """It has none."""
        from optuna.trial import TrialState

        with self._errors():
            self._storage.set_trial_user_attr(trial.key, ERROR, why)
            self._storage.set_trial_state_values(trial.key, TrialState.FAIL)

    def put_off(self, trial: Trial, why: str) -> None:
        """It has none yet, and waits for whoever opens the study next."""
        from optuna.trial import TrialState

        with self._errors():
            self._storage.set_trial_user_attr(trial.key, ERROR, why)
            self._storage.set_trial_state_values(trial.key, TrialState.WAITING)

    def rows(self) -> list[dict[str, Any]]:
        """Of every trial number, parameters, state, and its result or error."""
        with self._errors():
            return [
                {
                    "number": trial.number,
                    **trial.params,
                    "state": trial.state.name.lower(),
                    **trial.user_attrs.get(RESULT, {}),
                    "error": None if RESULT in trial.user_attrs else trial.user_attrs.get(ERROR),
                }
                for trial in self._trials()
            ]

    def _clear(self) -> None:
        """Take away a study without trials, of a sweep that ended before it had any."""
        for known in self._storage.get_all_studies():
            if not self._storage.get_all_trials(known._study_id, deepcopy=False):
                self._storage.delete_study(known._study_id)

    def _trials(self) -> list[optuna.trial.FrozenTrial]:
        return self._storage.get_all_trials(self._key, deepcopy=False)

    @contextmanager
    def _errors(self) -> Iterator[None]:
        """Turn what goes wrong with the file into a sentence; what is in it stays."""
        from optuna.exceptions import StorageInternalError
        from sqlalchemy.exc import SQLAlchemyError

        try:
            yield
        except (StorageInternalError, SQLAlchemyError) as error:
            # What SQLite said, without what others made of it.
            cause: BaseException = error
            while (inner := getattr(cause, "orig", None) or cause.__cause__) is not None:
                cause = inner
            raise InputError(
                f"{self.path}: cannot be used: {str(cause).splitlines()[0]}; what is in it is kept"
            ) from error


def _unlike(known: str, definition: Mapping[str, Any]) -> str:
    """Names of what is another."""
    before = json.loads(known)
    names = sorted(set(before) | set(definition))
    return ", ".join(n for n in names if before.get(n) != definition.get(n))
