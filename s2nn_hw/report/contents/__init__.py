"""What is read of each file of a report; what else is in it is passed over."""

from s2nn_hw import schema

from .choice import Options, Plan
from .content import Content, check
from .core import Core
from .frames import Example, Signal, Timeline, Waveform
from .networks import Bench, Experiment, Trial
from .synthesis import Synthesis
from .verification import Verification

__all__ = ["CONTENTS", "Content", "Core", "Signal", "Trial", "check"]

#: File → what it holds.
CONTENTS: dict[str, type[Content]] = {
    schema.VERIFY.file: Verification,
    schema.SYNTH.file: Synthesis,
    schema.OPTIONS.file: Options,
    schema.TIMELINE.file: Timeline,
    schema.EXAMPLE.file: Example,
    schema.PORTS.file: Waveform,
    schema.PLAN.file: Plan,
    schema.BENCH.file: Bench,
    schema.EXPERIMENT.file: Experiment,
}
