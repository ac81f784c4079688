"""A network on a board, or on a simulated one, against the golden model."""

from __future__ import annotations

import json
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any, Unpack

import numpy as np
import numpy.typing as npt

from s2nn_hw import protocol, schema
from s2nn_hw.ir import InputError, Network, integer

from .emit import OPTIONS, Core, Options, Progress, build
from .flash import built
from .images import known_labels

if TYPE_CHECKING:
    from s2nn_hw.host.line import Line
    from s2nn_hw.manifest import InputPort, OutputPort
    from s2nn_hw.protocol import Identity

#: The port that is no port.
SIMULATED = "sim"
#: Cycles that a bit lasts in the simulation: the fewest there may be.
CYCLES_A_BIT = protocol.MIN_CYCLES_A_BIT
#: Cycles beyond the core's latency, after which silence of the simulated board is silence.
PATIENCE = 20_000
#: Seconds of silence after which a board is asked again.
TIMEOUT = 1.0


@dataclass(frozen=True, kw_only=True, eq=False)
class RunResult:
    """The outcome of run(); ``as_dict`` leaves out ``classes`` and ``scores``.

    passed: whether every class and score is the golden model's.
    port, baud: where the board hangs; no baud rate of a simulated one.
    simulator: None of a real board.
    window: frames under way at a time.
    images: where they are from, for people.
    mismatches: classes and scores that differ from the golden model.
    accuracy: of the board's classes, 0…1; None without labels.
    frames_per_second: measured, of the line and all that hangs on it.
    resent: packets that were lost on the line and sent again.
    flags: what the board says went wrong meanwhile.
    network: its digest.
    classes, scores: (n,) and (n, classes), the board's.
    """

    passed: bool
    port: str
    baud: int | None
    simulator: str | None
    window: int
    images: str | None
    frames: int
    mismatches: int
    accuracy: float | None
    frames_per_second: float
    seconds: float
    resent: int
    flags: tuple[str, ...]
    network: str
    classes: npt.NDArray[np.int64] = field(repr=False)
    scores: npt.NDArray[np.int64] = field(repr=False)

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        names = [f.name for f in fields(self) if f.name not in ("classes", "scores")]
        return {name: getattr(self, name) for name in names}


def run(
    network: Network,
    images: npt.ArrayLike,
    *,
    port: str,
    baud: int | None = None,
    labels: npt.ArrayLike | None = None,
    simulator: str = "verilator",
    timeout: float = TIMEOUT,
    source: str | None = None,
    progress: Progress | None = None,
    **options: Unpack[Options],
) -> RunResult:
    """Send frames to the board at ``port`` and compare its results with the golden model.

    Parameters
    ----------
    images: frames (n, *shape) in the input's range.
    port: a serial port, or ``sim`` for a board that ``simulator`` simulates.
    baud: of the design on the board, None: protocol.DEFAULT_BAUD; to be left out of a simulated
        one, which has what is fastest.
    labels: (n,), for the accuracy.
    timeout: seconds of silence after which a board is asked again, beyond what the line takes.
    source: where the images are from, for people.
    progress: called with a stage, and how much of how much is done.
    options: of the core; of a real one they matter only if weights are loaded.

    Raises InputError on a port that cannot be used, one where no board answers, or a board with
    another network; ToolError if the board falls silent later.
    """
    from s2nn_hw import golden
    from s2nn_hw.host.board import Board

    network.check()
    frames = network.input.frames(images)
    known = None if labels is None else known_labels(labels, len(frames), network.classes)
    simulated = port == SIMULATED
    if simulated and baud is not None:
        raise InputError("baud must be left out with the port sim, which has no serial line")
    baud = integer(protocol.DEFAULT_BAUD if baud is None else baud, "baud", least=1)
    report = progress or (lambda stage, done, total: None)
    opened = (
        _simulated(network, simulator, options, report)
        if simulated
        else _serial(network, port, baud, timeout, options)
    )
    with opened as (line, ports, weights):
        board = Board(line, rate="" if simulated else f"at {baud} baud")
        identity = board.identify()
        _same_network(port, identity, network, ports)
        missing = protocol.FLAG_NAMES[protocol.UNLOADED]
        if missing in board.flags(clear=True):
            if not weights:
                raise InputError(f"{port}: the board waits for its weights: run with --memory ram")
            board.load(weights, lambda done: report("load", done, len(weights)))
        start = time.perf_counter()
        report("run", 0, len(frames))
        results = board.infer(
            protocol.pack(ports[0], network.sent(frames)),
            identity,
            lambda done: report("run", done, len(frames)),
        )
        seconds = time.perf_counter() - start
        flags = board.flags(clear=True)
    classes, scores = protocol.unpack(ports[1], results)
    trace = golden.run(network, frames)
    mismatches = int((classes != trace.classes).sum() + (scores != trace.scores).sum())
    return RunResult(
        passed=mismatches == 0,
        port=port,
        baud=None if simulated else baud,
        simulator=simulator if simulated else None,
        window=identity.window,
        images=source,
        frames=len(frames),
        mismatches=mismatches,
        accuracy=None if known is None else float((classes == known).mean()),
        frames_per_second=round(len(frames) / seconds, 3),
        seconds=round(seconds, 3),
        resent=board.resent,
        flags=flags,
        network=network.digest(),
        classes=classes,
        scores=scores,
    )


