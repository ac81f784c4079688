"""Train a network, lower it, prove that both agree, and write what came of it."""

from __future__ import annotations

import dataclasses
import json
import os
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from s2nn_hw import datasets, golden
from s2nn_hw.datasets import Dataset
from s2nn_hw.datasets.augment import Augmentation
from s2nn_hw.ir import InputError, Network, save
from s2nn_hw.lowering import lower
from s2nn_hw.nn import Convnet, Mlp, SpikingNetwork, Twin, frame_format
from s2nn_hw.nn.fit import Epoch, Schedule, fit

from .agree import BATCH, agree
from .folder import output_folder, refuse_foreign
from .neurons import made, resolved
from .recipe import facts, script

#: What a folder of training holds.
MODEL, IMAGES, LOG, SCRIPT = "model.s2nn", "images.npz", "train.json", "train.sh"

#: Training frames stored in the model, and test images of up to a kilobyte packed beside it.
CALIBRATION = 512
PACKED = 200

#: Of a TrainResult, what the log and the model have, too.
FIGURES = ("accuracy", "train_accuracy", "spikes", "input_activity")


@dataclass(frozen=True, kw_only=True)
class TrainResult:
    """What a training came to.

    accuracy: of the integer network (of a twin, itself) on the whole test set, 0…1.
    train_accuracy: likewise on the training set as it is.
    spikes: per hidden layer, mean share of neurons that fire at a step on the test set; none of a
        twin.
    input_activity: mean share of the set bits in what the test set is fed as; None of a twin.
    digest: of the network, None of a twin; data_digest: of the data set.
    out: folder that holds ``files``.
    """

    accuracy: float
    train_accuracy: float
    spikes: dict[str, float]
    input_activity: float | None
    digest: str | None
    data_digest: str
    out: str
    files: tuple[str, ...]
    seconds: float

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return dataclasses.asdict(self) | {"files": list(self.files)}


