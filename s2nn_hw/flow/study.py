"""The trials of a sweep in one SQLite file, which outlives whoever works on them."""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from s2nn_hw.ir import InputError

if TYPE_CHECKING:
    import optuna

FILE = "sweep.db"
_NAME = "sweep"
_LOCK = ".sweep.lock"

#: Of a trial's attributes, its result, and why it has none.
RESULT = "result"
ERROR = "error"


@contextmanager
def held(folder: Path) -> Iterator[None]:
    """Keep others from working on a folder's study; InputError if somebody does."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock = os.open(folder / _LOCK, os.O_RDWR | os.O_CREAT, 0o644)
    except OSError as error:
        raise InputError(f"{folder}: cannot be written: {error.strerror}") from error
    try:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise InputError(f"{folder}: another sweep is at work there") from error
        yield
    finally:
        os.close(lock)


class Study:
    """An optuna study whose trials are known from the start.

    A trial waits, runs, and is complete or failed.  What was running when its sweep ended waits
    again, so that none is lost; what is complete or failed is never run again.

    Parameters
    ----------
    folder: in which the file is.
    definition: JSON of all that the sweep is about; another's file is refused.
    directions: objective → ``maximize`` or ``minimize``.
    space: parameter → its values; trials: of these, one each.

    Raises InputError naming the file.
    """

    def __init__(
        self,
        folder: Path,
        definition: Mapping[str, Any],
        directions: Mapping[str, str],
        space: Mapping[str, Sequence[Any]],
        trials: Sequence[Mapping[str, Any]],
    ):
        import optuna

        optuna.logging.set_verbosity(optuna.logging.WARNING)
        self.path = folder / FILE
        self.objectives = tuple(directions)
        self._space = {
            name: optuna.distributions.CategoricalDistribution(tuple(values))
            for name, values in space.items()
        }
        with self._errors():
            self._study = optuna.create_study(
                storage=f"sqlite:///{self.path}",
                study_name=_NAME,
                directions=list(directions.values()),
                load_if_exists=True,
            )
            text = json.dumps(definition, sort_keys=True)
            known = self._study.user_attrs.get("definition")
            if known is None:
                self._study.set_user_attr("definition", text)
                self._study.set_user_attr("objectives", list(directions))
            elif known != text:
                raise InputError(
                    f"{self.path}: is of another sweep ({_unlike(known, definition)}); "
                    "name another folder"
                )
            self._begin(trials)

    def _begin(self, trials: Sequence[Mapping[str, Any]]) -> None:
        """Let what nobody works on wait, and what is not there yet."""
        from optuna.trial import TrialState

        there = set()
        for trial in self._study.get_trials(deepcopy=False):
            fixed = trial.system_attrs.get("fixed_params", trial.params)
            there.add(json.dumps(fixed, sort_keys=True))
            if trial.state is TrialState.RUNNING:
                storage = self._study._storage
                storage.set_trial_state_values(trial._trial_id, TrialState.WAITING)
        for wanted in trials:
            if json.dumps(wanted, sort_keys=True) not in there:
                self._study.enqueue_trial(dict(wanted))

    def next(self) -> optuna.Trial | None:
        """A trial that waits, which runs from now on; None if none does."""
        from optuna.trial import TrialState

        with self._errors():
            waiting = self._study.get_trials(deepcopy=False, states=(TrialState.WAITING,))
            return self._study.ask(fixed_distributions=self._space) if waiting else None

    def complete(self, trial: optuna.Trial, result: Mapping[str, Any]) -> None:
        """It has a result, in which the objectives are."""
        with self._errors():
            trial.set_user_attr(RESULT, dict(result))
            self._study.tell(trial, [float(result[name]) for name in self.objectives])

    def fail(self, trial: optuna.Trial, why: str) -> None:
        """It has none."""
        from optuna.trial import TrialState

        with self._errors():
            trial.set_user_attr(ERROR, why)
            self._study.tell(trial, state=TrialState.FAIL)

    def rows(self) -> list[dict[str, Any]]:
        """Of every trial number, parameters, state, and its result or error."""
        with self._errors():
            return [
                {
                    "number": trial.number,
                    **(trial.params or trial.system_attrs.get("fixed_params", {})),
                    "state": trial.state.name.lower(),
                    **trial.user_attrs.get(RESULT, {}),
                    "error": trial.user_attrs.get(ERROR),
                }
                for trial in self._study.get_trials(deepcopy=False)
            ]

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
