"""Circuits of several generators side by side: the best of each, a table and a plot."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

#: Heading → field of a row.
COLUMNS = {
    "LUT": "lut",
    "datapath": "datapath_lut",
    "FF": "ff",
    "carry": "carry",
    "BRAM": "bram",
    "MHz": "fmax_mhz",
    "latency": "latency_cycles",
    "interval": "interval_cycles",
    "inferences/s": "inferences_per_second",
    "seconds": "generate_seconds",
    "mismatches": "mismatches",
}

#: What the columns of the first table are.
EXPLAINED = (
    "LUT: look-up tables, those of carries included. Our core has streams, their buffers and the "
    "choice of the class, which alkaid's and da4ml's circuits have not; the datapath is what "
    "computes the same as theirs, the pipelines of the unrolled layers. Peer's: the smallest of "
    "their circuits that takes a frame a cycle and makes no mistake, with registers or without; "
    "the fastest is another one."
)


def best(rows: Sequence[Mapping[str, Any]], ours: str) -> list[dict[str, Any]]:
    """Our unrolled circuit beside the best of the peers', by network and device.

    ``lut``: ours; ``peer_lut``: of the smallest circuit of a peer that takes a frame a cycle and
    makes no mistake, by ``peer``; ``area_ratio`` is the one over the other.  ``datapath_lut`` and
    ``datapath_ratio``: of what computes alone, without streams and the choice of the class.
    ``ff``, ``peer_ff``: registers of the same circuits.
    ``fmax_mhz``, ``peer_fmax_mhz`` and ``clock_ratio`` likewise, of the fastest, by
    ``fastest_peer``.
    ``seconds``, ``peer_seconds``: to generate these, the peer's the quickest of all its settings.
    """
    found = []
    for key in dict.fromkeys((row["network"], row["device"]) for row in rows if row["device"]):
        here = [row for row in rows if (row["network"], row["device"]) == key and not row["error"]]
        mine = [row for row in here if row["generator"] == ours and row["setting"] == "unrolled"]
        fair = [
            row
            for row in here
            if row["generator"] != ours and row["interval_cycles"] == 1 and not row["mismatches"]
        ]
        if not mine or not fair:
            continue
        (own,) = mine
        small = min(fair, key=lambda row: row["lut"])
        entry: dict[str, Any] = {
            "network": key[0],
            "device": key[1],
            "lut": own["lut"],
            "peer_lut": small["lut"],
            "peer": f"{small['generator']}, {small['setting']}",
            "area_ratio": round(own["lut"] / small["lut"], 3),
            "datapath_lut": own["datapath_lut"],
            "datapath_ratio": round(own["datapath_lut"] / small["lut"], 3),
            "ff": own["ff"],
            "peer_ff": small["ff"],
            "seconds": own["generate_seconds"],
            "peer_seconds": min(row["generate_seconds"] for row in fair),
            "fmax_mhz": own["fmax_mhz"],
            "peer_fmax_mhz": None,
            "fastest_peer": None,
            "clock_ratio": None,
        }
        timed = [row for row in fair if row["fmax_mhz"] is not None]
        if timed and own["fmax_mhz"] is not None:
            fast = max(timed, key=lambda row: row["fmax_mhz"])
            entry |= {
                "peer_fmax_mhz": fast["fmax_mhz"],
                "fastest_peer": f"{fast['generator']}, {fast['setting']}",
                "clock_ratio": round(own["fmax_mhz"] / fast["fmax_mhz"], 3),
            }
        found.append(entry)
    return found


def markdown(data: Mapping[str, Any]) -> str:
    """The whole of bench.json as tables."""
    lines = ["# Beside other generators", ""]
    lines += [f"{name} {version}" for name, version in data["versions"].items()]
    lines += ["", "## Ours over the best peer", "", EXPLAINED, ""]
    if data["best"]:
        lines += _table(
            (
                *("network", "device", "core LUT", "datapath LUT", "peer's LUT", "by"),
                *("core ratio", "datapath ratio", "FF", "peer's FF"),
                *("MHz", "fastest peer's MHz", "by", "clock ratio"),
            ),
            [
                [
                    *(entry[k] for k in ("network", "device", "lut", "datapath_lut", "peer_lut")),
                    *(entry[k] for k in ("peer", "area_ratio", "datapath_ratio", "ff", "peer_ff")),
                    *(entry[k] for k in ("fmax_mhz", "peer_fmax_mhz", "fastest_peer")),
                    entry["clock_ratio"],
                ]
                for entry in data["best"]
            ],
        )
        for device in dict.fromkeys(entry["device"] for entry in data["best"]):
            for what, field in (("core", "area_ratio"), ("datapath", "datapath_ratio")):
                ratios = [entry[field] for entry in data["best"] if entry["device"] == device]
                mean = math.exp(sum(map(math.log, ratios)) / len(ratios))
                lines += [
                    "",
                    f"{device}, {what}: geometric mean of {len(ratios)} ratios {mean:.3f}, "
                    f"greatest {max(ratios):.3f}.",
                ]
    else:
        lines.append(
            "There is no peer's circuit of a frame a cycle beside an unrolled one of ours."
        )
    for network, digest in data["networks"].items():
        lines += ["", f"## {network}", "", f"Network {digest[:12]}.", ""]
        rows = [row for row in data["rows"] if row["network"] == network]
        measured = [row for row in rows if not row["error"]]
        lines += _table(
            ("generator", "setting", "device", *COLUMNS),
            [
                [
                    row["version"]
                    if row["version"].startswith(row["generator"])
                    else f"{row['generator']} {row['version']}",
                    row["setting"],
                    row["device"],
                    *(row[field] for field in COLUMNS.values()),
                ]
                for row in measured
            ],
        )
        for row in rows:
            if row["error"]:
                where = ", ".join(x for x in (row["generator"], row["setting"], row["device"]) if x)
                lines += ["", f"* {where}: {row['error']}"]
    return "\n".join(lines) + "\n"


def plot(data: Mapping[str, Any], path: Path) -> None:
    """Look-up tables of every row by network, a device beside the other, as SVG.

    Hollow: the datapath of a core of ours.
    """
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot
    from matplotlib.ticker import NullFormatter

    devices = list(dict.fromkeys(r["device"] for r in data["rows"] if r["device"])) or ["none"]
    networks = list(data["networks"])
    size = (6.4 * len(devices), 1.4 + 0.9 * max(3, len(networks)))
    figure, axes = pyplot.subplots(1, len(devices), figsize=size, squeeze=False)
    generators = list(dict.fromkeys(row["generator"] for row in data["rows"]))
    for axis, device in zip(axes[0], devices, strict=True):
        for k, generator in enumerate(generators):
            rows = [
                row
                for row in data["rows"]
                if (row["device"], row["generator"]) == (device, generator) and row["lut"]
            ]
            for key, face, label in (
                ("lut", f"C{k}", generator),
                ("datapath_lut", "none", f"{generator}, datapath"),
            ):
                shown = [row for row in rows if row[key]]
                if not shown:
                    continue
                axis.scatter(
                    [row[key] for row in shown],
                    [
                        networks.index(r["network"]) + 0.12 * (k - len(generators) / 2)
                        for r in shown
                    ],
                    label=label,
                    marker="os^DvP"[k % 6],
                    edgecolors=f"C{k}",
                    facecolors=face,
                )
        axis.set_title(device)
        axis.set_xlabel("look-up tables")
        axis.set_xscale("log")
        axis.xaxis.set_minor_formatter(NullFormatter())
        axis.set_yticks(range(len(networks)), networks)
        axis.set_ylim(len(networks) - 0.5, -0.5)
        axis.grid(axis="x", alpha=0.3)
    axes[0][0].legend()
    figure.tight_layout()
    figure.savefig(path, metadata={"Date": None})
    pyplot.close(figure)


def _table(headings: Sequence[str], rows: Sequence[Sequence[Any]]) -> list[str]:
    lines = ["| " + " | ".join(headings) + " |", "|" + "---|" * len(headings)]
    return lines + ["| " + " | ".join(_text(value) for value in row) + " |" for row in rows]


def _text(value: Any) -> str:
    if value is None:
        return "–"
    if isinstance(value, float):
        value = int(value) if value.is_integer() else round(value, 3)
    return f"{value:,}" if isinstance(value, int | float) else str(value)