def train(
    dataset: str | Dataset,
    out: str | os.PathLike[str],
    *,
    hidden: Sequence[int] | None = None,
    arch: str | None = None,
    neuron: str = "s2nn",
    steps: int | None = None,
    reset: str | None = None,
    leak: int | None = None,
    initial: float | None = None,
    readout: str | None = None,
    coding: str | None = None,
    weight_bits: int | None = None,
    first_weight_bits: int | None = None,
    last_weight_bits: int | None = None,
    fan_in: int | None = None,
    input_bits: int = 1,
    input_threshold: int | None = None,
    epochs: int = 60,
    seed: int = 0,
    surrogate: str | None = None,
    alpha: float = 4.0,
    beta: float = 1.0,
    learning_rate: float = 0.03,
    batch: int = 64,
    optimiser: str = "muon",
    weight_decay: float = 0.0,
    label_smoothing: float = 0.0,
    spike_penalty: float = 0.0,
    dropout: float = 0.0,
    augment: float = 1.0,
    crop: int = 0,
    flip: bool = False,
    precision: str = "float32",
    twin: bool = False,
    data: str | os.PathLike[str] | None = None,
    device: str = "cpu",
    progress: Callable[[str, int, int], None] | None = None,
    on_epoch: Callable[[Epoch], None] | None = None,
) -> TrainResult:
    """Train a network with quantised weights and write it to the folder ``out``.

    Parameters
    ----------
    dataset: a name, or the data itself.
    out: gets model.s2nn (with provenance and calibration frames of the training set), images.npz
        (the first test images, raw), train.json (the log) and train.sh (the command); whole or not
        at all, see output_folder().
    hidden: widths of the hidden layers of an MLP, any number of them; one of 128 by default.
    arch: instead of ``hidden``, an architecture such as 32C3-P2-64C3-P2-10, see nn.Convnet.
    neuron: s2nn, if or bnn, see NEURONS for what else may be given with each and its defaults.
    steps, reset, leak, initial: of neurons that integrate, see nn.IntegrateFire.
    readout: potential, or count of the spikes of a neuron a class; coding: direct, or rate, drawn
        by ``seed``, see ir.Network.
    weight_bits, input_bits: 1…8 each; input_threshold: the raw value from which a 1-bit pixel is 1.
    first_weight_bits, last_weight_bits: of the first layer and the last weights, where others.
    fan_in: weights other than 0 of a neuron of the hidden layers, at most; needs ``hidden``.
    surrogate, alpha, beta: of the neurons, see nn.surrogate.
    epochs … spike_penalty: see nn.fit.Schedule; dropout: see nn.SpikingNetwork.
    augment: strength of the random deformations, see Augmentation.of_strength(); crop, flip: see
        Augmentation.
    precision: see nn.fit.Schedule.
    twin: train the full-precision twin instead (see nn.Twin), which gives the log and the command
        alone.
    data: folder of the data set.
    progress: called with (stage, done, total); on_epoch: with each Epoch.

    The same options and versions on the same kind of machine give the same files, byte for byte.
    The test set is used for the final figures alone.  Raises InputError for wrong options, missing
    data and a folder that cannot be written; RuntimeError if the quantised torch module and the
    golden model of its lowered network disagree anywhere on the test set.
    """
    start = time.monotonic()
    say = progress or (lambda stage, done, total: None)
    set_ = dataset if isinstance(dataset, Dataset) else datasets.load(dataset, data)
    chosen = resolved(
        neuron,
        {
            "steps": steps,
            "reset": reset,
            "leak": leak,
            "initial": initial,
            "readout": readout,
            "coding": coding,
            "weight_bits": weight_bits,
            "surrogate": surrogate,
        },
    )
    options: dict[str, Any] = {
        "hidden": list((128,) if hidden is None else hidden) if arch is None else None,
        "arch": arch,
        "neuron": neuron,
        **chosen,
        "first_weight_bits": first_weight_bits,
        "last_weight_bits": last_weight_bits,
        "fan_in": fan_in,
        "input_bits": input_bits,
        "input_threshold": input_threshold,
        "epochs": epochs,
        "seed": seed,
        "alpha": alpha,
        "beta": beta,
        "learning_rate": learning_rate,
        "batch": batch,
        "optimiser": optimiser,
        "weight_decay": weight_decay,
        "label_smoothing": label_smoothing,
        "spike_penalty": spike_penalty,
        "dropout": dropout,
        "augment": augment,
        "crop": crop,
        "flip": flip,
        "precision": precision,
        "twin": twin,
    }
    if hidden is not None and arch is not None:
        raise InputError("give widths of hidden layers or an architecture, not both")
    if fan_in is not None and arch is not None:
        raise InputError("fan-in must be left out with an architecture: it is of dense layers")
    if twin and neuron != "s2nn":
        raise InputError(f"a full-precision twin has ReLU, and neuron {neuron!r} must be left out")
    if coding == "rate" and input_bits == 1:
        raise InputError("rate coding must go with 2…8 input bits, as a pixel of one is a spike")
    if isinstance(seed, bool) or not isinstance(seed, int) or not 0 <= seed < 2**63:
        raise InputError(f"the seed must be a whole number from 0 on, not {seed!r}")
    if not 0 <= dropout < 1:
        raise InputError(f"dropout must be from 0 to below 1, not {dropout!r}")
    if isinstance(crop, int) and 2 * crop >= min(set_.shape[1:]):
        raise InputError(f"crop must be below half of an image, not {crop}")
    if not 0 <= augment <= 10:
        raise InputError(f"augment must be 0…10, not {augment!r}")
    try:
        torch.zeros((), device=device).item()
    except (RuntimeError, AssertionError) as error:
        raise InputError(f"device must be one that torch has here, not {device!r}") from error
    schedule = Schedule(
        epochs=epochs,
        batch=batch,
        optimiser=optimiser,
        learning_rate=learning_rate,
        weight_decay=weight_decay,
        label_smoothing=label_smoothing,
        spike_penalty=spike_penalty,
        precision=precision,
        augmentation=Augmentation.of_strength(augment, set_.shape[-1], crop=crop, flip=flip),
    )
    schedule.check()
    input_format = frame_format(set_.shape, input_bits, set_.maximum, threshold=input_threshold)
    refuse_foreign(Path(out))

    common: dict[str, Any] = {
        "weight_bits": chosen["weight_bits"],
        "first_weight_bits": first_weight_bits,
        "last_weight_bits": last_weight_bits,
        "neuron": made(neuron, chosen, alpha=alpha, beta=beta),
        "count": chosen["readout"] == "count",
        "coding": chosen["coding"] or "direct",
        "seed": seed if chosen["coding"] == "rate" else 0,
        "dropout": dropout,
    }

    def build() -> SpikingNetwork | Twin:
        if arch is None:
            widths = options["hidden"]
            module: SpikingNetwork = Mlp(
                input_format, widths, set_.classes, fan_in=fan_in, **common
            )
        else:
            module = Convnet(input_format, arch, **common)
            scores = module.layers["readout"].neurons
            if scores != set_.classes:
                raise InputError(
                    f"the architecture must end in {set_.classes}, the classes of {set_.name}, "
                    f"not {scores}"
                )
        if chosen["steps"] not in (None, module.steps):
            raise InputError("neuron 'if' must go with a hidden layer, as a readout does not fire")
        lower(module.eval())  # what cannot become hardware is refused before it is trained
        return Twin(module, set_.maximum) if twin else module

    def each(epoch: Epoch) -> None:
        say("train", epoch.epoch, epochs)
        if on_epoch is not None:
            on_epoch(epoch)

    with output_folder(out) as folder:
        module, log = _fit(build, set_, schedule, seed, device, each)
        if isinstance(module, Twin):
            network, result = None, _twin_result(set_, module)
        else:
            network, result = _lowered(set_, seed, module, say)
        known = facts(set_, options, {name: getattr(result, name) for name in FIGURES})
        if network is not None:
            save(dataclasses.replace(network, provenance=known), folder / MODEL)
            _pack(set_, folder / IMAGES)
        text = json.dumps(
            {**known, "epochs": [dataclasses.asdict(entry) for entry in log]}, indent=1
        )
        (folder / LOG).write_text(text + "\n")
        (folder / SCRIPT).write_text(script(known["command"], SCRIPT))
        (folder / SCRIPT).chmod(0o755)
    return dataclasses.replace(result, out=str(out), seconds=time.monotonic() - start)


