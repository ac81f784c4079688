"""The training loop."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field

import torch
from torch.nn import functional

from s2nn_hw.datasets.augment import Augmentation
from s2nn_hw.ir import InputError

from .events import EventShare
from .network import SpikingNetwork
from .optimiser import Optimiser, check_optimiser
from .twin import Twin

#: Share of the steps in which the learning rate rises, before it falls along a cosine.
_WARM_UP = 0.05

#: What training may be computed in; parameters and their steps are float32 always.
PRECISIONS = ("float32", "bfloat16")

_BATCH_NORMS = (torch.nn.BatchNorm1d, torch.nn.BatchNorm2d)


@dataclass(frozen=True, kw_only=True)
class Schedule:
    """How a network is trained: one cosine, cross-entropy, and perhaps a price for events.

    Parameters
    ----------
    epochs: passes over the training set, at least 1.
    batch: frames a step.
    learning_rate: the greatest.
    optimiser: of the weights, see Optimiser.
    weight_decay: decoupled, of weights alone.
    label_smoothing: share of the label given to all classes.
    spike_penalty: what the loss grows by as the share of events goes from 0 to 1, see EventShare.
    precision: of the arithmetic in training, one of PRECISIONS; bfloat16 takes some two thirds of
        the time where a CPU has instructions for it.  Sums of spikes stay exact up to 256.
    augmentation: of the raw images.
    """

    epochs: int = 60
    batch: int = 64
    learning_rate: float = 0.03
    optimiser: str = "muon"
    weight_decay: float = 0.0
    label_smoothing: float = 0.0
    spike_penalty: float = 0.0
    precision: str = "float32"
    augmentation: Augmentation = field(default_factory=Augmentation)

    def check(self) -> None:
        """Raise InputError naming the option that is out of range."""
        for name, least in (("epochs", 1), ("batch", 2)):
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, int) or value < least:
                raise InputError(f"{name} must be a whole number from {least} on, not {value!r}")
        check_optimiser(self.optimiser)
        if self.precision not in PRECISIONS:
            raise InputError(
                f"precision must be one of {', '.join(PRECISIONS)}, not {self.precision!r}"
            )
        moves = self.augmentation
        for name, value, low, high in (
            ("learning rate", self.learning_rate, 1e-9, 10.0),
            ("weight decay", self.weight_decay, 0.0, 10.0),
            ("label smoothing", self.label_smoothing, 0.0, 0.99),
            ("spike penalty", self.spike_penalty, 0.0, 1000.0),
            ("shift", moves.shift, 0.0, 100.0),
            ("rotate", moves.rotate, 0.0, 180.0),
            ("zoom", moves.zoom, 0.0, 0.9),
            ("warp", moves.warp, 0.0, 100.0),
        ):
            if not low <= value <= high:  # refuses NaN as well
                raise InputError(f"{name} must be {low}…{high}, not {value!r}")
        if isinstance(moves.crop, bool) or not isinstance(moves.crop, int) or moves.crop < 0:
            raise InputError(f"crop must be a whole number from 0 on, not {moves.crop!r}")


@dataclass(frozen=True, kw_only=True)
class Epoch:
    """What an epoch came to: mean loss, and share of the (augmented) training frames right."""

    epoch: int
    loss: float
    accuracy: float


@contextmanager
def _flushed() -> Iterator[None]:
    """Meanwhile, what is below float32's normal numbers is zero, in this thread.

    The mean of gradients that have ended decays into such numbers and stays there, a few neurons'
    weights after some 800 steps; a product that meets them takes a CPU several times as long.
    """
    before = bool(torch.tensor(2.0**-140) * 1 == 0)
    torch.set_flush_denormal(True)
    try:
        yield
    finally:
        torch.set_flush_denormal(before)


@_flushed()
def fit(
    network: SpikingNetwork | Twin,
    images: torch.Tensor,
    labels: torch.Tensor,
    schedule: Schedule,
    *,
    generator: torch.Generator,
    progress: Callable[[Epoch], None] | None = None,
) -> list[Epoch]:
    """Train on raw images uint8 (n, C, H, W) and labels int64 (n,); leaves evaluation mode on.

    After the last epoch the statistics of batch normalisation are taken anew over the training
    set as it is, with the final weights.  The last epoch's weights are the result: nothing is
    selected, so nothing but the training set is looked at.  ``generator`` decides order and
    augmentation; dropout, where the network has it, follows torch's global generator.
    """
    schedule.check()
    if len(images) < 2:
        raise InputError(f"training needs at least 2 images, not {len(images)}")
    device = labels.device
    narrow = schedule.precision == "bfloat16"
    events = None
    if schedule.spike_penalty:
        if isinstance(network, Twin):
            raise InputError("a spike penalty is of spikes, and a full-precision twin has none")
        events = EventShare(network)
    network.to(memory_format=torch.channels_last)  # on CPUs half as long
    batch = min(schedule.batch, len(images))
    steps = len(images) // batch
    optimiser = Optimiser(
        network,
        kind=schedule.optimiser,
        rate=_rate(schedule, steps),
        weight_decay=schedule.weight_decay,
    )
    log = []
    for epoch in range(1, schedule.epochs + 1):
        network.train()
        order = torch.randperm(len(images), generator=generator).to(device)
        loss_sum = torch.zeros((), device=device)
        right = torch.zeros((), device=device)
        for step in range(steps):
            index = order[step * batch : (step + 1) * batch]
            raw = schedule.augmentation.apply(images[index], generator)
            with (
                torch.autocast(device.type, torch.bfloat16, enabled=narrow),
                nullcontext() if events is None else events.watched(),
            ):
                logits = network(network.encode(raw))
            target = labels[index]
            loss = functional.cross_entropy(
                logits.float(), target, label_smoothing=schedule.label_smoothing
            )
            if events is not None:
                loss = loss + schedule.spike_penalty * events.take()
            loss.backward()
            optimiser.step()
            loss_sum += loss.detach()
            right += (logits.detach().argmax(dim=1) == target).sum()
        entry = Epoch(
            epoch=epoch, loss=float(loss_sum) / steps, accuracy=float(right) / (steps * batch)
        )
        log.append(entry)
        if progress is not None:
            progress(entry)
    _settle(network, images)
    return log


def _rate(schedule: Schedule, steps: int) -> Callable[[int], float]:
    """The learning rate by the number of steps done, of ``steps`` an epoch."""
    end = schedule.epochs * steps
    warm = max(1, round(end * _WARM_UP))

    def rate(step: int) -> float:
        if step < warm:
            return schedule.learning_rate * (step + 1) / warm
        done = (step - warm) / max(1, end - warm)
        return schedule.learning_rate * 0.5 * (1 + math.cos(math.pi * done))

    return rate


@torch.no_grad()
def _settle(network: SpikingNetwork | Twin, images: torch.Tensor) -> None:
    """Statistics of batch normalisation over the whole training set; evaluation mode after."""
    norms = [m for m in network.modules() if isinstance(m, _BATCH_NORMS)]
    momenta = [norm.momentum for norm in norms]
    for norm in norms:
        norm.reset_running_stats()
        norm.momentum = None  # a plain mean over the batches
    network.train()
    network.dropout.eval()
    parts = max(1, len(images) // 1000)
    for part in torch.tensor_split(images, parts):
        network(network.encode(part))
    for norm, momentum in zip(norms, momenta, strict=True):
        norm.momentum = momentum
    network.eval()
