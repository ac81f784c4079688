"""Options that several verbs share, and what they stand for."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from s2nn_hw.ir import InputError

if TYPE_CHECKING:
    from s2nn_hw.ir import Network

MODEL_FILE = "model.s2nn"


def add_model(parser: argparse.ArgumentParser) -> None:
    """The model, a positional argument."""
    parser.add_argument(
        "model", type=Path, metavar="MODEL", help=f"a .s2nn file, or a folder with {MODEL_FILE}"
    )


def add_out(parser: argparse.ArgumentParser) -> None:
    """The output folder."""
    parser.add_argument(
        "-o",
        "--out",
        type=folder,
        required=True,
        metavar="DIR",
        help="output folder; replaced whole, and only if s2nn-hw made all that is in it",
    )


def add_images(
    parser: argparse.ArgumentParser,
    default: str = "images.npz beside the model, else random frames",
) -> None:
    """The frames: where they are, and how many; default: what is taken without the option."""
    parser.add_argument(
        "--images",
        type=image_source,
        metavar="FILE|DATASET",
        help=f"an .npz or .npy file, or the name of a data set such as mnist (default: {default})",
    )
    parser.add_argument("--data", type=Path, metavar="DIR", help="where the data set lies")
    parser.add_argument("--frames", type=int, metavar="N", help="take the first N images")


def add_core(parser: argparse._ActionsContainer, *, counters: bool = True) -> None:
    """What decides the core: engine, lanes, counters."""
    parser.add_argument(
        "--engine",
        type=names,
        metavar="NAME[,NAME…]",
        help="how synapses are computed: event, unrolled, or for convolutions parallel; one name "
        "for all layers that have synapses or one a layer (default: event)",
    )
    parser.add_argument(
        "--lanes",
        type=numbers,
        metavar="N[,N…]",
        help="events a cycle (other engines: inputs): one number for all layers that have "
        "synapses, of which each takes as many as it can use, or exactly one a layer (default: 4; "
        "other engines: all inputs of a window)",
    )
    parser.add_argument(
        "--windows",
        type=numbers,
        metavar="N[,N…]",
        help="windows at a time, over which the lanes of a convolution are spread: the most of "
        "every layer, or exactly one number for each that has synapses; more keep lanes busy, "
        "fewer take less area (default: as many as the lanes allow)",
    )
    parser.add_argument(
        "--memory",
        type=names,
        metavar="NAME[,NAME…]",
        help="of weights: rom, or ram, which is loaded before the first frame and takes one lane; "
        "one name for all layers that have synapses or one a layer (default: rom)",
    )
    parser.add_argument(
        "--plan",
        type=Path,
        metavar="FILE",
        help="a plan.json that s2nn-hw plan made for this model, which has these options",
    )
    add_unroll_limit(parser)
    if counters:
        parser.add_argument(
            "--counters", action="store_true", help="add hardware counters of cycles and events"
        )


def add_unroll_limit(parser: argparse._ActionsContainer) -> None:
    """``--unroll-limit``."""
    parser.add_argument(
        "--unroll-limit",
        type=int,
        metavar="N",
        help="estimated look-up tables beyond which a layer is not unrolled (default: 40000)",
    )


def add_family(parser: argparse._ActionsContainer) -> None:
    """What the core is for."""
    parser.add_argument(
        "--family",
        metavar="NAME",
        help="FPGA family whose memories weights are fitted to, as synth does for its device: "
        "ecp5, ice40, gowin, xilinx7, nexus or gatemate (default: none)",
    )
    parser.add_argument(
        "--freq",
        type=float,
        metavar="MHz",
        help="clock there that register stages are chosen for (default: the fastest)",
    )


#: Options of which a plan has those for every layer.
_PLANNED = ("engine", "lanes", "windows", "memory", "family")


def core(args: argparse.Namespace, network: Network) -> dict[str, Any]:
    """Those of add_core(), add_family() and add_top() that were given, as a core takes them.

    Those of a plan are among them, if one was given; InputError if it is not for this network.
    """
    names = (*_PLANNED, "unroll_limit", "top", "counters", "freq")
    given = {name: getattr(args, name, None) for name in names}
    given = {name: value for name, value in given.items() if value is not None}
    return {**_of_plan(plan(args, network), given), **given}


def plan(args: argparse.Namespace, network: Network) -> dict[str, Any] | None:
    """The plan in the file that was given, None without one."""
    if args.plan is None:
        return None
    from s2nn_hw.flow import planfile

    path = args.plan / planfile.PLAN if args.plan.is_dir() else args.plan
    return planfile.read(path, network)


def require_family(
    path: Path, plan: dict[str, Any], *, board: str | None = None, device: str | None = None
) -> None:
    """InputError unless the plan in the file is for the family of the board or device."""
    from rtl_gen import boards, platforms

    part = boards.board(board).part if board is not None else str(device)
    if platforms.part(part).family.name != plan["options"]["family"]:
        raise InputError(
            f"{path}: is for {plan['board'] or plan['device']}, not {board or device}, "
            "which is of another family"
        )


def _of_plan(found: dict[str, Any] | None, given: dict[str, Any]) -> dict[str, Any]:
    if found is None:
        return {}
    for name in _PLANNED:
        if name in given:
            raise InputError(f"--{name} must be left out with --plan, which has it")
    options: dict[str, Any] = found["options"]
    return options


def add_top(parser: argparse.ArgumentParser) -> None:
    """The top module's name."""
    parser.add_argument(
        "--top", default="s2nn_core", metavar="NAME", help="top module (default: %(default)s)"
    )


