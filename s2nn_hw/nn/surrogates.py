"""What stands in for the derivative of the spike, of which x = u - V_th is the argument."""

from __future__ import annotations

import dataclasses
import math
from dataclasses import dataclass
from typing import Protocol

import torch

from s2nn_hw.ir import InputError


class Surrogate(Protocol):
    """A frozen dataclass whose fields are its parameters, all positive."""

    def derivative(self, x: torch.Tensor) -> torch.Tensor:
        """d spike / dx, elementwise, never negative."""
        ...


@dataclass(frozen=True, kw_only=True)
class S2NN:
    """The S²NN surrogate (arXiv 2201.10879).

    Semantics: for x < 0 activation-based, ``alpha·σ(alpha·x)·(1 − σ(alpha·x))``; for x >= 0
    timing-based, ``beta / (x + 1)``, which never vanishes for a saturated neuron.  It is the
    derivative of ``σ(alpha·x)`` and ``beta·ln(x + 1) + 1/2``, and is continuous at 0 iff
    ``beta = alpha / 4``.
    """

    alpha: float = 4.0
    beta: float = 1.0

    def derivative(self, x: torch.Tensor) -> torch.Tensor:
        s = (self.alpha * x).sigmoid_()
        rest = 1 - s
        left = s.mul_(self.alpha).mul_(rest)
        # The clamp keeps x + 1 from 0 in the branch that is not taken.
        right = self.beta / x.clamp_min(0).add_(1)
        # What torch.where gives, to the bit, in a fifth of its time.
        return left.lerp_(right, torch.ge(x, 0, out=torch.empty_like(x)))


@dataclass(frozen=True, kw_only=True)
class Boxcar:
    """Straight-through with a window: 1 for |x| <= width, else 0."""

    width: float = 1.0

    def derivative(self, x: torch.Tensor) -> torch.Tensor:
        return (x.abs() <= self.width).to(x.dtype)


@dataclass(frozen=True, kw_only=True)
class Slayer:
    """Two-sided exponential: ``scale·exp(−rate·|x|)`` (arXiv 1810.08646)."""

    scale: float = 1.0
    rate: float = 2.0

    def derivative(self, x: torch.Tensor) -> torch.Tensor:
        return self.scale * torch.exp(-self.rate * x.abs())


@dataclass(frozen=True, kw_only=True)
class SigmoidPrime:
    """The derivative of σ(alpha·x) on both sides: ``alpha·σ(alpha·x)·(1 − σ(alpha·x))``."""

    alpha: float = 4.0

    def derivative(self, x: torch.Tensor) -> torch.Tensor:
        s = torch.sigmoid(self.alpha * x)
        return self.alpha * s * (1 - s)


@dataclass(frozen=True, kw_only=True)
class Triangle:
    """A tent of unit area: ``max(0, 1 − |x| / width) / width``."""

    width: float = 1.0

    def derivative(self, x: torch.Tensor) -> torch.Tensor:
        return x.abs().div_(-self.width).add_(1).clamp_min_(0).div_(self.width)


@dataclass(frozen=True, kw_only=True)
class BiReal:
    """Quadratic sign approximation (arXiv 1808.00278): ``2 − 2·|x|`` for |x| <= 1, else 0."""

    def derivative(self, x: torch.Tensor) -> torch.Tensor:
        return (2 - 2 * x.abs()).clamp_min(0)


#: Name on the command line → class.
SURROGATES: dict[str, type[Surrogate]] = {
    "s2nn": S2NN,
    "boxcar": Boxcar,
    "slayer": Slayer,
    "sigmoid": SigmoidPrime,
    "triangle": Triangle,
    "bireal": BiReal,
}


def surrogate(name: str, **parameters: float) -> Surrogate:
    """The surrogate of that name; parameters that it does not have are left out.

    Raises InputError for an unknown name or a parameter that is not positive and finite.
    """
    if name not in SURROGATES:
        raise InputError(f"the surrogate must be one of {', '.join(SURROGATES)}, not {name!r}")
    kind = SURROGATES[name]
    known = {field.name for field in dataclasses.fields(kind)}  # type: ignore[arg-type]
    for key, value in parameters.items():
        if not (math.isfinite(value) and value > 0):
            raise InputError(f"{key} of the surrogate must be positive, not {value!r}")
    return kind(**{key: value for key, value in parameters.items() if key in known})