def built_baud(model: Path) -> int:
    """That synth made a board's design for, in the folder that holds the model; or the usual."""
    baud = built(model.parent).get("baud")
    return baud if isinstance(baud, int) else protocol.DEFAULT_BAUD


def built_core(model: Path, network: Network) -> Options:
    """What decided the core in the model's folder, but for its name and ports; empty without one.

    Raises InputError on a file that says something else or of another version, and on a core of
    another network.
    """
    path, synthesised = model.parent / OPTIONS, model.with_name(schema.SYNTH.file)
    if built(model.parent).get("network", network.digest()) != network.digest():
        raise InputError(f"{model}: is not the network of which {synthesised} tells")
    try:
        data = json.loads(path.read_text())
        schema.OPTIONS.check(data, path)
        return {
            "engine": data["engine"],
            "lanes": data["lanes"],
            "windows": data["windows"],
            "memory": data["memory"],
            "unroll_limit": data.get("unroll_limit"),
            "family": data["family"],
            "freq": data["freq"],
        }
    except FileNotFoundError:
        return {}
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror}") from error
    except InputError:
        raise
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise InputError(f"{path}: must hold the options of a core") from error


#: The line, the core's ports, and packets of weights if they are loaded.
Opened = tuple["Line", tuple["InputPort", "OutputPort"], list[bytes]]


@contextmanager
def _serial(
    network: Network, port: str, baud: int, timeout: float, options: Options
) -> Iterator[Opened]:
    """A port of this machine; the ports of a core are alike on the line, whatever its lanes."""
    from rtl_gen.planner import plan
    from s2nn_hw.host.line import SerialLine

    with closing(SerialLine(port, baud=baud, timeout=timeout)) as line:
        chosen = plan(
            network,
            lanes=None,
            engine="event",
            top="s2nn_core",
            counters=False,
            samples=network.samples,
        )
        memory = options.get("memory", "rom")
        loads = "ram" in ([memory] if isinstance(memory, str) else list(memory))
        weights = _weights(build(network, **options)) if loads else []
        yield line, (chosen.input, chosen.output), weights


def _weights(core: Core) -> list[bytes]:
    """Packets of weights, none if they are constants."""
    load = core.manifest.load
    return [] if load is None else protocol.load_payloads(load, core.files[load.file])


@contextmanager
def _simulated(
    network: Network, simulator: str, options: Options, report: Progress
) -> Iterator[Opened]:
    """A core of this network, emitted and simulated behind the shell of any board."""
    import sim.runner
    from rtl_gen.boards.files import SHELL, shell_verilog
    from sim.board import SimulatedLine

    reason = sim.runner.unusable(simulator)
    if reason:
        raise InputError(f"{simulator}: {reason}")
    report("emit", 0, 1)
    core = build(network, **options)
    baud = protocol.DEFAULT_BAUD
    shell = shell_verilog(core.manifest, frequency=CYCLES_A_BIT * baud, baud=baud)
    report("emit", 1, 1)
    with tempfile.TemporaryDirectory(prefix="s2nn-hw-") as folder:
        core.write(Path(folder))
        report("build", 0, 1)
        with SimulatedLine(
            Path(folder),
            shell,
            shell_module=SHELL,
            cycles_a_bit=CYCLES_A_BIT,
            silence=int(core.manifest.timing["latency_bound"]) + PATIENCE,
            simulator=simulator,
        ) as line:
            report("build", 1, 1)
            yield line, (core.manifest.input, core.manifest.output), _weights(core)


def _same_network(
    port: str, identity: Identity, network: Network, ports: tuple[InputPort, OutputPort]
) -> None:
    """Raise InputError unless the board holds this network."""
    wanted = protocol.digest_bytes(network.digest())
    if identity.digest != wanted:
        raise InputError(
            f"{port}: the board holds another network: its digest begins with "
            f"{identity.digest.hex()}, this one's with {wanted.hex()}"
        )
    sizes = protocol.frame_bytes(ports[0]), protocol.result_bytes(ports[1])
    if (identity.frame_bytes, identity.result_bytes) != sizes:
        raise InputError(
            f"{port}: the board takes frames of {identity.frame_bytes} bytes and gives results of "
            f"{identity.result_bytes}, this version of s2nn-hw {sizes[0]} and {sizes[1]}"
        )