def add_simulator(parser: argparse._ActionsContainer) -> None:
    """Which simulator."""
    parser.add_argument(
        "--simulator", default="verilator", help="verilator or icarus (default: %(default)s)"
    )


def add_cluster(parser: argparse._ActionsContainer) -> None:
    """Who runs trials."""
    parser.add_argument(
        "--scheduler",
        metavar="ADDRESS",
        help="of a Dask cluster, such as tcp://host:8786 (default: processes of this machine)",
    )
    parser.add_argument(
        "--workers", type=int, metavar="N", help="of these processes (default: one a core)"
    )


def check_cluster(args: argparse.Namespace) -> None:
    """InputError unless the options of add_cluster() go together."""
    if args.workers is not None and args.workers < 1:
        raise InputError(f"--workers must be 1 or more, not {args.workers}")
    if args.workers is not None and args.scheduler is not None:
        raise InputError("--workers must be left out with --scheduler, which has its own")


def folder(text: str) -> Path:
    """A folder to write, which the empty name does not name."""
    if not text:
        raise argparse.ArgumentTypeError("must be a folder's name, not ''")
    return Path(text)


def image_source(text: str) -> str:
    """A file or a data set, which the empty name does not name."""
    if not text:
        raise argparse.ArgumentTypeError("must be a file or a data set's name, not ''")
    return text


def names(text: str) -> str | tuple[str, ...]:
    """``event``, or ``parallel,event,event`` for one name a layer."""
    several = tuple(text.split(","))
    return several[0] if len(several) == 1 else several


def numbers(text: str) -> int | tuple[int, ...]:
    """``4``, or ``4,2,1`` for one number a layer."""
    try:
        found = tuple(int(part) for part in text.split(","))
    except ValueError:
        raise argparse.ArgumentTypeError(
            f"must be a number, or one a layer as in 4,2,1, not {text!r}"
        ) from None
    return found[0] if len(found) == 1 else found


def model_file(path: Path) -> Path:
    """The model's file; InputError if the folder has none."""
    if not path.is_dir():
        return path
    if not (path / MODEL_FILE).is_file():
        raise InputError(f"{path}: holds no {MODEL_FILE}")
    return path / MODEL_FILE


def model_name(file: Path, taken: Mapping[str, object]) -> str:
    """Of a network: its file's, or its folder's where the file has the usual one; each another."""
    path = file.resolve()
    stem = path.parent.name if path.name == MODEL_FILE else path.stem
    name, number = stem, 2
    while name in taken:
        name, number = f"{stem}-{number}", number + 1
    return name
