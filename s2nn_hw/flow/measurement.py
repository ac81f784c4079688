"""What a worker does for an experiment: train a network, and measure what comes of it."""

from __future__ import annotations

import dataclasses
import importlib.metadata
import tempfile
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

import s2nn_hw
from s2nn_hw import energy
from s2nn_hw.ir import InputError, Network

from . import planfile
from .emit import planned, values

if TYPE_CHECKING:
    from s2nn_hw.datasets import Dataset

#: Images of each split that a rehearsal is of, beside one of the last class.
_FEW = 64
#: Frames that the golden model is given at once.
_BATCH = 250

#: Of our package, the files that decide what a network learns.
_TRAINING = (
    *("datasets/", "golden/", "ir/", "lowering/", "nn/"),
    *("flow/train.py", "flow/neurons.py"),
)

#: torch's generator and its threads are the whole process's.
_ALONE = threading.Lock()


@dataclass(frozen=True, kw_only=True)
class Job:
    """What is to be trained, and how it is measured.

    Parameters
    ----------
    data, folder: name of the data set, and its folder, None for the usual one.
    options: of train(), the seed among them.
    device, board, core, frames, clock, simulator: see Configuration.
    measured, netlist: whether its seed is of those of the Configuration.
    versions: of what trains, see versions().
    """

    data: str
    folder: str | None
    options: dict[str, Any]
    device: str | None
    board: str | None
    core: dict[str, Any]
    frames: int
    measured: bool
    netlist: bool
    clock: bool
    simulator: str
    versions: dict[str, str]


@dataclass(frozen=True, kw_only=True)
class Trained:
    """What came of a training.

    files: name → bytes, what train() wrote.
    facts: fields of a trial.
    """

    files: dict[str, bytes]
    facts: dict[str, Any]


def versions() -> dict[str, str]:
    """Of what a trained network depends on; ``training`` is a digest of our own part of it."""
    torch = importlib.metadata.version("torch").partition("+")[0]
    return {"torch": torch, "training": planfile.code("s2nn_hw", *_TRAINING)}


def rehearse(job: Job) -> None:
    """Train on a handful of images, lower and plan; InputError says why it cannot be."""
    from s2nn_hw import datasets

    whole = datasets.load(job.data, job.folder)
    few = dataclasses.replace(
        whole,
        **_few(whole.train_images, whole.train_labels, "train", whole.classes),
        **_few(whole.test_images, whole.test_labels, "test", whole.classes),
    )
    with tempfile.TemporaryDirectory() as home:
        # What is wrong with the number of epochs stays so.
        epochs = min(1, job.options.get("epochs", 1))
        _trained(job, few, Path(home) / "model", epochs=epochs)
        file = Path(home) / "model" / "model.s2nn"
        if file.exists():
            part, mhz = _target(job)
            planned(s2nn_hw.load(file), **job.core, family=part.family.name, freq=mhz)


def _few(images: Any, labels: Any, split: str, classes: int) -> dict[str, Any]:
    """The first images of a split, and one more, so that there are as many classes."""
    last = np.flatnonzero(labels == classes - 1)[:1]
    kept = np.concatenate([np.arange(min(_FEW, len(labels))), last])
    return {f"{split}_images": images[kept], f"{split}_labels": labels[kept]}


def train(job: Job) -> Trained:
    """Train the network on the GPU if there is one, and count the arithmetic on the test set."""
    from s2nn_hw import datasets

    data = datasets.load(job.data, job.folder)
    with tempfile.TemporaryDirectory() as home:
        folder = Path(home) / "model"
        facts = _trained(job, data, folder)
        files = {name: (folder / name).read_bytes() for name in facts.pop("files")}
        if job.options.get("twin"):
            added, multiplied = 0.0, float(energy.multiply_accumulates(_graph(job, data)))
        else:
            network = s2nn_hw.load(folder / "model.s2nn")
            added, multiplied = _counted(network, data)
            facts["spike_rate"] = _rate(network, facts["spikes"])
    done = {
        "accumulates": added,
        "multiply_accumulates": multiplied,
        "arithmetic_estimate_pj": energy.arithmetic_pj(added, multiplied),
    }
    names = ("accuracy", "train_accuracy", "spike_rate", "input_activity", "network")
    rest = ("trained_on", "training_seconds")
    return Trained(
        files=files,
        facts={name: facts.get(name) for name in names}
        | done
        | {name: facts[name] for name in rest},
    )


