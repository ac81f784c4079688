"""Where there are registers in a circuit of look-up tables."""

from dataclasses import dataclass

from .circuit import Circuit
from .tables import signal


@dataclass(frozen=True)
class Stages:
    """A circuit in cycles.

    Parameters
    ----------
    circuit: of it only what the outputs need is there.
    depth: tables, one behind the other, between two registers.
    """

    circuit: Circuit
    depth: int

    @property
    def latency(self) -> int:
        """Cycles from inputs to outputs."""
        return self.circuit.latency(self.depth)

    def of(self, number: int) -> int:
        """The cycle in which a signal is there, the inputs' being 0."""
        return max(0, self.circuit.tables.levels[number] - 1) // self.depth

    def until(self) -> dict[int, int]:
        """Of every signal that is needed the last cycle in which it is."""
        tables, outputs = self.circuit.tables, self.circuit.outputs
        until = {signal(literal): self.latency - 1 for literal in outputs}
        until.pop(0, None)
        for number in tables.live(outputs):
            for source in tables.table(number).inputs:
                until[source] = max(until.get(source, 0), self.of(number))
        return dict(sorted(until.items()))

    @property
    def registers(self) -> int:
        """Bits of them, the outputs' among them."""
        kept = sum(last - self.of(number) for number, last in self.until().items())
        return kept + len(self.circuit.outputs)
