"""Train a network, lower it, prove that both agree, and write what came of it."""

from __future__ import annotations

import dataclasses
import json
import os
import platform
import shlex
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

import s2nn_hw
from s2nn_hw import datasets, golden
from s2nn_hw.datasets import Dataset
from s2nn_hw.datasets.augment import Augmentation
from s2nn_hw.ir import InputError, Network, save
from s2nn_hw.lowering import lower
from s2nn_hw.nn import Mlp, SpikingNetwork, frame_format
from s2nn_hw.nn import surrogate as make_surrogate
from s2nn_hw.nn.fit import Epoch, Schedule, fit

from .folder import output_folder, refuse_foreign

#: What a folder of training holds.
MODEL, IMAGES, LOG, SCRIPT = "model.s2nn", "images.npz", "train.json", "train.sh"

#: Training frames stored in the model, and test images packed beside it.
CALIBRATION = 512
PACKED = 200


@dataclass(frozen=True, kw_only=True)
class TrainResult:
    """What a training came to.

    accuracy: of the integer network on the whole test set, 0…1.
    train_accuracy: of the integer network on the training set as it is.
    spikes: per hidden layer, mean share of neurons that fire on the test set.
    input_activity: mean share of the set bits in the test frames.
    digest: of the network; data_digest: of the data set.
    out: folder that holds ``files``.
    """

    accuracy: float
    train_accuracy: float
    spikes: dict[str, float]
    input_activity: float
    digest: str
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
    hidden: Sequence[int] = (128,),
    weight_bits: int = 4,
    input_bits: int = 1,
    input_threshold: int | None = None,
    epochs: int = 60,
    seed: int = 0,
    surrogate: str = "s2nn",
    alpha: float = 4.0,
    beta: float = 1.0,
    learning_rate: float = 0.03,
    batch: int = 256,
    weight_decay: float = 0.0,
    label_smoothing: float = 0.0,
    dropout: float = 0.0,
    augment: float = 1.0,
    data: str | os.PathLike[str] | None = None,
    device: str = "cpu",
    progress: Callable[[str, int, int], None] | None = None,
    on_epoch: Callable[[Epoch], None] | None = None,
) -> TrainResult:
    """Train an MLP of S²NN neurons with quantised weights and write it to the folder ``out``.

    Parameters
    ----------
    dataset: a name, or the data itself.
    out: gets model.s2nn (with provenance and calibration frames of the training set), images.npz
        (the first test images, raw), train.json (the log) and train.sh (the command); whole or not
        at all, see output_folder().
    hidden: widths of the hidden layers, any number of them.
    weight_bits, input_bits: 1…8 each; input_threshold: the raw value from which a 1-bit pixel is 1.
    surrogate, alpha, beta: of the neurons, see nn.surrogate.
    epochs … label_smoothing: see nn.fit.Schedule; dropout: see nn.SpikingNetwork.
    augment: strength of the random deformations, see Augmentation.of_strength().
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
    options: dict[str, Any] = {
        "hidden": list(hidden),
        "weight_bits": weight_bits,
        "input_bits": input_bits,
        "input_threshold": input_threshold,
        "epochs": epochs,
        "seed": seed,
        "surrogate": surrogate,
        "alpha": alpha,
        "beta": beta,
        "learning_rate": learning_rate,
        "batch": batch,
        "weight_decay": weight_decay,
        "label_smoothing": label_smoothing,
        "dropout": dropout,
        "augment": augment,
    }
    if isinstance(seed, bool) or not isinstance(seed, int) or not 0 <= seed < 2**63:
        raise InputError(f"the seed must be a whole number from 0 on, not {seed!r}")
    if not 0 <= dropout < 1:
        raise InputError(f"dropout must be from 0 to below 1, not {dropout!r}")
    if not 0 <= augment <= 10:
        raise InputError(f"augment must be 0…10, not {augment!r}")
    try:
        torch.empty(0, device=device)
    except (RuntimeError, AssertionError) as error:
        raise InputError(f"device must be one that torch knows, not {device!r}") from error
    schedule = Schedule(
        epochs=epochs,
        batch=batch,
        learning_rate=learning_rate,
        weight_decay=weight_decay,
        label_smoothing=label_smoothing,
        augmentation=Augmentation.of_strength(augment, set_.shape[-1]),
    )
    schedule.check()
    input_format = frame_format(set_.shape, input_bits, set_.maximum, threshold=input_threshold)
    spike = make_surrogate(surrogate, alpha=alpha, beta=beta)
    refuse_foreign(Path(out))

    def build() -> SpikingNetwork:
        return Mlp(
            input_format,
            hidden,
            set_.classes,
            weight_bits=weight_bits,
            surrogate=spike,
            dropout=dropout,
        )

    def each(epoch: Epoch) -> None:
        say("train", epoch.epoch, epochs)
        if on_epoch is not None:
            on_epoch(epoch)

    with output_folder(out) as folder:
        module, log = _fit(build, set_, schedule, seed, device, each)
        train_frames = input_format.quantise(set_.train_images)
        test_frames = input_format.quantise(set_.test_images)
        order = np.random.default_rng(seed).permutation(len(train_frames))[:CALIBRATION]
        network = lower(module, calibration=train_frames[np.sort(order)])
        trace = agree(module, network, test_frames, lambda n: say("compare", n, len(test_frames)))
        trained = golden.run(network, train_frames).classes == set_.train_labels
        result = TrainResult(
            accuracy=float((trace.classes == set_.test_labels).mean()),
            train_accuracy=float(trained.mean()),
            spikes={name: float(spikes.mean()) for name, spikes in trace.spikes.items()},
            input_activity=np.unpackbits(test_frames).sum() / (test_frames.size * input_bits),
            digest=network.digest(),
            data_digest=set_.digest(),
            out=str(out),
            files=(MODEL, IMAGES, LOG, SCRIPT),
            seconds=0.0,
        )
        facts = _facts(set_, options, result)
        save(dataclasses.replace(network, provenance=facts), folder / MODEL)
        np.savez_compressed(
            folder / IMAGES, images=set_.test_images[:PACKED], labels=set_.test_labels[:PACKED]
        )
        text = json.dumps(
            {**facts, "epochs": [dataclasses.asdict(entry) for entry in log]}, indent=1
        )
        (folder / LOG).write_text(text + "\n")
        (folder / SCRIPT).write_text(_script(facts["command"]))
        (folder / SCRIPT).chmod(0o755)
    return dataclasses.replace(result, seconds=time.monotonic() - start)


def agree(
    module: SpikingNetwork,
    network: Network,
    frames: npt.NDArray[np.uint8],
    progress: Callable[[int], None] | None = None,
    *,
    batch: int = 1000,
) -> golden.Trace:
    """The golden trace of the frames, after proof that the module computes the same.

    Every spike of every layer and every score is compared; RuntimeError names the first layer
    that differs.
    """
    trace = golden.run(network, frames)
    module.eval()
    device = next(module.parameters()).device
    for start in range(0, len(frames), batch):
        part = torch.from_numpy(frames[start : start + batch]).to(device)
        seen: dict[str, torch.Tensor] = {}
        with torch.no_grad():
            module(part, seen)
        for name, values in seen.items():
            expected = trace.spikes.get(name, trace.scores)[start : start + batch]
            wrong = values.flatten(1).cpu().numpy() != expected
            if wrong.any():
                n, j = (int(k) for k in np.argwhere(wrong)[0])
                raise RuntimeError(
                    f"layer {name!r}: torch and golden model differ in {int(wrong.sum())} values, "
                    f"first at frame {start + n}, neuron {j}"
                )
        if progress is not None:
            progress(min(start + batch, len(frames)))
    return trace


def _fit(
    build: Callable[[], SpikingNetwork],
    set_: Dataset,
    schedule: Schedule,
    seed: int,
    device: str,
    each: Callable[[Epoch], None],
) -> tuple[SpikingNetwork, list[Epoch]]:
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


def _facts(set_: Dataset, options: dict[str, Any], result: TrainResult) -> dict[str, Any]:
    """Provenance: all that is needed to make the model again, and how good it is."""
    return {
        "command": _command(set_.name, options),
        "dataset": set_.name,
        "data_digest": result.data_digest,
        "options": options,
        "accuracy": result.accuracy,
        "train_accuracy": result.train_accuracy,
        "spikes": result.spikes,
        "input_activity": result.input_activity,
        "test_images": len(set_.test_images),
        "versions": {
            "s2nn-hw": s2nn_hw.__version__,
            "torch": torch.__version__,
            "numpy": np.__version__,
            "python": platform.python_version(),
        },
    }


def _command(name: str, options: dict[str, Any]) -> str:
    """The command line of these options, every one of them written out, but for the folders."""
    words = ["s2nn-hw", "train", name]
    for key, value in options.items():
        if value is None:
            continue
        words.append("--" + key.replace("_", "-"))
        words += [str(v) for v in value] if isinstance(value, list) else [str(value)]
    return shlex.join(words)


def _script(command: str) -> str:
    return (
        "#!/bin/sh\n"
        "# Trains this model again, into the folder given.\n"
        f'exec {command} -o "${{1:?usage: {SCRIPT} FOLDER}}"\n'
    )
