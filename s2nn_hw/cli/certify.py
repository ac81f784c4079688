"""``s2nn-hw certify``: the proof of a core's unrolled layers, checked."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

from . import terminal

if TYPE_CHECKING:
    from s2nn_hw.flow import CertifyResult


def register(subparsers: Any) -> None:
    """Add the verb."""
    parser = subparsers.add_parser(
        "certify",
        help="check the proof that unrolled layers compute their matrices",
        description="Check the certificate that lies beside the Verilog of a core: that the "
        "look-up tables of every layer on the unrolled engine compute the integer matrix of the "
        "network, for all inputs. The checker reads the Verilog itself and shares no code with "
        "the generator. What is around these pipelines, streams and the registers that gather a "
        "frame, is what verify is for; digests tell files of another build, and are no signature.",
    )
    parser.add_argument("folder", type=Path, metavar="DIR", help="folder of emit, verify or synth")
    terminal.add_json(parser)
    parser.set_defaults(handler=handler)


def handler(args: argparse.Namespace) -> int:
    """Certify; 1 if a layer is not what it is claimed to be."""
    from s2nn_hw import flow

    result = flow.certify(args.folder)
    terminal.result(args, result.as_dict(), lambda: _text(result))
    for layer, reason in result.failures.items():
        terminal.say(f"layer {layer!r}: {reason}")
    return 0 if result.passed else 1


def _text(result: CertifyResult) -> Any:
    from rich.table import Table

    table = Table(
        box=None,
        pad_edge=False,
        title=f"{len(result.layers)} layers proved in {result.seconds:.1f} s, digest "
        f"{result.digest[:12]}",
        title_justify="left",
    )
    table.add_column("layer")
    for name in ("neurons", "tables", "identities", "values tried"):
        table.add_column(name, justify="right")
    for layer in result.layers:
        table.add_row(
            layer.layer,
            *(
                f"{number:,}"
                for number in (layer.neurons, layer.tables, layer.identities, layer.assignments)
            ),
        )
    return table
