"""Has the core grown slower or busier than an earlier result says?"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from s2nn_hw import schema
from s2nn_hw.ir import InputError

from .check import Check

#: Beside a verification, that which it was compared with.
BASELINE = "baseline.json"

#: What must be alike for cycles and toggles to be comparable, and so is named when it is not.
#: The network's digest is not among it: to compare across a retraining is what a baseline is for.
_CONTEXT = ("simulator", "frames", "stall")
#: What may not grow; a single frame has no interval.
_MEASURES = ("latency_cycles.mean", "interval_cycles.mean", "toggles_per_frame")
_ALWAYS = ("latency_cycles.mean", "toggles_per_frame")


def tolerance(text: str) -> float:
    """The fraction in ``5%`` or ``5``: growth that is still accepted."""
    try:
        value = float(text.strip().removesuffix("%"))
    except ValueError:
        value = math.nan
    if not math.isfinite(value) or value < 0:
        raise InputError(f"tolerance must be a percentage, 0 or more, not {text!r}")
    return value / 100


def read(path: Path) -> dict[str, Any]:
    """An earlier ``verify.json``, of a verification that passed."""
    try:
        data = json.loads(path.read_text())
    except OSError as error:
        raise InputError(f"{path}: baseline cannot be read: {error.strerror}") from error
    except ValueError as error:
        reason = error if isinstance(error, json.JSONDecodeError) else "it is not text"
        raise InputError(f"{path}: baseline is not JSON: {reason}") from error
    if not isinstance(data, dict) or "interval_cycles" not in data:
        raise InputError(f"{path}: not the result of a verification")
    schema.VERIFY.check(data, path)
    if data.get("passed") is not True:
        raise InputError(f"{path}: baseline must be of a verification that passed")
    if _images(data) is None:
        raise InputError(f"{path}: baseline has no images.digest to compare with")
    for name in _ALWAYS:
        if _number(data, name) is None:
            raise InputError(f"{path}: baseline has no {name} to compare with")
    layers = data.get("layers")
    if not isinstance(layers, list) or not all(
        isinstance(layer, dict) and "name" in layer for layer in layers
    ):
        raise InputError(f"{path}: baseline has no layers to compare with")
    return data


def comparable(
    context: Mapping[str, Any], baseline: Mapping[str, Any], name: str = "baseline"
) -> None:
    """Raise InputError, naming the first difference, where cycles and toggles cannot be compared.

    The two must be alike in simulator, number of frames, images, stalls, whether there are
    counters, and in layers with their engines and lanes; ``context`` is a result, or as much of it
    as is known before the simulation.
    """
    keys = [*_CONTEXT, *(("seed",) if context.get("stall") != "none" else ())]
    for key in keys:
        _same(name, key, context.get(key), baseline.get(key))
    _same(name, "counters", bool(context.get("counters")), bool(baseline.get("counters")))
    if _images(context) != _images(baseline):
        ours, theirs = (side["images"].get("source") for side in (context, baseline))
        raise InputError(
            f"{name}: not comparable: it is of other images (from {theirs!r}, here from {ours!r})"
        )
    ours = {layer["name"]: layer for layer in context["layers"]}
    theirs = {layer["name"]: layer for layer in baseline["layers"]}
    _same(name, "layers", list(ours), list(theirs))
    for layer, entry in ours.items():
        for key in ("engine", "lanes"):
            _same(name, f"{key} of layer {layer!r}", entry.get(key), theirs[layer].get(key))


def compare(
    result: Mapping[str, Any], baseline: Mapping[str, Any], allowed: float, name: str = "baseline"
) -> tuple[Check, ...]:
    """One check per measure: it did not grow beyond the fraction ``allowed``.

    Compared are the mean latency, the mean interval (unless neither has one), the toggles per frame
    of the core and of each layer.  Raises InputError where the two are not comparable().
    """
    return tuple(_grown(*pair, allowed) for pair in _pairs(result, baseline, name))


def growth(
    result: Mapping[str, Any], baseline: Mapping[str, Any], name: str = "baseline"
) -> dict[str, tuple[float, float]]:
    """Measure → before and now, of those that grew; see compare()."""
    found = _pairs(result, baseline, name)
    return {
        measure: (old, new)
        for measure, new, old in found
        if new is not None and old is not None and new > old
    }


def _pairs(
    result: Mapping[str, Any], baseline: Mapping[str, Any], name: str
) -> Iterator[tuple[str, float | None, float | None]]:
    """Measure, now and before."""
    comparable(result, baseline, name)
    for measure in _MEASURES:
        new, old = _number(result, measure), _number(baseline, measure)
        if measure in _ALWAYS or (new, old) != (None, None):
            yield measure, new, old
    before = {layer["name"]: layer for layer in baseline["layers"]}
    for layer in result["layers"]:
        new, old = (_number(x, "toggles_per_frame") for x in (layer, before[layer["name"]]))
        yield f"toggles_per_frame of {layer['name']}", new, old


def _grown(measure: str, new: float | None, old: float | None, allowed: float) -> Check:
    name = f"baseline {measure}"
    if new is None or old is None:
        where = " and ".join(
            side for side, value in (("result", new), ("baseline", old)) if value is None
        )
        return Check(name=name, passed=False, detail=f"absent in the {where}")
    growth = (new - old) / old if old else math.inf if new else 0.0
    # The comparison is by product: a growth of exactly the tolerance passes, whatever its rounding.
    passed = new <= old * (1 + allowed) or math.isclose(new, old * (1 + allowed), rel_tol=1e-12)
    return Check(
        name=name,
        passed=passed,
        detail=f"{old:g} → {new:g} ({growth:+.2%}, allowed +{allowed:.2%})",
    )


def _same(name: str, what: str, ours: object, theirs: object) -> None:
    if ours != theirs:
        raise InputError(f"{name}: not comparable: its {what} is {theirs!r}, here {ours!r}")


def _images(data: Mapping[str, Any]) -> str | None:
    """Digest of the frames."""
    images = data.get("images")
    digest = images.get("digest") if isinstance(images, Mapping) else None
    return digest if isinstance(digest, str) else None


def _number(data: Mapping[str, Any], path: str) -> float | None:
    value: Any = data
    for key in path.split("."):
        value = value.get(key) if isinstance(value, Mapping) else None
    return None if isinstance(value, bool) or not isinstance(value, int | float) else value
