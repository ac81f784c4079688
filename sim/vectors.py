"""What a bench plays and what it must see."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import numpy as np
import numpy.typing as npt

from s2nn_hw.ir import InputError
from s2nn_hw.manifest import Manifest

from .harness import BEATS, READY, READY_PERIOD

EXPECTED = "expected.npz"


@dataclass(frozen=True, kw_only=True, eq=False)
class Vectors:
    """Beats for a core, and the golden answers.

    Parameters
    ----------
    digest: of the manifest for which they were made; another core's is refused.
    data: uint8 (beats, bytes), each beat's TDATA, little-endian.
    last: bool (beats,), TLAST.
    waits: int64 (beats,), see harness().
    need: int64 (beats,), see harness().
    ready: bool (READY_PERIOD,), the sink's pattern.
    spikes: per probed layer or pool, its values (frames, *shape) for the frames to be answered.
    scores: int64 (frames, classes); classes: int64 (frames,).
    accepted: int64 (beats,), predicted cycles, or None to leave them unchecked.
    delivered: int64 (beats of results,), likewise.
    errors: values frame_error takes on, in order; none for whole frames.
    dump: index of the beat with which the activity dump begins, None for none.
    dump_end: index of the beat with which it ends, None for the end of the run.
    warm: of a dump with an end, index of the beat from which it is enough to play: a frame that
        is alone and leaves the core at rest.
    timeout: cycles without a handshake after which the core counts as dead.
    quiet: for how many it must stay so after the last result.
    levels: whether to see the levels of the ports in every cycle.
    watch: index of the beat from which layers are watched, see harness(), None for never.
    """

    digest: str
    data: npt.NDArray[np.uint8]
    last: npt.NDArray[np.bool_]
    waits: npt.NDArray[np.int64]
    need: npt.NDArray[np.int64]
    ready: npt.NDArray[np.bool_]
    spikes: dict[str, npt.NDArray[np.uint8]]
    scores: npt.NDArray[np.int64]
    classes: npt.NDArray[np.int64]
    accepted: npt.NDArray[np.int64] | None
    delivered: npt.NDArray[np.int64] | None
    errors: tuple[int, ...] = ()
    dump: int | None = None
    dump_end: int | None = None
    warm: int = 0
    timeout: int = 100_000
    quiet: int = 64
    levels: bool = False
    watch: int | None = None

    @property
    def cut(self) -> bool:
        """Whether the dump ends before the run does."""
        return self.dump is not None and self.dump_end is not None

    def check(self, manifest: Manifest) -> None:
        """Raise InputError unless they are this core's and hold something to run."""
        if self.digest != manifest.digest:
            raise InputError(
                f"{manifest.top}: vectors are for another build "
                f"(digest {self.digest[:12]}, not {manifest.digest[:12]})"
            )
        if len(self.data) == 0 or len(self.scores) == 0:
            raise InputError(f"{manifest.top}: the vectors must hold at least one frame, not none")
        assert len(self.ready) == READY_PERIOD
        assert len(self.data) == len(self.last) == len(self.waits) == len(self.need)

    def write(self, folder: Path) -> None:
        """Write what the harness plays, and the expectations."""
        self.write_played(folder)
        arrays = {f"spikes.{name}": spikes for name, spikes in self.spikes.items()}
        if self.accepted is not None:
            arrays["accepted"] = self.accepted
        if self.delivered is not None:
            arrays["delivered"] = self.delivered
        np.savez(
            folder / EXPECTED,
            scores=self.scores,
            classes=self.classes,
            errors=np.array(self.errors, dtype=np.int64),
            digest=np.array(self.digest),
            **arrays,
        )

    def write_played(self, folder: Path, first: int = 0) -> None:
        """Write the harness's files, with the beats from the first-th on as if none came before."""
        digits = 2 * self.data.shape[1]
        text = self.data[:, ::-1].tobytes().hex()
        need = np.maximum(self.need - self.need[first], 0)
        columns = zip(self.waits.tolist(), need.tolist(), self.last.tolist(), strict=True)
        lines = (
            f"{wait} {results} {last:d} {text[k * digits : (k + 1) * digits]}\n"
            for k, (wait, results, last) in enumerate(columns)
        )
        with (folder / BEATS).open("w") as file:
            file.writelines(islice(lines, first, None))
        (folder / READY).write_text("".join(f"{bit:d}\n" for bit in self.ready.tolist()))


@dataclass(frozen=True, kw_only=True, eq=False)
class Expected:
    """The golden side of the vectors, as the bench reads it."""

    digest: str
    spikes: dict[str, npt.NDArray[np.uint8]]
    scores: npt.NDArray[np.int64]
    classes: npt.NDArray[np.int64]
    accepted: npt.NDArray[np.int64] | None
    delivered: npt.NDArray[np.int64] | None
    errors: tuple[int, ...]

    @classmethod
    def read(cls, folder: Path) -> Expected:
        """What write() left."""
        with np.load(folder / EXPECTED, allow_pickle=False) as file:
            arrays = {name: file[name] for name in file.files}
        prefix = "spikes."
        return cls(
            digest=str(arrays["digest"]),
            spikes={k[len(prefix) :]: v for k, v in arrays.items() if k.startswith(prefix)},
            scores=arrays["scores"],
            classes=arrays["classes"],
            accepted=arrays.get("accepted"),
            delivered=arrays.get("delivered"),
            errors=tuple(arrays["errors"].tolist()),
        )
