"""``s2nn-hw train``: a data set becomes a model."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

from . import options, terminal

if TYPE_CHECKING:
    from rich.console import RenderableType

    from s2nn_hw.flow import TrainResult


def register(subparsers: Any) -> None:
    """Add the verb."""
    parser = subparsers.add_parser(
        "train",
        help="train a network on a data set",
        description="Train a network of single-step spiking neurons, of neurons that integrate "
        "over several steps, or a binary network, with quantised weights, lower it to integers, "
        "check that both agree on the whole test set, and write the model, some test images, the "
        "log and the command into a folder.",
    )
    parser.add_argument(
        "dataset", metavar="DATASET", help="mnist, fashion-mnist, digits or cifar10"
    )
    options.add_out(parser)
    shape = parser.add_argument_group("network")
    shape.add_argument(
        "--hidden",
        type=int,
        nargs="*",
        metavar="N",
        help="widths of the hidden layers; none for a readout alone (default: 128)",
    )
    shape.add_argument(
        "--arch",
        metavar="TEXT",
        help="instead of --hidden: a dense network from its inputs on, 784-256-10, or a "
        "convolutional one such as 32C3-P2-64C3-P2-10: 32C3 convolution (s2 stride, p0 padding, "
        "g4 groups), DW3 depthwise, P2 max-pool, A2 sum-pool, G global sum-pool, R64 residual "
        "block (R64s2 strided), 128 dense",
    )
    shape.add_argument(
        "--weight-bits",
        type=int,
        metavar="N",
        help="1 (±1), 2 (ternary), 3 … 8, symmetric (default: 4, of neuron bnn 1)",
    )
    for name, layer in (("--first-weight-bits", "first layer"), ("--last-weight-bits", "last one")):
        shape.add_argument(
            name, type=int, metavar="N", help=f"of the {layer} (default: as the others)"
        )
    shape.add_argument(
        "--fan-in",
        type=int,
        metavar="N",
        help="weights other than 0 that a neuron of the hidden layers may have, the greatest "
        "(default: all)",
    )
    shape.add_argument(
        "--input-bits",
        type=int,
        default=1,
        metavar="N",
        help="bits of a pixel, 1…8 (default: %(default)s)",
    )
    shape.add_argument(
        "--input-threshold",
        type=int,
        metavar="N",
        help="raw value from which a 1-bit pixel is 1 (default: half intensity)",
    )
    _neurons(parser.add_argument_group("neurons"))
    _schedule(parser.add_argument_group("training"))
    terminal.add_json(parser)
    parser.set_defaults(handler=handler)


def _neurons(group: argparse._ArgumentGroup) -> None:
    group.add_argument(
        "--neuron",
        default="s2nn",
        metavar="NAME",
        help="s2nn fires in a single step, if integrates over --steps, bnn is binary: activations "
        "-1 and +1, lowered to spikes (default: %(default)s)",
    )
    for name, kind, text in (
        ("--steps", int, "of a frame, 1…1024, of neuron if (default: 4)"),
        ("--reset", str, "after a spike: soft, hard or none (default: soft)"),
        (
            "--leak",
            int,
            "right shift of what leaks of a membrane a step, 0…52 (default: 0, nothing)",
        ),
        ("--initial", float, "membrane before the first step, -1…1 thresholds (default: 0)"),
        (
            "--readout",
            str,
            "potential, or count of the spikes of a neuron a class (default: potential)",
        ),
        (
            "--coding",
            str,
            "direct, every step is fed the frame, or rate, spikes drawn by --seed "
            "(default: direct)",
        ),
        (
            "--surrogate",
            str,
            "s2nn, boxcar, slayer, sigmoid, triangle or bireal (default: s2nn, of bnn boxcar)",
        ),
    ):
        metavar = {int: "N", float: "X", str: "NAME"}[kind]
        group.add_argument(name, type=kind, metavar=metavar, help=text)
    for name, default in (("--alpha", 4.0), ("--beta", 1.0)):
        group.add_argument(
            name,
            type=float,
            default=default,
            metavar="X",
            help="of the surrogate (default: %(default)s)",
        )


def _schedule(group: argparse._ArgumentGroup) -> None:
    for name, kind, default, text in (
        ("--epochs", int, 60, "passes over the training set"),
        ("--seed", int, 0, "of weights, order and augmentation"),
        ("--learning-rate", float, 0.03, "at its greatest"),
        ("--batch", int, 64, "images a step"),
        ("--weight-decay", float, 0.0, "of the weights"),
        ("--label-smoothing", float, 0.0, "share of a label given to all classes"),
        ("--spike-penalty", float, 0.0, "price of all events that hidden neurons could make"),
        ("--dropout", float, 0.0, "share of hidden spikes dropped"),
        ("--augment", float, 1.0, "strength of random deformations, 0 for none"),
        ("--crop", int, 0, "pixels by which training images are moved at random"),
    ):
        group.add_argument(
            name,
            type=kind,
            default=default,
            metavar="N" if kind is int else "X",
            help=f"{text} (default: %(default)s)",
        )
    group.add_argument(
        "--optimiser",
        default="muon",
        metavar="NAME",
        help="of the weights, muon or adam (default: %(default)s)",
    )
    group.add_argument(
        "--precision",
        default="float32",
        metavar="NAME",
        help="of the arithmetic in training, float32 or bfloat16 (default: %(default)s)",
    )
    group.add_argument(
        "--flip", action="store_true", help="mirror half the training images, left to right"
    )
    group.add_argument(
        "--twin",
        action="store_true",
        help="train the same architecture with ReLU and float weights instead; writes its log and "
        "command, no model",
    )
    group.add_argument("--device", default="cpu", help="torch device (default: %(default)s)")
    group.add_argument(
        "--data", type=Path, metavar="DIR", help="folder of the data set's files, not the usual one"
    )


def handler(args: argparse.Namespace) -> int:
    """Train; 0."""
    from s2nn_hw import flow

    with terminal.progress() as progress:
        result = flow.train(
            args.dataset,
            args.out,
            hidden=args.hidden,
            arch=args.arch,
            neuron=args.neuron,
            steps=args.steps,
            reset=args.reset,
            leak=args.leak,
            initial=args.initial,
            readout=args.readout,
            coding=args.coding,
            weight_bits=args.weight_bits,
            first_weight_bits=args.first_weight_bits,
            last_weight_bits=args.last_weight_bits,
            fan_in=args.fan_in,
            input_bits=args.input_bits,
            input_threshold=args.input_threshold,
            epochs=args.epochs,
            seed=args.seed,
            surrogate=args.surrogate,
            alpha=args.alpha,
            beta=args.beta,
            learning_rate=args.learning_rate,
            batch=args.batch,
            optimiser=args.optimiser,
            weight_decay=args.weight_decay,
            label_smoothing=args.label_smoothing,
            spike_penalty=args.spike_penalty,
            dropout=args.dropout,
            augment=args.augment,
            crop=args.crop,
            flip=args.flip,
            precision=args.precision,
            twin=args.twin,
            data=args.data,
            device=args.device,
            progress=progress,
        )
    terminal.result(args, result.as_dict(), lambda: _text(result))
    return 0


def _text(result: TrainResult) -> RenderableType:
    from rich.text import Text

    what = "full-precision twin" if result.digest is None else "integer network"
    lines = [
        f"accuracy {result.accuracy:.2%} on the test set, {what} "
        f"({result.train_accuracy:.2%} on the training set), in {result.seconds:.0f} s",
    ]
    if result.digest is not None:
        fire = "".join(f", {name} {share:.1%}" for name, share in result.spikes.items())
        lines += [f"spikes: input {result.input_activity:.1%}{fire}"]
        lines += [f"network {result.digest[:12]}, data {result.data_digest[:12]}"]
    lines += [str(Path(result.out) / name) for name in result.files]
    return Text("\n".join(lines))
