"""The checking of a layer's proof; see the package for what is to hold."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from s2nn_hw.ir import Conv2d, Layer

from .pipeline import Pipeline, ProofError, Table

#: Signals of a cut, at the most: all their values are tried.
MOST = 20

#: Factor of an identity's term: its sums stay far from what their numbers can hold.
GREATEST = 1 << 40

_Bits = npt.NDArray[np.int64]


@dataclass(frozen=True, kw_only=True)
class Checked:
    """What was checked of a layer.

    Parameters
    ----------
    layer: its name.
    neurons: proved, each.
    tables: of the pipeline.
    identities: that hold, each tried on all values at its cut, ``assignments`` in all.
    """

    layer: str
    neurons: int
    tables: int
    identities: int
    assignments: int


def check(
    layer: Layer, planes: Sequence[int], claims: Mapping[str, Any], pipeline: Pipeline
) -> Checked:
    """Check the claims of a layer; ProofError says what does not hold.

    planes: bits of a value, of each of its projections.
    """
    rows = _weights(layer, planes)
    if rows.shape[1] != pipeline.inputs:
        raise ProofError(f"takes {pipeline.inputs} bits, not {rows.shape[1]}")
    proof = _Proof(pipeline, claims)
    for number in range(len(proof.identities)):
        proof.identity(number)
    if len(claims["neurons"]) != layer.neurons:
        raise ProofError(f"has proofs of {len(claims['neurons'])} neurons, not {layer.neurons}")
    expected: list[int] = []
    for j, (row, neuron) in enumerate(zip(rows, claims["neurons"], strict=True)):
        threshold = None if layer.thresholds is None else int(layer.thresholds[j])
        proof.neuron(j, [int(w) for w in row], threshold, neuron)
        expected += neuron["outputs"] if threshold is None else neuron["outputs"][-1:]
    _compare(pipeline, expected, claims["stages"])
    return Checked(
        layer=layer.name,
        neurons=layer.neurons,
        tables=len(pipeline.tables),
        identities=len(proof.identities),
        assignments=proof.assignments,
    )


def _weights(layer: Layer, planes: Sequence[int]) -> npt.NDArray[np.int64]:
    """A layer's weights, (neurons, bits of its windows)."""
    columns = []
    for projection, bits in zip(layer.projections, planes, strict=True):
        groups = projection.groups if isinstance(projection, Conv2d) else 1
        own = projection.weights.reshape(layer.neurons, -1).astype(np.int64)
        whole = np.zeros((groups, layer.neurons // groups, groups, own.shape[1]), np.int64)
        for g in range(groups):
            whole[g, :, g] = own.reshape(groups, -1, own.shape[1])[g]
        columns += [whole.reshape(layer.neurons, -1) << b for b in range(bits)]
    return np.concatenate(columns, axis=1)


def _compare(pipeline: Pipeline, expected: Sequence[int], stages: int) -> None:
    """That the outputs are the proved literals, so many cycles behind the inputs."""
    if len(pipeline.outputs) != len(expected):
        raise ProofError(f"has {len(pipeline.outputs)} outputs, not {len(expected)}")
    for k, ((literal, cycle), wanted) in enumerate(zip(pipeline.outputs, expected, strict=True)):
        if literal != wanted:
            raise ProofError(f"output {k} is another signal than the one that was proved")
        if literal > 1 and cycle != stages:
            raise ProofError(f"output {k} comes after {cycle} cycles, not {stages}")


class _Proof:
    """Identities and neurons over the tables of a pipeline, and helpers."""

    def __init__(self, pipeline: Pipeline, claims: Mapping[str, Any]):
        self.tables = dict(pipeline.tables)
        self.inputs = pipeline.inputs
        for signal, inputs, values in claims["helpers"]:
            if signal in self.tables or signal <= self.inputs:
                raise ProofError(f"helper {signal} has another signal's number")
            if any(source >= signal for source in inputs):
                raise ProofError(f"helper {signal} is not defined by signals before it")
            self.tables[signal] = Table(tuple(inputs), int(values, 16))
        self.identities: list[dict[str, Any]] = claims["identities"]
        self.assignments = 0

    def identity(self, number: int) -> None:
        """That one is 0 on all values at its cut."""
        claim = self.identities[number]
        given = self._all(claim["cut"], f"identity {number}")
        total: _Bits = np.zeros(1 << len(given), np.int64)
        for signal, factor in claim["terms"]:
            if abs(factor) > GREATEST:
                raise ProofError(f"identity {number} has a factor beyond {GREATEST:,}")
            total = total + factor * (1 if signal == 0 else self._value(signal, given))
        if total.any():
            signals = ", ".join(str(signal) for signal, _ in claim["terms"] if signal)
            raise ProofError(f"identity {number} of signals {signals} does not hold")

    def neuron(
        self, j: int, weights: Sequence[int], threshold: int | None, claim: Mapping[str, Any]
    ) -> None:
        """That its outputs are what they are to be, for all inputs."""
        low = sum(w for w in weights if w < 0)
        high = sum(w for w in weights if w > 0)
        outputs, constant = claim["outputs"], claim["constant"]
        if threshold is not None and not low < threshold <= high:
            if outputs != [int(threshold <= low)]:
                raise ProofError(f"neuron {j}: fires always or never, and is not said to")
            return
        form = Counter({1 + k: w for k, w in enumerate(weights)})
        form[0] = constant
        for number, factor in claim["uses"]:
            for signal, own in self.identities[number]["terms"]:
                form[signal] -= factor * own
        below = len(outputs) - 1
        for place, literal in enumerate(outputs[:-1]):
            _subtract(form, literal, 1 << place)
        if any(factor % (1 << below) for factor in form.values()):
            raise ProofError(f"neuron {j}: its identities do not lead from weights to outputs")
        if threshold is None:
            top, fits = below, constant == 0 and -(1 << below) <= low and high < 1 << below
        else:
            top = (constant + threshold).bit_length() - 1
            fits = constant + threshold == 1 << top and top >= below
            fits = fits and low + constant >= 0 and high + constant < 2 << top
        if not fits:
            raise ProofError(f"neuron {j}: its sum does not fit the bits that are claimed")

        given = self._all(claim["cut"], f"neuron {j}")
        rest: _Bits = np.zeros(1 << len(given), np.int64)
        for signal, factor in form.items():
            # Beyond the bit that is wanted nothing counts.
            if factor % (2 << top):
                value = 1 if signal == 0 else self._value(signal, given)
                rest = rest + factor % (2 << top) * value
        last = outputs[-1]
        found = (self._value(last >> 1, given) if last > 1 else 0) ^ (last & 1)
        if ((rest >> top & 1) != found).any():
            raise ProofError(f"neuron {j}: its last output is not the bit that it should be")

    def _all(self, cut: Sequence[int], where: str) -> dict[int, _Bits]:
        """All values of some signals at once, one assignment an element."""
        if len(cut) > MOST or len(set(cut)) < len(cut) or min(cut, default=1) < 1:
            raise ProofError(f"{where}: its cut is not up to {MOST} different signals")
        self.assignments += 1 << len(cut)
        count = np.arange(1 << len(cut), dtype=np.int64)
        return {signal: count >> k & 1 for k, signal in enumerate(cut)}

    def _value(self, signal: int, given: dict[int, _Bits]) -> _Bits:
        """A signal's values; what is found on the way is added."""
        if signal not in given:
            if signal not in self.tables:
                raise ProofError(f"signal {signal} does not follow from what is tried")
            table = self.tables[signal]
            index: _Bits = np.zeros(len(next(iter(given.values()), np.zeros(1))), np.int64)
            for k, source in enumerate(table.inputs):
                index = index | (self._value(source, given) if source else 0) << k
            bits = np.array([table.values >> m & 1 for m in range(1 << len(table.inputs))])
            given[signal] = bits[index]
        return given[signal]


def _subtract(form: Counter[int], literal: int, factor: int) -> None:
    """Take factor · literal from a form."""
    if literal & 1:
        form[0] -= factor
        factor = -factor
    if literal > 1:
        form[literal >> 1] -= factor