def _trained(job: Job, data: Dataset, folder: Path, **others: Any) -> dict[str, Any]:
    """Fields of the training, alone in this process."""
    import torch

    from .train import train as training

    ours = versions()
    for name, version in job.versions.items():
        if ours[name] != version:
            raise InputError(
                f"a worker has {name} {ours[name]}, and the experiment is of {version}"
            )
    device = "cuda" if torch.cuda.is_available() else "cpu"
    with _ALONE:
        # A worker has a core.
        torch.set_num_threads(1)
        result = training(data, folder, device=device, **{**job.options, **others})
    return result.as_dict() | {
        "network": result.digest,
        "trained_on": torch.cuda.get_device_name() if device == "cuda" else "CPU",
        "training_seconds": round(result.seconds, 1),
    }


def _graph(job: Job, data: Dataset) -> Network:
    """The network that a twin is the twin of."""
    from s2nn_hw.nn import Convnet, frame_format

    frame = frame_format(data.shape, 1, data.maximum)
    return Convnet(frame, job.options["arch"]).skeleton()


def _counted(network: Network, data: Dataset) -> tuple[float, float]:
    """Accumulates and multiply-accumulates a frame, means over the test set."""
    from s2nn_hw import golden

    frames = network.input.quantise(data.test_images)
    totals = np.zeros(2)
    for start in range(0, len(frames), _BATCH):
        part = frames[start : start + _BATCH]
        found = values(network, part, golden.run(network, part))
        for done in energy.operations(network, found, len(part)).values():
            totals += done.accumulates.sum(), done.multiply_accumulates.sum()
    added, multiplied = totals / len(frames)
    return float(added), float(multiplied)


def _rate(network: Network, spikes: dict[str, float]) -> float | None:
    """Mean share of all hidden neurons that fire, of the shares of each layer."""
    sizes = {name: network.width(name) for name in spikes}
    total = sum(sizes.values())
    return sum(spikes[name] * size for name, size in sizes.items()) / total if total else None


def measure(job: Job, model: bytes) -> dict[str, Any]:
    """Fields of what is simulated and synthesised of a model's file.

    ``unfit`` is why a network does not go onto the device, whose area is unknown then.
    """
    import torch

    with tempfile.TemporaryDirectory() as home:
        torch.set_num_threads(1)
        file = Path(home) / "model.s2nn"
        file.write_bytes(model)
        network = s2nn_hw.load(file)
        return _simulated(job, network, Path(home)) | _mapped(job, network, Path(home))


def _simulated(job: Job, network: Network, home: Path) -> dict[str, Any]:
    from .images import images
    from .verify import verify

    chosen = images(network, job.data, frames=job.frames, data=job.folder)
    part, mhz = _target(job)
    seen = verify(
        network,
        chosen.frames,
        home / "core",
        labels=chosen.labels,
        simulator=job.simulator,
        source=chosen.source,
        netlist=part.name if job.netlist else None,
        family=part.family.name,
        freq=mhz,
        **job.core,
    )
    gates = seen.netlist
    return {
        "frames": seen.frames,
        "passed": seen.passed,
        "mismatches": seen.mismatches,
        "events": sum(layer.events_mean for layer in seen.layers if layer.engine != "pool"),
        "interval_cycles": seen.interval_cycles["mean"],
        "latency_cycles": seen.latency_cycles["mean"],
        "toggle_frames": seen.toggle_frames,
        "rtl_toggles": seen.toggles_per_frame,
        "rtl_toggles_by_module": seen.modules,
        "gate_toggles": None if gates is None else gates.netlist_toggles_per_frame,
        "gate_toggles_by_module": {} if gates is None else gates.netlist_toggles,
    }


def _mapped(job: Job, network: Network, home: Path) -> dict[str, Any]:
    from .synth import synth

    try:
        made = synth(
            network,
            home / "synth",
            device=job.device,
            board=job.board,
            seeds=(1,) if job.clock else (),
            jobs=1,
            **job.core,
        )
    except InputError as error:
        return {"unfit": str(error)}
    fmax = made.fmax_mhz
    return {
        **{name: made[name]["used"] for name in ("lut", "ff", "bram")},
        "fmax_mhz": None if fmax is None else fmax["best"],
        "unfit": None,
    }


def _target(job: Job) -> tuple[Any, float]:
    """The part, and the MHz that synth() makes the core for."""
    from .synth import part_of, target_of

    part = part_of(job.device, job.board)
    return part, target_of(part, job.board)
