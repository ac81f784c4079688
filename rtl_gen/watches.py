"""What a layer does in a cycle, and which nets tell it."""

from s2nn_hw.manifest import Watch

from .layers.event import EventParts
from .layers.parallel import ParallelParts
from .layers.pool import PoolLayer
from .layers.readout import Readout
from .layers.unrolled import UnrolledParts
from .names import instance
from .network import Built

#: See Watch.
_Conditions = list[tuple[str, ...]]


def watch(name: str, built: Built) -> Watch:
    """By which nets of the emitted core a layer or pool is seen to work, and to be held.

    Semantics: a layer works in a cycle in which its engine does what its floor is counted in:

    * ``event``: one of its encoders' queues gives a step: the row of an event on each of its lanes,
      or of a plane without any the end alone; of rows of several words, a word.  Encoders that read
      together take the cycle together.  What encoders are ahead by is not work yet.
    * ``parallel``: the inputs of a step are added, or a pixel of the next window is gathered: the
      slower of the two is what a window takes.
    * ``unrolled``: a word of a frame, or a pixel of a window, is gathered for the pipeline.
    * pools: a pixel is joined to its window.

    It is held in a cycle in which it does not work, and a beat of its output is not taken by its
    reader, or the end of a window stands still as no slot is free for its result, or its pipeline
    does not move though something is in it or comes in.  Else it waits for input.

    Nets are ports of modules that are converted by themselves, registers, and results of logic that
    nothing else is the name of: yosys leaves those names.  Nothing is kept in the Verilog for their
    sake.
    """
    layer = instance(name)
    if isinstance(built, PoolLayer):
        joined = f"{layer}.reader.queue.o"
        works, held = [_taken(joined)], [_there(joined)]
    elif isinstance(built.parts, UnrolledParts):
        works, held = _unrolled(layer, built.parts)
    elif isinstance(built.parts, ParallelParts):
        works, held = _parallel(layer, built.parts)
    else:
        works, held = _event(layer, built.parts)
    held += [_stalled(f"{layer}.{output}") for output in _outputs(built)]
    return Watch(layer=name, works=tuple(works), held=tuple(held))


def _event(layer: str, parts: EventParts) -> tuple[_Conditions, _Conditions]:
    works: _Conditions = []
    held: _Conditions = []
    for unit in parts.units:
        engine = f"{layer}.engine{unit.name}"
        encoders = range(len(unit.engine.ports))
        works += [(f"{engine}.taken{k}",) for k in encoders]
        # None of them is taken, so each is at an end, and all they could wait for is a slot.
        held.append(tuple(net for k in encoders for net in _there(f"{engine}.steps{k}.o")))
    return works, held


def _parallel(layer: str, parts: ParallelParts) -> tuple[_Conditions, _Conditions]:
    gathered = [_taken(f"{layer}.{path}.queue.o") for path, _ in parts.window_readers()]
    return [(f"{layer}.engine.go",), *gathered], [(f"{layer}.engine.busy",)]


def _unrolled(layer: str, parts: UnrolledParts) -> tuple[_Conditions, _Conditions]:
    engine = f"{layer}.engine"
    inputs = [
        f"{layer}.reader{k}.queue.o" if k in parts.readers else f"{layer}.i{k}"
        for k in range(len(parts.engine.feeds))
    ]
    # What is at the pipeline's end is seen at the layer's output.
    inside = [(f"{engine}.pipeline_there_{cycle}",) for cycle in range(1, parts.engine.latency)]
    still = f"!{engine}.pipeline.moves"
    held = [(still, *what) for what in [*map(_there, inputs), *inside]]
    return [_taken(stream) for stream in inputs], held


def _outputs(built: Built) -> list[str]:
    if isinstance(built, Readout):
        return ["o"]
    readers = built.readers if isinstance(built, PoolLayer) else len(built.readers)
    return [f"o{k}" for k in range(readers)]


def _there(stream: str) -> tuple[str, ...]:
    return (f"{stream}__valid",)


def _taken(stream: str) -> tuple[str, ...]:
    return (f"{stream}__valid", f"{stream}__ready")


def _stalled(stream: str) -> tuple[str, ...]:
    return (f"{stream}__valid", f"!{stream}__ready")
