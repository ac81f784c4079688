"""How wide the ports of a core are, and what a beat holds."""

from s2nn_hw.ir import Network
from s2nn_hw.manifest import InputPort, OutputPort

from .width import signed_width

#: Positions a lane scans in one cycle.  At the spike rates of images (about one in eight) words
#: come twice as fast as events leave, and a bank's priority encoder stays within 32 bits.
POSITIONS_PER_LANE = 16

#: Widest beat of a frame that is wanted whole: the most that AXI4-Stream's users expect.
MAX_INPUT_BEAT = 1024

#: Widest result beat; larger results take several.
MAX_RESULT_BEAT = 512


def steps_sent(network: Network) -> int:
    """Steps that a frame brings: all, if each is another; else the core repeats it."""
    return 1 if network.coding == "direct" else network.steps


def pixel_port(network: Network) -> InputPort:
    """A pixel with all of its channels a beat."""
    channels, bits = network.input.shape[0], network.step_input.bits
    return InputPort(
        tdata_bits=-(-channels * bits // 8) * 8,
        pixel_bits=bits,
        pixels_per_beat=channels,
        pixels=network.input.size,
        channels=channels,
        steps=steps_sent(network),
    )


def flat_port(network: Network, lanes: int, inputs: int) -> tuple[InputPort, int]:
    """The port, and how many of its beats make a word.

    lanes: of the event engines that read it; inputs: that an unrolled one takes in a cycle.
    """
    bits, pixels = network.step_input.bits, network.input.size
    budget = max(POSITIONS_PER_LANE * lanes, min(inputs * bits, MAX_INPUT_BEAT))
    beats = -(-pixels * bits // budget)
    per_beat = min(pixels, max(1, -(-pixels // beats)))
    tdata = -(-per_beat * bits // 8) * 8
    per_beat = min(pixels, tdata // bits)
    gather = 1 if inputs else max(1, min(budget, pixels) // per_beat)
    while per_beat * gather < lanes:
        gather += 1
    return (
        InputPort(
            tdata_bits=tdata,
            pixel_bits=bits,
            pixels_per_beat=per_beat,
            pixels=pixels,
            steps=steps_sent(network),
        ),
        gather,
    )


def output_port(network: Network) -> OutputPort:
    low, high = network.score_range()
    score_bits = -(-signed_width(int(low.min()), int(high.max())) // 8) * 8
    class_bits = -(-max(1, (network.classes - 1).bit_length()) // 8) * 8
    bits = class_bits + network.classes * score_bits
    return OutputPort(
        tdata_bits=min(bits, MAX_RESULT_BEAT),
        class_bits=class_bits,
        score_bits=score_bits,
        classes=network.classes,
    )
