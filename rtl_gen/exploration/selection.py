"""One candidate of each layer, so that all fit a device together and take the least of it."""

from collections.abc import Mapping, Sequence

import numpy as np
from scipy.optimize import Bounds, LinearConstraint, milp

from .candidates import Candidate, Scenario


class InfeasibleError(Exception):
    """There is no choice that fits."""


def select(
    scenario: Scenario,
    room: Mapping[str, float],
    capacity: Mapping[str, int],
    *,
    cycles: float,
    together: bool = False,
) -> tuple[Candidate, ...]:
    """The choice that takes the smallest share of a device.

    Parameters
    ----------
    room: resource → how much of it the layers may take.
    capacity: of the device, see share().
    cycles: that no layer may need more of, or if ``together`` all of them in a row.

    Raises InfeasibleError.
    """
    groups = [[c for c in group if c.cycles <= cycles] for group in scenario.choices.values()]
    if not all(groups):
        raise InfeasibleError
    flat = [candidate for group in groups for candidate in group]
    of_group = np.repeat(np.arange(len(groups)), [len(group) for group in groups])
    one_each = (of_group == np.arange(len(groups))[:, None]).astype(float)
    used = np.array([[c.used.get(name, 0.0) for c in flat] for name in room])
    constraints = [
        LinearConstraint(one_each, 1, 1),
        LinearConstraint(used, -np.inf, list(room.values())),
    ]
    if together:
        constraints.append(LinearConstraint([[c.cycles for c in flat]], -np.inf, cycles))
    found = milp(
        [share(c.used, capacity) for c in flat],
        integrality=np.ones(len(flat)),
        bounds=Bounds(0, 1),
        constraints=constraints,
    )
    if found.x is None:
        raise InfeasibleError
    return tuple(flat[k] for k in np.flatnonzero(found.x > 0.5))


def share(used: Mapping[str, float], capacity: Mapping[str, int]) -> float:
    """Of a device: the mean over its resources of what is used of each by what there is."""
    shares = [units / capacity[name] for name, units in used.items() if capacity.get(name, 0) > 0]
    return sum(shares) / len(shares)


def total(chosen: Sequence[Candidate], scenario: Scenario) -> dict[str, float]:
    """What a choice takes."""
    used = dict(scenario.ports)
    for candidate in chosen:
        for name, units in candidate.used.items():
            used[name] = used.get(name, 0.0) + units
    return used
