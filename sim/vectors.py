"""What goes into a core in a simulation: beats, pauses, and how many results are due."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from s2nn_hw.ir import InputError
from s2nn_hw.manifest import Manifest

#: The sink's ready pattern repeats after so many cycles; the harness holds one period.
PERIOD = 4096

_FILE = "vectors.npz"


@dataclass(frozen=True, kw_only=True, eq=False)
class Vectors:
    """Everything the harness needs, beat by beat, for one core.

    Semantics, in cycles (clock edges since reset, the first is 0): a beat is offered
    ``1 + wait`` cycles after the beat before it was accepted, the very first at cycle ``wait``.
    With ``gate`` ≥ 0 it is offered ``1 + settle + wait`` cycles after both the beat before it and
    output beat number ``gate - 1`` were accepted: so frames run alone.  The sink takes a beat in
    cycle c iff ``ready[c % PERIOD]``.

    Parameters
    ----------
    manifest: digest of the core they were made for; another core refuses them.
    data: uint8 (n, tdata bytes), little-endian, as InputPort.pack() makes them.
    last: bool (n,), TLAST.
    waits: int64 (n,).
    gates: int64 (n,), -1 where the beat waits for no result.
    clear: bool (n,), ``frame_error_clear`` is 1 while the beat is offered.
    ready: bool (PERIOD,).
    results: whole results due; 0 is allowed only where every frame is malformed.
    settle: see above; counts for every gated beat.
    quiet: cycles for which the harness looks on after the last result, for one too many.
    limit: cycles without an accepted beat after which the core counts as hung.
    mark: index of the beat from whose offering on toggles are counted, to the last result.
    """

    manifest: str
    data: npt.NDArray[np.uint8]
    last: npt.NDArray[np.bool_]
    waits: npt.NDArray[np.int64]
    gates: npt.NDArray[np.int64]
    clear: npt.NDArray[np.bool_]
    ready: npt.NDArray[np.bool_]
    results: int
    settle: int = 16
    quiet: int = 256
    limit: int = 20_000
    mark: int = 0

    def __post_init__(self) -> None:
        n = len(self.data)
        if n == 0:
            raise InputError("vectors must hold at least one beat")
        for name in ("last", "waits", "gates", "clear"):
            if len(getattr(self, name)) != n:
                raise InputError(f"vectors: {name} must have {n} entries, one a beat")
        if len(self.ready) != PERIOD or not self.ready.any():
            raise InputError(f"vectors: ready must have {PERIOD} entries, not all of them 0")
        if self.waits.min() < 0 or not 0 <= self.mark < n or self.results < 0:
            raise InputError("vectors: waits, mark and results must not be negative")

    @property
    def digest(self) -> str:
        """SHA-256 of everything, the manifest's digest among it."""
        state = hashlib.sha256()
        for field in fields(self):
            value = getattr(self, field.name)
            if isinstance(value, np.ndarray):
                state.update(f"{field.name} {value.shape} {value.dtype}\n".encode())
                state.update(np.ascontiguousarray(value).tobytes())
            else:
                state.update(f"{field.name} {value}\n".encode())
        return state.hexdigest()

    def check(self, manifest: Manifest) -> None:
        """Refuse vectors made for another core."""
        if self.manifest != manifest.digest:
            raise InputError(
                f"vectors were made for core {self.manifest[:12]}, not for {manifest.digest[:12]}"
            )
        if self.data.shape[1] * 8 != manifest.input.tdata_bits:
            raise InputError("vectors: beats must be as wide as the core's s_axis_tdata")

    def write(self, folder: Path) -> None:
        """Leave them in a folder."""
        arrays: dict[str, Any] = {f.name: getattr(self, f.name) for f in fields(self)}
        np.savez(folder / _FILE, digest=self.digest, **arrays)

    @classmethod
    def read(cls, folder: Path) -> Vectors:
        """What write() left; InputError if it was changed."""
        with np.load(folder / _FILE, allow_pickle=False) as found:
            values = {name: found[name] for name in found.files}
        digest = str(values.pop("digest"))
        vectors = cls(
            **{name: value.item() if value.ndim == 0 else value for name, value in values.items()}
        )
        if vectors.digest != digest:
            raise InputError(f"{folder / _FILE}: was changed since it was written")
        return vectors


def frames_to_vectors(
    manifest: Manifest,
    frames: npt.NDArray[np.uint8],
    *,
    waits: npt.NDArray[np.int64] | None = None,
    alone: npt.NDArray[np.bool_] | None = None,
    ready: npt.NDArray[np.bool_] | None = None,
    mark_frame: int = 0,
    **options: int,
) -> Vectors:
    """Vectors for whole frames.

    Parameters
    ----------
    frames: uint8 (n, pixels or any shape of as many).
    waits: int64 (n, beats); none by default.
    alone: bool (n,): such a frame begins only after every earlier result was taken.
    ready: bool (PERIOD,); always by default.
    mark_frame: the frame from which toggles are counted.
    options: settle, quiet, limit.
    """
    n, beats = len(frames), manifest.input.beats
    if n == 0:
        raise InputError("a simulation needs at least one frame")
    last = np.zeros((n, beats), np.bool_)
    last[:, -1] = True
    gates = np.full((n, beats), -1, np.int64)
    if alone is not None:
        first = np.arange(n, dtype=np.int64) * manifest.output.beats
        # Nothing comes before the first frame.
        gates[1:, 0] = np.where(alone, first, -1)[1:]
    return Vectors(
        manifest=manifest.digest,
        data=manifest.input.pack(frames).reshape(n * beats, -1),
        last=last.reshape(-1),
        waits=np.zeros(n * beats, np.int64) if waits is None else waits.reshape(-1),
        gates=gates.reshape(-1),
        clear=np.zeros(n * beats, np.bool_),
        ready=np.ones(PERIOD, np.bool_) if ready is None else ready,
        results=n,
        mark=mark_frame * beats,
        **options,
    )


def malformed(
    manifest: Manifest, frames: npt.NDArray[np.uint8], lengths: npt.NDArray[np.int64]
) -> Vectors:
    """Vectors in which frame f has ``lengths[f]`` beats before and with its TLAST.

    Fewer beats than the port's make an early TLAST, more (the frame's beats over again) a late one;
    results are due for the others alone.
    """
    beats = manifest.input.beats
    whole = frames_to_vectors(manifest, frames)
    packed = whole.data.reshape(len(frames), beats, -1)
    if len(lengths) != len(frames) or min(lengths) < 1:
        raise InputError("lengths must name at least one beat for every frame")
    data = np.concatenate([packed[f][np.arange(k) % beats] for f, k in enumerate(lengths)])
    last = np.zeros(len(data), np.bool_)
    last[np.cumsum(lengths) - 1] = True
    n = len(data)
    return replace(
        whole,
        data=data,
        last=last,
        waits=np.zeros(n, np.int64),
        gates=np.full(n, -1, np.int64),
        clear=np.zeros(n, np.bool_),
        results=int((np.asarray(lengths) == beats).sum()),
    )