def _lowered(
    set_: Dataset, seed: int, module: SpikingNetwork, say: Callable[[str, int, int], None]
) -> tuple[Network, TrainResult]:
    """The integer network, compared with the module, and how good it is."""
    train_frames = module.input.quantise(set_.train_images)
    test_frames = module.input.quantise(set_.test_images)
    order = np.random.default_rng(seed).permutation(len(train_frames))[:CALIBRATION]
    network = lower(module, calibration=train_frames[np.sort(order)])
    seen = agree(module, network, test_frames, lambda n: say("compare", n, len(test_frames)))
    trained = np.concatenate(
        [
            golden.run(network, train_frames[k : k + BATCH], first=k).classes
            for k in range(0, len(train_frames), BATCH)
        ]
    )
    return network, TrainResult(
        accuracy=float((seen.classes == set_.test_labels).mean()),
        train_accuracy=float((trained == set_.train_labels).mean()),
        spikes=seen.spikes,
        input_activity=_set_bits(network, test_frames),
        digest=network.digest(),
        data_digest=set_.digest(),
        out="",
        files=(MODEL, IMAGES, LOG, SCRIPT),
        seconds=0.0,
    )


def _set_bits(network: Network, frames: npt.NDArray[np.uint8]) -> float:
    """The share of bits that are set in what the layers are fed of these frames."""
    if network.coding == "rate":
        return float(network.coded(frames).mean())
    return float(np.unpackbits(frames).sum() / (frames.size * network.input.bits))


@torch.no_grad()
def _twin_result(set_: Dataset, twin: Twin) -> TrainResult:
    def accuracy(images: npt.NDArray[np.uint8], labels: npt.NDArray[np.uint8]) -> float:
        parts = [
            twin(twin.encode(torch.tensor(images[k : k + BATCH]))).argmax(dim=1)
            for k in range(0, len(images), BATCH)
        ]
        return float((torch.cat(parts).numpy() == labels).mean())

    return TrainResult(
        accuracy=accuracy(set_.test_images, set_.test_labels),
        train_accuracy=accuracy(set_.train_images, set_.train_labels),
        spikes={},
        input_activity=None,
        digest=None,
        data_digest=set_.digest(),
        out="",
        files=(LOG, SCRIPT),
        seconds=0.0,
    )


def _pack(set_: Dataset, path: Path) -> None:
    """The first test images, fewer of them where one is larger than a kilobyte."""
    count = max(1, PACKED * 1024 // max(1024, set_.test_images[0].nbytes))
    np.savez_compressed(path, images=set_.test_images[:count], labels=set_.test_labels[:count])


def _fit(
    build: Callable[[], SpikingNetwork | Twin],
    set_: Dataset,
    schedule: Schedule,
    seed: int,
    device: str,
    each: Callable[[Epoch], None],
) -> tuple[SpikingNetwork | Twin, list[Epoch]]:
    """Seeded, on one thread: sums in a fixed order, and no fight for busy cores."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        with torch.random.fork_rng():
            torch.manual_seed(seed)
            module = build().to(device)
            log = fit(
                module,
                torch.tensor(set_.train_images, device=device),
                torch.tensor(set_.train_labels, dtype=torch.int64, device=device),
                schedule,
                generator=torch.Generator().manual_seed(seed),
                progress=each,
            )
    finally:
        torch.set_num_threads(threads)
    return module.cpu(), log
